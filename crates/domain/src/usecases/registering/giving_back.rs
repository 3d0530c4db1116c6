use chrono::{DateTime, Utc};

use super::{RegisterError, Registering};
use crate::values::{Budget, BudgetKey, ServiceType, Turn, Use};

impl Registering {
    /// Ends an abandoned call. A reservation that may still be on its way to the counter, or cannot be given back now, is
    /// given back by the next reconciliation.
    pub(super) async fn withdraw(
        &self,
        service: &ServiceType,
        turn: Turn,
        budgets: &[Budget],
        at: DateTime<Utc>,
    ) -> RegisterError {
        let keys: Vec<BudgetKey> = budgets.iter().map(|budget| budget.key.clone()).collect();
        let _given_back = self.give_back(service, turn, budgets, &keys, at).await;
        RegisterError::Abandoned
    }

    /// Gives back those of the holder's places that no request of the person has recorded, or asked for after this one
    /// did. Of two calls that were under way at once, both hold the same places, and one may have recorded them.
    pub(super) async fn give_back(
        &self,
        service: &ServiceType,
        turn: Turn,
        budgets: &[Budget],
        keys: &[BudgetKey],
        at: DateTime<Utc>,
    ) -> Result<(), RegisterError> {
        let registrations = &self.ports.registrations;
        let last = registrations.last_use(turn.user, service).await?;
        let unrecorded = unrecorded(last.as_ref(), turn, budgets, keys);
        Ok(self
            .ports
            .quotas
            .release(&turn.holder(), &unrecorded, at)
            .await?)
    }
}

/// Which of the holder's places certainly no request has recorded, as the person's latest use tells. A place of which
/// that is not certain stays, until the reconciliation finds it in the record or does not.
pub(super) fn unrecorded(
    last: Option<&Use>,
    turn: Turn,
    budgets: &[Budget],
    keys: &[BudgetKey],
) -> Vec<BudgetKey> {
    let Some(last) = last.filter(|last| last.turn >= turn.number) else {
        return keys.to_vec();
    };
    // The use was made in the day that it names. So it took nothing from a window that ended before, and, if this
    // request's day is a later one, nothing from a window that began with that or after. Others it may share.
    let day = budgets.first().map(|budget| budget.key.window.start);
    let later = day.filter(|day| last.window_start < *day);
    let untouched = |key: &&BudgetKey| {
        key.window.end <= last.window_start || later.is_some_and(|day| key.window.start >= day)
    };
    keys.iter().filter(untouched).cloned().collect()
}
