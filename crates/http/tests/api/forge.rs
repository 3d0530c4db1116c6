//! Tokens as somebody else may make them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

/// The key that the application signs with.
pub(crate) const KEY: [u8; 64] = key(b'k');

/// A key that begins with this byte.
pub(crate) const fn key(first: u8) -> [u8; 64] {
    let mut key = [first; 64];
    key[63] = !first;
    key
}

pub(crate) fn header(alg: &str) -> Value {
    json!({ "typ": "JWT", "alg": alg })
}

/// As the earlier system issued them, good for an hour after the fake clock begins.
pub(crate) fn claims() -> Value {
    let noon = 1_795_402_800;
    json!({ "sub": "user", "user_id": 1, "oauth_token": "1500000000000000001", "exp": noon + 3600 })
}

pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header), encode(claims))
}

pub(crate) fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    sign(&unsigned(header, claims), key)
}

/// Appends an HS512 signature.
pub(crate) fn sign(message: &str, key: &[u8]) -> String {
    let tag = Hmac::<Sha512>::new_from_slice(key)
        .unwrap()
        .chain_update(message)
        .finalize();
    let tag = BASE64_URL_SAFE_NO_PAD.encode(tag.into_bytes());
    format!("{message}.{tag}")
}

/// Appends an HS256 signature.
pub(crate) fn sign_hs256(message: &str, key: &[u8]) -> String {
    let tag = Hmac::<Sha256>::new_from_slice(key)
        .unwrap()
        .chain_update(message)
        .finalize();
    let tag = BASE64_URL_SAFE_NO_PAD.encode(tag.into_bytes());
    format!("{message}.{tag}")
}

fn encode(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}
