//! A store in memory.

mod accounts;
mod deadlines;
mod outbox;
mod pending_sign_ins;
mod record;
mod registrations;
mod requests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Attempt, Clock, OutboxEntry, PendingSignIn, ReservedPlace, SignInClaim, StoredAccount,
    },
    values::{
        AccountId, Holder, Registered, Registration, RequestId, RequestToken, ServiceType, Task,
        TaskKind, Turn, Use, UserId,
    },
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::clock::FakeClock;

/// All data of a store, under one lock: each call is one step, like a transaction.
///
/// Every call yields once before its step, like a call over a network, so that concurrent calls really interleave.
pub struct MemoryStore {
    state: Mutex<StoreState>,
    row_put: Notify,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct StoreState {
    accounts: BTreeMap<AccountId, StoredAccount>,
    pending: HashMap<RequestToken, Claimable>,
    registrations: BTreeMap<(UserId, ServiceType), StoredRegistration>,
    uses: BTreeMap<(UserId, ServiceType), Use>,
    latest_requests: BTreeMap<(UserId, ServiceType), RequestId>,
    attempts: BTreeMap<(UserId, ServiceType), Vec<Answered>>,
    places: Vec<Recorded>,
    outbox: BTreeMap<i64, OutboxRow>,
    last_row: i64,
}

/// A registration, and the data of it that the person does not see.
#[derive(Debug)]
struct StoredRegistration {
    shown: Registration,
    account: AccountId,
    announced_at: DateTime<Utc>,
    announcements: u32,
}

/// A sign-in in progress, and its claim.
#[derive(Debug)]
struct Claimable {
    pending: PendingSignIn,
    claim: Option<SignInClaim>,
}

/// A place, the use that took it, and until when that use needs it.
#[derive(Debug)]
struct Recorded {
    service: ServiceType,
    turn: Turn,
    holder: Holder,
    place: ReservedPlace,
    at: DateTime<Utc>,
    cooldown_until: DateTime<Utc>,
}

/// An attempt and its answer.
#[derive(Debug)]
struct Answered {
    attempt: Attempt,
    answer: Registered,
}

#[derive(Debug)]
struct OutboxRow {
    entry: OutboxEntry<Task>,
    due_at: DateTime<Utc>,
    is_set_aside: bool,
}

impl MemoryStore {
    /// An empty store with this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::default(),
            row_put: Notify::new(),
            clock,
        }
    }

    /// The earlier of the caller's clock and the store's.
    fn earlier(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.now().min(now)
    }

    async fn state(&self) -> MutexGuard<'_, StoreState> {
        tokio::task::yield_now().await;
        self.state.lock()
    }
}

impl Default for MemoryStore {
    /// With the default [`FakeClock`].
    fn default() -> Self {
        Self::new(Arc::new(FakeClock::default()))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_tuple("MemoryStore").field(&*state).finish()
    }
}

impl StoreState {
    fn put_row(
        &mut self,
        kind: TaskKind,
        service: &ServiceType,
        account: AccountId,
        request_id: RequestId,
        at: DateTime<Utc>,
    ) {
        self.last_row += 1;
        let entry = OutboxEntry {
            id: self.last_row,
            attempt: 0,
            content: Task {
                kind,
                service: service.clone(),
                account,
            },
            request_id,
            created_at: at,
        };
        let row = OutboxRow {
            entry,
            due_at: at,
            is_set_aside: false,
        };
        self.outbox.insert(self.last_row, row);
    }
}
