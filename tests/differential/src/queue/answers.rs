//! What a queue answers, and what it is asked.

use std::{fmt::Debug, time::Duration};

use lemon_domain::{
    ports::{Delivery, JobQueue, Outgoing, QueueError},
    values::{QueueName, TraceContext},
};
use uuid::Uuid;

/// How often a queue that shows things late is asked again.
pub(super) const PATIENCE: usize = 200;

/// Receives until so many have come and nothing more comes.
pub(super) async fn drain(
    queue: &dyn JobQueue,
    name: &QueueName,
    portion: usize,
    expected: usize,
) -> Result<Vec<Delivery>, String> {
    let mut all = Vec::new();
    for _ in 0..PATIENCE {
        let wait = if all.len() < expected {
            Duration::from_millis(100)
        } else {
            Duration::ZERO
        };
        let received = answer(queue.receive(name, portion, wait).await)?;
        if received.len() > portion {
            return Err(format!("{} come, and not {portion}", received.len()));
        }
        if received.is_empty() && all.len() >= expected {
            break;
        }
        all.extend(received);
    }
    Ok(all)
}

#[expect(clippy::expect_used, reason = "the trace is right")]
pub(super) fn message(number: usize) -> Outgoing {
    let trace = format!("00-{:032x}-{:016x}-01", number + 1, number + 1);
    let trace = TraceContext::parse(&trace, None).expect("a trace context");
    Outgoing {
        id: Uuid::from_u128(number as u128),
        body: format!("message {number} \u{1f34b}"),
        trace: number.is_multiple_of(3).then_some(trace),
    }
}

/// An outcome without the words of an adapter.
pub(super) fn kind(outcome: &Result<(), QueueError>) -> String {
    match outcome {
        Ok(()) => "done".to_owned(),
        Err(QueueError::Rejected(_)) => "rejected".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(super) fn answer<T>(answer: Result<T, QueueError>) -> Result<T, String> {
    answer.map_err(|error| format!("a call failed: {error:?}"))
}

pub(super) fn same<T: Debug + PartialEq>(
    what: &str,
    fake: Result<T, QueueError>,
    real: Result<T, QueueError>,
) -> Result<(), String> {
    let (fake, real) = (answer(fake)?, answer(real)?);
    if fake == real {
        return Ok(());
    }
    Err(format!(
        "{what} differs:\n  the fake  {fake:?}\n  the queue {real:?}"
    ))
}
