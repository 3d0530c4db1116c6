#![doc = include_str!("../README.md")]

mod address;
mod config;
mod connections;
mod error;
mod keys;
mod quota_counter;
mod script;
mod tls;

pub use config::RedisConfig;
pub use error::RedisError;
pub use fred;
pub use keys::KeyPrefix;
pub use quota_counter::RedisQuotaCounter;
