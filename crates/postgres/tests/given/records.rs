//! A database in which others record their migrations, and one of the version that recorded its own among them.
#![expect(
    elided_lifetimes_in_paths,
    reason = "a step must match `MigrationTrait`, which elides them"
)]

use std::collections::BTreeSet;

use lemon_contracts::race;
use lemon_domain::ports::Registrations;
use lemon_migrations::{MigrationName, MigrationTrait, Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use super::register;

/// The step with which what was applied has a table of its own.
const OWN_RECORD: &str = "m20261127_000011_own_record";

/// That step and those after it.
const SINCE: [&str; 6] = [
    OWN_RECORD,
    "m20261127_000012_operators",
    "m20261127_000013_completed_sign_ins",
    "m20261127_000014_revocations",
    "m20261127_000015_outbox_traces",
    "m20261128_000016_job_tickets",
];

/// The migrations of the version before, recorded as it did.
struct Before;

impl MigratorTrait for Before {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = Migrator::migrations();
        steps.retain(|step| step.name() < OWN_RECORD);
        steps
    }
}

/// Another program's, which names no table to record them in.
struct Theirs;

impl MigratorTrait for Theirs {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(TheirStep)]
    }
}

struct TheirStep;

impl MigrationName for TheirStep {
    fn name(&self) -> &'static str {
        "m20300101_000001_theirs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TheirStep {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let make = "CREATE TABLE theirs (id int)";
        manager.get_connection().execute_unprepared(make).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let remove = "DROP TABLE theirs";
        manager.get_connection().execute_unprepared(remove).await?;
        Ok(())
    }
}

/// What a table records.
async fn recorded(db: &DatabaseConnection, table: &str) -> BTreeSet<String> {
    let select = format!("SELECT version FROM {table}");
    let select = Statement::from_string(db.get_database_backend(), select);
    let rows = db.query_all_raw(select).await.unwrap();
    let names = rows.iter().map(|row| row.try_get("", "version").unwrap());
    names.collect()
}

fn names<M: MigratorTrait>() -> BTreeSet<String> {
    let steps = M::migrations();
    steps.iter().map(|step| step.name().to_owned()).collect()
}

/// Everything of ours is in our table, and everything of theirs in theirs.
async fn assert_apart(db: &DatabaseConnection, theirs: BTreeSet<String>) {
    assert_eq!(recorded(db, "lemon_migrations").await, names::<Migrator>());
    assert_eq!(recorded(db, "seaql_migrations").await, theirs);
}

pub(crate) async fn a_database_of_the_previous_version_is_taken_over_once(
    config: &StoreConfig,
    db: &DatabaseConnection,
) {
    Before::up(db, None).await.unwrap();
    let store = SqlStore::connect(config).await.unwrap();
    // This version cannot register anybody in a database of the previous one.
    store.migrate().await.unwrap();
    let who = register(&store, 1).await;
    let steps = u32::try_from(SINCE.len()).unwrap();
    store.roll_back(steps).await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), SINCE);
    assert_eq!(recorded(db, "seaql_migrations").await, names::<Before>());
    let starts = race(8, |_| {
        let config = config.clone();
        async move {
            let store = SqlStore::connect(&config).await?;
            store.migrate().await
        }
    });
    for start in starts.await {
        start.unwrap();
    }
    assert_apart(db, BTreeSet::new()).await;
    assert_eq!(store.pending_migrations().await.unwrap(), [""; 0]);
    // The version before makes the first table, which is there, and nothing else.
    Before::up(db, None).await.unwrap_err();
    assert_apart(db, BTreeSet::new()).await;
    assert_eq!(store.list(who.user).await.unwrap().len(), 1);
}

/// The version before looks for its rows where it has put them, with those of the steps that are left.
pub(crate) async fn after_a_roll_back_the_previous_version_finds_its_rows(
    store: &SqlStore,
    db: &DatabaseConnection,
) {
    let who = register(store, 1).await;
    store
        .roll_back(u32::try_from(SINCE.len()).unwrap())
        .await
        .unwrap();
    let pending = Before::get_pending_migrations_read_only(db).await;
    assert!(pending.unwrap().is_empty());
    assert_eq!(recorded(db, "lemon_migrations").await, BTreeSet::new());
    assert_eq!(store.pending_migrations().await.unwrap(), SINCE);
    Before::down(db, Some(1)).await.unwrap();
    assert_eq!(
        store.pending_migrations().await.unwrap().len(),
        SINCE.len() + 1
    );
    // From there this version goes on, back and forward.
    store.roll_back(1).await.unwrap();
    let pending = Before::get_pending_migrations_read_only(db).await;
    assert_eq!(pending.unwrap().len(), 2);
    store.migrate().await.unwrap();
    assert_apart(db, BTreeSet::new()).await;
    assert_eq!(store.list(who.user).await.unwrap().len(), 1);
}

pub(crate) async fn migrations_of_other_programs_are_not_changed(
    config: &StoreConfig,
    db: &DatabaseConnection,
) {
    Theirs::up(db, None).await.unwrap();
    let store = SqlStore::connect(config).await.unwrap();
    store.migrate().await.unwrap();
    register(&store, 1).await;
    assert_apart(db, names::<Theirs>()).await;
    Theirs::refresh(db).await.unwrap();
    assert_apart(db, names::<Theirs>()).await;
    SqlStore::connect(config).await.unwrap();
    store.roll_back(3).await.unwrap();
    store.migrate().await.unwrap();
    assert_apart(db, names::<Theirs>()).await;
}

pub(crate) async fn other_programs_may_migrate_later(
    config: &StoreConfig,
    db: &DatabaseConnection,
) {
    // Also where ours were recorded there before.
    Before::up(db, None).await.unwrap();
    let store = SqlStore::connect(config).await.unwrap();
    store.migrate().await.unwrap();
    register(&store, 1).await;
    Theirs::up(db, None).await.unwrap();
    Theirs::status(db).await.unwrap();
    assert_apart(db, names::<Theirs>()).await;
    let again = SqlStore::connect(config).await.unwrap();
    again.migrate().await.unwrap();
    Theirs::down(db, None).await.unwrap();
    assert_apart(db, BTreeSet::new()).await;
    register(&again, 2).await;
}

pub(crate) async fn a_newer_version_is_refused(
    config: &StoreConfig,
    older: &SqlStore,
    db: &DatabaseConnection,
    database: String,
) {
    let newer = "INSERT INTO lemon_migrations VALUES ('m20991231_000001_newer', 0)";
    db.execute_unprepared(newer).await.unwrap();
    // A step that only adds does not concern this program.
    let beside = SqlStore::connect(config).await.unwrap();
    assert_eq!(beside.pending_migrations().await.unwrap(), [""; 0]);
    let contract = "UPDATE lemon_compatibility SET needs = 'm20991231_000001_newer'";
    db.execute_unprepared(contract).await.unwrap();
    let expected = PostgresError::NewerVersion {
        database,
        migration: "m20991231_000001_newer".to_owned(),
    };
    let refused = SqlStore::connect(config).await.unwrap_err();
    assert_eq!(refused, expected);
    assert!(refused.to_string().contains("has a newer version"));
    assert_eq!(older.migrate().await.unwrap_err(), expected);
    assert_eq!(older.pending_migrations().await.unwrap_err(), expected);
}
