#![doc = include_str!("../README.md")]

mod batches;
mod together;

pub use batches::{Batch, Batches, Unanswered};
pub use together::{Together, Waiting};
