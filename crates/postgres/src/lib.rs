#![doc = include_str!("../README.md")]

mod accounts;
mod budget_totals;
mod calls;
mod config;
mod database;
mod deadlines;
mod entity;
mod error;
mod executor;
mod housekeeping;
mod migrate;
mod observer;
mod outbox;
mod pending_sign_ins;
mod place_record;
mod postgresql;
mod registrations;
mod row;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod together;

pub use config::StoreConfig;
pub use error::PostgresError;
pub use store::SqlStore;
