//! The relay's engine; what its rows become is tested where they are rendered.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_consumer::{Relay, RelayConfig, Rendered, Renderer};
use lemon_domain::{
    ports::{
        Backlog, Clock, Delivery, Depth, JobQueue, Outbox, OutboxEntry, Outgoing, QueueError,
        Receipt, StoreError,
    },
    values::{QueueName, RequestId},
};
use lemon_fakes::FakeClock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::subjects::eventually;

/// Rows that say what nobody here knows.
fn row(id: i64) -> OutboxEntry<&'static str> {
    OutboxEntry {
        id,
        attempt: 1,
        content: "a parcel",
        request_id: RequestId::new(Uuid::nil()),
        created_at: FakeClock::default().now(),
        trace: None,
    }
}

/// Rows, which are claimed once.
#[derive(Default)]
struct Rows {
    due: Mutex<Vec<OutboxEntry<&'static str>>>,
    removed: Mutex<Vec<i64>>,
    postponed: Mutex<Vec<i64>>,
    set_aside: Mutex<Vec<i64>>,
    claims: AtomicUsize,
    claimed_twice: Notify,
}

#[async_trait]
impl Outbox<&'static str> for Rows {
    async fn claim(
        &self,
        max: u32,
        _: Duration,
        _: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<&'static str>>, StoreError> {
        if self.claims.fetch_add(1, Ordering::Relaxed) == 1 {
            self.claimed_twice.notify_one();
        }
        let mut due = self.due.lock().unwrap();
        let many = due.len().min(max.try_into().unwrap());
        Ok(due.drain(..many).collect())
    }

    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError> {
        self.removed.lock().unwrap().extend(ids);
        Ok(())
    }

    async fn postpone(
        &self,
        entry: &OutboxEntry<&'static str>,
        _: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.postponed.lock().unwrap().push(entry.id);
        Ok(())
    }

    async fn set_aside(
        &self,
        entry: &OutboxEntry<&'static str>,
        _: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.set_aside.lock().unwrap().push(entry.id);
        Ok(())
    }

    async fn backlog(&self, _: DateTime<Utc>) -> Result<Backlog, StoreError> {
        Err(StoreError::Unreached("nobody asks".into()))
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Answers the first send when a second claim was made.
struct Slow {
    rows: Arc<Rows>,
    sends: AtomicUsize,
}

#[async_trait]
impl JobQueue for Slow {
    async fn send(&self, _: &QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), QueueError>> {
        if self.sends.fetch_add(1, Ordering::Relaxed) == 0 {
            self.rows.claimed_twice.notified().await;
        }
        messages.iter().map(|_| Ok(())).collect()
    }

    async fn receive(
        &self,
        _: &QueueName,
        _: usize,
        _: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        Ok(Vec::new())
    }

    async fn ack(&self, _: &QueueName, _: &[Receipt]) -> Vec<Result<(), QueueError>> {
        Vec::new()
    }

    async fn retry_after(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }

    async fn extend(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }

    async fn dead_letter(&self, _: &QueueName, _: &Delivery, _: &str) -> Result<(), QueueError> {
        Ok(())
    }

    async fn depth(&self, _: &QueueName) -> Result<Depth, QueueError> {
        Ok(Depth::default())
    }
}

/// Drops what is numbered 3, postpones what is numbered 4, sets aside what is numbered 6.
struct Numbers;

#[async_trait]
impl Renderer<&'static str> for Numbers {
    async fn render(
        &self,
        entries: &[OutboxEntry<&'static str>],
    ) -> Result<Vec<Rendered>, StoreError> {
        let reason = || "on purpose".to_owned();
        let render = |entry: &OutboxEntry<&'static str>| match entry.id {
            3 => Rendered::Drop { reason: reason() },
            4 => Rendered::Postpone { reason: reason() },
            6 => Rendered::SetAside { reason: reason() },
            id => Rendered::Send {
                queue: QueueName::parse("jobs").unwrap(),
                body: id.to_string(),
            },
        };
        Ok(entries.iter().map(render).collect())
    }
}

#[tokio::test]
async fn the_next_rows_are_claimed_during_a_send_and_each_row_ends_as_it_was_rendered() {
    let rows = Arc::new(Rows {
        due: Mutex::new((1..=6).map(row).collect()),
        ..Rows::default()
    });
    let queue = Slow {
        rows: Arc::clone(&rows),
        sends: AtomicUsize::new(0),
    };
    let clock = Arc::new(FakeClock::default());
    let relay = Relay::new(rows.clone(), Arc::new(queue), clock, Numbers)
        .with_config(RelayConfig::default().with_batch(2));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { relay.run(stop).await }
    });
    eventually("every row is dealt with", async || {
        let ends = [&rows.removed, &rows.postponed, &rows.set_aside];
        ends.map(|rows| rows.lock().unwrap().len())
            .iter()
            .sum::<usize>()
            == 6
    })
    .await;
    stop.cancel();
    running.await.unwrap();
    let mut removed = rows.removed.lock().unwrap().clone();
    removed.sort_unstable();
    assert_eq!(removed, [1, 2, 3, 5]);
    assert_eq!(*rows.postponed.lock().unwrap(), [4]);
    assert_eq!(*rows.set_aside.lock().unwrap(), [6]);
}
