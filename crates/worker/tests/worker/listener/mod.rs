//! The listener to ready messages.

mod messages;
mod outages;
mod stops;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lemon_consumer::ConsumerError;
use lemon_domain::{
    ports::{
        Clock, Delivery, Depth, FinishOutcome, JobQueue, Outbox, Outgoing, QueueError, Receipt,
        Registrations, StoreError, mocks::MockRegistrations,
    },
    values::{AccountId, Identity, ProviderUserId, QueueName, TaskKind, UserId},
};
use lemon_worker::ReadyListener;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{World, eventually};

/// A listener at work; dropping it leaves it, `end` sees it finish.
pub(crate) struct Listening {
    stop: CancellationToken,
    task: JoinHandle<Result<(), ConsumerError>>,
}

impl Listening {
    pub(crate) fn start(listener: Arc<ReadyListener>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Registrations that say so when they are told that a training is finished.
fn finishing(
    answer: impl Fn(usize) -> Result<FinishOutcome, StoreError> + Send + Sync + 'static,
) -> (Arc<MockRegistrations>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut registrations = MockRegistrations::new();
    let counted = Arc::clone(&calls);
    registrations
        .expect_finish()
        .returning(move |_, _, _| answer(counted.fetch_add(1, Ordering::Relaxed)));
    (Arc::new(registrations), calls)
}

pub(crate) fn identity(n: i64) -> Identity {
    Identity {
        user: UserId::new(n),
        account: AccountId::twitter(ProviderUserId::try_from(n).unwrap()),
    }
}

pub(crate) fn ready(person: Identity) -> Value {
    json!({
        "finished": "done",
        "oauth_user_id": person.account.user_id.get(),
        "oauth_type": "TWITTER",
        "service_name": "LEARNME",
    })
}

impl World {
    async fn tell(&self, body: &Value) {
        self.tell_text(&body.to_string()).await;
    }

    async fn tell_text(&self, body: &str) {
        let message = Outgoing {
            id: Uuid::nil(),
            body: body.to_owned(),
            trace: None,
        };
        let sent = self.queue.send(&self.queues().ready, vec![message]).await;
        sent.into_iter().next().unwrap().unwrap();
    }

    async fn all_is_heard(&self) {
        let ready = self.queues().ready;
        eventually("every message is heard", async || {
            self.queue.bodies(&ready).is_empty()
        })
        .await;
    }

    /// Takes every row out of the outbox; answers how many of them were of that task.
    async fn waiting(&self, task: TaskKind) -> usize {
        let mut count = 0;
        loop {
            let lease = Duration::from_secs(1);
            let rows = self
                .store
                .claim(1000, lease, self.clock.now())
                .await
                .unwrap();
            if rows.is_empty() {
                return count;
            }
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            self.store.remove(&ids).await.unwrap();
            count += rows.iter().filter(|row| row.content.kind == task).count();
        }
    }

    async fn is_ready(&self, person: Identity) -> bool {
        self.store.list(person.user).await.unwrap()[0].ready
    }
}

/// A queue that answers no call within its deadline, but for the first receives.
#[derive(Default)]
struct Hanging {
    /// Receives that bring something.
    rounds: usize,
    received: AtomicUsize,
    /// It answers, and refuses to hide a message for longer.
    refuses_to_hide: bool,
    sent: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Hanging {
    async fn hang(&self) -> QueueError {
        tokio::time::sleep(Duration::from_secs(5)).await;
        QueueError::Unavailable("no answer".into())
    }
}

#[async_trait]
impl JobQueue for Hanging {
    async fn send(&self, _: &QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), QueueError>> {
        if self.refuses_to_hide {
            self.sent.fetch_add(messages.len(), Ordering::Relaxed);
            return vec![Ok(())];
        }
        vec![Err(self.hang().await)]
    }

    async fn receive(
        &self,
        _: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let round = self.received.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
        if round > self.rounds {
            tokio::time::sleep(wait).await;
            return Err(self.hang().await);
        }
        let delivery = |n| Delivery {
            message_id: format!("{round}-{n}"),
            receipt: Receipt(format!("{round}-{n}")),
            body: ready(identity(n)).to_string(),
            attempt: 1,
            trace: None,
        };
        Ok((1..=i64::try_from(max).unwrap()).map(delivery).collect())
    }

    async fn ack(&self, _: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        if self.refuses_to_hide {
            self.acknowledged
                .fetch_add(receipts.len(), Ordering::Relaxed);
            return receipts.iter().map(|_| Ok(())).collect();
        }
        let error = self.hang().await.to_string();
        let failed = |_| Err(QueueError::Unavailable(error.clone().into()));
        receipts.iter().map(failed).collect()
    }

    async fn retry_after(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        Err(self.hang().await)
    }

    async fn extend(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        if self.refuses_to_hide {
            return Err(QueueError::Rejected("beyond 12 hours".into()));
        }
        Err(self.hang().await)
    }

    async fn dead_letter(&self, _: &QueueName, _: &Delivery, _: &str) -> Result<(), QueueError> {
        Err(self.hang().await)
    }

    async fn depth(&self, _: &QueueName) -> Result<Depth, QueueError> {
        Err(self.hang().await)
    }
}
