use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use lemon_domain::{
    ports::{QuotaCounter, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, BudgetName, Scope, Turn, UserId, Window},
};
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use lemon_test_servers::RedisServer;

use crate::{CONNECTIONS, ROUNDS, figures::Figures, median, tool};

/// Reservations of each side in a round.
const ROUND: usize = 20_000;
/// More than are asked for.
const LIMIT: u32 = 100_000_000;

/// The script that a reservation is, as the adapter sends it.
const SCRIPT: &str = concat!(
    include_str!("../../../crates/redis/src/scripts/window.lua"),
    include_str!("../../../crates/redis/src/scripts/reserve.lua")
);

/// How many places a second the counter gives away, beside the same script called by the server's own benchmark.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let server = RedisServer::get().await;
    let counter = RedisQuotaCounter::connect(
        &RedisConfig::new(server.url().to_string()).with_key_prefix(server.key_prefix()),
    )
    .await?;
    let ours = Ours::new(counter).await?;
    let bare = Bare::new(&server);
    let (mut measured, mut limit, mut slowest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let round = ours.round().await?;
        measured.push(round.rate);
        slowest.push(round.p99.as_secs_f64() * 1e3);
        limit.push(bare.round().await?);
    }
    figures.rate(
        "reservations in Redis, beside EVALSHA",
        median(measured),
        median(limit),
        0.5,
    );
    figures.cost("reservation in Redis, p99", median(slowest), "ms", 2.0);
    Ok(())
}

struct Ours {
    counter: Arc<RedisQuotaCounter>,
    budget: Budget,
    at: DateTime<Utc>,
    next: Arc<AtomicI64>,
}

struct Round {
    rate: f64,
    p99: Duration,
}

impl Ours {
    async fn new(counter: RedisQuotaCounter) -> anyhow::Result<Self> {
        let at: DateTime<Utc> = "2126-11-23T03:04:05Z".parse()?;
        let key = BudgetKey {
            scope: Scope::parse("LEARNME")?,
            budget: BudgetName::daily(),
            window: Window {
                start: at,
                end: at + TimeDelta::days(1),
            },
        };
        if let Some(restoration) = counter.begin_restoration(&key).await? {
            counter.open(&key, restoration).await?;
        }
        Ok(Self {
            counter: Arc::new(counter),
            budget: Budget {
                key,
                limit: LIMIT,
                units: 1,
            },
            at,
            next: Arc::default(),
        })
    }

    /// Every person once, by as many callers as the server's benchmark has.
    async fn round(&self) -> anyhow::Result<Round> {
        let start = Instant::now();
        let callers = (0..CONNECTIONS).map(|_| {
            let (counter, next) = (Arc::clone(&self.counter), Arc::clone(&self.next));
            let (budget, at) = (self.budget.clone(), self.at);
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(ROUND / CONNECTIONS);
                for _ in 0..ROUND / CONNECTIONS {
                    let wish = Reservation {
                        holder: Turn {
                            user: UserId::new(next.fetch_add(1, Ordering::Relaxed)),
                            number: 1,
                        }
                        .holder(),
                        budgets: vec![budget.clone()],
                        at,
                    };
                    let asked = Instant::now();
                    let outcome = counter.reserve(&wish).await?;
                    took.push(asked.elapsed());
                    ensure!(
                        matches!(outcome, ReserveOutcome::Reserved(_)),
                        "{outcome:?}"
                    );
                }
                Ok(took)
            })
        });
        let mut took = Vec::with_capacity(ROUND);
        for caller in try_join_all(callers).await? {
            took.extend(caller?);
        }
        let seconds = start.elapsed().as_secs_f64();
        took.sort_unstable();
        Ok(Round {
            rate: f64::from(u32::try_from(took.len())?) / seconds,
            p99: took[took.len() * 99 / 100],
        })
    }
}

/// The same script on keys of its own, for a random holder each time.
pub(crate) struct Bare {
    cli: Cli,
    keys: [String; 3],
}

/// A server's own client.
pub(crate) struct Cli {
    host: String,
    port: String,
}

impl Cli {
    pub(crate) fn of(server: &RedisServer) -> Self {
        let (host, port) = server.address();
        Self {
            host,
            port: port.to_string(),
        }
    }

    pub(crate) async fn tell(&self, command: &[&str]) -> anyhow::Result<String> {
        let server = ["-h", &self.host, "-p", &self.port];
        let arguments = [&server[..], command].concat();
        tool::run(&["redis-cli", "valkey-cli"], &arguments).await
    }
}

impl Bare {
    pub(crate) fn new(server: &RedisServer) -> Self {
        let prefix = server.key_prefix();
        Self {
            cli: Cli::of(server),
            keys: ["places", "seats", "sums"].map(|part| format!("{{{prefix}}}:{part}")),
        }
    }

    pub(crate) async fn round(&self) -> anyhow::Result<f64> {
        let [places, seats, sums] = self.keys.each_ref().map(String::as_str);
        let hash = self.cli.tell(&["SCRIPT", "LOAD", SCRIPT]).await?;
        if self.cli.tell(&["EXISTS", places]).await?.trim() == "0" {
            self.cli.tell(&["HSET", places, "used", "0"]).await?;
            self.cli.tell(&["HSET", sums, "counted", "1"]).await?;
        }
        let (clients, calls, limit) = (
            CONNECTIONS.to_string(),
            ROUND.to_string(),
            LIMIT.to_string(),
        );
        let call = [
            "EVALSHA",
            hash.trim(),
            "3",
            places,
            seats,
            sums,
            "__rand_int__",
            "1",
            &limit,
            "1",
            "4950000000000",
        ];
        let load = [
            "-h",
            &self.cli.host,
            "-p",
            &self.cli.port,
            "-c",
            &clients,
            "-n",
            &calls,
            "-r",
            "100000000",
            "-q",
        ];
        let said = tool::run(
            &["redis-benchmark", "valkey-benchmark"],
            &[&load[..], &call[..]].concat(),
        )
        .await?;
        tool::number(&said, ": ", " requests per second")
    }
}
