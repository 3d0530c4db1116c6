//! A store in memory.

mod accounts;
mod outbox;
mod pending_sign_ins;
mod record;
mod registrations;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Attempt, OutboxEntry, OutboxTask, PendingSignIn, StoredAccount, Taken},
    values::{
        AccountId, Holder, Registered, Registration, RequestId, RequestToken, ServiceType, Use,
        UserId,
    },
};
use tokio::sync::Notify;

/// Everything that a store keeps, under one lock: each call is one step, as a transaction is.
///
/// Every call gives way once before its step, as one over a wire would, so that concurrent calls really interleave.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    row_put: Notify,
}

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<AccountId, StoredAccount>,
    pending: HashMap<RequestToken, PendingSignIn>,
    registrations: BTreeMap<(UserId, ServiceType), Current>,
    uses: BTreeMap<(UserId, ServiceType), Use>,
    attempts: BTreeMap<(UserId, ServiceType), Vec<Answered>>,
    places: Vec<Recorded>,
    outbox: BTreeMap<i64, Row>,
    last_row: i64,
}

/// A registration, and what the person does not see of it.
#[derive(Debug)]
struct Current {
    shown: Registration,
    account: AccountId,
    /// The request's own training has finished; `ready` may be an earlier one's.
    finished: bool,
}

/// A place, and until when its use needs it.
#[derive(Debug)]
struct Recorded {
    holder: Holder,
    taken: Taken,
    at: DateTime<Utc>,
    cooldown_until: DateTime<Utc>,
}

/// An attempt, and what it was answered.
#[derive(Debug)]
struct Answered {
    attempt: Attempt,
    answer: Registered,
}

#[derive(Debug)]
struct Row {
    entry: OutboxEntry,
    due_at: DateTime<Utc>,
}

impl MemoryStore {
    async fn state(&self) -> MutexGuard<'_, State> {
        tokio::task::yield_now().await;
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put_row(
        &mut self,
        task: OutboxTask,
        service: &ServiceType,
        account: AccountId,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) {
        self.last_row += 1;
        let entry = OutboxEntry {
            id: self.last_row,
            attempt: 0,
            task,
            service: service.clone(),
            account,
            request_id,
            created_at: at,
        };
        self.outbox.insert(self.last_row, Row { entry, due_at: at });
    }
}
