//! The set-up of production, as the tests have it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(dead_code, reason = "the tests use all of it")]

#[path = "../../tests/production/lines.rs"]
pub(crate) mod lines;
#[path = "../../tests/production/shared.rs"]
pub(crate) mod shared;
