use std::{sync::Arc, time::Duration};

use fred::error::{Error as FredError, ErrorKind};
use lemon_batching::Unanswered;
use lemon_domain::ports::QuotaError;

/// Error codes by which Redis says that a retry may succeed: <https://redis.io/docs/latest/commands/> lists them by
/// command. Redis 6 puts them into the middle of the message if they occur inside of a script.
const PASSING: [&str; 9] = [
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
];

/// Why there is no counter. Each is one sentence that names the server and the cause, never the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The address is not valid.
    #[error("the redis address {0}")]
    Address(String),
    /// The prefix has characters that are not allowed in it.
    #[error("the redis key prefix is not 1 to 64 characters of A-Z, a-z, 0-9, -, _, . and :")]
    KeyPrefix,
    /// The host is unknown, refuses the connection or does not answer.
    #[error("redis at {server} cannot be reached: {cause}")]
    Unreachable {
        /// Host and port; several for a cluster.
        server: String,
        /// The error of the network.
        cause: String,
    },
    /// One side speaks TLS and the other does not, or the certificate is not trusted.
    #[error("redis at {server} and this program do not agree on TLS: {cause}")]
    Tls {
        /// Host and port; several for a cluster.
        server: String,
        /// What is wrong.
        cause: String,
    },
    /// User or password are wrong or missing.
    #[error("redis at {server} does not accept the user and password: {cause}")]
    Credentials {
        /// Host and port; several for a cluster.
        server: String,
        /// What Redis answered.
        cause: String,
    },
    /// Redis answers but cannot count: wrong database, missing rights, a replica, still loading.
    #[error("redis at {server} cannot be used as a counter: {cause}")]
    Refused {
        /// Host and port; several for a cluster.
        server: String,
        /// What Redis answered.
        cause: String,
    },
}

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RedisFault {
    #[error("no connection to redis within {0:?}")]
    NotConnected(Duration),
    #[error("redis did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the connection to redis was lost")]
    BrokeOff(#[source] FredError),
    #[error("redis cannot answer the call at the moment")]
    Passing(#[source] FredError),
    #[error("redis refused the script")]
    Refused(#[source] FredError),
    #[error("the call ended before redis answered")]
    Unanswered(#[source] Unanswered),
    #[error("the script's answer does not have the expected form")]
    Answer,
    #[error("{fault}")]
    Corrupt { key: String, fault: String },
}

impl RedisFault {
    /// Converts the driver's error, which does not distinguish a server's answer from a fault of the driver or
    /// connection.
    pub(crate) fn of(error: FredError) -> Self {
        let details = error.details();
        let code = details.split(' ').next().unwrap_or_default();
        let answered = code.len() > 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        if answered && PASSING.iter().any(|word| details.contains(word)) {
            return Self::Passing(error);
        }
        match error.kind() {
            ErrorKind::IO
            | ErrorKind::Timeout
            | ErrorKind::Canceled
            | ErrorKind::Routing
            | ErrorKind::Cluster
            | ErrorKind::Sentinel
            | ErrorKind::Backpressure => Self::BrokeOff(error),
            ErrorKind::Unknown if !answered => Self::BrokeOff(error),
            _ => Self::Refused(error),
        }
    }
}

impl RedisFault {
    /// Tells whether the call may be sent over another connection.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::BrokeOff(_))
    }

    /// Tells whether no answer came, although nothing shows that the connection is gone.
    pub(crate) fn is_of_silence(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::BrokeOff(error) => *error.kind() == ErrorKind::Timeout,
            _ => false,
        }
    }

    /// Tells whether the server accepts no writes any more.
    pub(crate) fn is_of_a_replica(&self) -> bool {
        matches!(self, Self::Passing(error) if error.details().contains("READONLY"))
    }
}

/// What went wrong with several calls at once.
#[derive(Debug, Clone)]
pub(crate) struct SharedFault(Arc<RedisFault>);

impl From<RedisFault> for SharedFault {
    fn from(fault: RedisFault) -> Self {
        Self(Arc::new(fault))
    }
}

impl From<RedisFault> for QuotaError {
    fn from(fault: RedisFault) -> Self {
        SharedFault::from(fault).into()
    }
}

impl From<SharedFault> for QuotaError {
    fn from(SharedFault(fault): SharedFault) -> Self {
        match &*fault {
            RedisFault::Corrupt { key, fault } => Self::Corrupt {
                key: key.clone(),
                source: fault.clone().into(),
            },
            RedisFault::NotConnected(_)
            | RedisFault::TimedOut(_)
            | RedisFault::BrokeOff(_)
            | RedisFault::Passing(_)
            | RedisFault::Unanswered(_) => Self::Unavailable(fault.into()),
            RedisFault::Refused(_) | RedisFault::Answer => Self::Rejected(fault.into()),
        }
    }
}
