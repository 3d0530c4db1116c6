//! Five people ask for three places, one gives theirs back, and the next one finds it.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run -p lemon-redis --example reserve`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, BudgetName, Holder, Period, ServiceType, UserId, WindowPolicy},
};
use lemon_redis::{RedisConfig, RedisQuotaCounter};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let counter = RedisQuotaCounter::connect(&RedisConfig {
        key_prefix: "example".to_owned(),
        ..RedisConfig::new(url)
    })
    .await?;

    #[expect(clippy::disallowed_methods, reason = "an example has no `Clock`")]
    let now = chrono::Utc::now();
    let day = WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul")?.window_at(now);
    let budget = Budget {
        key: BudgetKey {
            service: ServiceType::parse("LEARNME")?,
            budget: BudgetName::daily(),
            window: day,
        },
        limit: 3,
        units: 1,
    };
    // A counter that knows nothing of a window admits nobody until it is told what the record has: here, nothing.
    if let Some(restoration) = counter.begin_restoration(&budget.key).await? {
        counter.open(&budget.key, restoration).await?;
    }
    let ask = async |user| {
        let wish = Reservation {
            holder: Holder {
                user: UserId::new(user),
                turn: 1,
            },
            budgets: vec![budget.clone()],
            at: now,
        };
        match counter.reserve(&wish).await? {
            ReserveOutcome::Reserved(taken) => println!("{user} has place {}", taken[0].seat),
            ReserveOutcome::Exhausted { .. } => println!("{user} comes too late"),
            ReserveOutcome::Unknown(_) => println!("the counter has forgotten the day"),
        }
        Ok::<Holder, Box<dyn Error>>(wish.holder)
    };
    for user in 1..=5 {
        ask(user).await?;
    }
    let second = ask(2).await?;
    let day = [budget.key.clone()];
    counter
        .release(second, &day, DateTime::<Utc>::MAX_UTC)
        .await?;
    println!("2 gives it back; taken: {:?}", counter.usage(&day).await?);
    ask(5).await?;
    Ok(())
}
