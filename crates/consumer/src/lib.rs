#![doc = include_str!("../README.md")]

mod acks;
mod availability;
mod config;
mod consumer;
mod control;
mod delivery;
mod error;
mod handler;
mod lease;
mod measures;
mod poller;
mod relay;
mod renderer;

pub use config::{ConsumerConfig, RelayConfig};
pub use consumer::Consumer;
pub use control::Control;
pub use error::ConsumerError;
pub use handler::{FromFn, Handler, Malformed, Outcome, from_fn};
pub use measures::register_metrics;
pub use relay::Relay;
pub use renderer::{Rendered, Renderer};
