use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::InvalidValue;

/// The number by which we know a person. The `user_id` of the JWT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// Wraps a number that the store gave out.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The provider that vouches for a person's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Twitter, now X.
    Twitter,
}

impl Provider {
    /// The name on the wire and in the store: `TWITTER`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twitter => "TWITTER",
        }
    }

    /// Reads the wire name.
    ///
    /// # Errors
    /// For any other name.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        match name {
            "TWITTER" => Ok(Self::Twitter),
            _ => Err(InvalidValue::new("the provider", "is not \"TWITTER\"")),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person's number at the provider: positive, at most `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderUserId(i64);

impl ProviderUserId {
    /// The bare number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Reads the decimal form, as Twitter and the JWT write it.
    ///
    /// # Errors
    /// For anything except the digits of a positive 63-bit number.
    pub fn parse(digits: &str) -> Result<Self, InvalidValue> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidValue::new(
                "the provider's user id",
                "is not a decimal number",
            ));
        }
        digits
            .parse::<i64>()
            .map_err(|_| InvalidValue::new("the provider's user id", "is out of range"))
            .and_then(Self::try_from)
    }
}

impl TryFrom<i64> for ProviderUserId {
    type Error = InvalidValue;

    fn try_from(id: i64) -> Result<Self, InvalidValue> {
        if id > 0 {
            Ok(Self(id))
        } else {
            Err(InvalidValue::new(
                "the provider's user id",
                "is not positive",
            ))
        }
    }
}

impl fmt::Display for ProviderUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account is (provider, the provider's user id); a person may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId {
    /// The provider that vouches for it.
    pub provider: Provider,
    /// Its number at the provider.
    pub user_id: ProviderUserId,
}

impl AccountId {
    /// A Twitter account.
    #[must_use]
    pub const fn twitter(user_id: ProviderUserId) -> Self {
        Self {
            provider: Provider::Twitter,
            user_id,
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.user_id)
    }
}

/// The caller, as the JWT names it: a person, and the account that they signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Our number for the person.
    pub user: UserId,
    /// The account that they signed in with.
    pub account: AccountId,
}

/// The id of one accepted request for a service, on every message that it causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Wraps a UUID from the id source or a message.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The bare UUID.
    #[must_use]
    pub const fn get(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
