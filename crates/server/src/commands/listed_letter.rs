use std::fmt;

use lemon_domain::values::QueueName;
use lemon_worker::ShownDeadLetter;
use serde::Serialize;

/// A dead letter, as it is printed.
#[derive(Serialize)]
pub(super) struct ListedDeadLetter {
    queue: String,
    message_id: String,
    original_id: Option<String>,
    twitter_id: Option<String>,
    reason: Option<String>,
    attempts: Option<u32>,
    bytes: usize,
    sent_at: Option<String>,
    dead_lettered_at: Option<String>,
}

impl ListedDeadLetter {
    /// Those of a queue.
    pub(super) fn all(
        queue: &QueueName,
        letters: impl IntoIterator<Item = ShownDeadLetter>,
    ) -> impl Iterator<Item = Self> {
        letters.into_iter().map(|letter| Self::of(queue, letter))
    }

    fn of(queue: &QueueName, letter: ShownDeadLetter) -> Self {
        Self {
            queue: queue.to_string(),
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

/// A line, which begins with the id that other commands take.
impl fmt::Display for ListedDeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.dead_lettered_at.as_ref().or(self.sent_at.as_ref());
        let at = at.map_or("at an unknown time", String::as_str);
        write!(f, "{}  {}  {at}  ", self.message_id, self.queue)?;
        match &self.twitter_id {
            Some(id) => write!(f, "account {id}  ")?,
            None => f.write_str("no account  ")?,
        }
        if let Some(attempts) = self.attempts {
            write!(f, "{attempts} attempts  ")?;
        }
        let reason = self.reason.as_deref().unwrap_or("received too often");
        write!(f, "{} bytes  {reason}", self.bytes)?;
        match &self.original_id {
            Some(id) => write!(f, "  was {id}"),
            None => Ok(()),
        }
    }
}
