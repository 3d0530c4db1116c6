use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::values::RequestId;

/// A claimed row. What it says is the renderer's business: how it is done, and with which credentials, is found when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry<T> {
    /// Its number; rows are claimed in this order.
    pub id: i64,
    /// How often it was claimed, this time included. Names the lease.
    pub attempt: u32,
    /// On account of which request. Its message has the same id.
    pub request_id: RequestId,
    /// When it was put there.
    pub created_at: DateTime<Utc>,
    /// What it says, such as a [`Task`](crate::values::Task).
    pub content: T,
}

/// How much waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Rows, claimed ones included, without those that were set aside.
    pub rows: u64,
    /// Age of the oldest of them, zero if there is none.
    pub oldest: Duration,
    /// Rows that were set aside.
    pub set_aside: u64,
}

/// What was committed with the change that caused it and is not yet in a queue.
///
/// `T` is what a row says. It also says in which *sequence* a row keeps its order: that of a [`Task`](crate::values::Task) is
/// [`Task::sequence`](crate::values::Task::sequence).
///
/// # Contract
/// 1. A row is claimed by one caller at a time: of concurrent claims each row goes to one.
/// 2. A claim that is neither removed nor postponed comes back after the lease, with a higher `attempt`.
/// 3. Of the rows that contract 7 lets go, the oldest are claimed first, at most `max` of them; a postponed row not before its
///    time.
/// 4. `remove` removes for good, also after the lease has passed: what was sent was sent.
/// 5. `postpone` with an attempt that is not the latest changes nothing: the row is another's.
/// 6. `changed` returns soon after a row was put by anybody, or one that others waited behind was removed or set aside,
///    since the call before; and may return for no reason.
/// 7. The rows of a sequence are handed out in the order in which they were put: none is claimed while an earlier one is
///    there, be it due, claimed or postponed. Sequences do not wait for one another.
/// 8. A row that is set aside stays for the operator: it is claimed no more, none waits for it, and `backlog` counts it apart.
///    One that the operator lets go goes out of order: whether it may is for the operator to know.
///    `remove` removes it all the same, and `set_aside` with an attempt that is not the latest changes nothing.
/// 9. A row that the store cannot read is set aside by the claim that is the [`READ_ATTEMPTS`]th to fail at it: until then another
///    replica, of a version that can read it, may come by it. Claims that read it do not count.
#[async_trait]
pub trait Outbox<T: Send + Sync + 'static>: Send + Sync + 'static {
    /// Claims due rows until `now + lease`.
    ///
    /// # Errors
    /// Infrastructure only. A row that cannot be read is reported in the log and left out, and in the end set aside; the
    /// others are claimed.
    async fn claim(
        &self,
        max: u32,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry<T>>, StoreError>;

    /// Removes rows that were sent, or that must never be.
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

    /// Sets a claimed row aside that can never be sent, and the fault is in the row itself.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn set_aside(&self, entry: &OutboxEntry<T>, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// How much waits.
    ///
    /// # Errors
    /// Infrastructure only.
    async fn backlog(&self, now: DateTime<Utc>) -> Result<Backlog, StoreError>;

    /// Waits until rows may have been put.
    async fn changed(&self);
}

/// How many claims cannot read a row before it is set aside.
pub const READ_ATTEMPTS: u32 = 5;
