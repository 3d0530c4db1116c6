//! A queue and a quota counter in files, which outlive the process: `cargo run -p lemon-embedded --example one_machine`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Clock, JobQueue, Outgoing, QuotaCounter, Reservation},
    sealing::{SealingKey, SealingKeys},
    values::{Budget, BudgetKey, BudgetName, Holder, Period, QueueName, Scope, WindowPolicy},
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig, EmbeddedQuotaCounter};
use lemon_system::{SystemClock, SystemIds};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let jobs = QueueName::parse("jobs")?;
    let config = EmbeddedQueueConfig::new(folder.path().join("queue.db"), [jobs.clone()].into())
        .with_visibility(Duration::from_secs(5));
    // A program keeps its keys in its configuration, not beside the file.
    let key = SealingKey::parse(&SealingKey::generate("2026-11", &SystemIds))?;
    let keys = Arc::new(SealingKeys::new(vec![key])?);
    let open = || EmbeddedJobQueue::open(&config, keys.clone(), clock.clone(), Arc::new(SystemIds));

    let queue = open()?;
    let body = "export the report of March".to_owned();
    let job = Outgoing {
        id: Uuid::nil(),
        body,
        trace: None,
    };
    for sent in queue.send(&jobs, vec![job]).await {
        sent?;
    }
    // The process ends, and the next one finds the job.
    drop(queue);
    let queue = open()?;
    for job in queue.receive(&jobs, 10, Duration::from_secs(1)).await? {
        println!("{}, receive {}", job.body, job.attempt);
        for acknowledged in queue.ack(&jobs, &[job.receipt]).await {
            acknowledged?;
        }
    }

    let counter = EmbeddedQuotaCounter::open(&folder.path().join("quota.db"), clock.clone())?;
    let key = BudgetKey {
        scope: Scope::parse("0197c6a0-7c1e-7cc3-98c4-dc0c0c07398f")?,
        budget: BudgetName::parse("exports")?,
        window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul")?.window_at(clock.now()),
    };
    // A window that a counter does not know is restored from a record. This one has nothing recorded.
    let restoration = counter.begin_restoration(&key).await?;
    if let Some(restoration) = restoration {
        QuotaCounter::open(&counter, &key, restoration).await?;
    }
    for job in 1..=3 {
        let reservation = Reservation {
            holder: Holder::parse(&format!("job-{job}"))?,
            budgets: vec![Budget {
                key: key.clone(),
                limit: 2,
                units: 1,
            }],
            at: clock.now(),
        };
        println!("job {job}: {:?}", counter.reserve(&reservation).await?);
    }
    Ok(())
}
