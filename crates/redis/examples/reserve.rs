//! Five jobs of a tenant ask for three places; one job gives its place back, and another job gets it.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run -p lemon-redis --example reserve`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{env, error::Error};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, Reservation, ReserveOutcome},
    values::{Budget, BudgetKey, BudgetName, Holder, Period, Scope, WindowPolicy},
};
use lemon_redis::{RedisConfig, RedisQuotaCounter};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let counter =
        RedisQuotaCounter::connect(&RedisConfig::new(url).with_key_prefix("example".to_owned()))
            .await?;

    #[expect(clippy::disallowed_methods, reason = "an example has no `Clock`")]
    let now = chrono::Utc::now();
    let day = WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul")?.window_at(now);
    let budget = Budget {
        key: BudgetKey {
            scope: Scope::parse("0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f")?,
            budget: BudgetName::parse("exports")?,
            window: day,
        },
        limit: 3,
        units: 1,
    };
    // A counter that does not know a window admits nobody until it is restored from the record, which is empty here.
    if let Some(restoration) = counter.begin_restoration(&budget.key).await? {
        counter.open(&budget.key, restoration).await?;
    }
    let ask = async |job: &str| {
        let wish = Reservation {
            holder: Holder::parse(job)?,
            budgets: vec![budget.clone()],
            at: now,
        };
        match counter.reserve(&wish).await? {
            ReserveOutcome::Reserved(taken) => {
                let (seat, left) = (taken[0].seat, taken[0].state.remaining());
                println!("{job} has place {seat}; {left} are left");
            }
            ReserveOutcome::Exhausted { state, .. } => {
                println!("{job} comes too late: {} are taken", state.used);
            }
            ReserveOutcome::Unknown(_) => println!("the counter has forgotten the day"),
        }
        Ok::<Holder, Box<dyn Error>>(wish.holder)
    };
    for job in ["job-1", "job-2", "job-3", "job-4", "job-5"] {
        ask(job).await?;
    }
    let second = ask("job-2").await?;
    let day = [budget.key.clone()];
    counter
        .release(&second, &day, DateTime::<Utc>::MAX_UTC)
        .await?;
    println!(
        "job-2 gives it back; taken: {:?}",
        counter.usage(&day).await?
    );
    ask("job-5").await?;
    Ok(())
}
