#![doc = include_str!("../README.md")]

mod config;
mod error;
mod file;
mod job_queue;
mod quota_counter;
mod writer;

pub use config::EmbeddedQueueConfig;
pub use error::EmbeddedError;
pub use job_queue::EmbeddedJobQueue;
pub use quota_counter::EmbeddedQuotaCounter;
