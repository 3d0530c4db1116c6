use std::{collections::BTreeSet, time::Duration};

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use chrono::DateTime;
use futures::future::join_all;
use lemon_domain::{
    ports::{DeadLetter, MAX_BATCH, Receipt},
    values::QueueName,
};

use crate::{
    attributes::count,
    config::whole_seconds,
    connection::{Connection, attempts_within, dead_letter_queue},
    dead_letter::{ATTEMPTS, ORIGINAL_ID, REASON},
    error::SqsFault,
    traced::{self, TRACEPARENT, TRACESTATE},
};

/// A call that waits asks all of SQS' servers; one without a wait asks only some.
const WAIT: Duration = Duration::from_secs(1);
/// How long the letters are hidden from others if the call is cancelled.
const HIDDEN_SECONDS: i32 = 30;

/// The most letters among which one is looked for. SQS cannot receive a message by its id.
const MOST_SEARCHED: usize = 5000;

/// A dead letter, and the proof of its receive.
pub(super) struct FoundLetter {
    pub(super) letter: DeadLetter,
    pub(super) receipt: Receipt,
}

/// Receives letters until there are enough or none is left, and gives all of them back.
pub(super) async fn look(
    connection: &Connection,
    queue: &QueueName,
    max: usize,
) -> Result<Vec<DeadLetter>, SqsFault> {
    connection.address(queue, connection.until()).await?;
    let dead_letters = dead_letter_queue(queue)?;
    let (found, outcome) = scan(connection, &dead_letters, max, |_| false).await;
    give_back(connection, &dead_letters, &found).await;
    outcome?;
    let mut seen = BTreeSet::new();
    let letters = found.into_iter().map(|found| found.letter);
    Ok(letters
        .filter(|letter| seen.insert(letter.message_id.clone()))
        .collect())
}

/// Receives letters until the one with that id comes, and gives the others back. The one stays hidden for 30 s.
pub(super) async fn find(
    connection: &Connection,
    dead_letters: &QueueName,
    id: &str,
) -> Result<Option<FoundLetter>, SqsFault> {
    let is_it = |letter: &DeadLetter| letter.message_id == id;
    let (found, outcome) = scan(connection, dead_letters, MOST_SEARCHED, is_it).await;
    let (mut it, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| is_it(&found.letter));
    give_back(connection, dead_letters, &others).await;
    outcome.map(|()| it.pop())
}

/// Receives letters until there are `max`, the last one comes, or none is left.
async fn scan(
    connection: &Connection,
    dead_letters: &QueueName,
    max: usize,
    is_last: impl Fn(&DeadLetter) -> bool,
) -> (Vec<FoundLetter>, Result<(), SqsFault>) {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    loop {
        let wanted = max.saturating_sub(seen.len()).min(MAX_BATCH);
        if wanted == 0 {
            return (found, Ok(()));
        }
        let received = match receive(connection, dead_letters, wanted).await {
            Ok(received) => received,
            Err(fault) => return (found, Err(fault)),
        };
        let before = seen.len();
        seen.extend(received.iter().map(|it| it.letter.message_id.clone()));
        let has_last = received.iter().any(|it| is_last(&it.letter));
        found.extend(received);
        // If only letters come that came before, their visibility timeout has passed: this is too slow to continue.
        if has_last || seen.len() == before {
            return (found, Ok(()));
        }
    }
}

/// Receives some letters; none if there are none. They are hidden for 30 s.
pub(super) async fn receive(
    connection: &Connection,
    dead_letters: &QueueName,
    max: usize,
) -> Result<Vec<FoundLetter>, SqsFault> {
    let until = connection.until() + WAIT;
    let address = connection.address(dead_letters, connection.until()).await?;
    let limits = attempts_within(&connection.config, WAIT);
    let call = connection
        .client
        .receive_message()
        .queue_url(&*address)
        .max_number_of_messages(i32::try_from(max).unwrap_or(1))
        .wait_time_seconds(whole_seconds(WAIT))
        .visibility_timeout(HIDDEN_SECONDS)
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_attribute_names(REASON)
        .message_attribute_names(ATTEMPTS)
        .message_attribute_names(ORIGINAL_ID)
        .message_attribute_names(TRACEPARENT)
        .message_attribute_names(TRACESTATE);
    let send = || {
        let limits = aws_sdk_sqs::Config::builder().timeout_config(limits.clone());
        call.clone().customize().config_override(limits).send()
    };
    let answer = connection.call(dead_letters, until, send).await?;
    let messages = answer.messages.unwrap_or_default();
    messages.into_iter().map(found).collect()
}

/// Makes letters visible again.
pub(super) async fn give_back(
    connection: &Connection,
    dead_letters: &QueueName,
    found: &[FoundLetter],
) {
    let portions = found.chunks(MAX_BATCH);
    join_all(portions.map(|some| show_again(connection, dead_letters, some))).await;
}

/// If this fails, the letters become visible after their visibility timeout.
async fn show_again(connection: &Connection, dead_letters: &QueueName, found: &[FoundLetter]) {
    let until = connection.until();
    let Ok(address) = connection.address(dead_letters, until).await else {
        return;
    };
    let entries = found.iter().enumerate().map(|(place, found)| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(place.to_string())
            .receipt_handle(&found.receipt.0)
            .visibility_timeout(0)
            .build()
    });
    let call = connection
        .client
        .change_message_visibility_batch()
        .queue_url(&*address)
        .set_entries(entries.collect::<Result<_, _>>().ok());
    if let Err(fault) = connection
        .call(dead_letters, until, || call.clone().send())
        .await
    {
        tracing::warn!(
            queue = dead_letters.as_str(),
            error = %fault,
            "dead letters stay hidden for up to 30 s"
        );
    }
}

fn found(message: Message) -> Result<FoundLetter, SqsFault> {
    let system = message.attributes.as_ref();
    let receives = count(system, &MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = count(system, &MessageSystemAttributeName::SentTimestamp);
    let sent = sent
        .and_then(|millis| i64::try_from(millis).ok())
        .and_then(DateTime::from_timestamp_millis);
    let attribute = |name| {
        let attributes = message.message_attributes.as_ref()?;
        attributes.get(name)?.string_value.clone()
    };
    let given_up_after = attribute(ATTEMPTS).and_then(|attempts| attempts.parse().ok());
    let attempts = given_up_after.or(receives);
    // A program sends the message to this queue; SQS moves it, with its id and the time when it was sent.
    let (sent_at, dead_lettered_at) = match given_up_after {
        Some(_) => (None, sent),
        None => (sent, None),
    };
    let letter = DeadLetter {
        original_id: attribute(ORIGINAL_ID),
        reason: attribute(REASON),
        attempts: attempts.map(|attempts| u32::try_from(attempts).unwrap_or(u32::MAX)),
        sent_at,
        dead_lettered_at,
        trace: traced::read(message.message_attributes.as_ref()),
        message_id: message.message_id.ok_or(SqsFault::Answer("message id"))?,
        body: message.body.unwrap_or_default(),
    };
    let receipt = message.receipt_handle.ok_or(SqsFault::Answer("receipt"))?;
    Ok(FoundLetter {
        letter,
        receipt: Receipt(receipt),
    })
}
