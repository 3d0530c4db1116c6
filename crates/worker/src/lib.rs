#![doc = include_str!("../README.md")]

mod asyncapi;
mod listener;
mod measures;
pub mod messages;
mod queue_care;
mod renderer;
mod training_watch;
mod upkeep;

pub use asyncapi::asyncapi;
pub use listener::ReadyListener;
pub use measures::register_metrics;
pub use queue_care::{QueueCare, QueueDeadLetters, ShownDeadLetter};
pub use renderer::JobRenderer;
pub use training_watch::TrainingWatch;
pub use upkeep::Upkeep;
