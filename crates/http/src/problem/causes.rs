//! How the errors of the use cases appear to a caller.

use lemon_domain::{
    ports::{StoreError, TwitterError},
    usecases::{ProfileError, QuotasError, RegisterError, SignInError},
};

use super::{Code, Problem};
use crate::jwt::TokenError;

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

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::UnknownPerson => unknown_person(),
            ProfileError::Twitter(error) => of_twitter(error),
            ProfileError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownPerson => unknown_person(),
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
    /// The problem for a change that the store did not make, or may have made.
    pub(crate) fn of_change(error: StoreError) -> Self {
        if error.is_certain() {
            error.into()
        } else {
            Self::outcome_unknown(error)
        }
    }

    /// The problem for a refused registration, except for cooldown and quota, which need the service.
    pub(crate) fn of_registration(error: RegisterError) -> Self {
        match error {
            RegisterError::UnknownPerson => unknown_person(),
            RegisterError::Quota(error) => error.into(),
            RegisterError::Store(error) => Self::of_change(error),
            RegisterError::Contended | RegisterError::Abandoned => Self::unavailable(error),
            other => Self::internal(other),
        }
    }
}

/// The token is valid, but its person is not known here. A new sign-in repairs that, so the token counts as wrong.
fn unknown_person() -> Problem {
    Problem::new(
        Code::TokenInvalid,
        "The token is of a person who is not known here. Sign in again.",
    )
}

fn of_twitter(error: TwitterError) -> Problem {
    match error {
        TwitterError::InvalidToken => Problem::new(
            Code::TwitterAccessRevoked,
            "The person has withdrawn the access. Sign in with Twitter again.",
        ),
        TwitterError::Suspended => Problem::new(
            Code::TwitterAccountSuspended,
            "Twitter has suspended or locked the account.",
        ),
        TwitterError::RateLimited { retry_after } => {
            let detail = "Twitter takes no more calls for the moment. Try again later.";
            Problem::new(Code::TwitterRateLimited, detail)
                .retry_after(retry_after)
                .because(error)
        }
        error if error.is_transient() => Problem::unavailable(error),
        error => Problem::internal(error),
    }
}
