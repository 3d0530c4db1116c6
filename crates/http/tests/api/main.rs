//! The real application on a free port, over real HTTP, against fakes of everything behind the use cases.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and some faults are panics"
)]

mod app;
mod browser;
mod connections;
mod cors;
mod docs;
mod edge;
mod facts;
mod faults;
mod forge;
mod forgeries;
mod gated;
mod hostile;
mod hosts;
mod limits;
mod log;
mod operations;
mod problems;
mod profile;
mod registration;
mod services;
mod sign_in;
mod sign_out;
mod tokens;
mod traces;
mod truth;
mod wire;
mod without_counter;
mod worker_calls;
