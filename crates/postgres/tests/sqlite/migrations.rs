use lemon_migrations::{Migrator, MigratorTrait, SchemaManager};
use lemon_postgres::{ConnectError, SqlStore};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::files::{config, folder, outsider, store};

const TABLES: [&str; 9] = [
    "users",
    "accounts",
    "pending_sign_ins",
    "registrations",
    "uses",
    "places",
    "outbox",
    "attempts",
    "budget_totals",
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
    assert_eq!(left, [9, 8, 7, 6, 3, 0]);
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, TABLES);
}

#[tokio::test]
async fn what_is_missing_is_told_and_applied_once() {
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
    let older = store(&file).await;
    outsider(&file)
        .await
        .execute_unprepared("INSERT INTO seaql_migrations VALUES ('m20991231_000001_newer', 0)")
        .await
        .unwrap();
    let expected = ConnectError::NewerVersion {
        database: format!("SQLite at {}", file.display()),
        migration: "m20991231_000001_newer".to_owned(),
    };
    let refused = SqlStore::connect(&config(&file)).await.unwrap_err();
    assert_eq!(refused, expected);
    assert!(refused.to_string().contains("is of a newer version"));
    assert_eq!(older.migrate().await.unwrap_err(), expected);
    assert_eq!(older.pending_migrations().await.unwrap_err(), expected);
}
