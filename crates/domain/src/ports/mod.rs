//! Ports: what the domain needs from the outside.
//!
//! One method is one atomic operation. Absence is `Ok(None)`. Each trait's *Contract* is numbered; the suite of the
//! same name in `lemon-contracts` has a case for each number.
//!
//! Two rules hold for every port:
//!
//! - **Every call ends**, whatever the other side does: within the deadline that its adapter is configured with, or
//!   with an error at the deadline. Only a call that is asked to wait takes longer: `JobQueue::receive` by the given
//!   wait, and `Outbox::changed` until rows may have been put. An adapter that works only in this process ends when its
//!   disk does.
//! - **An adapter's future may be dropped at any await**, so a caller may use `timeout` and `select!` freely. The
//!   operation is then done as a whole or not at all, and leaves nothing behind for other calls: no open transaction,
//!   no connection in the middle of an answer, no lock that is not released.

mod accounts;
mod arrangement;
mod clock;
mod deadlines;
mod directives;
mod earlier;
mod errors;
mod import;
mod outbox;
mod pending_sign_ins;
mod people;
mod queue;
mod queue_keeping;
mod quota;
mod record;
mod registrations;
mod replicas;
mod revocations;
mod sealed_secrets;
mod tickets;
mod twitter;

pub use accounts::{Accounts, SignIn, StoredAccount};
pub use arrangement::{KnownHere, NewRows};
pub use clock::{Clock, IdSource, MAX_SKEW};
pub use deadlines::{
    OverdueOutcome, OverduePosition, OverdueStep, OverdueTraining, PROMPT, RetryOutcome,
    TrainingDeadlines,
};
pub use directives::{Directives, GivenDirective};
pub use earlier::{EarlierAccount, EarlierPerson, EarlierRegistration, EarlierTime, ImportSource};
pub use errors::{EarlierSystemError, QueueError, QuotaError, StoreError, TwitterError};
pub use import::{
    Arrival, Brought, ImportTarget, ImportedAccount, ImportedPerson, ImportedRegistration,
};
pub use outbox::{Backlog, Outbox, OutboxEntry, READ_ATTEMPTS};
pub use pending_sign_ins::{CompletedSignIn, PendingSignIn, PendingSignIns, SignInClaim};
pub use people::{Forgotten, OutboxRecord, People, PersonRecord, RegistrationRecord, UseRecord};
pub use queue::{
    Delivery, Depth, JobQueue, MAX_BATCH, MAX_BODY_BYTES, MAX_DELAY, MAX_RECEIVES, Outgoing,
    Receipt, is_body_character,
};
pub use queue_keeping::{DeadLetter, DeadLetterChoice, QueueKeeping, QueueStats};
pub use quota::{
    QuotaCounter, RecordedSegment, Reservation, ReserveOutcome, RestorationId, Taken, WindowState,
    WindowSums,
};
pub use record::{
    Expiring, Housekeeping, PURGE_PORTION, PURGE_SLACK, PlaceRecord, Purged, RecordSums,
};
pub use registrations::{
    Attempt, Deletion, FinishOutcome, NewRegistration, Publication, Registrations, RequestOutcome,
    ReservedPlace, SeatTaken,
};
pub use replicas::{REPLICA_SILENCE, Replica, ReplicaRegistry, ReplicaSighting};
pub use revocations::{
    NumberedRevocation, REVOCATION_PORTION, Revocation, Revocations, RevokedTokens, TokenDigest,
};
pub use sealed_secrets::{KeyUse, ResealedSecret, SealedSecrets, SecretOwner, StoredSecret};
pub use tickets::{
    JobTickets, MAX_REDEMPTIONS, NewTicket, TICKET_MEMORY, TicketClaim, TicketOutcome,
};
pub use twitter::{AccessGrant, Profile, RequestGrant, Tweet, TweetId, TweetPage, TwitterClient};

/// Ports that answer as a test says, for faults that are hard to cause. A call that the test does not expect panics.
#[cfg(feature = "mock")]
pub mod mocks {
    pub use super::{
        accounts::MockAccounts, deadlines::MockTrainingDeadlines,
        pending_sign_ins::MockPendingSignIns, queue::MockJobQueue, quota::MockQuotaCounter,
        record::MockPlaceRecord, registrations::MockRegistrations,
    };
}
