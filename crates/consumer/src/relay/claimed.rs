use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lemon_domain::{ports::OutboxEntry, values::QueueName};

use crate::renderer::Rendered;

/// A batch that was claimed and rendered.
pub(super) struct Claimed<T> {
    /// When it was claimed.
    pub(super) at: DateTime<Utc>,
    /// The messages to send, by queue.
    pub(super) messages: BTreeMap<QueueName, Vec<(OutboxEntry<T>, String)>>,
    /// The other rows.
    pub(super) others: Vec<(OutboxEntry<T>, Rendered)>,
    rows: usize,
}

impl<T> Claimed<T> {
    pub(super) fn new(
        at: DateTime<Utc>,
        rendered: impl IntoIterator<Item = (OutboxEntry<T>, Rendered)>,
    ) -> Self {
        let mut claimed = Self {
            at,
            messages: BTreeMap::new(),
            others: Vec::new(),
            rows: 0,
        };
        for (entry, rendered) in rendered {
            claimed.rows += 1;
            match rendered {
                Rendered::Send { queue, body } => {
                    let messages = claimed.messages.entry(queue).or_default();
                    messages.push((entry, body));
                }
                other => claimed.others.push((entry, other)),
            }
        }
        claimed
    }

    pub(super) const fn len(&self) -> usize {
        self.rows
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows == 0
    }
}
