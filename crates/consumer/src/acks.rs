use std::{panic::resume_unwind, sync::Arc, time::Duration};

use lemon_domain::{
    ports::{JobQueue, MAX_BATCH, Receipt},
    values::QueueName,
    with_causes,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long a receipt waits for others to fill a batch.
pub(crate) const LINGER: Duration = Duration::from_millis(20);
/// Batches in flight at a time.
const UNDER_WAY: usize = 16;
/// How often a batch is tried, and the wait before the second try, which doubles each time.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Gathers receipts in batches and acknowledges them. Ends when all senders are gone and everything was tried. After
/// the stop each batch gets one try.
pub(crate) async fn acknowledge(
    queue: Arc<dyn JobQueue>,
    name: QueueName,
    mut receipts: mpsc::Receiver<Receipt>,
    stop: CancellationToken,
) {
    let mut under_way = JoinSet::new();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        let more = tokio::select! {
            biased;
            Some(ended) = under_way.join_next() => {
                done(ended);
                continue;
            }
            more = gather(&mut receipts, &mut batch, &stop), if under_way.len() < UNDER_WAY => more,
        };
        if !more {
            break;
        }
        let (queue, name, stop) = (Arc::clone(&queue), name.clone(), stop.clone());
        let batch = std::mem::take(&mut batch);
        under_way.spawn(async move { flush(queue.as_ref(), &name, batch, &stop).await });
    }
    while let Some(ended) = under_way.join_next().await {
        done(ended);
    }
}

/// A panic belongs to this task, which is supervised.
fn done(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        resume_unwind(panic);
    }
}

/// Fills a batch; answers whether there is one. It may be dropped: the gathered receipts stay in the batch. After the
/// stop, all receipts that wait go together, so that they take one deadline.
async fn gather(
    receipts: &mut mpsc::Receiver<Receipt>,
    batch: &mut Vec<Receipt>,
    stop: &CancellationToken,
) -> bool {
    if batch.is_empty() {
        match receipts.recv().await {
            Some(first) => batch.push(first),
            None => return false,
        }
    }
    let until = Instant::now() + LINGER;
    while batch.len() < MAX_BATCH || stop.is_cancelled() {
        match timeout_at(until, receipts.recv()).await {
            Ok(Some(receipt)) => batch.push(receipt),
            Ok(None) | Err(_) => break,
        }
    }
    true
}

/// Acknowledges a batch and retries transient failures. After a permanent failure the message is delivered again and
/// found done.
async fn flush(
    queue: &dyn JobQueue,
    name: &QueueName,
    mut batch: Vec<Receipt>,
    stop: &CancellationToken,
) {
    for attempt in 1..=TRIES {
        let last = attempt == TRIES || stop.is_cancelled();
        batch = attempt_once(queue, name, batch, last).await;
        if batch.is_empty() || last {
            return;
        }
        tokio::select! {
            biased;
            () = sleep(FIRST_WAIT * 2_u32.pow(attempt - 1)) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Answers the receipts that may be tried again.
async fn attempt_once(
    queue: &dyn JobQueue,
    name: &QueueName,
    batch: Vec<Receipt>,
    last: bool,
) -> Vec<Receipt> {
    let outcomes = queue.ack(name, &batch).await;
    let mut left = Vec::new();
    for (receipt, outcome) in batch.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => {}
            Err(error) if error.is_transient() && !last => left.push(receipt),
            Err(error) => warn!(
                queue = %name,
                error = with_causes(&error),
                "a message could not be acknowledged, so it may be received again"
            ),
        }
    }
    left
}
