#![doc = include_str!("../README.md")]

mod accounts;
mod budget_totals;
mod config;
mod database;
mod deadlines;
mod entity;
mod error;
mod housekeeping;
mod migrate;
mod outbox;
mod pending_sign_ins;
mod place_record;
#[cfg(test)]
mod plans;
mod registrations;
mod row;
mod signal;
mod store;
mod together;

pub use config::StoreConfig;
pub use error::PostgresError;
pub use store::SqlStore;
