//! Three replicas on one PostgreSQL and one Redis, as in production.

use std::{collections::BTreeSet, sync::Arc};

use futures::{
    StreamExt,
    future::{join_all, try_join_all},
    stream,
};
use lemon_testkit::services::{Link, PostgresServer, RedisServer};
use lemon_tests::{Person, System, SystemBuilder, wait_until};
use url::Url;

/// 64 bytes and 32 bytes, which replicas share.
const JWT_SECRET: &str = "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=";
const SEALING_KEY: &str = "k1:bGVtb25sZW1vbmxlbW9ubGVtb25sZW1vbmxlbW9ubGU=";

/// What replicas lean on: a database and counters that no other test has.
struct Shared {
    postgres: Arc<PostgresServer>,
    redis: Arc<RedisServer>,
    database: Url,
    prefix: String,
}

impl Shared {
    async fn new() -> Self {
        let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
        Self {
            database: postgres.database().await,
            prefix: redis.key_prefix(),
            postgres,
            redis,
        }
    }

    /// A replica with the sandbox.
    fn first(&self) -> SystemBuilder {
        System::builder()
            .env("LEMON_STORE__URL", self.database.as_str())
            .env("LEMON_QUOTA__URL", self.redis.url().as_str())
            .env("LEMON_QUOTA__KEY_PREFIX", &self.prefix)
            .env("LEMON_JWT__SECRETS", JWT_SECRET)
            .env("LEMON_STORE__SEALING_KEYS", SEALING_KEY)
            .env("LEMON_SANDBOX__TRAINING_SECONDS", "0")
    }

    /// A replica that takes the first one's sandbox for Twitter.
    fn another(&self, first: &System) -> SystemBuilder {
        self.first()
            .env("LEMON_TWITTER__URL", &first.sandbox_url(""))
            .env("LEMON_TWITTER__CONSUMER_KEY", "lemon-toolbox-sandbox")
            .env("LEMON_TWITTER__CONSUMER_SECRET", "nobody signs in here")
            .env("LEMON_TWITTER__CALLBACK_URL", &first.url("/"))
    }
}

/// The requests whose training job was sent by any of them.
fn sent_jobs(systems: &[System]) -> BTreeSet<String> {
    systems.iter().flat_map(System::sent_trainings).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_2000_people_on_three_replicas_exactly_400_get_a_place() {
    let shared = Shared::new().await;
    let first = shared.first().start().await;
    let others = (0..2).map(|_| shared.another(&first).try_start());
    let others = try_join_all(others).await.unwrap();
    let systems: Vec<System> = [first].into_iter().chain(others).collect();
    let people: Vec<Person> = stream::iter(1..=2000)
        .map(|n| systems[0].sign_in(n))
        .buffer_unordered(16)
        .collect()
        .await;
    let people: Vec<Person> = people
        .iter()
        .zip(systems.iter().cycle())
        .map(|(person, system)| person.at(system))
        .collect();

    let answers = join_all(people.iter().map(Person::register_as_the_web_app)).await;

    let accepted = answers.iter().filter(|answer| answer.status == 201);
    let positions: BTreeSet<u64> = accepted
        .map(|answer| answer.body["register_count"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, (1..=400).collect());
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == Some("daily_quota_exhausted"));
    assert_eq!(refused.count(), 1600);
    for person in &people[..3] {
        let availability = person.can_use().await.must_be(200);
        assert_eq!(availability["register_count"], 400);
        assert_eq!(availability["can_use"], false);
    }
    wait_until("400 jobs were sent", async || {
        (sent_jobs(&systems).len() == 400).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_was_flushed_is_restored_before_anybody_is_admitted() {
    let shared = Shared::new().await;
    let system = shared
        .first()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", "3")
        .start()
        .await;
    for n in 1..=2 {
        system.sign_in(n).await.register(None).await.must_be(201);
    }
    shared.redis.forget(&shared.prefix).await;
    let third = system.sign_in(3).await;
    let registered = third.register(None).await.must_be(201);
    assert_eq!(registered["register_count"], 3);
    let fourth = system.sign_in(4).await;
    let refused = fourth.register(None).await;
    assert_eq!(refused.code(), Some("daily_quota_exhausted"));
}

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
    ] {
        let refused = shared.first().env(variable, url).try_start().await;
        let exit = refused.err().unwrap();
        assert_eq!(exit.status.code(), Some(1), "{exit}");
        let last = exit.log.last().unwrap();
        assert!(last.contains(said) && !last.contains("hush"), "{last}");
    }
}
