//! What the guide shows accepts the tokens of a real system, and no others.

use lemon_tests::System;
use serde_json::Value;

use crate::workshop::{Workshop, printed};

/// 64 bytes each. The first signs.
const SIGNING: &str = "cmVwbGljYXMgc2hhcmUgdGhlaXIga2V5cywgb3Igb25lIHdvdWxkIHR1cm4gYXdheSB3aG9tIGFub3RoZXIgbGV0IGluISE=";
const FORMER: &str = "dGhpcyBrZXkgc2lnbmVkIHRva2VucyBiZWZvcmUsIGFuZCBpcyBzdGlsbCBhY2NlcHRlZCBmb3IgYSBtb250aCBvciBzby4uLi4=";

/// Makes a token that is good, and others that each lack one thing.
const MAKE: &str = r#"
import base64, hashlib, hmac, sys, time, jwt
key = base64.b64decode(sys.argv[1])
good = {"sub": "user", "user_id": 1, "oauth_token": "783214", "exp": int(time.time()) + 60}
def make(key=key, algorithm="HS512", **changed):
    claims = {name: value for name, value in {**good, **changed}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)
print(make())
print(make(exp=int(time.time()) - 1))
print(make(exp=None))
print(make(sub="service"))
print(make(sub=None))
print(make(user_id=None))
print(make(user_id="1"))
print(make(key=key[::-1]))
print(make(algorithm="HS256"))
print(make(algorithm="HS384"))
print(make(key=None, algorithm="none"))
head, payload, signature = make().split(".")
print(".".join([head, make(user_id=2).split(".")[1], signature]))
print(".".join([head, payload, ""]))
def encode(part): return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
misnamed = encode(b'{"alg":"HS256"}') + "." + payload
print(misnamed + "." + encode(hmac.digest(key, misnamed.encode(), hashlib.sha512)))
print(".".join([head, payload]))
print("nonsense")
"#;

const PYTHON: &str = r#"
import json, sys, jwt, verify
for token in sys.argv[1:]:
    try:
        print(json.dumps(verify.claims_of(token)))
    except jwt.InvalidTokenError:
        print("null")
"#;

const TYPESCRIPT: &str = r#"
import { claimsOf } from "./verify.ts";
for (const token of Deno.args) console.log(JSON.stringify(claimsOf(token)));
"#;

#[tokio::test]
async fn tokens_are_verified_as_the_guide_shows() {
    let workshop = Workshop::of("workers.md", &["verify.py", "verify.ts"]);
    workshop.put("claims.py", PYTHON);
    workshop.put("claims.ts", TYPESCRIPT);
    let builder = System::builder().env("LEMON_JWT__SECRETS", &format!("{SIGNING},{FORMER}"));
    let declarations = builder.run(&["openapi", "--typescript"]).await;
    workshop.put("lemon-toolbox.d.ts", &printed(&declarations));
    printed(&workshop.check(&["claims.ts"]).await);
    let system = builder.start().await;
    let person = system.sign_in(1).await;

    let made = workshop.python().args(["-c", MAKE, FORMER]).output().await;
    let made = printed(&made.unwrap());
    let tokens: Vec<&str> = [person.token.as_str()]
        .into_iter()
        .chain(made.lines())
        .collect();
    assert_eq!(tokens.len(), 17);
    let secrets = format!("{SIGNING},{FORMER}");
    let mut python = workshop.python();
    python.arg("claims.py");
    let mut typescript = workshop.deno("run");
    typescript.args(["--allow-env", "claims.ts"]);
    for mut verifier in [python, typescript] {
        let verifier = verifier.args(&tokens).env("JWT_SECRETS", &secrets);
        let claims = printed(&verifier.output().await.unwrap());
        let claims: Vec<Value> = claims
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(claims.len(), tokens.len());
        assert_eq!(claims[0]["user_id"], person.user_id);
        assert_eq!(claims[0]["oauth_token"], person.twitter_id);
        assert_eq!(claims[1]["user_id"], 1);
        for (claims, token) in claims.iter().zip(&tokens).skip(2) {
            assert!(claims.is_null(), "{token} is accepted: {claims}");
        }
    }
}
