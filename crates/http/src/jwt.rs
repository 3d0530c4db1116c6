use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use lemon_domain::{
    keys::{KeyFault, decode_key},
    ports::{Clock, IdSource, TokenDigest},
    values::{AccountId, Identity, InvalidValue, ProviderUserId, UserId},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{config::JwtConfig, hs512, unambiguous::UnambiguousObject};

/// HS512's key is at least as long as its hash (<https://www.rfc-editor.org/rfc/rfc7518#section-3.2>).
const MIN_KEY_BYTES: usize = 64;

/// The latest instant that is stored: the end of the year 9999, which every store can hold.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

/// Members of a header by which the payload is something else than the claims, or needs more than we know: RFC 7515, sections 4.1.10
/// and 4.1.11, RFC 7516, RFC 7797.
const CHANGING: [&str; 5] = ["b64", "crit", "cty", "enc", "zip"];

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

/// The claims of a token. Verify the signature (HS512 and nothing else, with the configured keys) and `exp`; ignore claims that
/// you do not know.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenClaims, example = json!({
    "sub": "user",
    "user_id": 1,
    "oauth_token": "783214",
    "iat": 1_795_780_800,
    "exp": 1_798_410_600,
    "jti": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}))]
pub(crate) struct IssuedClaims {
    /// Always `user`.
    #[schema(pattern = "^user$")]
    sub: &'static str,
    /// Our number of the person.
    #[schema(minimum = 1)]
    user_id: i64,
    /// Twitter's number of the person, as text, because it may be too large for a number of JavaScript.
    #[schema(pattern = "^[0-9]{1,19}$")]
    oauth_token: String,
    /// When the token was issued, in seconds since 1970. Older tokens do not have it.
    #[schema(required = false)]
    iat: i64,
    /// When the token expires, in seconds since 1970.
    exp: i64,
    /// The name of the token. Older tokens do not have it.
    #[schema(required = false)]
    jti: Uuid,
}

#[derive(Deserialize)]
struct Presented {
    sub: String,
    user_id: i64,
    oauth_token: String,
    /// Seconds since 1970; by RFC 7519 they may have a fraction.
    exp: f64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<f64>,
}

/// A number. `null` is none: RFC 7519, section 2.
fn present<'de, D: Deserializer<'de>>(claim: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(claim).map(Some)
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
        self.issue_from(identity, None)
    }

    /// The same for a person whose tokens of earlier seconds are revoked: a token says its time in whole seconds.
    pub(crate) fn issue_from(
        &self,
        identity: Identity,
        earliest: Option<i64>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now().timestamp();
        let now = earliest.map_or(now, |earliest| now.max(earliest));
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
        self.read(token).map(|valid| valid.identity)
    }

    /// Verifies a token and answers what it says.
    pub(crate) fn read(&self, token: &str) -> Result<ValidToken, TokenError> {
        for key in &self.verifying {
            match jsonwebtoken::decode::<UnambiguousObject>(token, key, &self.validation) {
                Ok(data) if is_plain(token) => return valid(data.claims, self.clock.now()),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                _ => break,
            }
        }
        Err(TokenError::Invalid)
    }
}

fn key(number: usize, secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, InvalidValue> {
    let fault = |fault: &str| {
        InvalidValue::together("jwt.secrets", format!("has {fault} as number {number}"))
    };
    let key = decode_key(secret.expose_secret()).map_err(|found| match found {
        KeyFault::NotRandom => fault("a key whose bytes are all zero"),
        _ => fault("a text that is not Base64"),
    })?;
    if key.len() < MIN_KEY_BYTES {
        let length = key.len();
        return Err(fault(&format!(
            "a key of {length} bytes, fewer than {MIN_KEY_BYTES},"
        )));
    }
    Ok(key)
}

/// What a token says that is accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValidToken {
    pub(crate) identity: Identity,
    /// In whole seconds since 1970; the earlier system's tokens do not say it.
    pub(crate) issued_at: Option<i64>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The digest of a token's signed part: its signature may be written in several ways, and tokens of the earlier system
/// have no id.
pub(crate) fn digest(token: &str) -> TokenDigest {
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    TokenDigest(Sha256::digest(signed.as_bytes()).into())
}

/// What a token with a valid signature says.
fn valid(claims: UnambiguousObject, now: DateTime<Utc>) -> Result<ValidToken, TokenError> {
    let claims: Presented =
        serde_json::from_value(Value::Object(claims.0)).map_err(|_| TokenError::Invalid)?;
    if claims.sub != SUBJECT {
        return Err(TokenError::Invalid);
    }
    let account = ProviderUserId::parse(&claims.oauth_token)
        .map(AccountId::twitter)
        .map_err(|_| TokenError::Invalid)?;
    let instant = |seconds| Duration::try_from_secs_f64(seconds).map_err(|_| TokenError::Invalid);
    let (expires, issued) = (instant(claims.exp)?, claims.iat.map(instant).transpose()?);
    let now = (now - DateTime::UNIX_EPOCH).to_std().unwrap_or_default();
    if claims.nbf.is_some_and(|from| from > now.as_secs_f64())
        || issued.is_some_and(|issued| issued > expires)
    {
        return Err(TokenError::Invalid);
    }
    if expires <= now {
        return Err(TokenError::Expired);
    }
    Ok(ValidToken {
        identity: Identity {
            user: UserId::new(claims.user_id),
            account,
        },
        issued_at: issued.and_then(|since| i64::try_from(since.as_secs()).ok()),
        expires_at: DateTime::UNIX_EPOCH + expires.min(LATEST),
    })
}

/// Tells whether the header of a token is that of a JWT that is signed with HS512, and whose payload is the claims as they are.
///
/// `jsonwebtoken` takes more: an algorithm that is an object, `null` for a member that is not there, any type, and members that
/// it ignores.
fn is_plain(token: &str) -> bool {
    let (encoded, _) = token.split_once('.').unwrap_or_default();
    let Ok(header) = BASE64_URL_SAFE_NO_PAD.decode(encoded) else {
        return false;
    };
    let Ok(UnambiguousObject(header)) = serde_json::from_slice(&header) else {
        return false;
    };
    let is_jwt = |typ: &Value| {
        typ.as_str()
            .is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"))
    };
    header.get("alg").is_some_and(|alg| alg == "HS512")
        && header.get("typ").is_none_or(is_jwt)
        && !CHANGING.iter().any(|member| header.contains_key(*member))
}
