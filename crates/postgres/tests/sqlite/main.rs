//! What the ports do not show: the schema and its version, the file, and rows that somebody spoiled.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod file;
mod files;
#[path = "../given/mod.rs"]
mod given;
mod last_uses;
mod migrations;
mod plans;
mod purge;
mod rows;
