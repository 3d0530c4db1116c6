//! The whole program with a pooler before its database.

use futures::future::join_all;
use lemon_test_servers::{PoolMode, Pooler, PostgresServer};
use lemon_tests::{Person, System, SystemBuilder, wait_until};

/// What must work over any connections.
async fn serves(program: SystemBuilder) {
    let mut system = program
        .clone()
        .env("LEMON_LOG__FORMAT", "json")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
        .start()
        .await;
    let mut people = Vec::new();
    for n in 1..=6 {
        people.push(system.sign_in(n).await);
    }
    for answer in join_all(people.iter().map(|person| person.register(None))).await {
        answer.must_be(201);
    }
    join_all(people.iter().map(Person::wait_until_ready)).await;
    people[0].delete().await.must_be(200);
    // A directive of another process is followed.
    let set = program.run(&["limits", "set", "learn_me.daily", "6"]).await;
    assert!(set.status.success(), "{set:?}");
    wait_until("the limit is followed", async || {
        let told = people[0].can_use().await.must_be(200);
        (told["register_limit"] == 6).then_some(())
    })
    .await;
    let status = program.run(&["migrate", "status"]).await;
    assert!(status.status.success(), "{status:?}");
    assert!(system.terminate().await.success());
    for line in system.log_lines() {
        assert!(!line.contains("notifications of new outbox rows"), "{line}");
        assert!(!line.contains("\"level\":\"ERROR\""), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_through_a_pooler_in_session_mode() {
    let postgres = PostgresServer::get().await;
    let pooler = Pooler::before(&postgres, PoolMode::Session, 40).await;
    let url = pooler.to(&postgres.database().await);
    serves(System::builder().env("LEMON_STORE__URL", url.as_str())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_through_a_pooler_in_transaction_mode() {
    let postgres = PostgresServer::get().await;
    let pooler = Pooler::before(&postgres, PoolMode::Transaction, 4).await;
    for listens in [false, true] {
        let database = postgres.database().await;
        let program = System::builder()
            .env("LEMON_STORE__URL", pooler.to(&database).as_str())
            .env("LEMON_STORE__POOLING", "transaction");
        serves(if listens {
            program.env("LEMON_STORE__DIRECT_URL", database.as_str())
        } else {
            program
        })
        .await;
    }
}
