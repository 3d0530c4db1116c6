//! Stub.
pub mod page;
