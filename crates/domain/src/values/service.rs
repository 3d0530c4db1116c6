use std::{ops::RangeInclusive, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    Budget, BudgetKey, BudgetName, Holder, QueueName, Scope, ServicePath, ServiceType, Turn,
    WindowPolicy,
};

/// A limit per window, and how much of it one use takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// The name of the budget.
    pub name: BudgetName,
    /// The limit of a window, in units.
    pub limit: u32,
    /// Units that one use takes.
    pub units: u32,
    /// When the next window begins.
    pub window: WindowPolicy,
    /// Whether several services take from it. Each says how much one of its uses takes; limit and windows are the same
    /// for all.
    pub is_shared: bool,
}

/// How long the workers may take for a training, and how often it is announced to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingPolicy {
    /// How long after an announcement a training is overdue: 1 second to 30 days.
    pub deadline: Duration,
    /// How often it is announced, the first time included, before it has failed: 1 to 100.
    pub attempts: u32,
}

impl TrainingPolicy {
    /// The range of a deadline.
    pub const DEADLINES: RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60);
    /// How often it may be announced.
    pub const ATTEMPTS: RangeInclusive<u32> = 1..=100;

    /// What is wrong with it, if anything.
    pub(super) fn fault(self) -> Option<&'static str> {
        if !Self::DEADLINES.contains(&self.deadline) {
            Some("a training deadline that is not 1 second to 30 days")
        } else if !Self::ATTEMPTS.contains(&self.attempts) {
            Some("a number of training attempts that is not 1 to 100")
        } else {
            None
        }
    }
}

impl Default for TrainingPolicy {
    /// Three times, six hours each.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(6 * 60 * 60),
            attempts: 3,
        }
    }
}

/// The queues of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceQueues {
    /// Jobs: fetch the person's tweets and train.
    pub train: QueueName,
    /// From the workers: a training is ready.
    pub ready: QueueName,
    /// Jobs: tell the person.
    pub notify: QueueName,
    /// Jobs: delete what was trained.
    pub delete: QueueName,
}

/// A service of the catalogue. A second service is another entry, not new code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name on the wire.
    pub service_type: ServiceType,
    /// Its name in a path.
    pub path: ServicePath,
    /// The day's places, named [`BudgetName::daily`]: one unit per use, so that a seat within the limit is a unit
    /// within it.
    pub daily: BudgetPolicy,
    /// Further budgets, reserved in the same step.
    pub budgets: Vec<BudgetPolicy>,
    /// How long a person waits between two uses.
    pub cooldown: Duration,
    /// How long the workers may take.
    pub training: TrainingPolicy,
    /// Its queues.
    pub queues: ServiceQueues,
    /// The text for a person whose training is ready.
    pub notification: String,
}

impl Service {
    /// The budgets that a use at `now` takes from: the day's first, then the further budgets.
    #[must_use]
    pub fn budgets_at(&self, now: DateTime<Utc>) -> Vec<Budget> {
        std::iter::once(&self.daily)
            .chain(&self.budgets)
            .map(|policy| Budget {
                key: BudgetKey {
                    scope: if policy.is_shared {
                        Scope::shared()
                    } else {
                        (&self.service_type).into()
                    },
                    budget: policy.name.clone(),
                    window: policy.window.window_at(now),
                },
                limit: policy.limit,
                units: policy.units,
            })
            .collect()
    }

    /// Whether it takes from a budget that others take from, too.
    #[must_use]
    pub fn shares(&self) -> bool {
        self.budgets.iter().any(|budget| budget.is_shared)
    }

    /// The holder of a turn's places: one holder for all, because they are reserved in one step.
    #[must_use]
    pub fn holder(&self, turn: Turn) -> Holder {
        if self.shares() {
            turn.holder_of(&self.service_type)
        } else {
            turn.holder()
        }
    }
}
