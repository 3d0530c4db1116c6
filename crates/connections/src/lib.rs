#![doc = include_str!("../README.md")]

mod limits;
mod server;
mod timed;

pub use limits::Limits;
pub use server::serve;
