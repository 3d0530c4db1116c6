use std::{sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use lemon_domain::{
    ports::{JobQueue, MAX_BATCH, QueueError, Receipt},
    values::QueueName,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tracing::warn;

use crate::relay::chain;

/// How long a receipt waits for others to make up a batch.
const LINGER: Duration = Duration::from_millis(20);

/// Gathers receipts in tens and acknowledges them. Ends, with everything flushed, when all senders are gone.
pub(crate) async fn acknowledge(
    queue: Arc<dyn JobQueue>,
    name: QueueName,
    mut receipts: mpsc::Receiver<Receipt>,
) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while let Some(first) = receipts.recv().await {
        batch.push(first);
        let until = Instant::now() + LINGER;
        while batch.len() < MAX_BATCH {
            match timeout_at(until, receipts.recv()).await {
                Ok(Some(receipt)) => batch.push(receipt),
                Ok(None) | Err(_) => break,
            }
        }
        flush(queue.as_ref(), &name, &mut batch).await;
    }
}

/// Acknowledges a batch; what fails and may pass is tried again. What fails for good is delivered again, and found done.
async fn flush(queue: &dyn JobQueue, name: &QueueName, batch: &mut Vec<Receipt>) {
    let left = std::sync::Mutex::new(std::mem::take(batch));
    let attempt = async || {
        let receipts = std::mem::take(&mut *lock(&left));
        let outcomes = queue.ack(name, &receipts).await;
        let mut transient = None;
        for (receipt, outcome) in receipts.into_iter().zip(outcomes) {
            match outcome {
                Err(error) if error.is_transient() => {
                    lock(&left).push(receipt);
                    transient = Some(error);
                }
                Err(error) => warn!(queue = %name, error = chain(&error), "an ack is refused"),
                Ok(()) => {}
            }
        }
        transient.map_or(Ok(()), Err)
    };
    let policy = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_times(5);
    let outcome: Result<(), QueueError> = attempt.retry(policy).await;
    if let Err(error) = outcome {
        warn!(
            queue = %name,
            messages = lock(&left).len(),
            error = chain(&error),
            "messages could not be acknowledged and will come again"
        );
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
