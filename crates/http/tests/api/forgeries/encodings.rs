//! Other ways to write the bytes of a token: RFC 7515, section 2, allows one, without padding, line breaks or white space.

use base64::{Engine, alphabet, engine::GeneralPurpose, engine::GeneralPurposeConfig, prelude::*};

use super::{CLAIMS, Forgery, HEADER, KEY, encode, forgery, hex, hmac_sha512, message, signed};

/// The header and the claims of a good token, with characters that the alphabets write differently.
const ODD_HEADER: &str = r#"{"alg":"HS512","kid":">>>???"}"#;
const ODD_CLAIMS: &str = r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400,"a":"~~~???>>>"}"#;

/// A change to an encoded part.
type Change = (&'static str, fn(&str) -> String);

const CHANGES: [Change; 27] = [
    ("one =", |part| format!("{part}=")),
    ("two =", |part| format!("{part}==")),
    ("three =", |part| format!("{part}===")),
    ("four =", |part| format!("{part}====")),
    ("an encoded =", |part| format!("{part}%3D")),
    ("a space at the end", |part| format!("{part} ")),
    ("a space at the beginning", |part| format!(" {part}")),
    ("a space inside", |part| inside(part, " ")),
    ("a tab inside", |part| inside(part, "\t")),
    ("a line break inside", |part| inside(part, "\n")),
    ("a carriage return inside", |part| inside(part, "\r\n")),
    ("a line break at the end", |part| format!("{part}\n")),
    ("a zero inside", |part| inside(part, "\0")),
    ("a zero at the end", |part| format!("{part}\0")),
    ("a no-break space inside", |part| inside(part, "\u{a0}")),
    ("a zero-width space inside", |part| inside(part, "\u{200b}")),
    ("a soft hyphen inside", |part| inside(part, "\u{ad}")),
    ("a byte order mark", |part| format!("\u{feff}{part}")),
    ("an = inside", |part| inside(part, "=")),
    ("a dot inside", |part| inside(part, ".")),
    ("a plus inside", |part| inside(part, "+")),
    ("a letter too many", |part| format!("{part}A")),
    ("a letter too few", |part| part[..part.len() - 1].to_owned()),
    ("an escape", |part| {
        format!("%{:02X}{}", part.as_bytes()[0], &part[1..])
    }),
    ("a full-width letter", |part| {
        let first = u32::from(part.as_bytes()[0]);
        let wide = char::from_u32(0xfee0 + first).unwrap();
        format!("{wide}{}", &part[1..])
    }),
    ("Base64 of Base64", |part| encode(part)),
    ("hexadecimal", |part| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        hex(&bytes)
    }),
];

fn inside(part: &str, text: &str) -> String {
    let (before, after) = part.split_at(part.len() / 2);
    format!("{before}{text}{after}")
}

/// Each change to each part. The first two are signed as they are then, so that only their form is wrong.
fn changed() -> Vec<Forgery> {
    let tag = hmac_sha512(&KEY, message(HEADER, CLAIMS).as_bytes());
    CHANGES
        .iter()
        .flat_map(|(what, change)| {
            let header = format!("{}.{}", change(&encode(HEADER)), encode(CLAIMS));
            let claims = format!("{}.{}", encode(HEADER), change(&encode(CLAIMS)));
            let tag = format!("{}.{}", message(HEADER, CLAIMS), change(&encode(&tag)));
            [
                ("header", crate::forge::sign(&header, &KEY)),
                ("claims", crate::forge::sign(&claims, &KEY)),
                ("signature", tag),
            ]
            .map(|(part, token)| forgery(format!("{part} with {what}"), token))
        })
        .collect()
}

/// The last character of a part has bits that no byte has: only zeros are right.
fn with_stray_bits() -> Vec<Forgery> {
    let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let lenient = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        lenient.with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let token = signed(HEADER, CLAIMS, &KEY);
    let signature = token.rsplit_once('.').unwrap().1;
    let bytes = lenient.decode(signature).unwrap();
    let (start, _) = token.split_at(token.len() - 1);
    let letters = alphabet::URL_SAFE.as_str().chars();
    let others = letters.map(|letter| format!("{start}{letter}"));
    let same_bytes = others.filter(|other| {
        let signature = other.rsplit_once('.').unwrap().1;
        *other != token && lenient.decode(signature).unwrap() == bytes
    });
    same_bytes
        .map(|other| forgery(format!("stray bits: {other}"), other))
        .collect()
}

/// The other alphabet, in parts in which it differs.
fn in_other_alphabets() -> Vec<Forgery> {
    let standard = |text: &str| BASE64_STANDARD_NO_PAD.encode(text);
    let padded = |text: &str| BASE64_STANDARD.encode(text);
    let url_safe_padded = |text: &str| BASE64_URL_SAFE.encode(text);
    assert_ne!(standard(ODD_HEADER), encode(ODD_HEADER));
    assert_ne!(standard(ODD_CLAIMS), encode(ODD_CLAIMS));
    let messages = [
        format!("{}.{}", standard(ODD_HEADER), encode(ODD_CLAIMS)),
        format!("{}.{}", encode(ODD_HEADER), standard(ODD_CLAIMS)),
        format!("{}.{}", standard(ODD_HEADER), standard(ODD_CLAIMS)),
        format!("{}.{}", padded(ODD_HEADER), padded(ODD_CLAIMS)),
        format!("{}.{}", encode(ODD_HEADER), url_safe_padded(ODD_CLAIMS)),
        format!("{}.{}", ODD_HEADER, encode(ODD_CLAIMS)),
        format!("{}.{}", encode(ODD_HEADER), ODD_CLAIMS),
        format!("{ODD_HEADER}.{ODD_CLAIMS}"),
    ];
    let tag = hmac_sha512(&KEY, message(ODD_HEADER, ODD_CLAIMS).as_bytes());
    let tags = [
        BASE64_STANDARD_NO_PAD.encode(&tag),
        BASE64_STANDARD.encode(&tag),
        BASE64_URL_SAFE.encode(&tag),
    ];
    let tags = tags.map(|tag| format!("{}.{tag}", message(ODD_HEADER, ODD_CLAIMS)));
    let signed = messages.map(|message| crate::forge::sign(&message, &KEY));
    let whole = [
        encode(signed_oddly()),
        signed_oddly().replace('.', "%2E"),
        signed_oddly().to_uppercase(),
        signed_oddly().to_lowercase(),
        signed_oddly().chars().rev().collect(),
    ];
    let all = signed.into_iter().chain(tags).chain(whole);
    all.map(|token| forgery(format!("another alphabet: {token}"), token))
        .collect()
}

/// A good token.
fn signed_oddly() -> String {
    signed(ODD_HEADER, ODD_CLAIMS, &KEY)
}

pub(super) fn forgeries() -> Vec<Forgery> {
    [changed(), with_stray_bits(), in_other_alphabets()].concat()
}

/// The token with each of its characters exchanged for the next of the alphabet, and left out.
pub(super) fn each_character_changed() -> Vec<Forgery> {
    let token = signed(HEADER, CLAIMS, &KEY);
    let alphabet = alphabet::URL_SAFE.as_str();
    let next = |letter: &str| {
        let at = alphabet.find(letter).map_or(0, |at| (at + 1) % 64);
        &alphabet[at..=at]
    };
    (0..token.len())
        .flat_map(|at| {
            let (before, rest) = token.split_at(at);
            let (letter, after) = rest.split_at(1);
            [
                (
                    format!("character {at} changed"),
                    format!("{before}{}{after}", next(letter)),
                ),
                (
                    format!("character {at} left out"),
                    format!("{before}{after}"),
                ),
                (
                    format!("character {at} twice"),
                    format!("{before}{letter}{letter}{after}"),
                ),
            ]
        })
        .map(|(what, token)| forgery(what, token))
        .collect()
}
