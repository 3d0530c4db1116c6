//! Published tokens, and the same made HS512 with the published key.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{CLAIMS, Forgery, KEY, encode, forgery, signed};

const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const ES256: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const ES512: &str = "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

/// Keys of the vectors, in Base64: of RFC 7515 A.1, of RFC 7520 4.4, and that of the first page of jwt.io. Then public keys, which a
/// program may use as a key of HMAC: the modulus of RFC 7515 A.2 and the coordinates of A.3.
const KEYS: [&str; 6] = [
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    "eW91ci0yNTYtYml0LXNlY3JldA",
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
];

fn published() -> Vec<(&'static str, String)> {
    let both = json!({
        "payload": JOE,
        "signatures": [
            { "protected": "eyJhbGciOiJSUzI1NiJ9", "header": { "kid": "2010-12-29" }, "signature": RS256 },
            {
                "protected": "eyJhbGciOiJFUzI1NiJ9",
                "header": { "kid": "e9bc097a-ce51-4036-9562-d2ade882db0d" },
                "signature": ES256,
            },
        ],
    });
    let flat = json!({
        "payload": JOE,
        "protected": "eyJhbGciOiJFUzI1NiJ9",
        "header": { "kid": "e9bc097a-ce51-4036-9562-d2ade882db0d" },
        "signature": ES256,
    });
    vec![
        ("RFC 7515 A.1", format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
        ("RFC 7515 A.2", format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{RS256}")),
        ("RFC 7515 A.3", format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{ES256}")),
        ("RFC 7515 A.4", format!("eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.{ES512}")),
        ("RFC 7515 A.5", format!("eyJhbGciOiJub25lIn0.{JOE}.")),
        ("RFC 7515 A.6", both.to_string()),
        ("RFC 7515 A.7", flat.to_string()),
        ("RFC 7515 E", "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.".to_owned()),
        ("RFC 7520 4.4", "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0".to_owned()),
        ("RFC 7520 4.5, detached", "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9..s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0".to_owned()),
        ("RFC 7797 4.1", "eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ".to_owned()),
        ("RFC 7797 4.2", "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY".to_owned()),
        ("RFC 7797 4.2, attached", "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.$.02.A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY".to_owned()),
        ("RFC 8037 A.4", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned()),
        ("jwt.io", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c".to_owned()),
    ]
}

/// The header of a compact token, for another algorithm.
fn with_alg(token: &str, alg: &str) -> Option<String> {
    let header = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').next()?)
        .ok()?;
    // In the order of the names, whatever features `serde_json` has in this build.
    let mut header: BTreeMap<String, Value> = serde_json::from_slice(&header).ok()?;
    header.insert("alg".to_owned(), json!(alg));
    serde_json::to_string(&header).ok()
}

/// The published header and payload, or our claims under that header, signed with the published key or with ours.
fn made_hs512() -> Vec<Forgery> {
    let mut all = Vec::new();
    for (name, token) in published() {
        let Some(header) = with_alg(&token, "HS512") else {
            continue;
        };
        let payload = token.split('.').nth(1).unwrap_or_default();
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let ours = signed(&header, &payload, &KEY);
        all.push(forgery(format!("{name}, with our key"), ours));
        for (number, key) in KEYS.iter().enumerate() {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(key).unwrap();
            let what = format!("{name}, HS512, published key {number}");
            let text = format!("{what} as a text");
            all.push(forgery(
                format!("{what}, its payload"),
                signed(&header, &payload, &bytes),
            ));
            all.push(forgery(what, signed(&header, CLAIMS, &bytes)));
            all.push(forgery(text, signed(&header, CLAIMS, key.as_bytes())));
        }
    }
    each_once(all)
}

/// Two vectors may have one header.
fn each_once(mut all: Vec<Forgery>) -> Vec<Forgery> {
    all.sort_by(|one, other| one.token.cmp(&other.token));
    all.dedup_by(|one, other| one.token == other.token);
    all
}

pub(super) fn forgeries() -> Vec<Forgery> {
    let published = published();
    let ours = published
        .iter()
        .filter_map(|(name, token)| {
            let (message, tag) = token.rsplit_once('.')?;
            let header = message.split_once('.')?.0;
            let token = format!("{header}.{}.{tag}", encode(CLAIMS));
            Some(forgery(format!("{name}, with our claims"), token))
        })
        .collect();
    let published = published
        .iter()
        .map(|(name, token)| forgery(*name, token.as_bytes()))
        .collect();
    [published, each_once(ours), made_hs512()].concat()
}
