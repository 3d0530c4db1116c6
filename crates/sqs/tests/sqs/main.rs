//! The job queue on a real server, and on one that fails as it is told to.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod contract;
mod cuts;
mod double;
mod faults;
mod messages;
mod queues;
mod start;
mod traces;
