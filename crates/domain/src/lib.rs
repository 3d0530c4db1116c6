#![doc = include_str!("../README.md")]

mod causes;

pub mod ports;
pub mod sealing;
pub mod usecases;
pub mod values;

pub use causes::with_causes;

/// Any error that an infrastructure variant of a port carries: the cause, for the log, never for a response.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
