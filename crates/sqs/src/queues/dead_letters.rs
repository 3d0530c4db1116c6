use std::{collections::BTreeSet, time::Duration};

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use chrono::{DateTime, Utc};
use futures::future::join_all;
use lemon_domain::{ports::MAX_BATCH, values::QueueName};

use crate::{
    attributes::count,
    config::whole_seconds,
    connection::{Connection, attempts_within, dead_letter_queue},
    dead_letter::{ATTEMPTS, REASON},
    error::SqsFault,
};

/// A call that waits asks all of SQS' servers; one without a wait asks only some.
const WAIT: Duration = Duration::from_secs(1);
/// How long the letters are hidden from others if the call is cancelled.
const HIDDEN_SECONDS: i32 = 30;

/// A dead-lettered message, without its body, which may contain credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS' id of the message; it changes if a program dead-letters the message.
    pub message_id: String,
    /// The reason, if a program gave the message up; `None` if SQS did, after too many receives.
    pub reason: Option<String>,
    /// The number of receives before a program gave it up; if SQS did, the total number, including those of calls like
    /// this.
    pub attempts: u32,
    /// The size of its body.
    pub bytes: usize,
    /// When it was sent: to the dead-letter queue if a program gave it up, otherwise to its first queue.
    pub sent_at: Option<DateTime<Utc>>,
}

/// Receives letters until there are enough or none is left, and gives all of them back.
pub(super) async fn look(
    connection: &Connection,
    queue: &QueueName,
    max: usize,
) -> Result<Vec<DeadLetter>, SqsFault> {
    connection.address(queue, connection.until()).await?;
    let dead_letters = dead_letter_queue(queue)?;
    let (mut letters, mut receipts) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let outcome = loop {
        let wanted = max.saturating_sub(letters.len()).min(MAX_BATCH);
        if wanted == 0 {
            break Ok(());
        }
        let messages = match receive(connection, &dead_letters, wanted).await {
            Ok(messages) if messages.is_empty() => break Ok(()),
            Ok(messages) => messages,
            Err(fault) => break Err(fault),
        };
        receipts.extend(messages.iter().filter_map(|m| m.receipt_handle.clone()));
        // If a letter comes again, its visibility timeout has passed: this is too slow to continue.
        let new = messages.iter().map(letter);
        let before = letters.len();
        letters.extend(new.filter(|letter| seen.insert(letter.message_id.clone())));
        if letters.len() == before {
            break Ok(());
        }
    };
    join_all(
        receipts
            .chunks(MAX_BATCH)
            .map(|some| give_back(connection, &dead_letters, some)),
    )
    .await;
    outcome.map(|()| letters)
}

async fn receive(
    connection: &Connection,
    dead_letters: &QueueName,
    max: usize,
) -> Result<Vec<Message>, SqsFault> {
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
        .message_attribute_names(ATTEMPTS);
    let send = || {
        let limits = aws_sdk_sqs::Config::builder().timeout_config(limits.clone());
        call.clone().customize().config_override(limits).send()
    };
    let answer = connection.call(dead_letters, until, send).await?;
    Ok(answer.messages.unwrap_or_default())
}

/// Makes letters visible again. If that fails, they become visible after their visibility timeout.
async fn give_back(connection: &Connection, dead_letters: &QueueName, receipts: &[String]) {
    let until = connection.until();
    let Ok(address) = connection.address(dead_letters, until).await else {
        return;
    };
    let entries = receipts.iter().enumerate().map(|(place, receipt)| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(place.to_string())
            .receipt_handle(receipt)
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

fn letter(message: &Message) -> DeadLetter {
    let attribute = |name| {
        let attributes = message.message_attributes.as_ref()?;
        attributes.get(name)?.string_value.clone()
    };
    let system = message.attributes.as_ref();
    let receives = count(system, &MessageSystemAttributeName::ApproximateReceiveCount);
    let attempts = attribute(ATTEMPTS).and_then(|attempts| attempts.parse().ok());
    let sent = count(system, &MessageSystemAttributeName::SentTimestamp);
    DeadLetter {
        message_id: message.message_id.clone().unwrap_or_default(),
        reason: attribute(REASON),
        attempts: u32::try_from(attempts.or(receives).unwrap_or(0)).unwrap_or(u32::MAX),
        bytes: message.body.as_deref().map_or(0, str::len),
        sent_at: sent
            .and_then(|millis| i64::try_from(millis).ok())
            .and_then(DateTime::from_timestamp_millis),
    }
}
