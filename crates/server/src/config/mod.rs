//! Configuration: a file, then the environment, then the command line; a struct per section.

mod bounded;
mod bounds;
mod budgets;
mod environment;
mod error;
mod keys;
mod list;
mod load;
mod log;
mod services;
mod settings;
mod variable;

#[cfg(test)]
pub(crate) use bounds::{LONGEST_DEADLINE, LONGEST_QUEUE_DEADLINE};
pub(crate) use error::ConfigError;
pub(crate) use keys::Keys;
pub(crate) use load::{Overrides, load};
pub(crate) use log::{LogFormat, LogSettings};
pub(crate) use settings::{
    EMBEDDED, QueueSettings, QuotaSettings, SQS, SandboxSettings, Settings, StoreSettings,
    TwitterSettings,
};
