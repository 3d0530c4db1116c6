//! The real application on a free port, over real HTTP, against fakes of everything behind the use cases.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and some faults are panics"
)]

mod app;
mod connections;
mod cors;
mod docs;
mod edge;
mod faults;
mod forge;
mod gated;
mod operations;
mod problems;
mod profile;
mod registration;
mod services;
mod sign_in;
mod tokens;
mod truth;
mod wire;
