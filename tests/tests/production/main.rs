//! The set-up of production: replicas on one PostgreSQL, one Redis and one SQS.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod crowd;
mod cuts;
mod ends;
mod faults;
mod lines;
mod mixed;
mod outage;
mod queues;
mod shared;
mod shared_budget;
mod size;
mod stops;
