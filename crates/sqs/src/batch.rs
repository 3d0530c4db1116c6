//! Batches: at most ten entries and 1 MiB each, several in flight, and an outcome for each entry.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, stream};
use lemon_domain::ports::{MAX_BATCH, MAX_BODY_BYTES};
use tokio::time::{Instant, sleep};

use crate::{connection::Connection, error::SqsFault};

/// How often entries are retried that failed within a successful batch call.
const AGAIN: usize = 3;
/// The back-off before the first retry; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// An entry of a batch, and its index among the outcomes.
#[derive(Debug, Clone)]
pub(crate) struct BatchEntry<T> {
    pub(crate) place: usize,
    pub(crate) bytes: usize,
    pub(crate) item: T,
}

/// The outcomes of the entries of one call, in their order.
pub(crate) type Outcomes = Vec<Result<(), SqsFault>>;

/// Splits entries into batches of at most ten entries and 1 MiB.
pub(crate) fn split<T>(entries: Vec<BatchEntry<T>>) -> Vec<Vec<BatchEntry<T>>> {
    let mut batches: Vec<Vec<BatchEntry<T>>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_BATCH && bytes + entry.bytes <= MAX_BODY_BYTES => {
                bytes += entry.bytes;
                batch.push(entry);
            }
            _ => {
                bytes = entry.bytes;
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

/// Sends all entries through `call`, which takes one batch; answers each outcome with its index.
pub(crate) async fn hand_over<T, F>(
    connection: &Connection,
    entries: Vec<BatchEntry<T>>,
    call: impl Fn(Vec<T>, Instant) -> F,
) -> Vec<(usize, Result<(), SqsFault>)>
where
    T: Clone,
    F: Future<Output = Result<Outcomes, SqsFault>>,
{
    let (batches, until) = (split(entries).into_iter(), connection.until());
    let under_way = batches.map(|batch| persist(batch, until, &call));
    let concurrency = connection.config.concurrency.get();
    let done: Vec<_> = stream::iter(under_way)
        .buffer_unordered(concurrency)
        .collect()
        .await;
    done.into_iter().flatten().collect()
}

/// Sends one batch, and retries its entries that failed for a transient reason.
async fn persist<T, F>(
    batch: Vec<BatchEntry<T>>,
    until: Instant,
    call: &impl Fn(Vec<T>, Instant) -> F,
) -> Vec<(usize, Result<(), SqsFault>)>
where
    T: Clone,
    F: Future<Output = Result<Outcomes, SqsFault>>,
{
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_times(AGAIN)
        .with_jitter()
        .build();
    let mut done = Vec::with_capacity(batch.len());
    let mut left = batch;
    loop {
        let items = left.iter().map(|entry| entry.item.clone()).collect();
        let outcomes = match call(items, until).await {
            Ok(outcomes) => outcomes,
            Err(fault) => {
                done.extend(left.iter().map(|entry| (entry.place, Err(fault.clone()))));
                return done;
            }
        };
        let wait = waits.next().filter(|wait| Instant::now() + *wait < until);
        let mut again = Vec::new();
        for (entry, outcome) in left.into_iter().zip(outcomes) {
            match &outcome {
                // The answer does not mention the entry: SQS may have accepted it.
                Err(SqsFault::Answer(_)) => done.push((entry.place, outcome)),
                Err(fault) if wait.is_some() && fault.is_transient() => again.push(entry),
                _ => done.push((entry.place, outcome)),
            }
        }
        match wait {
            Some(wait) if !again.is_empty() => sleep(wait).await,
            _ => return done,
        }
        left = again;
    }
}

/// The outcome of each of `count` entries, whose ids are their indices. An entry that SQS does not mention has an
/// error.
pub(crate) fn outcomes<'a>(
    count: usize,
    successful: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
    queue: &str,
) -> Outcomes {
    let mut outcomes: Outcomes = vec![Err(SqsFault::Answer("outcome of an entry")); count];
    let mut set = |id: &str, outcome| {
        let place = id.parse().ok();
        if let Some(place) = place.and_then(|place: usize| outcomes.get_mut(place)) {
            *place = outcome;
        }
    };
    successful.for_each(|id| set(id, Ok(())));
    for entry in failed {
        set(entry.id(), Err(SqsFault::of_entry(entry, queue)));
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(bytes: &[usize]) -> Vec<Vec<usize>> {
        let entries = bytes.iter().enumerate().map(|(place, bytes)| BatchEntry {
            place,
            bytes: *bytes,
            item: (),
        });
        let batches = split(entries.collect()).into_iter();
        batches
            .map(|batch| batch.iter().map(|entry| entry.bytes).collect())
            .collect()
    }

    #[test]
    fn batches_have_at_most_ten_entries_and_one_mebibyte() {
        let counts: Vec<_> = sizes(&[1; 25]).iter().map(Vec::len).collect();
        assert_eq!(counts, [10, 10, 5]);
        let half = MAX_BODY_BYTES / 2;
        assert_eq!(
            sizes(&[half, half, 1, half, half, MAX_BODY_BYTES, 7]),
            [
                vec![half, half],
                vec![1, half],
                vec![half],
                vec![MAX_BODY_BYTES],
                vec![7]
            ]
        );
        assert!(sizes(&[]).is_empty());
    }

    #[test]
    fn entries_that_the_answer_of_sqs_lacks_have_no_outcome() {
        let failed = BatchResultErrorEntry::builder()
            .id("1")
            .code("InternalError")
            .sender_fault(false);
        let failed = [failed.build().unwrap()];
        let outcomes = outcomes(3, ["0", "17", "x"].into_iter(), &failed, "Jobs");
        assert_eq!(outcomes[0], Ok(()));
        assert!(matches!(outcomes[1], Err(SqsFault::Failing(_))));
        assert!(matches!(outcomes[2], Err(SqsFault::Answer(_))));
    }
}
