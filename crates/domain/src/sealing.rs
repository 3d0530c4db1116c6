//! Secrets at rest: XChaCha20-Poly1305 with random 24-byte nonces
//! (<https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha-03>).
//!
//! A sealed secret is bound to its owner and its column: copied to another row or column, it does not open.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    keys::{BYTE_ORDER_MARK, decode_key, fresh_key},
    ports::IdSource,
    values::{AccountId, Credentials, InvalidValue, RequestToken},
};

const NONCE_BYTES: usize = 24;

/// A nonce for one seal. It is so long that random nonces never collide.
pub fn fresh_nonce(ids: &dyn IdSource) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    ids.fill(&mut nonce);
    nonce
}
const KEY_BYTES: usize = 32;

/// An encrypted secret, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key_id: String,
    /// The nonce, then the ciphertext with its tag.
    pub data: Vec<u8>,
}

/// The owner and column of a sealed secret, which are authenticated with it.
#[derive(Debug, Clone, Copy)]
pub enum SealContext<'a> {
    /// The credentials of an account.
    AccountCredentials(AccountId),
    /// The secret of a request token.
    RequestTokenSecret(&'a RequestToken),
    /// The body of a queue's message, which may carry anything.
    MessageBody(Uuid),
}

impl SealContext<'_> {
    fn associated_data(self) -> Vec<u8> {
        match self {
            Self::AccountCredentials(account) => format!("accounts.credentials\0{account}"),
            Self::RequestTokenSecret(token) => {
                format!("pending_sign_ins.secret\0{}", token.as_str())
            }
            Self::MessageBody(message) => format!("messages.body\0{message}"),
        }
        .into_bytes()
    }
}

/// Why a sealed secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed with a key that is not in the list.
    #[error("no sealing key has the id {0:?}")]
    UnknownKey(String),
    /// It was altered, or belongs to another owner or column.
    #[error("a sealed secret was altered, or belongs to another owner or column")]
    Altered,
}

/// One key and its id.
pub struct SealingKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl SealingKey {
    /// Reads `<id>:<Base64 of 32 bytes>`; the id is 1 to 32 of `a-z`, `A-Z`, `0-9`, `-`, `_`.
    ///
    /// # Errors
    /// Says what is wrong, never the key.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidValue> {
        const WHAT: &str = "a sealing key";
        let fault = |fault| InvalidValue::new(WHAT, fault);
        let (id, key) = text
            .expose_secret()
            .trim_start_matches(BYTE_ORDER_MARK)
            .split_once(':')
            .ok_or_else(|| fault("is not of the form <id>:<Base64>"))?;
        let fits = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fits {
            return Err(fault(
                "has an id that is not 1 to 32 characters of a-z, A-Z, 0-9, - and _",
            ));
        }
        let key =
            decode_key(key).map_err(|fault| InvalidValue::together(WHAT, fault.to_string()))?;
        if key.len() != KEY_BYTES {
            return Err(fault("is not 32 bytes long"));
        }
        Ok(Self {
            id: id.to_owned(),
            cipher: XChaCha20Poly1305::new_from_slice(&key)
                .map_err(|_| fault("is not 32 bytes long"))?,
        })
    }
}

impl SealingKey {
    /// The text of a fresh key with this id, for a configuration.
    #[must_use]
    pub fn generate(id: &str, ids: &dyn IdSource) -> SecretString {
        let key = fresh_key::<KEY_BYTES>(ids);
        format!("{id}:{}", key.expose_secret()).into()
    }
}

/// The list of keys: the first seals, all open.
pub struct SealingKeys(Vec<SealingKey>);

impl std::fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|k| &k.id))
            .finish()
    }
}

impl SealingKeys {
    /// Takes the list.
    ///
    /// # Errors
    /// If it is empty or contains an id twice.
    pub fn new(keys: Vec<SealingKey>) -> Result<Self, InvalidValue> {
        const WHAT: &str = "the list of sealing keys";
        if keys.is_empty() {
            return Err(InvalidValue::new(WHAT, "is empty"));
        }
        for (i, key) in keys.iter().enumerate() {
            if keys.iter().skip(i + 1).any(|other| other.id == key.id) {
                let fault = format!("has the id {:?} twice", key.id);
                return Err(InvalidValue::together(WHAT, fault));
            }
        }
        Ok(Self(keys))
    }

    /// Whether a key of the list has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> &str {
        &self.0[0].id
    }

    /// The ids of all keys, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Seals a secret for its owner and column. The nonce must be fresh.
    #[must_use]
    pub fn seal(
        &self,
        place: SealContext<'_>,
        secret: &SecretString,
        nonce: [u8; NONCE_BYTES],
    ) -> Sealed {
        let key = &self.0[0];
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &place.associated_data(),
        };
        let mut data = nonce.to_vec();
        // Fails only for messages of 256 GiB and more.
        data.extend(
            key.cipher
                .encrypt(&XNonce::from(nonce), payload)
                .unwrap_or_default(),
        );
        Sealed {
            key_id: key.id.clone(),
            data,
        }
    }

    /// Opens a secret of this owner and column.
    ///
    /// # Errors
    /// If the key is unknown, or the secret was altered or moved.
    pub fn open(&self, place: SealContext<'_>, sealed: &Sealed) -> Result<SecretString, OpenError> {
        let key = self
            .0
            .iter()
            .find(|key| key.id == sealed.key_id)
            .ok_or_else(|| OpenError::UnknownKey(sealed.key_id.clone()))?;
        let (nonce, ciphertext) = sealed
            .data
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(OpenError::Altered)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated_data(),
        };
        let plain = key
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| OpenError::Altered)?;
        String::from_utf8(plain)
            .map(SecretString::from)
            .map_err(|_| OpenError::Altered)
    }

    /// Seals credentials for their account.
    #[must_use]
    pub fn seal_credentials(
        &self,
        account: AccountId,
        credentials: &Credentials,
        nonce: [u8; NONCE_BYTES],
    ) -> Sealed {
        let both = SecretString::from(format!(
            "{}\0{}",
            credentials.token.expose_secret(),
            credentials.secret.expose_secret()
        ));
        self.seal(SealContext::AccountCredentials(account), &both, nonce)
    }

    /// Opens the credentials of an account.
    ///
    /// # Errors
    /// As [`SealingKeys::open`].
    pub fn open_credentials(
        &self,
        account: AccountId,
        sealed: &Sealed,
    ) -> Result<Credentials, OpenError> {
        let both = self.open(SealContext::AccountCredentials(account), sealed)?;
        let (token, secret) = both
            .expose_secret()
            .split_once('\0')
            .ok_or(OpenError::Altered)?;
        Ok(Credentials::new(token, secret))
    }
}
