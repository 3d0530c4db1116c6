//! What the tests of this crate share: a server, counters on it, and a hand in its innards.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use fred::{
    clients::Client,
    interfaces::ClientLike,
    types::{ClusterHash, CustomCommand, Value, config::Config},
};
use lemon_domain::{
    ports::{QuotaCounter, RecordedSegment, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, BudgetName, Holder, Place, Scope, Segment, Window},
};
use lemon_redis::{RedisConfig, RedisQuotaCounter};
use lemon_test_servers::RedisServer;

/// A server, a beginning of keys for one test, and a connection to look behind the counter.
pub(crate) struct Redis {
    pub(crate) server: Arc<RedisServer>,
    pub(crate) prefix: String,
    client: Client,
}

impl Redis {
    pub(crate) async fn get() -> Self {
        let server = RedisServer::get().await;
        let config = Config::from_url(server.url().as_str()).unwrap();
        let client = Client::new(config, None, None, None);
        client.init().await.unwrap();
        Self {
            prefix: server.key_prefix(),
            server,
            client,
        }
    }

    pub(crate) fn config(&self) -> RedisConfig {
        self.config_at(self.server.url().as_str())
    }

    pub(crate) fn config_at(&self, url: &str) -> RedisConfig {
        // No test is about the machine's speed.
        RedisConfig::new(url)
            .with_key_prefix(self.prefix.clone())
            .with_deadline(Duration::from_secs(60))
    }

    pub(crate) async fn counter(&self) -> RedisQuotaCounter {
        RedisQuotaCounter::connect(&self.config()).await.unwrap()
    }

    /// Runs any command.
    pub(crate) async fn run(&self, command: &[&str]) -> Value {
        let (name, args) = command.split_first().unwrap();
        let custom = CustomCommand::new(*name, ClusterHash::FirstKey, false);
        self.client.custom(custom, args.to_vec()).await.unwrap()
    }
}

pub(crate) fn at() -> DateTime<Utc> {
    "2026-11-23T03:00:00Z".parse().unwrap()
}

/// The day of [`at`]; it ends late, so that no server expires it.
pub(crate) fn day() -> Window {
    Window {
        start: "2026-11-22T21:00:00Z".parse().unwrap(),
        end: "2100-01-01T00:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn budget(name: &str, limit: u32, units: u32) -> Budget {
    Budget {
        key: BudgetKey {
            scope: Scope::parse("LEARNME").unwrap(),
            budget: BudgetName::parse(name).unwrap(),
            window: day(),
        },
        limit,
        units,
    }
}

pub(crate) fn daily(limit: u32) -> Budget {
    budget("daily", limit, 1)
}

pub(crate) fn holder(user: i64) -> Holder {
    Holder::parse(&format!("{user}:1")).unwrap()
}

pub(crate) fn wish(user: i64, budgets: &[&Budget]) -> Reservation {
    Reservation {
        holder: holder(user),
        budgets: budgets.iter().copied().cloned().collect(),
        at: at(),
    }
}

/// The user's place on the seat of their number.
pub(crate) fn place(user: u32) -> Place {
    Place {
        holder: holder(user.into()),
        seat: user,
        units: 1,
        at: at(),
    }
}

/// The first segment of an open window, as the record has it.
pub(crate) fn recorded(budget: &Budget, places: &[Place]) -> RecordedSegment {
    RecordedSegment {
        key: budget.key.clone(),
        segment: Segment::FIRST,
        places: places.to_vec(),
        as_of: at(),
        restoration: None,
    }
}

/// The seat that the user has now.
pub(crate) async fn seat(counter: &dyn QuotaCounter, user: i64, budget: &Budget) -> u32 {
    match counter.reserve(&wish(user, &[budget])).await.unwrap() {
        ReserveOutcome::Reserved(taken) => taken[0].seat,
        other => panic!("no place was given: {other:?}"),
    }
}

pub(crate) async fn used(counter: &dyn QuotaCounter, budget: &Budget) -> Option<u32> {
    counter
        .usage(std::slice::from_ref(&budget.key))
        .await
        .unwrap()[0]
}
