use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::{RequestId, TraceContext};

/// A claimed row. The renderer interprets its content: how the task is done, and with which credentials, is decided
/// when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry<T> {
    /// Its number; the rows of a sequence are claimed in this order.
    pub id: i64,
    /// How often it was claimed, this time included. Names the lease.
    pub attempt: u32,
    /// The request that caused it. Its message has the same id.
    pub request_id: RequestId,
    /// When it was put in the outbox.
    pub created_at: DateTime<Utc>,
    /// The trace context of the call that put it, if there is one.
    pub trace: Option<TraceContext>,
    /// The content, such as a [`Task`](crate::values::Task).
    pub content: T,
}

/// How many rows wait to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Rows, claimed ones included, without those that were set aside.
    pub rows: u64,
    /// Age of the oldest of them, zero if there is none.
    pub oldest: Duration,
    /// Rows that were set aside.
    pub set_aside: u64,
}

/// Messages that were committed with the change that caused them and are not yet in a queue.
///
/// `T` is the content of a row. It also says in which *sequence* a row keeps its order: that of a
/// [`Task`](crate::values::Task) is [`Task::sequence`](crate::values::Task::sequence).
///
/// # Contract
/// 1. A row is claimed by one caller at a time: of concurrent claims each row goes to one.
/// 2. A claim that is neither removed nor postponed comes back after the lease, with a higher `attempt`.
/// 3. Of the rows that contract 7 allows, at most `max` are claimed: those that have been due longest, and of rows that
///    became due together the one that was put first. The answer has them in the order in which they were put. A claim
///    that was not removed is due again after its lease, and a postponed row at its time, not before.
/// 4. `remove` removes a row permanently, also after its lease has passed, because its message was sent.
/// 5. `postpone` with an attempt that is not the latest changes nothing: the row belongs to another caller.
/// 6. `changed` returns soon after anybody has put a row since the last call, or after a row that others waited behind
///    was removed or set aside since then. It may also return without such a change.
/// 7. The rows of a sequence are handed out in the order in which they were put: none is claimed while an earlier one
///    is there, whether it is due, claimed or postponed. Sequences do not wait for one another.
/// 8. A row that is set aside stays for the operator: it is not claimed again, no row waits for it, and `backlog`
///    counts it separately. If the operator releases it, it is sent out of order: whether that is safe is for the
///    operator to decide. `remove` removes it as well, and `set_aside` with an attempt that is not the latest changes
///    nothing.
/// 9. A row that the store cannot read is set aside by the [`READ_ATTEMPTS`]th claim that fails to read it: until then,
///    another replica, of a version that can read it, may claim it. Claims that read it do not count.
/// 10. A row has the trace context that was the [current](crate::traces::current_trace) one of the call that put
///     it. It has none if there was none, or if it cannot be read: a trace holds up no row.
#[async_trait]
pub trait Outbox<T: Send + Sync + 'static>: Send + Sync + 'static {
    /// Claims due rows until `now + lease`.
    ///
    /// # Errors
    /// Infrastructure only. A row that cannot be read is reported in the log, left out, and set aside in the end; the
    /// others are claimed.
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<T>>, StoreError>;

    /// Removes rows that were sent, or that must never be sent.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn remove(&self, ids: &[i64]) -> Result<(), StoreError>;

    /// Gives a claimed row back, to be claimed again from `until` on.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn postpone(
        &self,
        entry: &OutboxEntry<T>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Sets aside a claimed row that can never be sent because of a fault in the row itself.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn set_aside(&self, entry: &OutboxEntry<T>, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// How many rows wait.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError>;

    /// Waits until rows may have been put.
    async fn changed(&self);
}

/// After how many claims that cannot read a row it is set aside.
pub const READ_ATTEMPTS: u32 = 5;
