//! Relays an outbox in memory to a queue in memory. When a training finishes for a person who has deleted their data,
//! the store puts a row in the outbox, so that the workers delete what they trained.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use lemon_consumer::{Relay, Rendered, Renderer};
use lemon_domain::{
    ports::{Clock, OutboxEntry, Registrations, StoreError},
    values::{AccountId, ProviderUserId, QueueName, RequestId, ServiceType, Task, TrainingReady},
};
use lemon_fakes::{FakeClock, MemoryJobQueue, MemoryStore};
use uuid::Uuid;

/// Renders the kind of task and its account.
struct Plain(QueueName);

#[async_trait]
impl Renderer<Task> for Plain {
    async fn render(&self, entries: &[OutboxEntry<Task>]) -> Result<Vec<Rendered>, StoreError> {
        let message = |entry: &OutboxEntry<Task>| Rendered::Send {
            queue: self.0.clone(),
            body: format!("{} {}", entry.content.kind.as_str(), entry.content.account),
        };
        Ok(entries.iter().map(message).collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let jobs = QueueName::parse("jobs")?;
    let clock = Arc::new(FakeClock::default());
    let outbox = Arc::new(MemoryStore::new(clock.clone()));
    let queue = Arc::new(MemoryJobQueue::new(clock.clone(), [jobs.clone()]));
    let ready = TrainingReady {
        account: AccountId::twitter(ProviderUserId::parse("783214")?),
        service: ServiceType::parse("LEARNME")?,
        request_id: None,
    };
    let request_id = RequestId::new(Uuid::nil());
    outbox.finish(&ready, request_id, clock.now()).await?;
    let relay = Relay::new(outbox, queue.clone(), clock, Plain(jobs.clone()));
    println!("{} relayed", relay.relay_batch().await?);
    for body in queue.bodies(&jobs) {
        println!("{body}");
    }
    Ok(())
}
