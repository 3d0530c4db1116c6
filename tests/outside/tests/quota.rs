//! The program reserves from a tenant's budget with its own holders, in a Redis that several of its processes share.

use std::{sync::Arc, time::Duration};

use exports::Ledger;
use lemon_domain::{
    ports::Clock,
    usecases::Quotas,
    values::{Budget, BudgetKey, BudgetName, Holder, Period, Place, Scope, WindowPolicy},
};
use lemon_redis::{
    KeyPrefix, RedisConfig, RedisQuotaCounter,
    fred::{
        clients::Pool,
        interfaces::ClientLike,
        types::config::{Config, ReconnectPolicy},
    },
};
use lemon_system::SystemClock;
use lemon_test_servers::RedisServer;
use uuid::Uuid;

#[tokio::test]
async fn of_a_tenants_budget_no_unit_is_given_twice() {
    let server = RedisServer::get().await;
    let prefix = server.key_prefix();
    let ledger = Arc::new(Ledger::default());
    // Two processes: one with the adapter's connections, one with its own pool.
    let first = process(connected(&server, &prefix).await, &ledger);
    let second = process(over_its_own_pool(&server, &prefix).await, &ledger);

    let budget = Budget {
        key: BudgetKey {
            scope: Scope::parse("0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f").unwrap(),
            budget: BudgetName::parse("exports").unwrap(),
            window: WindowPolicy::parse(Period::Monthly, "00:00", "Europe/Berlin")
                .unwrap()
                .window_at(SystemClock.now()),
        },
        limit: 10,
        units: 3,
    };
    let mut taken = Vec::new();
    for job in 1..=5_u128 {
        let holder = Holder::parse(&Uuid::from_u128(job).to_string()).unwrap();
        let quotas = if job % 2 == 0 { &first } else { &second };
        if let Ok(places) = quotas
            .reserve(&holder, std::slice::from_ref(&budget))
            .await
            .unwrap()
        {
            let place = Place {
                holder,
                seat: places[0].seat,
                units: budget.units,
                at: SystemClock.now(),
            };
            taken.push((place.seat, places[0].state.used));
            ledger.record(budget.key.clone(), place);
        }
        // The counter loses all its data at once: the ledger still has it.
        server.forget(&prefix).await;
    }
    assert_eq!(taken, [(1, 3), (2, 6), (3, 9)]);
}

fn process(counter: RedisQuotaCounter, ledger: &Arc<Ledger>) -> Quotas {
    let grace = Duration::from_secs(60);
    Quotas::new(
        Arc::new(counter),
        ledger.clone(),
        Arc::new(SystemClock),
        grace,
    )
}

async fn connected(server: &RedisServer, prefix: &str) -> RedisQuotaCounter {
    let config = RedisConfig::new(server.url().to_string())
        .with_key_prefix(prefix)
        .with_deadline(Duration::from_secs(60));
    RedisQuotaCounter::connect(&config).await.unwrap()
}

async fn over_its_own_pool(server: &RedisServer, prefix: &str) -> RedisQuotaCounter {
    let config = Config::from_url(server.url().as_str()).unwrap();
    let pool = Pool::new(config, None, None, Some(ReconnectPolicy::default()), 2).unwrap();
    pool.init().await.unwrap();
    let prefix = KeyPrefix::parse(prefix).unwrap();
    RedisQuotaCounter::new(&pool, prefix, Duration::from_secs(60))
}
