use chrono::{DateTime, Utc};

use crate::values::{Budget, BudgetKey, Holder, ServiceType, Turn, Use};

/// The budgets that one attempt reserves in the counter, and for which holder.
pub(super) struct Wish<'a> {
    pub(super) service: &'a ServiceType,
    pub(super) turn: Turn,
    pub(super) holder: Holder,
    /// The day's budget comes first.
    pub(super) budgets: Vec<Budget>,
    pub(super) at: DateTime<Utc>,
}

impl Wish<'_> {
    pub(super) fn keys(&self) -> Vec<BudgetKey> {
        let budgets = self.budgets.iter();
        budgets.map(|budget| budget.key.clone()).collect()
    }

    /// The holder's places that certainly no request has recorded, according to the person's latest use. Other places
    /// stay until the reconciliation compares them with the record.
    pub(super) fn unrecorded(&self, last: Option<&Use>, keys: &[BudgetKey]) -> Vec<BudgetKey> {
        let Some(last) = last.filter(|last| last.turn >= self.turn.number) else {
            return keys.to_vec();
        };
        // The use was made on the day that it names. So it took nothing from a window that ended before that day. If
        // this request's day is a later one, it also took nothing from a window that began with or after this day. It
        // may have used the other windows.
        let day = self.budgets.first().map(|budget| budget.key.window.start);
        let later = day.filter(|day| last.window_start < *day);
        let untouched = |key: &&BudgetKey| {
            key.window.end <= last.window_start || later.is_some_and(|day| key.window.start >= day)
        };
        keys.iter().filter(untouched).cloned().collect()
    }
}
