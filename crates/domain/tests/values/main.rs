//! Values: what they take, what they refuse, what holds for all of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;
mod parsing;
mod segments;
mod trace_context;
mod windows;
