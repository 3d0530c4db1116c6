//! The set-up of production: replicas on one PostgreSQL, one Redis and one SQS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crowd;
mod faults;
mod mixed;
mod queues;
mod shared;
