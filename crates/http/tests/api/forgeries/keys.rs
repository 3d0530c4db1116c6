//! Keys that somebody may try or that a careless program may use: RFC 8725, sections 3.2 and 3.5.

use base64::{Engine, prelude::*};
use sha2::{Digest, Sha256, Sha512};

use super::{CLAIMS, FOREIGN_KEY, Forgery, HEADER, KEY, encode, forgery, hex, message, signed};

/// What is found where a secret was forgotten.
const GUESSES: [&str; 18] = [
    " ",
    "0",
    "key",
    "secret",
    "Secret",
    "password",
    "changeit",
    "changeme",
    "null",
    "undefined",
    "None",
    "jwt",
    "lemon",
    "lemon-toolbox",
    "HS512",
    "your-256-bit-secret",
    "your-512-bit-secret-which-is-long-enough-for-the-hash-of-sha-512",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
];

/// The key in another form. A key that is our own with zeros at the end is the same to HMAC, and no forgery.
fn disguised() -> Vec<(&'static str, Vec<u8>)> {
    let hex = hex(&KEY);
    let base64 = BASE64_STANDARD.encode(KEY);
    let mut reversed = KEY;
    reversed.reverse();
    vec![
        ("no key", Vec::new()),
        ("ones", vec![0xff; 64]),
        ("the key without its end", KEY[..63].to_vec()),
        ("the key without its beginning", KEY[1..].to_vec()),
        ("half of the key", KEY[..32].to_vec()),
        ("the first byte", KEY[..1].to_vec()),
        ("the key twice", [KEY, KEY].concat()),
        ("the key and one byte", [&KEY[..], b"\x01"].concat()),
        ("the key and a line break", [&KEY[..], b"\n"].concat()),
        ("a zero and the key", [b"\0", &KEY[..]].concat()),
        ("the key from its end", reversed.to_vec()),
        ("the complement", KEY.map(|byte| !byte).to_vec()),
        ("the key in Base64", base64.clone().into_bytes()),
        ("without padding", base64.trim_end_matches('=').into()),
        ("the key in hexadecimal", hex.clone().into_bytes()),
        ("in capitals", hex.to_uppercase().into_bytes()),
        ("its hash", Sha512::digest(KEY).to_vec()),
        ("its shorter hash", Sha256::digest(KEY).to_vec()),
        ("another key", FOREIGN_KEY.to_vec()),
        ("the claims", CLAIMS.into()),
        ("the header", HEADER.into()),
        ("the message", message(HEADER, CLAIMS).into_bytes()),
        ("the encoded claims", encode(CLAIMS).into_bytes()),
    ]
}

pub(super) fn forgeries() -> Vec<Forgery> {
    let guesses = GUESSES.map(|guess| (guess, guess.as_bytes().to_vec()));
    let keys = disguised().into_iter().chain(guesses);
    keys.map(|(what, key)| forgery(format!("key: {what}"), signed(HEADER, CLAIMS, &key)))
        .collect()
}

pub(super) fn each_byte_changed() -> Vec<Forgery> {
    (0..KEY.len())
        .map(|at| {
            let mut key = KEY;
            key[at] ^= 1;
            forgery(format!("key: byte {at}"), signed(HEADER, CLAIMS, &key))
        })
        .collect()
}
