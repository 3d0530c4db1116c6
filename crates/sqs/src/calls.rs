//! The calls of the SQS API for messages.

use std::time::Duration;

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, DeleteMessageBatchResultEntry as Deleted, Message,
    MessageSystemAttributeName, SendMessageBatchRequestEntry, SendMessageBatchResultEntry as Sent,
};
use lemon_domain::{
    ports::{Delivery, Receipt},
    values::{QueueName, TraceContext},
};
use tokio::time::Instant;

use crate::{
    attributes::count,
    batch::{Outcomes, outcomes},
    config::whole_seconds,
    connection::{Connection, attempts_within},
    error::SqsFault,
    traced::{self, TRACEPARENT, TRACESTATE},
};

/// Receives once. SQS waits for whole seconds.
pub(crate) async fn poll(
    connection: &Connection,
    queue: &QueueName,
    max: i32,
    wait: Duration,
) -> Result<Vec<Delivery>, SqsFault> {
    let until = connection.until() + wait;
    let address = connection.address(queue, connection.until()).await?;
    let limits = attempts_within(&connection.config, wait);
    let call = connection
        .client
        .receive_message()
        .queue_url(&*address)
        .max_number_of_messages(max)
        .wait_time_seconds(whole_seconds(wait))
        .set_visibility_timeout(connection.config.visibility_seconds())
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_attribute_names(TRACEPARENT)
        .message_attribute_names(TRACESTATE);
    let send = || {
        let limits = aws_sdk_sqs::Config::builder().timeout_config(limits.clone());
        call.clone().customize().config_override(limits).send()
    };
    let answer = connection.call(queue, until, send).await?;
    let messages = answer.messages.unwrap_or_default();
    messages.into_iter().map(delivery).collect()
}

/// Sends one batch of bodies, each with its trace context.
pub(crate) async fn send_batch(
    connection: &Connection,
    queue: &QueueName,
    messages: Vec<(String, Option<TraceContext>)>,
    until: Instant,
) -> Result<Outcomes, SqsFault> {
    let address = connection.address(queue, until).await?;
    let count = messages.len();
    let messages = messages.into_iter().enumerate();
    let entries = messages.map(|(place, (body, trace))| {
        SendMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .message_body(body)
            .set_message_attributes(trace.as_ref().and_then(traced::written))
            .build()
    });
    let entries = entries.collect::<Result<Vec<_>, _>>();
    let call = connection
        .client
        .send_message_batch()
        .queue_url(&*address)
        .set_entries(entries.ok());
    let answer = connection
        .call_once(queue, until, || call.clone().send())
        .await?;
    let successful = answer.successful().iter().map(Sent::id);
    Ok(outcomes(count, successful, answer.failed(), queue.as_str()))
}

/// Deletes one batch of receipts.
pub(crate) async fn delete_batch(
    connection: &Connection,
    queue: &QueueName,
    receipts: Vec<Receipt>,
    until: Instant,
) -> Result<Outcomes, SqsFault> {
    let address = connection.address(queue, until).await?;
    let count = receipts.len();
    let entries = receipts.into_iter().enumerate().map(|(place, receipt)| {
        DeleteMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .receipt_handle(receipt.0)
            .build()
    });
    let entries = entries.collect::<Result<Vec<_>, _>>();
    let call = connection
        .client
        .delete_message_batch()
        .queue_url(&*address)
        .set_entries(entries.ok());
    let answer = connection
        .call(queue, until, || call.clone().send())
        .await?;
    let successful = answer.successful().iter().map(Deleted::id);
    Ok(outcomes(count, successful, answer.failed(), queue.as_str()))
}

/// Deletes one message.
pub(crate) async fn delete(
    connection: &Connection,
    queue: &QueueName,
    receipt: &Receipt,
    until: Instant,
) -> Result<(), SqsFault> {
    let address = connection.address(queue, until).await?;
    let call = connection
        .client
        .delete_message()
        .queue_url(&*address)
        .receipt_handle(&receipt.0);
    connection
        .call(queue, until, || call.clone().send())
        .await
        .map(drop)
}

/// Hides a message for this many seconds from now.
pub(crate) async fn hide(
    connection: &Connection,
    queue: &QueueName,
    receipt: &Receipt,
    seconds: i32,
    until: Instant,
) -> Result<(), SqsFault> {
    let address = connection.address(queue, until).await?;
    let call = connection
        .client
        .change_message_visibility()
        .queue_url(&*address)
        .receipt_handle(&receipt.0)
        .visibility_timeout(seconds);
    connection
        .call(queue, until, || call.clone().send())
        .await
        .map(drop)
}

fn delivery(message: Message) -> Result<Delivery, SqsFault> {
    let attempt = count(
        message.attributes.as_ref(),
        &MessageSystemAttributeName::ApproximateReceiveCount,
    );
    Ok(Delivery {
        message_id: message.message_id.ok_or(SqsFault::Answer("message id"))?,
        receipt: Receipt(message.receipt_handle.ok_or(SqsFault::Answer("receipt"))?),
        body: message.body.unwrap_or_default(),
        attempt: u32::try_from(attempt.unwrap_or(1)).unwrap_or(u32::MAX),
        trace: traced::read(message.message_attributes.as_ref()),
    })
}
