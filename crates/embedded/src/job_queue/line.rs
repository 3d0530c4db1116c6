use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lemon_domain::values::QueueName;
use tokio::sync::Notify;

/// One queue, dead-letter queues included.
pub(super) struct QueueState {
    /// Its name.
    pub(super) name: String,
    /// Its dead-letter queue; a dead-letter queue has none.
    pub(super) dead_letters: Option<DeadLetters>,
    /// Wakes callers that wait for a message.
    pub(super) changed: Notify,
}

impl QueueState {
    /// The destination of its dead letters; those of a dead-letter queue stay there.
    pub(super) fn dead_letter_queue(&self) -> &str {
        let dead = self.dead_letters.as_ref();
        dead.map_or(&self.name, |dead| &dead.queue)
    }
}

/// When a message is dead, and its destination then.
pub(super) struct DeadLetters {
    /// Their queue.
    pub(super) queue: String,
    /// The number of receives without an acknowledgement.
    pub(super) after: u32,
}

/// The queues of a configuration, each with its dead-letter queue.
pub(super) fn lines(
    queues: &BTreeSet<QueueName>,
    max_receives: u32,
) -> BTreeMap<String, Arc<QueueState>> {
    let mut lines = BTreeMap::new();
    for queue in queues {
        let dead = queue.dead_letters();
        let dead_letters = DeadLetters {
            queue: dead.clone(),
            after: max_receives,
        };
        insert(&mut lines, queue.to_string(), Some(dead_letters));
        if !queues.iter().any(|other| other.as_str() == dead) {
            insert(&mut lines, dead, None);
        }
    }
    lines
}

fn insert(
    lines: &mut BTreeMap<String, Arc<QueueState>>,
    name: String,
    dead_letters: Option<DeadLetters>,
) {
    let line = QueueState {
        name: name.clone(),
        dead_letters,
        changed: Notify::new(),
    };
    lines.insert(name, Arc::new(line));
}
