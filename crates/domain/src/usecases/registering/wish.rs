use chrono::{DateTime, Utc};

use crate::values::{Budget, BudgetKey, Holder, ServiceType, Turn, Use};

/// What one attempt wants of the counter, and in whose name.
pub(super) struct Wish<'a> {
    pub(super) service: &'a ServiceType,
    pub(super) turn: Turn,
    pub(super) holder: Holder,
    /// The day's first.
    pub(super) budgets: Vec<Budget>,
    pub(super) at: DateTime<Utc>,
}

impl Wish<'_> {
    pub(super) fn keys(&self) -> Vec<BudgetKey> {
        let budgets = self.budgets.iter();
        budgets.map(|budget| budget.key.clone()).collect()
    }

    /// Which of the holder's places certainly no request has recorded, as the person's latest use tells. A place of which
    /// that is not certain stays, until the reconciliation finds it in the record or does not.
    pub(super) fn unrecorded(&self, last: Option<&Use>, keys: &[BudgetKey]) -> Vec<BudgetKey> {
        let Some(last) = last.filter(|last| last.turn >= self.turn.number) else {
            return keys.to_vec();
        };
        // The use was made in the day that it names. So it took nothing from a window that ended before, and, if this
        // request's day is a later one, nothing from a window that began with that or after. Others it may share.
        let day = self.budgets.first().map(|budget| budget.key.window.start);
        let later = day.filter(|day| last.window_start < *day);
        let untouched = |key: &&BudgetKey| {
            key.window.end <= last.window_start || later.is_some_and(|day| key.window.start >= day)
        };
        keys.iter().filter(untouched).cloned().collect()
    }
}
