//! What is away, and what never was there.

use lemon_test_servers::Link;
use lemon_tests::{Person, wait_until};

use crate::shared::Shared;

/// Registers until it works, and says which answers came before.
async fn register_until_it_works(person: &Person) -> Vec<u16> {
    let mut refusals = Vec::new();
    wait_until("the registration is accepted", async || {
        let answer = person.register(None).await;
        if answer.status != 201 {
            refusals.push(answer.status);
        }
        (answer.status == 201).then_some(())
    })
    .await;
    refusals
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_there_is_a_503_that_passes_without_a_restart() {
    let shared = Shared::new().await;
    let mut line = Link::to(shared.redis.address()).await;
    let system = shared
        .first()
        .env(
            "LEMON_QUOTA__URL",
            &format!("redis://127.0.0.1:{}", line.port()),
        )
        .start()
        .await;
    let person = system.sign_in(1).await;
    line.cut().await;
    let refused = person.register(None).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    person.services().await.must_be(200);
    line.mend().await;
    let refusals = register_until_it_works(&person).await;
    assert!(refusals.iter().all(|&status| status == 503), "{refusals:?}");
    assert_eq!(person.can_use().await.must_be(200)["register_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgresql_there_is_a_503_that_passes_without_a_restart() {
    let shared = Shared::new().await;
    let mut line = Link::to(shared.postgres.address()).await;
    let mut database = shared.database.clone();
    database.set_port(Some(line.port())).unwrap();
    let system = shared
        .first()
        .env("LEMON_STORE__URL", database.as_str())
        .start()
        .await;
    let person = system.sign_in(1).await;
    line.stall();
    let refused = person.register(None).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    line.cut().await;
    assert_eq!(person.services().await.status, 503);
    line.mend().await;
    let refusals = register_until_it_works(&person).await;
    assert!(refusals.iter().all(|&status| status == 503), "{refusals:?}");
    person.wait_until_ready().await;
}

#[tokio::test]
async fn a_service_that_cannot_be_used_is_one_line_without_the_password() {
    let shared = Shared::new().await;
    let mut wrong_database = shared.database.clone();
    wrong_database.set_path("nowhere");
    for (variable, url, said) in [
        (
            "LEMON_STORE__URL",
            "postgres://lemon:hush@127.0.0.1:1/lemon",
            "PostgreSQL at 127.0.0.1:1",
        ),
        ("LEMON_STORE__URL", wrong_database.as_str(), "nowhere"),
        (
            "LEMON_QUOTA__URL",
            "redis://:hush@127.0.0.1:1",
            "redis at 127.0.0.1:1",
        ),
        (
            "AWS_ENDPOINT_URL_SQS",
            "http://127.0.0.1:1",
            "sqs at http://127.0.0.1:1",
        ),
    ] {
        let hasty = shared.first().env("LEMON_START__WAIT_SECONDS", "0");
        let refused = hasty.env(variable, url).try_start().await;
        let exit = refused.err().unwrap();
        assert_eq!(exit.status.code(), Some(1), "{exit}");
        let last = exit.log.last().unwrap();
        assert!(last.contains(said) && !last.contains("hush"), "{last}");
    }
}
