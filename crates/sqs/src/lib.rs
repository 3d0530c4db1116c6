#![doc = include_str!("../README.md")]

mod addresses;
mod batch;
mod calls;
mod config;
mod connection;
mod dead_letter;
mod destination;
mod error;
mod http;
mod job_queue;
mod queues;
mod said;
mod text;

pub use config::SqsConfig;
pub use error::ConnectError;
pub use http::http_client;
pub use job_queue::SqsJobQueue;
pub use queues::{Change, DeadLetter, QueueSettings, QueueStats, SqsQueues};
