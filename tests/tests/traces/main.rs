//! Traces: one leads from the web app through outbox, queue and workers to the ready message.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chain;
mod collector;
mod outages;
mod refusals;
