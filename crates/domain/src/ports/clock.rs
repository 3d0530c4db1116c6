use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How far the clock of a replica may safely be from its store's: two replicas may be twice as far apart. A replica
/// whose clock is further off is not ready.
pub const MAX_SKEW: Duration = Duration::from_secs(10);

/// The time. It may jump, in both directions. A replica whose clock is further than [`MAX_SKEW`] from the store's
/// ([`Housekeeping::time`](super::Housekeeping::time)) is not ready.
///
/// # Contract
/// 1. A time has whole microseconds, the precision that every store keeps.
///
/// # What depends on it
/// - *Purge*: uses the earlier of the caller's clock and the store's, and removes rows
///   [`PURGE_SLACK`](super::PURGE_SLACK) late. A caller may be ahead by any time, the store by an hour. In SQLite the
///   store's clock is this machine's.
/// - *Quota*: a replica takes places of the window that its clock is in. The limit of each window holds by any clock,
///   because seats are unique in the record; a replica that is ahead begins a day early, one that is behind ends it
///   late.
/// - *Cooldown*: ends early or late by the difference of the clocks of two requests. The turn is used once by any
///   clock.
/// - *Attempts*: are remembered until they are purged.
/// - *Pending sign-ins*: are valid for as long as configured, more or less the skew. Only a purge removes an expired one.
/// - *Revocations*: a token of a person that a replica with a slow clock issues right after a logout everywhere may be
///   revoked, too: for as long as the clocks differ.
/// - *Reconciliation*: gives back places that were reserved a minute ago and are not recorded. Clocks that are twice
///   the skew apart leave a request 40 seconds. If that is too little, another request takes its seat, the record
///   refuses the second of them, and that one tries again.
/// - *Leases of the outbox*: the relay starts no send in the second half of a lease, which is longer than twice the
///   skew and a send. If clocks are further apart, a row may be sent twice, which its `request_id` makes harmless.
/// - *Counters forget* a window after its end, Redis an hour later by its own clock. A window that is forgotten too
///   early is unknown, admits nobody, and is restored from the record.
/// - *The embedded queue* and the embedded counter belong to one process and its one clock. A message that becomes
///   visible too early because the clock jumped is delivered twice, which consumers expect.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// Unpredictable ids and bytes.
///
/// # Contract
/// 1. No two answers are equal, over all replicas.
/// 2. No answer can be guessed from others.
pub trait IdSource: Send + Sync + 'static {
    /// A fresh UUID, for request ids and token ids.
    fn uuid(&self) -> Uuid;

    /// Fills with fresh bytes, for nonces and secrets. Fills of 16 bytes and more count as answers that differ.
    fn fill(&self, bytes: &mut [u8]);
}
