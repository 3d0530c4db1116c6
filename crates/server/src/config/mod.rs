//! Configuration: a file, then the environment, then the command line; one struct per section.

mod bounded;
mod bounds;
mod budgets;
mod environment;
mod error;
mod list;
mod load;
mod log;
mod loopback;
#[cfg(feature = "sandbox")]
mod sandbox;
mod services;
mod settings;
mod variable;

#[cfg(test)]
pub(crate) use bounds::{LONGEST_DEADLINE, LONGEST_QUEUE_DEADLINE};
pub(crate) use error::ConfigError;
pub(crate) use load::{Overrides, load};
pub(crate) use log::{LogFormat, LogSettings};
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::SandboxSettings;
pub(crate) use settings::{
    EMBEDDED, QueueSettings, QuotaSettings, SQS, Settings, StoreSettings, TwitterSettings,
};
