use std::collections::BTreeSet;

use anyhow::{Context, bail};
use lemon_domain::{
    ports::{DeadLetterChoice, QueueError},
    values::QueueName,
};
use lemon_worker::{QueueCare, QueueDeadLetters};
use serde::Serialize;
use tracing::info;

use super::{failed, say};
use crate::{
    app::StartError,
    commands::{
        listed_letter::ListedDeadLetter,
        operator::{operator, print_json},
    },
    config::ConfigError,
};

/// Lists dead letters, never with their text. A queue that cannot be read is an error, after the others were listed.
pub(super) async fn list(
    care: &QueueCare,
    queues: BTreeSet<QueueName>,
    max: usize,
    json: bool,
) -> anyhow::Result<()> {
    let (mut listed, mut unread) = (Vec::new(), Vec::new());
    for QueueDeadLetters { queue, letters } in care.dead_letters_of_each(queues, max).await {
        match letters {
            Ok(letters) => listed.extend(ListedDeadLetter::all(&queue, letters)),
            Err(error) => unread.push(anyhow::Error::new(error).context(failed(&queue))),
        }
    }
    if json {
        print_json(&listed)?;
    } else {
        for letter in &listed {
            say(format_args!("{letter}"))?;
        }
    }
    let faults: Vec<_> = unread.iter().map(|fault| format!("{fault:#}")).collect();
    if faults.is_empty() {
        Ok(())
    } else {
        bail!("{}", faults.join("; "))
    }
}

/// How many dead letters were sent again or discarded.
#[derive(Serialize)]
struct ChangedDeadLetters {
    queue: String,
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_again: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discarded: Option<u64>,
}

/// Sends dead letters to their queue again.
pub(super) async fn redrive(
    care: &QueueCare,
    queue: &QueueName,
    message_id: Option<String>,
    json: bool,
) -> anyhow::Result<()> {
    let sent = care.redrive(queue, &choice(message_id.as_ref())).await;
    audit(
        "sent dead letters again",
        queue,
        message_id.as_deref(),
        &sent,
    );
    let sent = sent.with_context(|| failed(queue))?;
    check_found(queue, message_id.as_deref(), sent)?;
    if json {
        return print_json(&ChangedDeadLetters {
            queue: queue.to_string(),
            message_id,
            sent_again: Some(sent),
            discarded: None,
        });
    }
    say(format_args!("{queue}: {sent} sent again"))
}

/// Removes dead letters.
pub(super) async fn discard(
    care: &QueueCare,
    queue: &QueueName,
    message_id: Option<String>,
    yes: bool,
    json: bool,
) -> Result<(), StartError> {
    if !yes {
        let what = message_id.as_deref().unwrap_or("every dead letter");
        let fault = format!("{what} of {queue} would be lost: add --yes. Nothing was done");
        return Err(ConfigError::new(fault).into());
    }
    let discarded = care.discard(queue, &choice(message_id.as_ref())).await;
    audit(
        "discarded dead letters",
        queue,
        message_id.as_deref(),
        &discarded,
    );
    let discarded = discarded.with_context(|| failed(queue))?;
    check_found(queue, message_id.as_deref(), discarded)?;
    if json {
        print_json(&ChangedDeadLetters {
            queue: queue.to_string(),
            message_id,
            sent_again: None,
            discarded: Some(discarded),
        })?;
        return Ok(());
    }
    Ok(say(format_args!("{queue}: {discarded} discarded"))?)
}

/// Logs who did what. After an error a part of it may be done.
fn audit(
    what: &str,
    queue: &QueueName,
    message_id: Option<&str>,
    outcome: &Result<u64, QueueError>,
) {
    let (count, is_complete) = match outcome {
        Ok(0) => return,
        Ok(count) => (Some(*count), true),
        Err(_) => (None, false),
    };
    info!(
        audit = true,
        operator = operator(),
        queue = queue.as_str(),
        message.id = message_id,
        messages = count,
        complete = is_complete,
        "an operator {what}"
    );
}

fn choice(message_id: Option<&String>) -> DeadLetterChoice {
    match message_id {
        Some(id) => DeadLetterChoice::One(id.clone()),
        None => DeadLetterChoice::All,
    }
}

/// Fails if one message was asked for and was not found.
fn check_found(queue: &QueueName, message_id: Option<&str>, found: u64) -> anyhow::Result<()> {
    if let (Some(id), 0) = (message_id, found) {
        bail!(
            "no dead letter of {queue} was found that has the id {id:?}: it is gone, or somebody has received it"
        );
    }
    Ok(())
}
