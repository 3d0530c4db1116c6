use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::InvalidValue;

/// The length of a ticket as text: Base64 for URLs, without padding.
const CHARACTERS: usize = 43;

/// What a job carries instead of credentials. A worker redeems it for the credentials of the job's account.
#[derive(Debug, Clone)]
pub struct JobTicket(SecretString);

impl JobTicket {
    /// Random bytes of a ticket: so many that nobody can guess one.
    pub const BYTES: usize = 32;

    /// The ticket of random bytes.
    #[must_use]
    pub fn of_random(bytes: &[u8; Self::BYTES]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// Takes a text that can be a ticket: 43 characters of Base64 for URLs.
    ///
    /// # Errors
    /// For any other text. The error does not show it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let is_of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() == CHARACTERS && text.bytes().all(is_of_alphabet) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidValue::new(
                "the ticket",
                "is not 43 characters of A-Z, a-z, 0-9, - and _",
            ))
        }
    }

    /// The text, for the job that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What a store has of it.
    #[must_use]
    pub fn digest(&self) -> TicketDigest {
        TicketDigest(Sha256::digest(self.expose().as_bytes()).into())
    }
}

/// The SHA-256 digest of a ticket: it names the ticket, and cannot be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketDigest(pub [u8; 32]);
