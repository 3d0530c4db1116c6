use std::time::Duration;

use lemon_domain::ports::TwitterError;

use crate::refusal::Refusal;

/// What went wrong with a call, with all that is known and fit for a log: never a token, nor text of the answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("twitter does not accept the token")]
    InvalidToken,
    #[error("the account is suspended or locked")]
    Suspended,
    #[error("the same text was posted before")]
    DuplicatePost,
    #[error("too many calls")]
    RateLimited(Duration),
    #[error("{call} was not sent")]
    NotSent {
        call: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{call} broke off")]
    BrokeOff {
        call: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{call} failed at twitter with status {status}")]
    Failed { call: String, status: u16 },
    #[error("{call} could not be signed")]
    Unsigned {
        call: String,
        #[source]
        source: reqwest_oauth1::SignerError,
    },
    #[error("{call} was refused with {refusal}")]
    Refused { call: String, refusal: Refusal },
    #[error("{call} was redirected to {host}, which is not followed")]
    Redirected { call: String, host: String },
    #[error("twitter did not confirm the callback")]
    CallbackNotConfirmed,
    #[error("the answer to {call} is larger than {max} bytes")]
    TooLarge { call: String, max: usize },
    #[error("the answer to {call} is not the JSON expected")]
    NotExpected {
        call: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the answer to {call} has no valid {field}")]
    Lacks { call: String, field: &'static str },
}

impl From<Fault> for TwitterError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::InvalidToken => Self::InvalidToken,
            Fault::Suspended => Self::Suspended,
            Fault::DuplicatePost => Self::DuplicatePost,
            Fault::RateLimited(retry_after) => Self::RateLimited { retry_after },
            Fault::NotSent { .. } => Self::Unreached(fault.into()),
            Fault::BrokeOff { .. } | Fault::Failed { .. } => Self::Unavailable(fault.into()),
            Fault::Unsigned { .. }
            | Fault::Refused { .. }
            | Fault::Redirected { .. }
            | Fault::CallbackNotConfirmed => Self::Rejected(fault.into()),
            Fault::TooLarge { .. } | Fault::NotExpected { .. } | Fault::Lacks { .. } => {
                Self::Corrupt(fault.into())
            }
        }
    }
}
