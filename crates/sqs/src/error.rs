use std::time::Duration;

use aws_sdk_sqs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::BatchResultErrorEntry,
};
use lemon_domain::ports::QueueError;

use crate::{
    not_sent::was_not_sent,
    said::{Said, causes},
};

/// Why SQS cannot be used. Each is one sentence that names the queue or the server and the cause, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqsError {
    /// The configuration names no region.
    #[error("no aws region is configured: set AWS_REGION, or one in the profile")]
    Region,
    /// TLS cannot be set up.
    #[error("tls cannot be set up: {0}")]
    Tls(String),
    /// The endpoint is unknown, refuses the connection or does not answer.
    #[error("sqs at {server} cannot be reached: {cause}")]
    Unreachable {
        /// Scheme, host and port.
        server: String,
        /// The error of the network.
        cause: String,
    },
    /// There are no credentials, or wrong ones.
    #[error("sqs at {server} cannot be used with these credentials: {cause}")]
    Credentials {
        /// Scheme, host and port.
        server: String,
        /// The message of the SDK or SQS.
        cause: String,
    },
    /// These queues do not exist.
    #[error("sqs at {server} has no queue {}", .queues.join(", "))]
    Missing {
        /// Scheme, host and port.
        server: String,
        /// Their names.
        queues: Vec<String>,
    },
    /// SQS answers, but refuses for another reason.
    #[error("sqs at {server} refuses queue {queue}: {cause}")]
    Refused {
        /// Scheme, host and port.
        server: String,
        /// The queue of the call.
        queue: String,
        /// What SQS answered.
        cause: String,
    },
}

/// Codes by which AWS says that the signature or the signer is not accepted:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>.
const CREDENTIALS: [&str; 10] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes by which AWS says that a retry may succeed (same page).
const FAILING: [&str; 5] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// What went wrong with a call. It never contains a whole answer of SQS, which may be a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SqsFault {
    #[error("there is no queue {0}")]
    NoSuchQueue(String),
    #[error("the receipt is stale")]
    StaleReceipt,
    #[error("sqs accepts no attribute without a value")]
    Empty,
    #[error("sqs did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("sqs cannot be reached: {0}")]
    NotSent(String),
    #[error("the connection to sqs was lost: {0}")]
    BrokeOff(String),
    #[error("the call could not be made: {0}")]
    Unmade(String),
    #[error("sqs is throttling: {0}")]
    Throttled(Said),
    #[error("sqs cannot answer the call at the moment: {0}")]
    Busy(Said),
    #[error("sqs failed: {0}")]
    Failing(Said),
    #[error("sqs does not accept the credentials: {0}")]
    Credentials(Said),
    #[error("sqs refused the call: {0}")]
    Refused(Said),
    #[error("the answer of sqs has no {0}")]
    Answer(&'static str),
    #[error("the messages were not moved: {0}")]
    NotMoved(String),
}

impl SqsFault {
    /// Converts the driver's error for a queue. The error itself is dropped: it contains the answer.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, queue: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error().map(|error| causes(error));
                let cause = cause.unwrap_or_default();
                if failure.as_connector_error().is_some_and(was_not_sent) {
                    Self::NotSent(cause)
                } else if failure.is_io() || failure.is_timeout() {
                    Self::BrokeOff(cause)
                } else {
                    Self::Unmade(cause)
                }
            }
            SdkError::ServiceError(answer) => {
                let said = Said::new(answer.err().code(), answer.err().message());
                match answer.raw().status().as_u16() {
                    // An answer without an SQS code comes from a proxy that did not forward the call.
                    503 if said.name().is_empty() => Self::Busy(said),
                    status => Self::said(said, queue, status >= 500),
                }
            }
            SdkError::ConstructionFailure(_) => Self::Unmade(causes(error)),
            SdkError::ResponseError(_) => Self::Answer("readable form"),
            SdkError::TimeoutError(_) => Self::BrokeOff("no answer in time".to_owned()),
            _ => Self::BrokeOff("unknown".to_owned()),
        }
    }

    /// Converts the error of one entry of a batch.
    pub(crate) fn of_entry(entry: &BatchResultErrorEntry, queue: &str) -> Self {
        let said = Said::new(Some(entry.code()), entry.message());
        Self::said(said, queue, !entry.sender_fault())
    }

    fn said(said: Said, queue: &str, is_servers_fault: bool) -> Self {
        match said.name() {
            "NonExistentQueue" | "QueueDoesNotExist" => Self::NoSuchQueue(queue.to_owned()),
            "ReceiptHandleIsInvalid" | "MessageNotInflight" => Self::StaleReceipt,
            // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
            // lists no code for a deleted message; SQS answers with this one.
            "InvalidParameterValue" | "InvalidParameterValueException"
                if said.mentions("ReceiptHandle") || said.mentions("receipt handle") =>
            {
                Self::StaleReceipt
            }
            "OverLimit" => Self::Throttled(said),
            name if name.contains("Thrott") || name.contains("TooManyRequests") => {
                Self::Throttled(said)
            }
            name if CREDENTIALS.contains(&name) => Self::Credentials(said),
            "ServiceUnavailable" => Self::Busy(said),
            name if is_servers_fault || FAILING.contains(&name) => Self::Failing(said),
            _ => Self::Refused(said),
        }
    }

    /// Tells whether the same call may succeed later.
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut(_)
            | Self::NotSent(_)
            | Self::BrokeOff(_)
            | Self::Unmade(_)
            | Self::Throttled(_)
            | Self::Busy(_)
            | Self::Failing(_)
            | Self::Answer(_) => true,
            Self::NoSuchQueue(_)
            | Self::StaleReceipt
            | Self::Empty
            | Self::Credentials(_)
            | Self::Refused(_)
            | Self::NotMoved(_) => false,
        }
    }

    /// Tells whether it is certain that the call had no effect.
    pub(crate) const fn is_certain(&self) -> bool {
        match self {
            Self::NotSent(_)
            | Self::Unmade(_)
            | Self::Throttled(_)
            | Self::Busy(_)
            | Self::NoSuchQueue(_)
            | Self::StaleReceipt
            | Self::Empty
            | Self::Credentials(_)
            | Self::Refused(_) => true,
            Self::TimedOut(_)
            | Self::BrokeOff(_)
            | Self::Failing(_)
            | Self::Answer(_)
            | Self::NotMoved(_) => false,
        }
    }

    /// Converts the fault of the look-up before a call: in any case, the call itself was not sent.
    pub(crate) fn before_the_call(self) -> Self {
        match self {
            fault @ (Self::TimedOut(_) | Self::BrokeOff(_) | Self::Answer(_)) => {
                Self::NotSent(fault.to_string())
            }
            Self::Failing(said) => Self::Busy(said),
            other => other,
        }
    }

    /// Tells whether the message would be hidden for more than 12 hours since its receive. SQS does not say when that
    /// was.
    pub(crate) fn is_beyond_twelve_hours(&self) -> bool {
        matches!(self, Self::Refused(said) if said.mentions("Total VisibilityTimeout"))
    }

    /// Explains the fault to the person who configured the queue.
    pub(crate) fn explain(self, server: String, queue: &str) -> SqsError {
        match self {
            Self::NoSuchQueue(name) => SqsError::Missing {
                server,
                queues: vec![name],
            },
            Self::NotSent(cause) | Self::BrokeOff(cause) => SqsError::Unreachable { server, cause },
            Self::TimedOut(_) => SqsError::Unreachable {
                server,
                cause: self.to_string(),
            },
            Self::Unmade(cause) if cause.contains("Region") => SqsError::Region,
            Self::Unmade(cause) => SqsError::Credentials { server, cause },
            Self::Credentials(said) => SqsError::Credentials {
                server,
                cause: said.to_string(),
            },
            other => SqsError::Refused {
                server,
                queue: queue.to_owned(),
                cause: other.to_string(),
            },
        }
    }
}

impl From<SqsFault> for QueueError {
    fn from(fault: SqsFault) -> Self {
        match fault {
            SqsFault::NoSuchQueue(name) => Self::NoSuchQueue(name),
            SqsFault::StaleReceipt => Self::StaleReceipt,
            SqsFault::Throttled(_) => Self::RateLimited { retry_after: None },
            SqsFault::NotSent(_) | SqsFault::Unmade(_) | SqsFault::Busy(_) => {
                Self::Unreached(fault.into())
            }
            SqsFault::TimedOut(_)
            | SqsFault::BrokeOff(_)
            | SqsFault::Failing(_)
            | SqsFault::Answer(_) => Self::Unavailable(fault.into()),
            SqsFault::Empty
            | SqsFault::Credentials(_)
            | SqsFault::Refused(_)
            | SqsFault::NotMoved(_) => Self::Rejected(fault.into()),
        }
    }
}
