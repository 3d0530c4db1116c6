#![doc = include_str!("../README.md")]

mod chain;
mod consumer;
mod deadlines;
mod listener;
pub mod messages;
mod relay;
mod upkeep;

pub use consumer::ConsumerError;
pub use deadlines::Deadlines;
pub use listener::{ListenerConfig, ReadyListener};
pub use relay::{Relay, RelayConfig};
pub use upkeep::Upkeep;
