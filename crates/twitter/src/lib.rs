#![doc = include_str!("../README.md")]

mod answers;
mod call;
mod client;
mod config;
mod error;
mod lines;
mod meaning;
mod refusal;

pub use client::HttpTwitterClient;
pub use config::{TwitterApi, TwitterApp, TwitterConfig, TwitterConfigError};
