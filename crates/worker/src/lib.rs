#![doc = include_str!("../README.md")]

mod listener;
pub mod messages;
mod renderer;
mod training_watch;
mod upkeep;

pub use listener::ReadyListener;
pub use renderer::JobRenderer;
pub use training_watch::TrainingWatch;
pub use upkeep::Upkeep;
