use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry as Task;
use lemon_domain::{
    ports::{JobQueue, MAX_BATCH, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    attributes::Attributes,
    connection::{Connection, dead_letter_queue},
    error::SqsFault,
    job_queue::SqsJobQueue,
};

/// The interval at which a running task is checked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Codes by which servers say that they have no move tasks.
const NO_SUCH_CALL: [&str; 5] = [
    "InvalidAction",
    "NotImplemented",
    "UnknownOperation",
    "UnknownOperationException",
    "UnsupportedCommand",
];

/// Moves the messages of a queue's dead-letter queue back to the queue.
pub(super) async fn redrive(
    connection: &Arc<Connection>,
    queue: &QueueName,
) -> Result<u64, QueueError> {
    let dead_letters = dead_letter_queue(queue)?;
    let target = Attributes::of(connection, queue).await?.arn()?;
    let source = Attributes::of(connection, &dead_letters).await?.arn()?;
    match start(connection, &dead_letters, &source, &target).await {
        Ok(()) => Ok(finished(connection, &dead_letters, &source).await?),
        Err(SqsFault::Refused(said) | SqsFault::Failing(said) | SqsFault::Busy(said))
            if NO_SUCH_CALL.contains(&said.name()) =>
        {
            copy(connection, &dead_letters, queue).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// The destination is explicit: SQS knows the source only of messages that it moved itself, not of those that were sent
/// to the dead-letter queue.
async fn start(
    connection: &Connection,
    dead_letters: &QueueName,
    source: &str,
    target: &str,
) -> Result<(), SqsFault> {
    let call = connection
        .client
        .start_message_move_task()
        .source_arn(source)
        .destination_arn(target);
    let until = connection.until();
    connection
        .call_once(dead_letters, until, || call.clone().send())
        .await
        .map(drop)
}

/// Waits for the latest task. Only one can run at a time.
async fn finished(
    connection: &Connection,
    dead_letters: &QueueName,
    source: &str,
) -> Result<u64, SqsFault> {
    loop {
        let call = connection
            .client
            .list_message_move_tasks()
            .source_arn(source);
        let listed = connection
            .call(dead_letters, connection.until(), || call.clone().send())
            .await;
        match listed {
            Ok(listed) => {
                if let Some(moved) = outcome(listed.results().first()) {
                    return moved;
                }
            }
            Err(fault) if fault.is_transient() => {}
            Err(fault) => return Err(fault),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The outcome of a task, if it has ended.
fn outcome(task: Option<&Task>) -> Option<Result<u64, SqsFault>> {
    let Some(task) = task else {
        return Some(Err(SqsFault::Answer("move task")));
    };
    match task.status() {
        Some("RUNNING" | "CANCELLING") => None,
        Some("COMPLETED") => {
            let moved = task.approximate_number_of_messages_moved();
            Some(Ok(u64::try_from(moved).unwrap_or(0)))
        }
        Some("CANCELLED") => Some(Err(SqsFault::NotMoved("somebody cancelled it".to_owned()))),
        _ => {
            let reason = task.failure_reason().unwrap_or("no reason given");
            Some(Err(SqsFault::NotMoved(reason.to_owned())))
        }
    }
}

/// For servers without move tasks: each message is sent, and only then removed.
async fn copy(
    connection: &Arc<Connection>,
    dead_letters: &QueueName,
    queue: &QueueName,
) -> Result<u64, QueueError> {
    let queues = SqsJobQueue::over(Arc::clone(connection));
    let mut moved = 0;
    loop {
        let wait = Duration::from_secs(1);
        let letters = queues.receive(dead_letters, MAX_BATCH, wait).await?;
        if letters.is_empty() {
            return Ok(moved);
        }
        let (receipts, messages): (Vec<Receipt>, Vec<Outgoing>) = letters
            .into_iter()
            .map(|letter| {
                let message = Outgoing {
                    id: Uuid::nil(),
                    body: letter.body,
                    trace: letter.trace,
                };
                (letter.receipt, message)
            })
            .unzip();
        let sent = queues.send(queue, messages).await;
        let there = receipts.into_iter().zip(&sent);
        let there: Vec<_> = there
            .filter(|(_, sent)| sent.is_ok())
            .map(|(receipt, _)| receipt)
            .collect();
        let mut outcomes = queues.ack(dead_letters, &there).await;
        outcomes.extend(sent.into_iter().filter(Result::is_err));
        outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
        moved += there.len() as u64;
    }
}
