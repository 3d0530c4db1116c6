use std::time::Duration;

use lemon_testkit::services::{PostgresServer, RedisServer};
use lemon_tests::{System, record_on_postgresql};

use crate::{
    CONNECTIONS, ROUNDS, figures::Figures, load::repeat, median, quiet::quiet, redis::Bare,
    registering,
};

/// How long each side of a round takes, about.
const ROUND: Duration = Duration::from_secs(1);

/// The limit that a service has unless it is told another, and a large one; what the figures are called.
const SIZES: [(u32, [&str; 2]); 2] = [
    (
        400,
        [
            "refusals, 400 spent, beside EVALSHA",
            "refusals, cooldown of 400, beside EVALSHA",
        ],
    ),
    (
        100_000,
        [
            "refusals, 100,000 spent, beside EVALSHA",
            "refusals, cooldown of 100,000, beside EVALSHA",
        ],
    ),
];

/// How many requests a second are refused, on PostgreSQL and Redis, when the day's places are spent and when the person's
/// cooldown runs, beside the bare script of a reservation by as many clients.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    for (limit, names) in SIZES {
        at_limit(figures, limit, names).await?;
    }
    Ok(())
}

async fn at_limit(
    figures: &mut Figures,
    limit: u32,
    [spent, cooldown]: [&'static str; 2],
) -> anyhow::Result<()> {
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let database = postgres.database().await;
    let mut system = System::builder()
        .env("LEMON_STORE__URL", database.as_str())
        .env("LEMON_STORE__MAX_CONNECTIONS", &CONNECTIONS.to_string())
        .env("LEMON_QUOTA__URL", redis.url().as_str())
        .env("LEMON_QUOTA__KEY_PREFIX", &redis.key_prefix())
        .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", &limit.to_string())
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600")
        .start()
        .await;
    let people = registering::requests(&system, 2).await?;
    crate::load::once_each(system.http_address(), people[..1].to_vec(), 1).await?;
    // All places of the day but the first, which is taken. The start sets the counter right from the record.
    record_on_postgresql(database.as_str(), 2..=limit).await;
    system.restart().await;
    quiet(&system).await?;
    let bare = Bare::new(&redis);
    let [early, late] = [0, 1].map(|person: usize| people[person].clone().refused());
    for (name, request) in [(spent, late), (cooldown, early)] {
        let (mut measured, mut best) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let refused = repeat(system.http_address(), request.clone(), CONNECTIONS, ROUND);
            measured.push(refused.await?);
            best.push(bare.round().await?);
        }
        figures.rate(name, median(measured), median(best), 0.5);
    }
    Ok(())
}
