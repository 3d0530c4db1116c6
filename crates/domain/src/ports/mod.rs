//! Ports: what the domain needs from the outside.
//!
//! One method is one atomic operation. Absence is `Ok(None)`. Each trait's *Contract* is numbered; the suite of the
//! same name in `lemon-testkit` has a case for each number.

mod accounts;
mod clock;
mod deadlines;
mod errors;
mod outbox;
mod pending_sign_ins;
mod queue;
mod quota;
mod record;
mod registrations;
mod twitter;

pub use accounts::{Accounts, SignIn, StoredAccount};
pub use clock::{Clock, IdSource, MAX_SKEW};
pub use deadlines::{OverdueOutcome, OverdueStep, OverdueTraining, PROMPT, TrainingDeadlines};
pub use errors::{QueueError, QuotaError, StoreError, TwitterError};
pub use outbox::{Backlog, Outbox, OutboxEntry, OutboxTask};
pub use pending_sign_ins::{PendingSignIn, PendingSignIns, SignInClaim};
pub use queue::{
    Delivery, Depth, JobQueue, MAX_BATCH, MAX_BODY_BYTES, MAX_DELAY, Outgoing, Receipt,
    is_body_character,
};
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
pub use twitter::{AccessGrant, Profile, RequestGrant, Tweet, TweetId, TweetPage, TwitterClient};
