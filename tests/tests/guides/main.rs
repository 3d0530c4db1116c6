//! The programs in `docs/` are taken out of the pages, and run against the built program.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod tokens;
mod web_app;
mod workers;
mod workshop;
