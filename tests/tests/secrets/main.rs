//! Secrets show nowhere, and keys are changed while replicas serve.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod marks;
mod rotation;
mod search;
mod twitter;
