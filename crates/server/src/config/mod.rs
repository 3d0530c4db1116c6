//! Configuration: a file, then the environment, then the command line; one struct per section.

mod aws;
mod bounded;
mod bounds;
mod budgets;
mod environment;
mod error;
mod limits;
mod list;
mod load;
mod log;
mod loopback;
#[cfg(feature = "sandbox")]
mod sandbox;
mod services;
mod settings;
mod sign_in;
mod traces;
mod variable;
mod workers;

pub(crate) use aws::check_aws;
#[cfg(test)]
pub(crate) use bounds::{LONGEST_DEADLINE, LONGEST_QUEUE_DEADLINE};
pub(crate) use budgets::MOST_UNITS;
pub(crate) use error::ConfigError;
pub(crate) use load::{Overrides, load};
pub(crate) use log::{LogFormat, LogSettings};
#[cfg(feature = "sandbox")]
pub(crate) use sandbox::SandboxSettings;
pub(crate) use services::MOST_PLACES;
pub(crate) use settings::{
    BY_REFERENCE, EMBEDDED, INLINE, QueueSettings, QuotaSettings, SQS, Settings, StartSettings,
    StoreSettings, TwitterSettings,
};
pub(crate) use traces::TracesSettings;
