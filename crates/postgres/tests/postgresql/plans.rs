//! Proof that no statement has to read a whole table: each that a store sends is observed and explained.

use std::time::Duration;

use lemon_domain::{
    ports::{Expiring, Housekeeping, PURGE_PORTION, Registrations},
    values::UserId,
};
use lemon_postgres::{SqlStore, StoreConfig};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};

use super::{
    Fresh,
    given::{
        everything::{explained, now, observed, steps},
        learn_me,
    },
};

/// A small table is read as a whole, index or not: only where that is forbidden does a plan show whether there is one.
#[tokio::test]
async fn no_statement_has_to_read_a_whole_table() {
    let fresh = Fresh::new().await;
    let mut url = fresh.url.clone();
    url.query_pairs_mut()
        .append_pair("options[enable_seqscan]", "off");
    let (store, sent) = observed(url.to_string()).await;
    let db = Database::connect(url.as_str()).await.unwrap();
    for statement in explained(&store, &sent, "EXPLAIN ").await {
        let is_purge = statement.sql.contains("ctid");
        let steps = steps(&db, statement.clone(), "QUERY PLAN").await;
        for step in &steps {
            assert!(!step.contains("Seq Scan"), "{step}: {statement}");
        }
        let by_expiry = steps.iter().any(|step| step.contains("_expires_at"));
        assert_eq!(is_purge, by_expiry, "{steps:?}: {statement}");
    }
}

/// However many have expired, a portion of a purge reads no more than it removes.
#[tokio::test]
async fn a_portion_of_a_purge_takes_the_first_of_the_index() {
    let fresh = Fresh::new().await;
    let (store, sent) = observed(fresh.url.to_string()).await;
    let db = fresh.outsider().await;
    let many = "INSERT INTO pending_sign_ins (token, secret, secret_key_id, expires_at) \
                SELECT 'token-' || n, 'secret', 'k1', '2019-11-22T12:00:00Z' FROM generate_series(1, 50000) n";
    db.execute_unprepared(many).await.unwrap();
    let purged = store.purge(Expiring::PendingSignIns, now()).await.unwrap();
    assert_eq!(purged.rows, u64::from(PURGE_PORTION));
    let mut purge = sent.lock().unwrap().pop().unwrap();
    assert!(purge.sql.contains("ctid"), "{purge}");
    purge.sql.insert_str(0, "EXPLAIN ");
    let steps = steps(&db, purge, "QUERY PLAN").await;
    let by_index = "Index Scan using pending_sign_ins_expires_at";
    assert!(
        steps.iter().any(|step| step.contains(by_index)),
        "{steps:?}"
    );
    assert!(!steps.iter().any(|step| step.contains("Sort")), "{steps:?}");
}

/// To plan the look for latest uses takes the server longer than to execute it.
#[tokio::test]
async fn the_look_for_latest_uses_is_planned_some_times_and_then_no_more() {
    let fresh = Fresh::new().await;
    let mut options = ConnectOptions::new(fresh.url.as_str());
    // So that it can be asked about what it has prepared.
    options.max_connections(1);
    let session = Database::connect(options).await.unwrap();
    let config = StoreConfig::without_address().with_deadline(Duration::from_mins(1));
    let store = SqlStore::new(&session, &config).unwrap();
    store.migrate().await.unwrap();
    for user in 1..=30 {
        let asked = UserId::new(user);
        store.last_use(asked, &learn_me()).await.unwrap();
    }
    let prepared = "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT asked.number%'";
    let prepared = Statement::from_string(DbBackend::Postgres, prepared);
    let plans = session.query_one_raw(prepared).await.unwrap().unwrap();
    let (each, cached): (i64, i64) = (
        plans.try_get_by_index(0).unwrap(),
        plans.try_get_by_index(1).unwrap(),
    );
    assert_eq!(each + cached, 30);
    assert!(each < 10, "planned {each} times");
}
