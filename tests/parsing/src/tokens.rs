//! JWTs.

use std::sync::{Arc, OnceLock};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_http::{JwtConfig, Tokens};
use serde_json::Value;
use sha2::Sha512;

const KEY: [u8; 64] = [7; 64];

fn verifier() -> &'static Tokens {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let config = JwtConfig {
            secrets: vec![BASE64_STANDARD.encode(KEY).into()],
            lifetime: JwtConfig::DEFAULT_LIFETIME,
        };
        let (clock, ids) = (Arc::<FakeClock>::default(), Arc::<SequentialIds>::default());
        Tokens::new(&config, clock, ids).unwrap()
    })
}

/// A token as it comes, which nobody signed; and a header and claims of any bytes, in two lines, which the holder of the key
/// signed: what is accepted is of the algorithm, and a person's.
pub(crate) fn tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(verifier().verify(&text).is_err(), "a forged token is valid");
    let end = data.iter().position(|byte| *byte == b'\n');
    let (header, claims) = data.split_at(end.unwrap_or(data.len()));
    let claims = claims.strip_prefix(b"\n").unwrap_or(claims);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let token = format!("{signed}.{}", sign(&KEY, &signed));
    let verified = verifier().verify(&token);
    assert_eq!(verifier().verify(&token), verified);
    let Ok(identity) = verified else { return };
    let header: Value = serde_json::from_slice(header).unwrap();
    assert_eq!(header["alg"], "HS512");
    for member in ["b64", "crit", "cty", "enc", "zip"] {
        assert!(header.get(member).is_none(), "{member} is accepted");
    }
    let claims: Value = serde_json::from_slice(claims).unwrap();
    assert_eq!(claims["sub"], "user");
    assert_eq!(claims["user_id"], identity.user.get());
    let account = identity.account.user_id;
    assert_eq!(
        claims["oauth_token"].as_str().unwrap().parse(),
        Ok(account.get())
    );
    let forged = format!("{signed}.{}", sign(&[8; 64], &signed));
    assert!(
        verifier().verify(&forged).is_err(),
        "another key is accepted"
    );
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn sign(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    encode(&mac.finalize().into_bytes())
}
