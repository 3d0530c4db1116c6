#![doc = include_str!("../README.md")]

mod accepted;
mod answers;
mod body;
mod call;
mod client;
mod config;
mod error;
mod lines;
mod meaning;
mod measures;
mod reached;
mod refusal;

pub use client::HttpTwitterClient;
pub use config::{TwitterApi, TwitterApp, TwitterConfig, TwitterConfigError};
pub use measures::register_metrics;
