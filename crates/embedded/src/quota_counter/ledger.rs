use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{Reservation, ReserveOutcome, Taken},
    values::{BudgetKey, Holder, Place},
};

use super::count::Count;

/// How long a window is remembered after its end: a call that began before the turn may end after it.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// What must be written so that the file says what the memory says.
///
/// Each holds the whole truth about what it names, so that writing it again, or after a write that failed, is right.
#[derive(Debug)]
pub(super) enum Change {
    /// This place, in the stead of whatever has its holder or seat.
    Put { window: i64, place: Place },
    /// No place of that holder.
    Remove { window: i64, holder: Holder },
    /// These places and no others.
    Replace {
        window: i64,
        key: BudgetKey,
        places: Vec<Place>,
    },
    /// Nothing of that window.
    Forget { window: i64 },
}

/// A window that is counted.
#[derive(Debug)]
pub(super) struct Window {
    /// Its number in the file.
    pub(super) id: i64,
    /// Its budget and its time.
    pub(super) key: BudgetKey,
    /// Its places.
    pub(super) count: Count,
}

impl Window {
    fn has(&self, key: &BudgetKey) -> bool {
        self.key.window.start == key.window.start
            && self.key.budget == key.budget
            && self.key.service == key.service
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.key.window.end + REMEMBERED <= now
    }
}

/// Every window that is counted: the authority, in memory.
///
/// There are a few at a time (budgets of services, today's and this month's), so that looking through them beats
/// any map.
#[derive(Debug)]
pub(super) struct Ledger(Vec<Window>);

impl Ledger {
    /// What a file remembered.
    pub(super) fn new(windows: Vec<Window>) -> Self {
        Self(windows)
    }

    /// Units taken, if the window is known.
    pub(super) fn used(&self, key: &BudgetKey) -> Option<u32> {
        self.find(key).map(|window| window.count.used())
    }

    /// Reserves in all budgets or in none.
    pub(super) fn reserve(&mut self, wish: &Reservation) -> (ReserveOutcome, Vec<Change>) {
        for budget in &wish.budgets {
            if self.find(&budget.key).is_none() {
                return (ReserveOutcome::Unknown(budget.key.clone()), Vec::new());
            }
        }
        for budget in &wish.budgets {
            let window = self.find(&budget.key);
            if window.is_some_and(|window| !window.count.admits(wish.holder, budget)) {
                return (ReserveOutcome::Exhausted(budget.key.clone()), Vec::new());
            }
        }
        let mut taken = Vec::with_capacity(wish.budgets.len());
        let mut changes = Vec::with_capacity(wish.budgets.len());
        for budget in &wish.budgets {
            if let Some(window) = self.find_mut(&budget.key) {
                let place = window.count.take(wish.holder, budget.units, wish.at);
                taken.push(Taken {
                    key: budget.key.clone(),
                    seat: place.seat,
                    units: place.units,
                    used: window.count.used(),
                });
                changes.push(Change::Put {
                    window: window.id,
                    place,
                });
            }
        }
        (ReserveOutcome::Reserved(taken), changes)
    }

    /// Gives the holder's places back.
    pub(super) fn release(&mut self, holder: Holder, keys: &[BudgetKey]) -> Vec<Change> {
        let mut changes = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(window) = self.find_mut(key) {
                window.count.remove(holder);
                changes.push(Change::Remove {
                    window: window.id,
                    holder,
                });
            }
        }
        changes
    }

    /// Sets a window right; one that was not known is known then.
    pub(super) fn restore(
        &mut self,
        key: &BudgetKey,
        record: &[Place],
        as_of: DateTime<Utc>,
    ) -> Vec<Change> {
        if self.find(key).is_none() {
            let latest = self.0.iter().map(|window| window.id).max();
            self.0.push(Window {
                id: latest.unwrap_or_default() + 1,
                key: key.clone(),
                count: Count::new(),
            });
        }
        let Some(window) = self.find_mut(key) else {
            return Vec::new();
        };
        window.key = key.clone();
        window.count = window.count.restored(record, as_of);
        vec![Change::Replace {
            window: window.id,
            key: key.clone(),
            places: window.count.places().cloned().collect(),
        }]
    }

    /// Forgets the windows that are over.
    pub(super) fn forget_past(&mut self, now: DateTime<Utc>) -> Vec<Change> {
        let past = self.0.extract_if(.., |window| window.is_over(now));
        past.map(|window| Change::Forget { window: window.id })
            .collect()
    }

    fn find(&self, key: &BudgetKey) -> Option<&Window> {
        self.0.iter().find(|window| window.has(key))
    }

    fn find_mut(&mut self, key: &BudgetKey) -> Option<&mut Window> {
        self.0.iter_mut().find(|window| window.has(key))
    }
}
