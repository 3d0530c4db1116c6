//! A store in memory.

mod accounts;
mod deadlines;
mod directives;
mod imports;
mod job_tickets;
mod mechanism;
mod outbox;
mod pending_sign_ins;
mod people;
mod record;
mod registrations;
mod replicas;
mod requests;
mod revocations;
mod sealed_secrets;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Attempt, Clock, CompletedSignIn, GivenDirective, OutboxEntry, PendingSignIn, Replica,
        ReservedPlace, Revocation, SignInClaim, StoredAccount,
    },
    traces::current_trace,
    values::{
        AccountId, Holder, Registered, Registration, RequestId, RequestToken, ServiceType, Task,
        TaskKind, TicketDigest, Turn, Use, UserId,
    },
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use self::job_tickets::StoredTicket;
pub use self::mechanism::Mechanism;
use crate::clock::FakeClock;

/// All data of a store, under one lock: each call is one step, like a transaction.
///
/// Every call yields once before its step, like a call over a network, so that concurrent calls really interleave.
pub struct MemoryStore {
    state: Mutex<StoreState>,
    row_put: Notify,
    directives_changed: Notify,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct StoreState {
    accounts: BTreeMap<AccountId, StoredAccount>,
    signed_in: BTreeMap<AccountId, SignedInAt>,
    /// The highest number that is given or reserved.
    last_user: i64,
    sign_ins: HashMap<RequestToken, StoredSignIn>,
    registrations: BTreeMap<(UserId, ServiceType), StoredRegistration>,
    uses: BTreeMap<(UserId, ServiceType), Use>,
    /// The uses that were imported, which do not expire.
    imported: BTreeSet<(UserId, ServiceType)>,
    latest_requests: BTreeMap<(UserId, ServiceType), RequestId>,
    attempts: BTreeMap<(UserId, ServiceType), Vec<Answered>>,
    places: Vec<Recorded>,
    outbox: BTreeMap<i64, OutboxRow>,
    last_row: i64,
    replicas: Vec<(Replica, DateTime<Utc>)>,
    directives: BTreeMap<String, GivenDirective>,
    revocations: BTreeMap<i64, Revocation>,
    last_revocation: i64,
    tickets: HashMap<TicketDigest, StoredTicket>,
    without: Option<Mechanism>,
}

/// When an account signed in.
#[derive(Debug, Clone, Copy)]
struct SignedInAt {
    first: DateTime<Utc>,
    latest: DateTime<Utc>,
}

/// A registration, and the data of it that the person does not see.
#[derive(Debug)]
struct StoredRegistration {
    shown: Registration,
    account: AccountId,
    requested_at: DateTime<Utc>,
    announced_at: DateTime<Utc>,
    announcements: u32,
    finished_at: Option<DateTime<Utc>>,
}

/// A sign-in in progress, and its claim, or one that was completed.
#[derive(Debug)]
enum StoredSignIn {
    Pending {
        pending: PendingSignIn,
        claim: Option<SignInClaim>,
    },
    Completed(CompletedSignIn),
}

impl StoredSignIn {
    const fn expires_at(&self) -> DateTime<Utc> {
        match self {
            Self::Pending { pending, .. } => pending.expires_at,
            Self::Completed(completed) => completed.at,
        }
    }
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
    set_aside_at: Option<DateTime<Utc>>,
}

impl MemoryStore {
    /// An empty store with this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::default(),
            row_put: Notify::new(),
            directives_changed: Notify::new(),
            clock,
        }
    }

    /// The same store, but one of its mechanisms is missing.
    #[must_use]
    pub fn without(self, mechanism: Mechanism) -> Self {
        self.state.lock().without = Some(mechanism);
        self
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
    fn has(&self, mechanism: Mechanism) -> bool {
        self.without != Some(mechanism)
    }

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
            trace: current_trace(),
        };
        let row = OutboxRow {
            entry,
            due_at: at,
            set_aside_at: None,
        };
        self.outbox.insert(self.last_row, row);
    }
}
