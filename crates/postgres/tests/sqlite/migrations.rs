use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::SqlStore;
use sea_orm::DatabaseConnection;

use super::{
    files::{config, folder, outsider, store},
    given::records,
};

const TABLES: [&str; 11] = [
    "users",
    "accounts",
    "pending_sign_ins",
    "registrations",
    "uses",
    "places",
    "outbox",
    "attempts",
    "budget_totals",
    "revocations",
    "job_tickets",
];

async fn tables(db: &DatabaseConnection) -> Vec<&'static str> {
    let manager = SchemaManager::new(db);
    let mut there = Vec::new();
    for table in TABLES {
        if manager.has_table(table).await.unwrap() {
            there.push(table);
        }
    }
    there
}

#[tokio::test]
async fn migrations_go_forward_and_back_and_forward_again() {
    let (_folder, file) = folder();
    let db = outsider(&file).await;
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, TABLES);
    let mut left = vec![TABLES.len()];
    for _ in Migrator::migrations() {
        Migrator::down(&db, Some(1)).await.unwrap();
        left.push(tables(&db).await.len());
    }
    // Some migrations change what is there.
    left.dedup();
    assert_eq!(left, [11, 10, 9, 8, 7, 6, 3, 0]);
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, TABLES);
}

#[tokio::test]
async fn missing_migrations_are_listed_and_applied_once() {
    let (_folder, file) = folder();
    let store = SqlStore::connect(&config(&file)).await.unwrap();
    let all = Migrator::migrations();
    assert_eq!(store.pending_migrations().await.unwrap().len(), all.len());
    assert!(tables(&outsider(&file).await).await.is_empty());
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.pending_migrations().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    let (_folder, file) = folder();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let config = config(&file);
            tokio::spawn(async move {
                let store = SqlStore::connect(&config).await?;
                store.migrate().await
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(tables(&outsider(&file).await).await, TABLES);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (_folder, file) = folder();
    let (older, db) = (store(&file).await, outsider(&file).await);
    let name = format!("SQLite at {}", file.display());
    records::a_newer_version_is_refused(&config(&file), &older, &db, name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_the_previous_version_is_taken_over_once() {
    let (_folder, file) = folder();
    let db = outsider(&file).await;
    records::a_database_of_the_previous_version_is_taken_over_once(&config(&file), &db).await;
}

#[tokio::test]
async fn after_a_roll_back_the_previous_version_finds_its_rows() {
    let (_folder, file) = folder();
    let (store, db) = (store(&file).await, outsider(&file).await);
    records::after_a_roll_back_the_previous_version_finds_its_rows(&store, &db).await;
}

#[tokio::test]
async fn migrations_of_other_programs_are_not_changed() {
    let (_folder, file) = folder();
    let db = outsider(&file).await;
    records::migrations_of_other_programs_are_not_changed(&config(&file), &db).await;
}

#[tokio::test]
async fn other_programs_may_migrate_later() {
    let (_folder, file) = folder();
    let db = outsider(&file).await;
    records::other_programs_may_migrate_later(&config(&file), &db).await;
}
