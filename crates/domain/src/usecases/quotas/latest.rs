use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use crate::{ports::Taken, values::BudgetKey};

/// When the counter was asked: a moment, and the number of changes that this process had seen by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AskedAt {
    pub(super) changes: u64,
    pub(super) at: DateTime<Utc>,
}

/// The latest usage of each window that a counter told this process, in units, published for all callers.
///
/// A change by this process (a place taken or given back) makes what was asked before it too old for
/// [`recent`](Self::recent): a person who registered is never shown the places from before.
#[derive(Default)]
pub(super) struct LatestUsage {
    known: RwLock<HashMap<BudgetKey, (AskedAt, u32)>>,
    changes: AtomicU64,
}

impl LatestUsage {
    /// The moment as of which the counter is asked now.
    pub(super) fn asking(&self, at: DateTime<Utc>) -> AskedAt {
        AskedAt {
            changes: self.changes.load(Ordering::Acquire),
            at,
        }
    }

    /// This process has changed a window.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// The counter says something else than is published, so another process has changed the window.
    pub(super) fn contradict(&self, key: &BudgetKey, used: u32) {
        let published = self.of(key);
        if published.is_some_and(|published| published != used) {
            self.changed();
        }
    }

    /// Publishes usage, in the order of the keys, unless what was asked later is published.
    pub(super) fn note(&self, keys: &[BudgetKey], usage: &[u32], asked: AskedAt) {
        let mut known = self.known.write();
        for (key, used) in keys.iter().zip(usage) {
            if let Some((last, published)) = known.get_mut(key) {
                if *last <= asked {
                    (*last, *published) = (asked, *used);
                }
            } else {
                known.retain(|key, _| key.window.end > asked.at);
                known.insert(key.clone(), (asked, *used));
            }
        }
    }

    /// Publishes what a reservation told, which was asked before the change that it made: no later call takes it for recent.
    /// Others may have changed the windows at the same time, and their answers may come in another order.
    pub(super) fn note_taken(&self, taken: &[Taken], asked: AskedAt) {
        let told = |place: &Taken| (place.state.key.clone(), place.state.used);
        let (keys, usage): (Vec<_>, Vec<_>) = taken.iter().map(told).unzip();
        self.note(&keys, &usage, asked);
    }

    /// The usage of a window, however old, if it is known.
    pub(super) fn of(&self, key: &BudgetKey) -> Option<u32> {
        self.known.read().get(key).map(|(_, used)| *used)
    }

    /// The usage of all windows, if for each it was asked since `earliest`, and this process has not changed a window in
    /// the meantime.
    pub(super) fn recent(
        &self,
        keys: &[BudgetKey],
        earliest: DateTime<Utc>,
        now: AskedAt,
    ) -> Option<Vec<u32>> {
        let known = self.known.read();
        let recent = |key| {
            let (asked, used) = known.get(key)?;
            // After a jump of the clock, what was asked "later" may be of any age.
            let in_time = earliest <= asked.at && asked.at <= now.at;
            (asked.changes == now.changes && in_time).then_some(*used)
        };
        keys.iter().map(recent).collect()
    }
}
