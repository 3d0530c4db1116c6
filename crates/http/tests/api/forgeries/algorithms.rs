//! Names of other algorithms, and names that a careless comparison takes for one of ours: RFC 8725, sections 3.1 and 3.2.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};

use super::{CLAIMS, Forgery, KEY, encode, forgery, hmac_sha512, message};

/// "none", as no blocklist has it.
const NONE: [&str; 16] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "noNe",
    "nonE",
    "none ",
    " none",
    "none\0",
    "no\u{ad}ne",
    "n\u{43e}ne",
    "\u{ff4e}\u{ff4f}\u{ff4e}\u{ff45}",
    "null",
    "undefined",
    "plain",
    "",
];

/// Algorithms of the registry (<https://www.iana.org/assignments/jose>), of signatures and of encryption.
const REGISTERED: [&str; 30] = [
    "HS256",
    "HS384",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "Ed25519",
    "Ed448",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
    "HS1",
    "RS1",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "A128KW",
    "A256GCMKW",
    "dir",
    "ECDH-ES",
    "ECDH-ES+A256KW",
    "PBES2-HS256+A128KW",
    "PBES2-HS512+A256KW",
];

/// Almost our own.
const ALMOST: [&str; 18] = [
    "hs512",
    "Hs512",
    "HS512 ",
    " HS512",
    "HS512\0",
    "HS512\n",
    "HS\u{200b}512",
    "\u{ff28}\u{ff33}\u{ff15}\u{ff11}\u{ff12}",
    "HS5\u{661}2",
    "H\u{405}512",
    "HS-512",
    "HS512/256",
    "HS512,none",
    "HS0512",
    "HmacSHA512",
    "HMAC-SHA512",
    "SHA512",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
];

/// Other things than a name.
const NO_NAMES: [&str; 17] = [
    r#"{"typ":"JWT"}"#,
    r#"{"alg":null}"#,
    r#"{"alg":true}"#,
    r#"{"alg":0}"#,
    r#"{"alg":512}"#,
    r#"{"alg":[]}"#,
    r#"{"alg":["HS512"]}"#,
    r#"{"alg":["none","HS512"]}"#,
    r#"{"alg":{}}"#,
    r#"{"alg":{"HS512":null}}"#,
    r#"{"alg":{"name":"HMAC","hash":"SHA-512"}}"#,
    r#"{"ALG":"HS512"}"#,
    r#"{"Alg":"HS512"}"#,
    r#"{"alg ":"HS512"}"#,
    r#"{"alg":"none","alg":"HS512"}"#,
    r#"{"alg":"HS512","alg":"none"}"#,
    r#"{"alg":"HS512","\u0061lg":"HS512"}"#,
];

/// The signature of a message, or what stands in its place.
type Tag = fn(&str) -> Vec<u8>;

/// What may follow the dot. A forger without the key can make the first and the last; those with our key show that the name alone
/// is a reason to refuse.
const WAYS: [(&str, Tag); 5] = [
    ("without a signature", |_| Vec::new()),
    ("with our key and HS512", |text| {
        hmac_sha512(&KEY, text.as_bytes())
    }),
    ("with our key and HS384", |text| {
        let tag = Hmac::<Sha384>::new_from_slice(&KEY).unwrap();
        tag.chain_update(text).finalize().into_bytes().to_vec()
    }),
    ("with our key and HS256", |text| {
        let tag = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        tag.chain_update(text).finalize().into_bytes().to_vec()
    }),
    ("with an empty key", |text| {
        hmac_sha512(b"", text.as_bytes())
    }),
];

pub(super) fn forgeries() -> Vec<Forgery> {
    let names = NONE.iter().chain(&REGISTERED).chain(&ALMOST);
    let headers = names
        .map(|name| serde_json::json!({ "alg": name, "typ": "JWT" }).to_string())
        .chain(NO_NAMES.map(str::to_owned));
    headers
        .flat_map(|header| {
            WAYS.map(|(way, sign)| {
                let message = message(&header, CLAIMS);
                let tag = encode(sign(&message));
                forgery(format!("{header} {way}"), format!("{message}.{tag}"))
            })
        })
        .collect()
}
