use super::limits::Allowance;

/// Why the provider refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The application or the signature is wrong.
    CouldNotAuthenticate,
    /// The authorization is missing or cannot be parsed.
    BadAuthenticationData,
    /// The token does not exist, or was revoked or used.
    InvalidToken,
    /// The timestamp is too far from this clock.
    TimestampOutOfBounds,
    /// The callback is not in the list.
    CallbackNotApproved,
    /// The person's limit is exhausted.
    RateLimited(Allowance),
    /// The post has no text.
    NoText,
    /// The post is too long.
    TextTooLong,
    /// The person has posted the same text before.
    DuplicatePost,
}
