use crate::values::{Budget, BudgetState};

/// How many of the day's places are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Whether a request now would get a place.
    pub can_use: bool,
    /// The day's places.
    pub daily: BudgetState,
}

impl Availability {
    /// From the budgets of a service, the day's first, and the units that are taken of each.
    pub(super) fn of(mut budgets: Vec<Budget>, usage: &[u32]) -> Self {
        let can_use = budgets
            .iter()
            .zip(usage)
            .all(|(budget, used)| used.saturating_add(budget.units) <= budget.limit);
        let daily = budgets.swap_remove(0);
        Self {
            can_use,
            daily: BudgetState {
                key: daily.key,
                limit: daily.limit,
                used: usage.first().copied().unwrap_or_default(),
            },
        }
    }
}
