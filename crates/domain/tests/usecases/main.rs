//! Use cases, on the fakes; on mocks where a fault is hard to cause.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod abandoned;
mod answers;
mod crowd;
mod dispatch;
mod importing;
mod mocks;
mod overtaken;
mod people_care;
mod profile;
mod quotas;
mod recent_usage;
mod redeeming;
mod refusing;
mod registering;
mod resealing;
mod restoring;
mod revocations;
mod sealing;
mod sharing;
mod sign_in;
mod store_faults;
mod totals;
mod traces;
mod training;
mod training_sweep;
mod waiting;
mod world;
