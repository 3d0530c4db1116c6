//! The worker on the fakes, and on mocks where a fault is hard to cause.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asyncapi;
mod holding;
mod listener;
mod relay;
mod traces;
mod training_watch;
mod upkeep;
mod world;
