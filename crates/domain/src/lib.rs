#![doc = include_str!("../README.md")]

mod causes;

pub mod ports;
pub mod sealing;
pub mod usecases;
pub mod values;

pub use causes::with_causes;

/// Any error, as a port's infrastructure variants carry it: the cause, for the log, never for the outside.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
