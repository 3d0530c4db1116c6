//! An outage of some seconds: what people were told in it stays true.

use std::time::Duration;

use futures::future::join_all;
use lemon_test_servers::Link;
use lemon_tests::wait_until;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};
use url::Url;

use crate::shared::Shared;

const PEOPLE: u32 = 12;

/// A session of its own on the database.
pub(crate) async fn session(database: &Url) -> DatabaseConnection {
    let mut options = ConnectOptions::new(database.as_str());
    // Locks are a connection's.
    options
        .max_connections(1)
        .idle_timeout(Duration::from_mins(10));
    Database::connect(options).await.unwrap()
}

/// The first column of the only row.
pub(crate) async fn number(session: &DatabaseConnection, query: &str) -> i64 {
    let query = Statement::from_string(DbBackend::Postgres, query);
    let row = session.query_one_raw(query).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// The counter has forgotten the day, and the record cannot be read: everybody waits for the restore.
#[tokio::test(flavor = "multi_thread")]
async fn people_refused_in_an_outage_are_not_registered_afterwards() {
    let shared = Shared::without_queues().await;
    let mut to_redis = Link::to(shared.redis.address()).await;
    let mut system = shared
        .without_sqs()
        .env(
            "LEMON_QUOTA__URL",
            &format!("redis://127.0.0.1:{}", to_redis.port()),
        )
        .start()
        .await;
    let mut people = Vec::new();
    for n in 1..=PEOPLE {
        people.push(system.sign_in(n).await);
    }
    let locking = session(&shared.database).await;
    locking
        .execute_unprepared("BEGIN; LOCK TABLE places IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    shared.redis.forget(&shared.key_prefix).await;
    let refused = join_all(people.iter().map(|person| person.register(None))).await;
    assert!(
        refused.iter().all(|answer| answer.status == 503),
        "{refused:?}"
    );
    to_redis.stall();
    let refused = join_all(people.iter().map(|person| person.register(None))).await;
    assert!(
        refused.iter().all(|answer| answer.status == 503),
        "{refused:?}"
    );
    locking.execute_unprepared("ROLLBACK").await.unwrap();
    to_redis.mend().await;
    // The end waits for whatever is still under way.
    assert!(system.terminate().await.success());
    let registered = number(&locking, "SELECT count(*) FROM registrations").await;
    assert_eq!(registered, 0);
    system.restart().await;
    let person = people[0].at(&system);
    wait_until("there are places again", async || {
        let answer = person.register(None).await;
        (answer.status == 201).then_some(())
    })
    .await;
}
