//! How the errors of the use cases appear to a caller.

use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::{StoreError, TwitterError},
    usecases::{ProfileError, QuotasError, RedeemError, RegisterError, SignInError},
};

use super::{Code, Problem};
use crate::{jwt::TokenError, known_profiles::UnknownProfile};

/// When to ask again for a paused service. Nobody knows how long the pause lasts.
const PAUSED: Duration = Duration::from_secs(60);

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::new(
                Code::TokenInvalid,
                "The token is malformed, altered or signed by somebody else.",
            ),
            TokenError::Expired => Self::new(Code::TokenExpired, "Sign in again."),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::NotPending => Self::new(
                Code::SignInNotPending,
                "The request token is unknown, used or expired. Start again with a new one.",
            ),
            SignInError::Twitter(TwitterError::InvalidToken) => Self::new(
                Code::SignInRejected,
                "Twitter does not accept the verifier. Start again with a new request token.",
            ),
            // Nobody has signed in yet, so no permission can be missing.
            SignInError::Twitter(TwitterError::Suspended) => Self::new(
                Code::SignInRejected,
                "Twitter has suspended or locked the account.",
            ),
            SignInError::Twitter(error) => of_twitter(error),
            SignInError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<RedeemError> for Problem {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Unknown => Self::new(
                Code::TicketUnknown,
                "No such ticket was issued, or it is another job's.",
            ),
            RedeemError::Void => Self::new(
                Code::TicketVoid,
                "The job is not to be done any more. Delete its message.",
            ),
            RedeemError::Expired => Self::new(
                Code::TicketExpired,
                "Delete the message. If the job is still to be done, it is sent again with a fresh ticket.",
            ),
            RedeemError::Used => Self::new(
                Code::TicketUsed,
                "The job has redeemed its ticket as often as it may. Delete the message. If the job is still to be done, it is \
                 sent again with a fresh ticket.",
            ),
            RedeemError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownPerson => Self::unknown_person(),
            error if error.is_transient() => Self::unavailable(error),
            error => Self::internal(error),
        }
    }
}

impl From<QuotasError> for Problem {
    fn from(error: QuotasError) -> Self {
        if error.is_transient() {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl Problem {
    /// The token is valid, but its person is not known here. A new sign-in repairs that, so the token counts as wrong.
    pub(crate) fn unknown_person() -> Self {
        Self::new(
            Code::TokenInvalid,
            "The token names a person who is not known here. Sign in again.",
        )
    }

    /// The problem for a change that the store did not make, or may have made.
    pub(crate) fn of_change(error: StoreError) -> Self {
        if error.is_certain() {
            error.into()
        } else {
            Self::outcome_unknown(error)
        }
    }

    /// The problem for a profile that is not known. Several callers may have waited for it.
    pub(crate) fn of_profile(error: Arc<UnknownProfile>) -> Self {
        let cause = match &*error {
            UnknownProfile::TooOften(wait) => return Self::too_many_calls(*wait),
            UnknownProfile::Unread(cause) => cause,
        };
        match cause {
            ProfileError::UnknownPerson | ProfileError::Store(StoreError::UnknownPerson) => {
                Self::unknown_person()
            }
            ProfileError::Twitter(cause) => match refused_by_twitter(cause) {
                Some(problem) => problem.because(error),
                None if cause.is_transient() => Self::unavailable(error),
                None => Self::internal(error),
            },
            ProfileError::Store(cause) if cause.is_transient() => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }

    /// The problem for one call too many.
    pub(crate) fn too_many_calls(wait: Duration) -> Self {
        let detail = "Calls of this kind came too fast. Try again later.";
        Self::new(Code::TooManyCalls, detail).retry_after(wait)
    }

    /// The problem for a host that is not this server's.
    pub(crate) fn wrong_host() -> Self {
        Self::new(
            Code::WrongHost,
            "A server that listens on a loopback address answers for names of this machine, and for those in its \
             configuration (http.hosts). The host of this request is neither.",
        )
    }

    /// The problem for a refused registration, except for cooldown and quota, which need the service.
    pub(crate) fn of_registration(error: RegisterError) -> Self {
        match error {
            RegisterError::UnknownPerson => Self::unknown_person(),
            RegisterError::Paused => Self::new(
                Code::ServicePaused,
                "The service takes no registrations at the moment.",
            )
            .retry_after(PAUSED),
            RegisterError::Quota(error) => error.into(),
            RegisterError::Store(error) => Self::of_change(error),
            RegisterError::Contended | RegisterError::Abandoned => Self::unavailable(error),
            other => Self::internal(other),
        }
    }
}

fn of_twitter(error: TwitterError) -> Problem {
    match refused_by_twitter(&error) {
        Some(problem) => problem.because(error),
        None if error.is_transient() => Problem::unavailable(error),
        None => Problem::internal(error),
    }
}

/// The problem for what Twitter says of the person or of the rate.
fn refused_by_twitter(error: &TwitterError) -> Option<Problem> {
    let problem = match error {
        TwitterError::InvalidToken => Problem::new(
            Code::TwitterAccessRevoked,
            "The person has withdrawn the application's access to Twitter. Sign in with Twitter again.",
        ),
        TwitterError::Suspended => Problem::new(
            Code::TwitterAccountSuspended,
            "Twitter has suspended or locked the account.",
        ),
        TwitterError::RateLimited { retry_after } => {
            let detail = "Twitter accepts no more calls at the moment. Try again later.";
            Problem::new(Code::TwitterRateLimited, detail).retry_after(*retry_after)
        }
        _ => return None,
    };
    Some(problem)
}
