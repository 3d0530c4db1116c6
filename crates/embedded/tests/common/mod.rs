//! What several tests need.

use std::{path::Path, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{Delivery, JobQueue, Outgoing},
    sealing::{SealingKey, SealingKeys},
    values::QueueName,
};
use lemon_embedded::{EmbeddedError, EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_fakes::{FakeClock, SequentialIds};
use uuid::Uuid;

/// The visibility timeout of the queues here.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(30);

/// The one queue there is.
pub(crate) fn jobs() -> QueueName {
    QueueName::parse("Jobs").unwrap()
}

/// Opens a queue in a folder.
pub(crate) fn try_open(
    folder: &Path,
    clock: &Arc<FakeClock>,
) -> Result<EmbeddedJobQueue, EmbeddedError> {
    try_open_with(folder, &["first"], clock)
}

/// Opens a queue in a folder with the keys of these ids.
pub(crate) fn try_open_with(
    folder: &Path,
    ids: &[&str],
    clock: &Arc<FakeClock>,
) -> Result<EmbeddedJobQueue, EmbeddedError> {
    let new_ids = Arc::new(SequentialIds::default());
    EmbeddedJobQueue::open(&config(folder), keys(ids), clock.clone(), new_ids)
}

/// The queue's file in a folder.
pub(crate) fn config(folder: &Path) -> EmbeddedQueueConfig {
    EmbeddedQueueConfig::new(folder.join("queue.db"), [jobs()].into()).with_visibility(VISIBILITY)
}

/// Keys with these ids; the same id is the same key.
pub(crate) fn keys(ids: &[&str]) -> Arc<SealingKeys> {
    let key = |id: &&str| {
        let letters = format!("{id:A<43}");
        SealingKey::parse(&format!("{id}:{letters}=").into()).unwrap()
    };
    Arc::new(SealingKeys::new(ids.iter().map(key).collect()).unwrap())
}

/// Opens a queue in a folder, where that must succeed.
pub(crate) fn open(folder: &Path, clock: &Arc<FakeClock>) -> EmbeddedJobQueue {
    try_open(folder, clock).unwrap()
}

/// Sends one message.
pub(crate) async fn send(queue: &EmbeddedJobQueue, body: &str) {
    let message = Outgoing {
        id: Uuid::nil(),
        body: body.to_owned(),
        trace: None,
    };
    for outcome in queue.send(&jobs(), vec![message]).await {
        outcome.unwrap();
    }
}

/// Receives without waiting.
pub(crate) async fn receive(queue: &EmbeddedJobQueue) -> Vec<Delivery> {
    queue.receive(&jobs(), 10, Duration::ZERO).await.unwrap()
}
