#![doc = include_str!("../README.md")]

mod addresses;
mod attributes;
mod batch;
mod calls;
mod config;
mod connection;
mod dead_letter;
mod destination;
mod error;
mod http;
mod job_queue;
mod not_sent;
mod queues;
mod said;
mod settings;
mod text;
mod traced;

pub use config::SqsConfig;
pub use error::SqsError;
pub use http::http_client;
pub use job_queue::SqsJobQueue;
pub use queues::{QueueChange, SqsQueues};
pub use settings::SqsQueueSettings;
