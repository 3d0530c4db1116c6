use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        RecordedSegment, Reservation, ReserveOutcome, RestorationId, Taken, WindowState, WindowSums,
    },
    values::{Budget, BudgetKey, Holder, Place, SegmentSums},
};

use super::count::{Count, RestoredPlaces};

/// How long a window is remembered after its end: a call that began before the end may finish after it.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// A change that must be written so that the file agrees with the memory.
///
/// Each change carries the full state of the thing that it names, so it may be written again, also after a failed
/// write.
#[derive(Debug)]
pub(super) enum LedgerChange {
    /// This place, which replaces any place with its holder or seat.
    Put { window: i64, place: Place },
    /// No place of that holder.
    Remove { window: i64, holder: Holder },
    /// The changes by a restoration of a segment.
    Restore {
        window: i64,
        restored: RestoredPlaces,
    },
    /// The window is known. Places of an unknown window are removed when the file is opened again.
    Open { window: i64, key: BudgetKey },
    /// The window is not known any more. Its places are removed afterwards, in portions.
    Forget { window: i64 },
}

/// A window that is counted.
#[derive(Debug)]
pub(super) struct LedgerWindow {
    /// Its number in the file.
    pub(super) id: i64,
    /// Its budget and its time.
    pub(super) key: BudgetKey,
    /// Its places.
    pub(super) count: Count,
    /// The restoration that is under way; without one, the window is open.
    pub(super) restoration: Option<RestorationId>,
}

impl LedgerWindow {
    fn has(&self, key: &BudgetKey) -> bool {
        self.key.window.start == key.window.start
            && self.key.budget == key.budget
            && self.key.scope == key.scope
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.key.window.end + REMEMBERED <= now
    }
}

/// All counted windows. This memory is the authority.
///
/// There are few at a time (budgets of each scope, today's and this month's), so a linear search is faster than any
/// map.
#[derive(Debug)]
pub(super) struct Ledger {
    windows: Vec<LedgerWindow>,
    /// The number of the next window: no number is used twice while the places of an earlier window may still be in the
    /// file.
    next: i64,
    restorations: u64,
}

impl Ledger {
    /// The windows of a file.
    pub(super) fn new(windows: Vec<LedgerWindow>) -> Self {
        let latest = windows.iter().map(|window| window.id).max();
        Self {
            windows,
            next: latest.unwrap_or_default() + 1,
            restorations: 0,
        }
    }

    /// Units taken, if the window is known.
    pub(super) fn used(&self, key: &BudgetKey) -> Option<u32> {
        self.find_open(key).map(|window| window.count.used())
    }

    /// Reserves in all budgets or in none.
    pub(super) fn reserve(&mut self, wish: &Reservation) -> (ReserveOutcome, Vec<LedgerChange>) {
        for Budget { key, .. } in &wish.budgets {
            if self.find_open(key).is_none() {
                return (ReserveOutcome::Unknown(key.clone()), Vec::new());
            }
        }
        if let Some(refusal) = self.exhausted(wish) {
            return (refusal, Vec::new());
        }
        let mut taken = Vec::with_capacity(wish.budgets.len());
        let mut changes = Vec::with_capacity(wish.budgets.len());
        for budget in &wish.budgets {
            if let Some(window) = self.find_mut(&budget.key) {
                let place = window.count.take(&wish.holder, budget.units, wish.at);
                taken.push(Taken {
                    seat: place.seat,
                    units: place.units,
                    state: window.count.state(budget),
                });
                changes.push(LedgerChange::Put {
                    window: window.id,
                    place,
                });
            }
        }
        (ReserveOutcome::Reserved(taken), changes)
    }

    /// Gives back the places that the holder last asked for at or before `as_of`.
    pub(super) fn release(
        &mut self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Vec<LedgerChange> {
        let mut changes = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(window) = self.find_mut(key)
                && window.count.asked_until(holder, as_of)
            {
                window.count.remove(holder);
                changes.push(LedgerChange::Remove {
                    window: window.id,
                    holder: holder.clone(),
                });
            }
        }
        changes
    }

    /// The window's state and sums.
    pub(super) fn sums(&self, key: &BudgetKey) -> WindowSums {
        match self.find(key) {
            Some(window) => WindowSums {
                state: window
                    .restoration
                    .map_or(WindowState::Open, WindowState::Restoring),
                segments: window.count.sums(),
            },
            None => WindowSums {
                state: WindowState::Unknown,
                segments: SegmentSums::new(),
            },
        }
    }

    /// Begins a restoration, or joins the one under way; `None` in an open window.
    pub(super) fn begin(&mut self, key: &BudgetKey) -> Option<RestorationId> {
        if let Some(window) = self.find(key) {
            return window.restoration;
        }
        self.restorations += 1;
        let restoration = Some(RestorationId(self.restorations));
        self.windows.push(LedgerWindow {
            id: self.next,
            key: key.clone(),
            count: Count::new(),
            restoration,
        });
        self.next += 1;
        restoration
    }

    /// Corrects a segment; `None` if the window is not in that state.
    pub(super) fn restore(&mut self, record: &RecordedSegment) -> Option<Vec<LedgerChange>> {
        let window = self.find_mut(&record.key)?;
        if window.restoration != record.restoration {
            return None;
        }
        let restored = window.count.restore(record);
        if restored.removed.is_empty() && restored.put.is_empty() {
            return Some(Vec::new());
        }
        let window = window.id;
        Some(vec![LedgerChange::Restore { window, restored }])
    }

    /// Ends a restoration; `None` if the window is not in it.
    pub(super) fn open(
        &mut self,
        key: &BudgetKey,
        restoration: RestorationId,
    ) -> Option<Vec<LedgerChange>> {
        let window = self.find_mut(key)?;
        if window.restoration != Some(restoration) {
            return None;
        }
        window.restoration = None;
        Some(vec![LedgerChange::Open {
            window: window.id,
            key: window.key.clone(),
        }])
    }

    /// Forgets the windows that are over; answers their numbers.
    pub(super) fn forget_past(&mut self, now: DateTime<Utc>) -> Vec<i64> {
        let past = self.windows.extract_if(.., |window| window.is_over(now));
        past.map(|window| window.id).collect()
    }

    /// The refusal, if a budget has too few units left.
    fn exhausted(&self, wish: &Reservation) -> Option<ReserveOutcome> {
        let counts = |budget: &Budget| self.find_open(&budget.key).map(|window| &window.count);
        let full = wish.budgets.iter().find(|budget| {
            counts(budget).is_some_and(|count| !count.admits(&wish.holder, budget))
        })?;
        let held = wish
            .budgets
            .iter()
            .filter(|budget| counts(budget).is_some_and(|count| count.has(&wish.holder)));
        Some(ReserveOutcome::Exhausted {
            state: counts(full)?.state(full),
            held: held.map(|budget| budget.key.clone()).collect(),
        })
    }

    fn find_open(&self, key: &BudgetKey) -> Option<&LedgerWindow> {
        self.find(key).filter(|window| window.restoration.is_none())
    }

    fn find(&self, key: &BudgetKey) -> Option<&LedgerWindow> {
        self.windows.iter().find(|window| window.has(key))
    }

    fn find_mut(&mut self, key: &BudgetKey) -> Option<&mut LedgerWindow> {
        self.windows.iter_mut().find(|window| window.has(key))
    }
}
