//! Moves a message to the dead-letter queue: SQS has no call for that, so it is sent there, and only then deleted.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::types::MessageAttributeValue;
use lemon_domain::{
    ports::{Delivery, MAX_BODY_BYTES},
    values::QueueName,
};

use tokio::time::Instant;

use crate::{
    calls::{delete, hide},
    config::whole_seconds,
    connection::{Connection, dead_letter_queue},
    error::SqsFault,
    text::attribute,
    traced,
};

/// The attribute of a dead letter that holds the reason.
pub(crate) const REASON: &str = "reason";
/// The attribute of a dead letter that holds the number of earlier receives.
pub(crate) const ATTEMPTS: &str = "attempts";
/// The attribute of a dead letter that holds the id that the message had in its queue: the log of its deliveries has that
/// one, and SQS gives the copy another.
pub(crate) const ORIGINAL_ID: &str = "original_message_id";
/// The longest reason that is stored, in bytes.
const LONGEST_REASON: usize = 1024;

/// The message stays hidden for at least this long, so that nobody else receives it during the move.
const HOLD: Duration = Duration::from_secs(30);

/// Moves the message, within one deadline. After a crash on the way it is in both queues, and is received again from
/// the source.
pub(crate) async fn move_to_dead_letters(
    connection: &Connection,
    queue: &QueueName,
    delivery: &Delivery,
    reason: &str,
) -> Result<(), SqsFault> {
    let until = connection.until();
    // If the queue itself is missing, the error must name it, not its dead-letter queue.
    connection.address(queue, until).await?;
    let dead_letters = dead_letter_queue(queue)?;
    let target = connection.address(&dead_letters, until).await?;
    // This also finds out whether the receipt is stale, before a copy exists.
    let hold = whole_seconds(HOLD.max(connection.config.deadline * 2));
    match hide(connection, queue, &delivery.receipt, hold, until).await {
        // The message has been in flight for so long that SQS allows no further extension.
        Err(fault) if fault.is_beyond_twelve_hours() => {}
        outcome => outcome?,
    }
    send(connection, &dead_letters, &target, delivery, reason, until).await?;
    delete(connection, queue, &delivery.receipt, until).await
}

async fn send(
    connection: &Connection,
    dead_letters: &QueueName,
    address: &Arc<str>,
    delivery: &Delivery,
    reason: &str,
    until: Instant,
) -> Result<(), SqsFault> {
    let mut call = connection
        .client
        .send_message()
        .queue_url(&**address)
        .message_body(&delivery.body);
    for (name, kind, value) in attributes(delivery, reason) {
        let value = MessageAttributeValue::builder()
            .data_type(kind)
            .string_value(value);
        call = call.message_attributes(name, value.build().map_err(|_| SqsFault::Empty)?);
    }
    connection
        .call_once(dead_letters, until, || call.clone().send())
        .await
        .map(drop)
}

/// The attributes as name, type and value, with as much of the reason as there is room for. Names, types and values
/// count towards the size of a message:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>.
fn attributes(delivery: &Delivery, reason: &str) -> Vec<(&'static str, &'static str, String)> {
    let mut room = MAX_BODY_BYTES.saturating_sub(delivery.body.len());
    let mut attributes = Vec::new();
    let attempts = delivery.attempt.to_string();
    if let Some(left) = room.checked_sub(ATTEMPTS.len() + "Number".len() + attempts.len()) {
        attributes.push((ATTEMPTS, "Number", attempts));
        room = left;
    }
    let for_reason = room.saturating_sub(REASON.len() + "String".len());
    if let Some(reason) = attribute(reason, for_reason.min(LONGEST_REASON)) {
        room = for_reason.saturating_sub(reason.len());
        attributes.push((REASON, "String", reason));
    }
    let id = &delivery.message_id;
    let for_id = ORIGINAL_ID.len() + "String".len() + id.len();
    if let Some(left) = room.checked_sub(for_id) {
        attributes.push((ORIGINAL_ID, "String", id.clone()));
        room = left;
    }
    let trace = delivery.trace.as_ref();
    if let Some(trace) = trace.filter(|trace| traced::bytes(trace) <= room) {
        let of_trace = traced::attributes(trace);
        attributes.extend(of_trace.map(|(name, value)| (name, traced::TYPE, value)));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use lemon_domain::ports::Receipt;

    use super::*;

    fn with_room_for(bytes: usize) -> Vec<(&'static str, &'static str, String)> {
        let delivery = Delivery {
            message_id: "1".to_owned(),
            receipt: Receipt("1".to_owned()),
            body: "x".repeat(MAX_BODY_BYTES - bytes),
            attempt: 3,
            trace: None,
        };
        attributes(&delivery, "not JSON")
    }

    #[test]
    fn a_reason_is_shortened_where_the_body_leaves_no_room() {
        let attempts = (ATTEMPTS, "Number", "3".to_owned());
        let reason = |text: &str| (REASON, "String", text.to_owned());
        let id = (ORIGINAL_ID, "String", "1".to_owned());
        assert_eq!(
            with_room_for(61),
            [attempts.clone(), reason("not JSON"), id]
        );
        assert_eq!(with_room_for(60), [attempts.clone(), reason("not JSON")]);
        assert_eq!(with_room_for(35), [attempts.clone(), reason("not JSON")]);
        assert_eq!(with_room_for(34), [attempts.clone(), reason("not JSO")]);
        assert_eq!(with_room_for(27), [attempts]);
        assert_eq!(with_room_for(14), [reason("no")]);
        assert_eq!(with_room_for(0), []);
    }
}
