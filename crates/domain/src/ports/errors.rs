use std::time::Duration;

use crate::BoxError;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The account or person is not in the store.
    #[error("no such person")]
    UnknownPerson,
    /// The store was not reached, or cannot do it at the moment: it is read-only, the permission is revoked, a table is
    /// missing. Nothing has changed, and the call is not at fault.
    #[error("the store cannot be reached, or cannot carry out the call at the moment")]
    Unreached(#[source] BoxError),
    /// The call was interrupted; the change may or may not have been made.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// The store refused the data of this call, and would refuse it again: a value that it cannot hold, a violated
    /// constraint.
    #[error("the store rejected the call")]
    Rejected(#[source] BoxError),
    /// A row breaks an invariant.
    #[error("corrupt data in {table}, row {key}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, never its content.
        key: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreached(_) | Self::Unavailable(_) => true,
            Self::UnknownPerson | Self::Rejected(_) | Self::Corrupt { .. } => false,
        }
    }

    /// The fault is in the data of this call or in the rows that it is about: it is permanent, and affects no other
    /// call. Any other fault is the store's, and says nothing about the call.
    #[must_use]
    pub const fn is_of_the_call(&self) -> bool {
        match self {
            Self::UnknownPerson | Self::Rejected(_) | Self::Corrupt { .. } => true,
            Self::Unreached(_) | Self::Unavailable(_) => false,
        }
    }

    /// Whether it is certain that nothing has changed.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        match self {
            Self::UnknownPerson | Self::Unreached(_) | Self::Rejected(_) | Self::Corrupt { .. } => {
                true
            }
            Self::Unavailable(_) => false,
        }
    }
}

/// Why a quota counter did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// The counter cannot be reached, or the call was interrupted; the change may or may not have been made.
    #[error("the quota counter is unavailable")]
    Unavailable(#[source] BoxError),
    /// The counter refused the command.
    #[error("the quota counter rejected the call")]
    Rejected(#[source] BoxError),
    /// The value under a key is not a counter.
    #[error("corrupt data in the quota counter, key {key}")]
    Corrupt {
        /// The key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}

impl QuotaError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Rejected(_) | Self::Corrupt { .. } => false,
        }
    }
}

/// Why a job queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// There is no queue with that name.
    #[error("there is no queue {0}")]
    NoSuchQueue(String),
    /// The receipt is stale: the message was received again, acknowledged or dead-lettered since.
    #[error("the receipt is no longer valid")]
    StaleReceipt,
    /// The body is larger than a message may be.
    #[error("the message is too large: it has {bytes} bytes, and at most {max} are allowed")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The maximum.
        max: usize,
    },
    /// The queue was not reached, or said that it is unavailable at the moment; nothing was taken.
    #[error("the job queue cannot be reached")]
    Unreached(#[source] BoxError),
    /// The call was interrupted; the message may or may not have been taken.
    #[error("the job queue is unavailable")]
    Unavailable(#[source] BoxError),
    /// The queue asks for fewer calls.
    #[error("the job queue is throttling")]
    RateLimited {
        /// How long to wait, if the queue says so.
        retry_after: Option<Duration>,
    },
    /// The queue refused the call.
    #[error("the job queue rejected the call")]
    Rejected(#[source] BoxError),
}

impl QueueError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreached(_) | Self::Unavailable(_) | Self::RateLimited { .. } => true,
            Self::NoSuchQueue(_)
            | Self::StaleReceipt
            | Self::TooLarge { .. }
            | Self::Rejected(_) => false,
        }
    }

    /// Whether it is certain that nothing was taken, so that the same call cannot make a duplicate.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        match self {
            Self::NoSuchQueue(_)
            | Self::StaleReceipt
            | Self::TooLarge { .. }
            | Self::Unreached(_)
            | Self::RateLimited { .. }
            | Self::Rejected(_) => true,
            Self::Unavailable(_) => false,
        }
    }
}

/// Why Twitter did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwitterError {
    /// The token, its secret or the verifier is wrong, used, expired or revoked.
    #[error("twitter does not accept the token")]
    InvalidToken,
    /// The person's account is suspended or locked.
    #[error("the twitter account is suspended or locked")]
    Suspended,
    /// The same text was posted before.
    #[error("twitter already has this post")]
    DuplicatePost,
    /// Too many calls.
    #[error("twitter's rate limit is reached")]
    RateLimited {
        /// How long until the limit resets.
        retry_after: Duration,
    },
    /// Twitter was not reached: it has not seen the call, which may be repeated.
    #[error("twitter cannot be reached")]
    Unreached(#[source] BoxError),
    /// The call was interrupted or Twitter failed; Twitter may or may not have acted.
    #[error("twitter is unavailable")]
    Unavailable(#[source] BoxError),
    /// Twitter refused the call: the application's keys, access level or callback are wrong.
    #[error("twitter rejected the call")]
    Rejected(#[source] BoxError),
    /// The answer cannot be read.
    #[error("twitter's answer cannot be read")]
    Corrupt(#[source] BoxError),
}

impl TwitterError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreached(_) | Self::Unavailable(_) => true,
            Self::InvalidToken
            | Self::Suspended
            | Self::DuplicatePost
            | Self::Rejected(_)
            | Self::Corrupt(_) => false,
        }
    }
}

/// Why the earlier system cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EarlierSystemError {
    /// It does not answer, or refuses. Nothing more can be read from this source.
    #[error("the earlier system cannot be read")]
    Unavailable(#[source] BoxError),
}
