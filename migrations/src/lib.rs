#![doc = include_str!("../README.md")]
#![expect(
    elided_lifetimes_in_paths,
    reason = "a step must match `MigrationTrait`, which elides them"
)]

mod compatibility;
mod m20261122_000001_people;
mod m20261122_000002_registrations;
mod m20261122_000003_outbox;
mod m20261125_000004_attempts;
mod m20261126_000005_trainings;
mod m20261126_000006_sign_in_claims;
mod m20261126_000007_place_fingerprints;
mod m20261126_000008_outbox_set_aside;
mod m20261126_000009_replicas_before;
mod m20261127_000010_place_holders;
mod m20261127_000011_own_record;
mod m20261127_000012_operators;
mod m20261127_000013_completed_sign_ins;
mod m20261127_000014_revocations;
mod m20261127_000015_outbox_traces;
mod m20261128_000016_job_tickets;
mod record;

pub use compatibility::needed;
pub use record::{applied, hand_back, take_over};
pub use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use sea_orm_migration::{prelude::IntoIden, sea_orm::DynIden};

/// All steps, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_people::Migration),
            Box::new(m20261122_000002_registrations::Migration),
            Box::new(m20261122_000003_outbox::Migration),
            Box::new(m20261125_000004_attempts::Migration),
            Box::new(m20261126_000005_trainings::Migration),
            Box::new(m20261126_000006_sign_in_claims::Migration),
            Box::new(m20261126_000007_place_fingerprints::Migration),
            Box::new(m20261126_000008_outbox_set_aside::Migration),
            Box::new(m20261126_000009_replicas_before::Migration),
            Box::new(m20261127_000010_place_holders::Migration),
            Box::new(m20261127_000011_own_record::OwnRecord),
            Box::new(m20261127_000012_operators::Migration),
            Box::new(m20261127_000013_completed_sign_ins::Migration),
            Box::new(m20261127_000014_revocations::Migration),
            Box::new(m20261127_000015_outbox_traces::Migration),
            Box::new(m20261128_000016_job_tickets::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        record::TABLE.into_iden()
    }
}
