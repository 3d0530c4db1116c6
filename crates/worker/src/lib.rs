#![doc = include_str!("../README.md")]

mod acks;
mod listener;
pub mod messages;
mod relay;
mod upkeep;

pub use listener::{ListenerConfig, ReadyListener};
pub use relay::{Relay, RelayConfig};
pub use upkeep::Upkeep;
