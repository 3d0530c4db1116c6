use super::limits::Allowance;

/// Why the provider does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The application or the signature is wrong.
    CouldNotAuthenticate,
    /// There is no authorization, or none that can be read.
    BadAuthenticationData,
    /// Nobody has this token, or it was revoked or used up.
    InvalidToken,
    /// The timestamp is too far from this clock.
    TimestampOutOfBounds,
    /// The callback is not in the list.
    CallbackNotApproved,
    /// The person's limit is exhausted.
    RateLimited(Allowance),
    /// A post has nothing to say.
    NoText,
    /// A post is too long.
    TextTooLong,
    /// The person has posted it before.
    DuplicatePost,
}
