use anyhow::{Context, bail};
use lemon_domain::{
    ports::{DeadLetterChoice, QueueError},
    values::QueueName,
};
use lemon_worker::{QueueCare, ShownDeadLetter};
use serde::Serialize;
use tracing::info;

use super::{failed, say};
use crate::{
    app::StartError,
    commands::operator::{operator, print_json},
    config::ConfigError,
};

/// A dead letter, as it is printed.
#[derive(Serialize)]
struct ListedDeadLetter {
    message_id: String,
    original_id: Option<String>,
    twitter_id: Option<String>,
    reason: Option<String>,
    attempts: Option<u32>,
    bytes: usize,
    sent_at: Option<String>,
    dead_lettered_at: Option<String>,
}

impl From<ShownDeadLetter> for ListedDeadLetter {
    fn from(letter: ShownDeadLetter) -> Self {
        Self {
            message_id: letter.message_id,
            original_id: letter.original_id,
            twitter_id: letter.account.map(|account| account.user_id.to_string()),
            reason: letter.reason,
            attempts: letter.attempts,
            bytes: letter.bytes,
            sent_at: letter.sent_at.map(|at| at.to_rfc3339()),
            dead_lettered_at: letter.dead_lettered_at.map(|at| at.to_rfc3339()),
        }
    }
}

impl ListedDeadLetter {
    fn print(&self) -> anyhow::Result<()> {
        let Self {
            message_id, bytes, ..
        } = self;
        let at = self.dead_lettered_at.as_ref().or(self.sent_at.as_ref());
        let at = at.map_or("at an unknown time", String::as_str);
        let account = self.twitter_id.as_ref();
        let account = account.map_or("no account".to_owned(), |id| format!("account {id}"));
        let attempts = self
            .attempts
            .map(|attempts| format!("{attempts} attempts  "));
        let attempts = attempts.unwrap_or_default();
        let reason = self.reason.as_deref().unwrap_or("received too often");
        let was = self.original_id.as_ref();
        let was = was.map_or_else(String::new, |id| format!("  was {id}"));
        say(format_args!(
            "{message_id}  {at}  {account}  {attempts}{bytes} bytes  {reason}{was}"
        ))
    }
}

/// Lists dead letters, never with their text.
pub(super) async fn list(
    care: &QueueCare,
    queue: &QueueName,
    max: usize,
    json: bool,
) -> anyhow::Result<()> {
    let letters = care.dead_letters(queue, max).await;
    let letters = letters.with_context(|| failed(queue))?.into_iter();
    let letters: Vec<_> = letters.map(ListedDeadLetter::from).collect();
    if json {
        return print_json(&letters);
    }
    letters.iter().try_for_each(ListedDeadLetter::print)
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
