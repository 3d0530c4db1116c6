#![doc = include_str!("../README.md")]

mod causes;

pub mod keys;
pub mod ports;
pub mod sealing;
pub mod traces;
pub mod usecases;
pub mod values;
mod waiting;

pub use causes::with_causes;
pub use waiting::{Neighbour, observed, wait_for};

/// Any error that an infrastructure variant of a port carries: the cause, for the log, never for a response.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
