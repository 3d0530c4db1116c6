//! A user of the database who may do less than the program does.

use lemon_postgres::{PostgresError, SqlStore, StoreConfig};
use sea_orm::ConnectionTrait;

use super::{Fresh, PATIENCE};

/// A store for a new user of the database, who has the rights of these statements.
async fn of_user_with(fresh: &Fresh, rights: &[&str]) -> SqlStore {
    let db = fresh.outsider().await;
    let user = format!("user_of{}", fresh.url.path().replace('/', "_"));
    let make = format!("CREATE ROLE {user} LOGIN PASSWORD 'right' IN ROLE by_password");
    // The owner's role makes the group of those who need a password.
    fresh.server.owned(&fresh.url).await;
    db.execute_unprepared(&make).await.unwrap();
    for right in rights {
        let grant = format!("GRANT {right} TO {user}");
        db.execute_unprepared(&grant).await.unwrap();
    }
    let revoke = "REVOKE CREATE ON SCHEMA public FROM public";
    db.execute_unprepared(revoke).await.unwrap();
    let mut url = fresh.url.clone();
    url.set_username(&user).unwrap();
    url.set_password(Some("right")).unwrap();
    let config = StoreConfig::new(url.as_str()).with_deadline(PATIENCE);
    SqlStore::connect(&config).await.unwrap()
}

async fn missing(store: &SqlStore) -> String {
    let refused = store.check_rights().await.unwrap_err();
    assert!(
        matches!(refused, PostgresError::Refused { .. }),
        "{refused:?}"
    );
    refused.to_string()
}

#[tokio::test]
async fn a_user_who_may_read_and_write_needs_no_right_to_change_a_current_schema() {
    let fresh = Fresh::new().await;
    fresh.store().await.check_rights().await.unwrap();
    let rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public";
    let store = of_user_with(&fresh, &[rights]).await;
    store.check_rights().await.unwrap();
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let fresh = Fresh::new().await;
    fresh.store().await;
    let store = of_user_with(&fresh, &["SELECT ON ALL TABLES IN SCHEMA public"]).await;
    let cause = missing(&store).await;
    assert!(cause.contains("INSERT accounts"), "{cause}");
    assert!(!cause.contains("SELECT"), "{cause}");
}

#[tokio::test]
async fn migrations_need_the_right_to_make_tables() {
    let fresh = Fresh::new().await;
    let store = of_user_with(&fresh, &[]).await;
    let cause = missing(&store).await;
    assert!(cause.contains("CREATE in schema public"), "{cause}");
}
