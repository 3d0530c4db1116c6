//! What is done with chosen dead letters.

use std::sync::Arc;

use lemon_domain::{
    ports::{DeadLetterChoice, JobQueue, MAX_BATCH, Outgoing, QueueError, Receipt},
    values::QueueName,
};
use uuid::Uuid;

use super::{
    dead_letters::{FoundLetter, find, give_back, receive},
    redrive::redrive,
};
use crate::{
    connection::{Connection, dead_letter_queue},
    job_queue::SqsJobQueue,
};

/// Sends the chosen dead letters to their queue again.
pub(super) async fn send_again(
    connection: &Arc<Connection>,
    queue: &QueueName,
    which: &DeadLetterChoice,
) -> Result<u64, QueueError> {
    let DeadLetterChoice::One(id) = which else {
        return redrive(connection, queue).await;
    };
    // If the queue itself is missing, the error must name it, not its dead-letter queue.
    connection.address(queue, connection.until()).await?;
    let dead_letters = dead_letter_queue(queue)?;
    let Some(found) = find(connection, &dead_letters, id).await? else {
        return Ok(0);
    };
    let queues = SqsJobQueue::over(Arc::clone(connection));
    let message = Outgoing {
        id: Uuid::nil(),
        body: found.letter.body.clone(),
        trace: found.letter.trace.clone(),
    };
    let sent = queues.send(queue, vec![message]).await;
    if let Err(error) = sent.into_iter().collect::<Result<(), _>>() {
        give_back(connection, &dead_letters, &[found]).await;
        return Err(error);
    }
    delete(&queues, &dead_letters, &[found.receipt]).await
}

/// Deletes the chosen dead letters.
pub(super) async fn discard(
    connection: &Arc<Connection>,
    queue: &QueueName,
    which: &DeadLetterChoice,
) -> Result<u64, QueueError> {
    connection.address(queue, connection.until()).await?;
    let dead_letters = dead_letter_queue(queue)?;
    let queues = SqsJobQueue::over(Arc::clone(connection));
    match which {
        DeadLetterChoice::One(id) => match find(connection, &dead_letters, id).await? {
            Some(found) => delete(&queues, &dead_letters, &[found.receipt]).await,
            None => Ok(0),
        },
        DeadLetterChoice::All => {
            let mut discarded = 0;
            loop {
                let found = receive(connection, &dead_letters, MAX_BATCH).await?;
                if found.is_empty() {
                    return Ok(discarded);
                }
                let receipts: Vec<_> = found.into_iter().map(receipt).collect();
                discarded += delete(&queues, &dead_letters, &receipts).await?;
            }
        }
    }
}

fn receipt(found: FoundLetter) -> Receipt {
    found.receipt
}

/// Deletes letters; answers how many.
async fn delete(
    queues: &SqsJobQueue,
    dead_letters: &QueueName,
    receipts: &[Receipt],
) -> Result<u64, QueueError> {
    let outcomes = queues.ack(dead_letters, receipts).await;
    outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(receipts.len() as u64)
}
