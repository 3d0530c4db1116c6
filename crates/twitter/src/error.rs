use std::time::Duration;

use lemon_domain::ports::TwitterError;

use crate::refusal::XRefusal;

/// What went wrong with a call, with every detail that may be logged: never a token, nor text of the answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TwitterFault {
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
    #[error("the connection was lost during {call}")]
    BrokeOff {
        call: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("twitter answered {call} with the error status {status}")]
    Failed { call: String, status: u16 },
    #[error(
        "the answer to {call} is not one of twitter's API: a proxy or a firewall may have sent it"
    )]
    NotOfTheApi { call: String },
    #[error("{call} could not be signed")]
    Unsigned {
        call: String,
        #[source]
        source: reqwest_oauth1::SignerError,
    },
    #[error("{call} was refused with {refusal}")]
    Refused { call: String, refusal: XRefusal },
    #[error(
        "{call} was refused with status 401 and nothing else: the token may be invalid, or the application's key, secret or clock"
    )]
    Unclear { call: String },
    #[error("twitter redirected {call} to {host}, and redirects are not followed")]
    Redirected { call: String, host: String },
    #[error("twitter did not confirm the callback")]
    CallbackNotConfirmed,
    #[error("the answer to {call} is larger than {max} bytes")]
    TooLarge { call: String, max: usize },
    #[error("the answer to {call} is not the expected JSON")]
    NotExpected { call: String },
    #[error("the answer to {call} has no valid {field}")]
    Lacks { call: String, field: &'static str },
}

impl From<TwitterFault> for TwitterError {
    fn from(fault: TwitterFault) -> Self {
        match fault {
            TwitterFault::InvalidToken => Self::InvalidToken,
            TwitterFault::Suspended => Self::Suspended,
            TwitterFault::DuplicatePost => Self::DuplicatePost,
            TwitterFault::RateLimited(retry_after) => Self::RateLimited { retry_after },
            TwitterFault::NotSent { .. } => Self::Unreached(fault.into()),
            TwitterFault::BrokeOff { .. }
            | TwitterFault::Failed { .. }
            | TwitterFault::Unclear { .. }
            | TwitterFault::NotOfTheApi { .. } => Self::Unavailable(fault.into()),
            TwitterFault::Unsigned { .. }
            | TwitterFault::Refused { .. }
            | TwitterFault::Redirected { .. }
            | TwitterFault::CallbackNotConfirmed => Self::Rejected(fault.into()),
            TwitterFault::TooLarge { .. }
            | TwitterFault::NotExpected { .. }
            | TwitterFault::Lacks { .. } => Self::Corrupt(fault.into()),
        }
    }
}
