use std::time::Duration;

use anyhow::bail;
use lemon_test_servers::{PostgresServer, RedisServer};
use lemon_tests::{System, SystemBuilder, record_on_postgresql, record_on_sqlite};

use crate::{
    CONNECTIONS, ROUNDS,
    figures::Figures,
    load::{Request, once_each, repeat},
    median,
    quiet::quiet,
    redis::Bare,
    registering,
};

/// How long each side of a round takes, about.
const ROUND: Duration = Duration::from_secs(1);

/// The limit that a service has unless it is told another, and a large one; what the figures are called, on servers and
/// embedded.
const SIZES: [(u32, [&str; 4]); 2] = [
    (
        400,
        [
            "refusals, 400 spent, beside EVALSHA",
            "refusals, cooldown of 400, beside EVALSHA",
            "refusals, 400 spent, embedded, beside EVALSHA",
            "refusals, cooldown of 400, embedded, beside EVALSHA",
        ],
    ),
    (
        100_000,
        [
            "refusals, 100,000 spent, beside EVALSHA",
            "refusals, cooldown of 100,000, beside EVALSHA",
            "refusals, 100,000 spent, embedded, beside EVALSHA",
            "refusals, cooldown of 100,000, embedded, beside EVALSHA",
        ],
    ),
];

/// How many requests a second are refused, on PostgreSQL and Redis and embedded, when the day's places are spent and when the
/// person's cooldown runs, beside the bare script of a reservation by as many clients.
pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let (postgres, redis) = (PostgresServer::get().await, RedisServer::get().await);
    let bare = Bare::new(&redis);
    for (limit, [spent, cooldown, spent_embedded, cooldown_embedded]) in SIZES {
        let system = System::builder()
            .env("LEMON_SERVICES__LEARN_ME__DAILY_LIMIT", &limit.to_string())
            .env("LEMON_SANDBOX__TRAINING_SECONDS", "3600");
        let database = postgres.database().await;
        let on_servers = system
            .clone()
            .env("LEMON_STORE__URL", database.as_str())
            .env("LEMON_STORE__MAX_CONNECTIONS", &CONNECTIONS.to_string())
            .env("LEMON_QUOTA__URL", redis.url().as_str())
            .env("LEMON_QUOTA__KEY_PREFIX", &redis.key_prefix());
        let mut spending = Spending::begin(on_servers).await?;
        record_on_postgresql(database.as_str(), 2..=limit).await;
        spending.measure(figures, [spent, cooldown], &bare).await?;

        let mut spending = Spending::begin(system).await?;
        record_on_sqlite(&spending.system.data_dir().join("lemon.db"), 2..=limit);
        let names = [spent_embedded, cooldown_embedded];
        spending.measure(figures, names, &bare).await?;
    }
    Ok(())
}

/// A system that is stopped, of whose places one is taken; and how that person and another ask for one.
struct Spending {
    system: System,
    early: Request,
    late: Request,
}

impl Spending {
    async fn begin(system: SystemBuilder) -> anyhow::Result<Self> {
        let mut system = system.start().await;
        let mut people = registering::requests(&system, 2).await?;
        let (Some(late), Some(early)) = (people.pop(), people.pop()) else {
            bail!("two people have signed in");
        };
        once_each(system.http_address(), vec![early.clone()], 1).await?;
        system.terminate().await;
        Ok(Self {
            system,
            early: early.refused(),
            late: late.refused(),
        })
    }

    /// When all places are recorded: the start sets the counter right.
    async fn measure(
        &mut self,
        figures: &mut Figures,
        [spent, cooldown]: [&'static str; 2],
        bare: &Bare,
    ) -> anyhow::Result<()> {
        self.system.restart().await;
        quiet(&self.system).await?;
        for (name, request) in [(spent, &self.late), (cooldown, &self.early)] {
            let (mut measured, mut best) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let to = self.system.http_address();
                let refused = repeat(to, request.clone(), CONNECTIONS, ROUND);
                measured.push(refused.await?);
                best.push(bare.round().await?);
            }
            figures.rate(name, median(measured), median(best), 0.5);
        }
        Ok(())
    }
}
