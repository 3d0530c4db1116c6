use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{OutboxEntry, StoreError};
use crate::values::{
    AccountId, BudgetKey, RequestId, ServiceType, Task, TaskKind, TrainingState, Turn, UserId,
};

/// A training that was announced to the workers and not finished by its deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueTraining {
    /// The person.
    pub user: UserId,
    /// The service.
    pub service: ServiceType,
    /// The request.
    pub request_id: RequestId,
    /// How often it was announced.
    pub announcements: u32,
    /// When its deadline began to run.
    pub announced_at: DateTime<Utc>,
    /// When it was found. Each later step uses this time.
    pub found_at: DateTime<Utc>,
}

/// The position of an overdue training among those of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverduePosition {
    /// When its deadline began to run.
    pub announced_at: DateTime<Utc>,
    /// The person.
    pub user: UserId,
}

impl OverdueTraining {
    /// Its position.
    #[must_use]
    pub const fn position(&self) -> OverduePosition {
        OverduePosition {
            announced_at: self.announced_at,
            user: self.user,
        }
    }
}

/// What is done about an overdue training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverdueStep {
    /// The workers get the job again.
    Announce,
    /// It has failed.
    Fail {
        /// The windows that still run: the places in them are given back.
        running: Vec<BudgetKey>,
    },
}

/// The result of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverdueOutcome {
    /// One `Train` row was put, with the same request id.
    Announced,
    /// It has failed.
    Failed {
        /// In whose name the places were reserved, if the use is still known. A counter may still have them.
        turn: Option<Turn>,
    },
    /// Its `Train` row was not sent yet, but it will be sent: the deadline runs from now.
    Waiting,
    /// It was announced, finished, deleted or replaced since it was found: nothing has changed.
    Overtaken,
}

/// The result of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryOutcome {
    /// One `Train` row was put.
    Announced {
        /// The account that is trained for.
        account: AccountId,
        /// How often it was announced now.
        announcements: u32,
    },
    /// Its `Train` row was set aside, and will be sent now.
    Released {
        /// The account that is trained for.
        account: AccountId,
    },
    /// Its `Train` row was not sent yet, but it will be sent: nothing has changed.
    Waiting,
    /// The training has finished or failed, so nothing is announced.
    Ended(TrainingState),
    /// No registration has this request as its latest: it was deleted or replaced, or never existed.
    Unknown,
}

/// Trainings that the workers may have lost, each step in one transaction.
///
/// # Contract
/// 1. A training is overdue from the end of its deadline until it is finished, failed or announced again, or its
///    registration is deleted or has a new request.
/// 2. The deadline runs from the moment when the `Train` row can have been sent. This is the time when the row was put
///    or, if the row waited for more than [`PROMPT`], the time of its latest claim.
/// 3. `overdue` answers the overdue trainings of one service, by [position](OverduePosition): longest overdue first, at
///    most `max`, and only those `after` a position if one is given. So a training that cannot be settled hides none
///    behind it. The time is the earlier of the caller's clock and the store's: a caller whose clock is ahead makes
///    nothing overdue earlier.
/// 4. Each step happens once: of concurrent steps for one overdue training, one takes effect and the others are
///    `Overtaken`.
/// 5. `Announce` puts one `Train` row with the request id of the training and starts its deadline again.
/// 6. `Fail` sets the state, ends the cooldown, and removes the request's places of the running windows, with their
///    units, from the record. The use with its turn, the attempt, the places of other windows, `ready` and `public`
///    stay.
/// 7. While the `Train` row is in the outbox, each step is `Waiting` and only starts the deadline again. The step does
///    not wait for a row that was set aside, because that row may never be sent.
/// 8. A failed training still finishes when its ready message comes.
/// 9. `retry` announces a training that runs at once, whatever its deadline, as `Announce` does; a training that has
///    ended is not announced. While the `Train` row is in the outbox, no second one is put: a row that was set aside is
///    released, any other stays as it is. Of concurrent retries, one puts the row.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TrainingDeadlines: Send + Sync + 'static {
    /// The overdue trainings of a service.
    ///
    /// # Errors
    /// Infrastructure only. A row that cannot be read is reported in the log and left out.
    async fn overdue(
        &self,
        service: &ServiceType,
        deadline: Duration,
        after: Option<OverduePosition>,
        max: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<OverdueTraining>, StoreError>;

    /// Takes a step about an overdue training.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn settle(
        &self,
        training: &OverdueTraining,
        step: OverdueStep,
    ) -> Result<OverdueOutcome, StoreError>;

    /// Announces the training of a request again, for an operator.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn retry(
        &self,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) -> Result<RetryOutcome, StoreError>;
}

/// How long a `Train` row may wait for its claim before its training's deadline starts again. A relay that works claims
/// a row within this time, and so writes nothing more than the claim.
pub const PROMPT: Duration = Duration::from_secs(5);

impl OutboxEntry<Task> {
    /// It is a training's row, and it waited so long that the training's deadline starts again: see
    /// [`TrainingDeadlines`].
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        self.content.kind == TaskKind::Train && self.created_at + PROMPT < now
    }
}
