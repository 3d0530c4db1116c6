//! Signatures of other bytes, of other lengths, and of other schemes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{CLAIMS, Forgery, HEADER, KEY, encode, forgery, hex, hmac_sha512, message};

fn of(message: &str) -> Vec<u8> {
    hmac_sha512(&KEY, message.as_bytes())
}

fn tag() -> Vec<u8> {
    of(&message(HEADER, CLAIMS))
}

fn with_tag(what: impl Into<String>, tag: impl AsRef<[u8]>) -> Forgery {
    forgery(what, format!("{}.{}", message(HEADER, CLAIMS), encode(tag)))
}

/// Good bytes, of something else.
fn of_other_messages() -> Vec<Forgery> {
    let message = message(HEADER, CLAIMS);
    let (header, claims) = message.split_once('.').unwrap();
    let others = [
        ("the header", header.to_owned()),
        ("the claims", claims.to_owned()),
        ("nothing", String::new()),
        ("the parts without the dot", format!("{header}{claims}")),
        ("the parts exchanged", format!("{claims}.{header}")),
        ("the parts and a dot", format!("{message}.")),
        ("a dot and the parts", format!(".{message}")),
        ("the parts and a line break", format!("{message}\n")),
        ("the parts in lower case", message.to_lowercase()),
        ("the decoded parts", format!("{HEADER}.{CLAIMS}")),
        (
            "the decoded claims (RFC 7797)",
            format!("{header}.{CLAIMS}"),
        ),
        ("the decoded header", format!("{HEADER}.{claims}")),
        ("the parts twice", format!("{message}.{message}")),
        (
            "another header",
            super::message(r#"{"alg":"HS512"}"#, CLAIMS),
        ),
        (
            "another person",
            super::message(HEADER, CLAIMS.replace("\"user_id\":1", "\"user_id\":2")),
        ),
        (
            "a token that has expired",
            super::message(HEADER, CLAIMS.replace("1795406400", "1")),
        ),
    ];
    others
        .into_iter()
        .map(|(what, other)| with_tag(format!("signature of {what}"), of(&other)))
        .collect()
}

/// Bytes that other algorithms make of the same message.
fn of_other_schemes() -> Vec<Forgery> {
    let text = message(HEADER, CLAIMS);
    let short = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    let short = short.chain_update(&text).finalize().into_bytes().to_vec();
    let middle = Hmac::<Sha384>::new_from_slice(&KEY).unwrap();
    let middle = middle.chain_update(&text).finalize().into_bytes().to_vec();
    let padded = |tag: &[u8]| [tag, &vec![0; 64 - tag.len()]].concat();
    let mut other_order = tag();
    other_order.reverse();
    // An ECDSA signature of zeros passed for any message and key: CVE-2022-21449.
    let zeros = [0, 1, 32, 63, 64, 65, 96, 132, 256, 512]
        .map(|length| (format!("{length} zeros"), vec![0; length]));
    let table = [
        ("HS256", short.clone()),
        ("HS384", middle.clone()),
        ("HS256, filled up", padded(&short)),
        ("HS384, filled up", padded(&middle)),
        ("HS256 twice", [short.clone(), short].concat()),
        ("a bare hash", Sha512::digest(&text).to_vec()),
        (
            "a hash of key and message",
            Sha512::digest([&KEY[..], text.as_bytes()].concat()).to_vec(),
        ),
        (
            "a hash of message and key",
            Sha512::digest([text.as_bytes(), &KEY[..]].concat()).to_vec(),
        ),
        (
            "key and message exchanged",
            hmac_sha512(text.as_bytes(), &KEY),
        ),
        ("HMAC of the HMAC", hmac_sha512(&KEY, &tag())),
        (
            "HMAC of the hash",
            hmac_sha512(&KEY, &Sha512::digest(&text)),
        ),
        ("HMAC, another order of bytes", other_order),
        (
            "ECDSA in DER, of zeros",
            b"\x30\x06\x02\x01\0\x02\x01\0".to_vec(),
        ),
        (
            "ECDSA in DER, of ones",
            b"\x30\x06\x02\x01\x01\x02\x01\x01".to_vec(),
        ),
        ("ones", vec![0xff; 64]),
        ("the key itself", KEY.to_vec()),
        ("the message", text.clone().into_bytes()),
        ("the word null", b"null".to_vec()),
    ];
    let table = table.map(|(what, tag)| (what.to_owned(), tag));
    zeros
        .into_iter()
        .chain(table)
        .map(|(what, tag)| with_tag(format!("signature: {what}"), tag))
        .collect()
}

/// More than the tag, or parts of it.
fn of_other_lengths() -> Vec<Forgery> {
    let tag = tag();
    let hex = hex(&tag);
    let table = [
        ("and a line break", [&tag[..], b"\n"].concat()),
        ("twice", [&tag[..], &tag].concat()),
        ("after a zero", [b"\0", &tag[..]].concat()),
        ("its second half", tag[32..].to_vec()),
        ("its first half, filled up", [&tag[..32], &[0; 32]].concat()),
        ("in hexadecimal", hex.clone().into_bytes()),
        ("in capital hexadecimal", hex.to_uppercase().into_bytes()),
        ("and 30,000 zeros", [&tag[..], &vec![0; 30_000]].concat()),
    ];
    table
        .into_iter()
        .map(|(what, tag)| with_tag(format!("the signature {what}"), tag))
        .collect()
}

pub(super) fn forgeries() -> Vec<Forgery> {
    [of_other_messages(), of_other_schemes(), of_other_lengths()].concat()
}

pub(super) fn each_bit_flipped() -> Vec<Forgery> {
    let bits = 8 * tag().len();
    (0..bits)
        .map(|bit| {
            let mut tag = tag();
            tag[bit / 8] ^= 1 << (bit % 8);
            with_tag(format!("bit {bit} of the signature"), tag)
        })
        .collect()
}

/// A comparison that ends with the shorter text accepts some of these.
pub(super) fn each_length() -> Vec<Forgery> {
    let tag = tag();
    (1..tag.len())
        .map(|length| with_tag(format!("{length} bytes of the signature"), &tag[..length]))
        .collect()
}
