//! A queue of which a test decides what each call answers.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use tokio::time::{Instant, sleep};

/// Hands out messages, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Double {
    pub(crate) waiting: Mutex<Vec<Delivery>>,
    pub(crate) extended: Mutex<Vec<(String, Duration)>>,
    pub(crate) acknowledged: Mutex<Vec<Vec<String>>>,
    /// Receipts that are somebody else's from the first heartbeat on.
    pub(crate) lost: Vec<String>,
    /// How often each acknowledgement fails first.
    pub(crate) ack_failures: Mutex<usize>,
    pub(crate) began: Mutex<Option<Instant>>,
}

impl Double {
    pub(crate) fn of(messages: usize) -> Self {
        let delivery = |n: usize| Delivery {
            message_id: n.to_string(),
            receipt: Receipt(n.to_string()),
            body: n.to_string(),
            attempt: 1,
            trace: None,
        };
        Self {
            waiting: Mutex::new((0..messages).map(delivery).collect()),
            began: Mutex::new(Some(Instant::now())),
            ..Self::default()
        }
    }
}

#[async_trait]
impl JobQueue for Double {
    async fn send(&self, _: &QueueName, messages: Vec<Outgoing>) -> Vec<Result<(), QueueError>> {
        messages.iter().map(|_| Ok(())).collect()
    }

    async fn receive(
        &self,
        _: &QueueName,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        let received: Vec<_> = {
            let mut waiting = self.waiting.lock().unwrap();
            let many = waiting.len().min(max);
            waiting.drain(..many).collect()
        };
        if received.is_empty() {
            sleep(wait).await;
        }
        Ok(received)
    }

    async fn ack(&self, _: &QueueName, receipts: &[Receipt]) -> Vec<Result<(), QueueError>> {
        let mut failures = self.ack_failures.lock().unwrap();
        let mut taken = Vec::new();
        let mut outcomes = Vec::new();
        for receipt in receipts {
            if *failures > 0 {
                *failures -= 1;
                outcomes.push(Err(QueueError::Unreached("on purpose".into())));
            } else {
                taken.push(receipt.0.clone());
                outcomes.push(Ok(()));
            }
        }
        self.acknowledged.lock().unwrap().push(taken);
        outcomes
    }

    async fn retry_after(&self, _: &QueueName, _: &Receipt, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }

    async fn extend(
        &self,
        _: &QueueName,
        receipt: &Receipt,
        _: Duration,
    ) -> Result<(), QueueError> {
        let began = self.began.lock().unwrap().unwrap();
        let mut extended = self.extended.lock().unwrap();
        extended.push((receipt.0.clone(), began.elapsed()));
        if self.lost.contains(&receipt.0) {
            return Err(QueueError::StaleReceipt);
        }
        Ok(())
    }

    async fn dead_letter(&self, _: &QueueName, _: &Delivery, _: &str) -> Result<(), QueueError> {
        Ok(())
    }

    async fn depth(&self, _: &QueueName) -> Result<Depth, QueueError> {
        Ok(Depth::default())
    }
}
