#![doc = include_str!("../README.md")]

mod limits;
mod server;
mod sliced;
mod timed;

pub use limits::Limits;
pub use server::serve;
