//! A window of a million places: the start, the restoration after a flush, and what a reconciliation without differences costs.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::future::join_all;
use lemon_test_servers::{PostgresServer, RedisServer};
use lemon_tests::{Answer, System, record_on_postgresql, record_on_sqlite, wait_until};

use crate::{CAN_USE, ROUNDS, figures::Figures, load::once_each, median, redis::Cli, registering};

const PLACES: u32 = 1_000_000;
/// Places that are left, and people who want them while the window is restored.
const FREE: u32 = 8;
/// The longest that a restoration takes, in seconds, and a script of Redis, in milliseconds.
const RESTORED: f64 = 10.0;
const SCRIPT: f64 = 10.0;
/// What a reconciliation without differences costs Redis, in milliseconds.
const NOTHING_DIFFERS: f64 = 1.0;

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let servers = on_servers(figures).await;
    servers.context("on PostgreSQL and Redis")?;
    embedded(figures).await.context("embedded")
}

async fn on_servers(figures: &mut Figures) -> anyhow::Result<()> {
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let (database, prefix) = (postgres.database().await, redis.key_prefix());
    let mut system = System::builder()
        .env("LEMON_STORE__URL", database.as_str())
        .env("LEMON_QUOTA__URL", redis.url().as_str())
        .env("LEMON_QUOTA__KEY_PREFIX", &prefix)
        .env(
            "LEMON_SERVICES__LEARN_ME__DAILY_LIMIT",
            &(PLACES + FREE).to_string(),
        )
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    let people = registering::tokens(&system, 1 + FREE as usize).await?;
    let first = crate::load::Request::post(REGISTER, &people[0]);
    once_each(system.http_address(), vec![first], 1).await?;
    system.terminate().await;
    record_on_postgresql(database.as_str(), 2..=PLACES).await;
    redis.forget(&prefix).await;
    let scripts = Scripts(Cli::of(&redis));

    scripts.forget().await?;
    system.restart().await;
    seconds(
        figures,
        "a start that restores a million places",
        system.ready_after(),
    );
    let slowest = scripts.at("99").await?;
    figures.cost(
        "script of a restoration in Redis, p99",
        slowest,
        "ms",
        SCRIPT,
    );
    ensure!(count(&system).await? == PLACES, "after the start");

    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        scripts.forget().await?;
        system.restart().await;
        costs.push(scripts.at("100").await?);
    }
    figures.cost(
        "reconciliation without differences in Redis",
        median(costs),
        "ms",
        NOTHING_DIFFERS,
    );

    redis.forget(&prefix).await;
    let flushed = Instant::now();
    // Nobody has a place before the window is whole; `can-use` would be answered from the record meanwhile.
    join_all(people[1..].iter().map(|token| register(&system, token))).await;
    let took = flushed.elapsed();
    seconds(figures, "a million places after a flush, restored", took);
    let counted = count(&system).await?;
    ensure!(counted == PLACES + FREE, "{counted} places after the flush");
    Ok(())
}

async fn embedded(figures: &mut Figures) -> anyhow::Result<()> {
    let mut system = System::builder()
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", &PLACES.to_string())
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    let people = registering::requests(&system, 1).await?;
    once_each(system.http_address(), people, 1).await?;
    system.terminate().await;
    let folder = system.data_dir();
    record_on_sqlite(&folder.join("lemon.db"), 2..=PLACES);
    fs::remove_file(folder.join("quota.db"))?;
    system.restart().await;
    seconds(
        figures,
        "a start that restores a million places, embedded",
        system.ready_after(),
    );
    ensure!(count(&system).await? == PLACES, "after the start");
    system.restart().await;
    seconds(
        figures,
        "a start with a million places, embedded",
        system.ready_after(),
    );
    ensure!(count(&system).await? == PLACES, "after the second start");
    Ok(())
}

const REGISTER: &str = "/api/service/learn_me";

/// Asks again and again for a place.
async fn register(system: &System, token: &str) {
    wait_until("everybody has a place", async || {
        let asked = system
            .client()
            .post(system.url(REGISTER))
            .bearer_auth(token);
        let answer = asked.send().await.ok()?;
        (answer.status() == 201).then_some(())
    })
    .await;
}

/// How many places are taken, as a caller is told.
async fn count(system: &System) -> anyhow::Result<u32> {
    let asked = system.client().get(system.url(CAN_USE)).send().await?;
    let answer = Answer::read(asked.error_for_status()?).await?;
    let count = answer.body["register_count"].as_u64().context("a count")?;
    Ok(u32::try_from(count)?)
}

fn seconds(figures: &mut Figures, name: &'static str, took: Duration) {
    figures.cost(name, took.as_secs_f64(), "s", RESTORED);
}

/// How long the scripts took that Redis ran, by itself.
struct Scripts(Cli);

impl Scripts {
    async fn forget(&self) -> anyhow::Result<()> {
        let percentiles = "latency-tracking-info-percentiles";
        self.0
            .tell(&["CONFIG", "SET", percentiles, "99 100"])
            .await?;
        self.0.tell(&["CONFIG", "RESETSTAT"]).await.map(drop)
    }

    /// In milliseconds (<https://redis.io/docs/latest/commands/info/>).
    async fn at(&self, percentile: &str) -> anyhow::Result<f64> {
        let said = self.0.tell(&["INFO", "latencystats"]).await?;
        let scripts = said
            .lines()
            .find_map(|line| line.strip_prefix("latency_percentiles_usec_evalsha:"))
            .with_context(|| format!("no scripts in {said:?}: this needs Redis 7"))?;
        let micros = scripts
            .split(',')
            .find_map(|part| part.strip_prefix(&format!("p{percentile}=")))
            .with_context(|| format!("no p{percentile} in {scripts}"))?;
        Ok(micros.trim().parse::<f64>()? / 1e3)
    }
}
