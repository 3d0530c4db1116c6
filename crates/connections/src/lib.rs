#![doc = include_str!("../README.md")]

mod address;
mod address_cap;
mod crowd;
mod hosts;
mod limits;
mod server;
mod sliced;
mod timed;

pub use address::{caller_at, is_local};
pub use address_cap::{AddressCap, AddressIsFull, AddressMember};
pub use hosts::Hosts;
pub use limits::Limits;
pub use server::{serve, serve_capped};
