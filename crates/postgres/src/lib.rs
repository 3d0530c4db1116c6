#![doc = include_str!("../README.md")]

mod accounts;
mod address;
mod asked;
mod budget_totals;
mod calls;
mod config;
mod database;
mod deadlines;
mod directives;
mod entity;
mod error;
mod executor;
mod housekeeping;
mod imports;
mod job_tickets;
mod last_uses;
mod migrate;
mod observer;
mod outbox;
mod pending_sign_ins;
mod people;
mod place_record;
mod pool_status;
mod pooling;
mod postgresql;
mod registrations;
mod replica_registry;
mod revocations;
mod rights;
mod row;
mod sealed_secrets;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

pub use config::StoreConfig;
pub use error::PostgresError;
pub use pool_status::PoolStatus;
pub use pooling::Pooling;
pub use postgresql::{EarlierDatabase, EarlierDatabaseError};
pub use store::SqlStore;
