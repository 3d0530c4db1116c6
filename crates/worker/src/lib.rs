#![doc = include_str!("../README.md")]

mod chain;
mod consumer;
mod listener;
pub mod messages;
mod relay;
mod training_watch;
mod upkeep;

pub use consumer::{ConsumerError, STOP_WITHIN, longest_drain};
pub use listener::{ListenerConfig, ReadyListener};
pub use relay::{Relay, RelayConfig};
pub use training_watch::TrainingWatch;
pub use upkeep::Upkeep;
