use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, errors::ErrorKind,
};
use lemon_domain::{
    ports::{Clock, IdSource},
    values::{AccountId, Identity, InvalidValue, ProviderUserId, UserId},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{config::JwtConfig, hs512};

/// HS512's key is at least as long as its hash (<https://www.rfc-editor.org/rfc/rfc7518#section-3.2>).
const MIN_KEY_BYTES: usize = 64;

/// The only subject that stands for a person.
const SUBJECT: &str = "user";

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is malformed, altered, signed with another key or algorithm, or not a person's.
    #[error("the token is not valid")]
    Invalid,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
}

/// Issues and verifies the tokens that people carry: JWTs signed with HS512, whatever a header says.
///
/// The claims are `sub` (`"user"`), `user_id` (our number), `oauth_token` (the provider's number, as a string) and
/// `exp`; we add `iat` and `jti`, and accept tokens without them.
pub struct Tokens {
    signing: EncodingKey,
    verifying: Vec<DecodingKey>,
    validation: Validation,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

#[derive(Serialize)]
struct IssuedClaims {
    sub: &'static str,
    user_id: i64,
    oauth_token: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

#[derive(Deserialize)]
struct Presented {
    sub: String,
    user_id: i64,
    oauth_token: String,
    /// Seconds since 1970; by RFC 7519 they may have a fraction.
    exp: f64,
    nbf: Option<f64>,
}

impl Tokens {
    /// Reads the keys.
    ///
    /// # Errors
    /// If there is no key, one is not Base64 or too short, or tokens would expire at once. Names the key by its number,
    /// never by its content.
    pub fn new(
        config: &JwtConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, InvalidValue> {
        hs512::install();
        let keys = config
            .secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| key(index + 1, secret))
            .collect::<Result<Vec<_>, _>>()?;
        let first = keys
            .first()
            .ok_or_else(|| InvalidValue::new("jwt.secrets", "is empty"))?;
        if config.lifetime.as_secs() == 0 {
            return Err(InvalidValue::new(
                "jwt.lifetime",
                "is shorter than a second",
            ));
        }
        let mut validation = Validation::new(Algorithm::HS512);
        // The time comes from the clock, not from the system: see `identity`.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            signing: EncodingKey::from_secret(first),
            verifying: keys
                .iter()
                .map(|key| DecodingKey::from_secret(key))
                .collect(),
            validation,
            lifetime: config.lifetime,
            clock,
            ids,
        })
    }

    /// Issues a token, signed with the first key.
    ///
    /// # Errors
    /// Never with the keys that [`Tokens::new`] accepts.
    pub fn issue(&self, identity: Identity) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now().timestamp();
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = IssuedClaims {
            sub: SUBJECT,
            user_id: identity.user.get(),
            oauth_token: identity.account.user_id.to_string(),
            iat: now,
            exp: now.saturating_add(lifetime),
            jti: self.ids.uuid(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &self.signing)
    }

    /// Verifies a token and answers its owner.
    ///
    /// # Errors
    /// As [`TokenError`] says.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        for key in &self.verifying {
            match jsonwebtoken::decode::<Presented>(token, key, &self.validation) {
                Ok(data) => return identity(data, self.clock.now()),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(_) => break,
            }
        }
        Err(TokenError::Invalid)
    }
}

fn key(number: usize, secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, InvalidValue> {
    let fault = |fault| InvalidValue::new("jwt.secrets", format!("has {fault} as number {number}"));
    let key = BASE64_STANDARD
        .decode(secret.expose_secret())
        .map(Zeroizing::new)
        .map_err(|_| fault("something other than Base64".to_owned()))?;
    if key.len() < MIN_KEY_BYTES {
        return Err(fault(format!(
            "a key of {} bytes, fewer than {MIN_KEY_BYTES},",
            key.len()
        )));
    }
    Ok(key)
}

/// The owner of a token with a valid signature.
fn identity(token: TokenData<Presented>, now: DateTime<Utc>) -> Result<Identity, TokenError> {
    let TokenData { header, claims } = token;
    // An extension that must be understood, but is not: RFC 7515, section 4.1.11.
    if header.crit.is_some() || claims.sub != SUBJECT {
        return Err(TokenError::Invalid);
    }
    let account = ProviderUserId::parse(&claims.oauth_token)
        .map(AccountId::twitter)
        .map_err(|_| TokenError::Invalid)?;
    let expires = Duration::try_from_secs_f64(claims.exp).map_err(|_| TokenError::Invalid)?;
    let now = (now - DateTime::UNIX_EPOCH).to_std().unwrap_or_default();
    if claims.nbf.is_some_and(|from| from > now.as_secs_f64()) {
        return Err(TokenError::Invalid);
    }
    if expires <= now {
        return Err(TokenError::Expired);
    }
    Ok(Identity {
        user: UserId::new(claims.user_id),
        account,
    })
}
