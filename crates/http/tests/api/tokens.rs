use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::*};
use lemon_domain::values::{AccountId, Identity, ProviderUserId, UserId};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_http::{JwtConfig, TokenError, Tokens};
use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    app::{App, code, header, jwt, problem},
    forge::{self, KEY, claims, sign, sign_hs256, signed, unsigned},
};

fn tokens(config: &JwtConfig) -> Tokens {
    let clock = Arc::new(FakeClock::default());
    Tokens::new(config, clock, Arc::new(SequentialIds::default())).unwrap()
}

fn identity(user: i64, account: i64) -> Identity {
    Identity {
        user: UserId::new(user),
        account: AccountId::twitter(ProviderUserId::try_from(account).unwrap()),
    }
}

fn verify(token: &str) -> Result<Identity, TokenError> {
    tokens(&jwt(b"k")).verify(token)
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn hs512(claims: &Value) -> String {
    signed(&forge::header("HS512"), claims, &KEY)
}

#[test]
fn an_issued_token_has_exactly_these_claims() {
    let token = tokens(&jwt(b"k")).issue(identity(7, 42)).unwrap();
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| {
            let json = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice(&json).unwrap()
        })
        .collect();
    assert_eq!(parts[0], json!({ "typ": "JWT", "alg": "HS512" }));
    assert_eq!(
        parts[1],
        json!({
            "sub": "user",
            "user_id": 7,
            "oauth_token": "42",
            "iat": 1_795_402_800,
            "exp": 1_795_402_800 + 2_629_800,
            "jti": "00000000-0000-0000-0000-000000000001",
        })
    );
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(sign(message, &KEY), token);
}

#[test]
fn a_token_of_the_earlier_system_is_accepted() {
    assert_eq!(
        verify(&hs512(&claims())).unwrap(),
        identity(1, 1_500_000_000_000_000_001)
    );
}

#[test]
fn any_of_the_keys_verifies_and_the_first_signs() {
    let rotated = tokens(&jwt(b"nk"));
    let old = tokens(&jwt(b"k")).issue(identity(1, 1)).unwrap();
    let new = rotated.issue(identity(1, 1)).unwrap();
    assert!(rotated.verify(&old).is_ok());
    assert!(rotated.verify(&new).is_ok());
    assert_eq!(verify(&new), Err(TokenError::Invalid));
}

#[test]
fn a_token_expires_by_the_clock_to_the_second() {
    let clock = Arc::new(FakeClock::default());
    let config = jwt(b"k");
    let tokens = Tokens::new(&config, clock.clone(), Arc::new(SequentialIds::default())).unwrap();
    let token = tokens.issue(identity(1, 1)).unwrap();
    let instant = Duration::from_micros(1);
    clock.advance(config.lifetime.saturating_sub(instant));
    assert!(tokens.verify(&token).is_ok());
    clock.advance(instant);
    assert_eq!(tokens.verify(&token), Err(TokenError::Expired));
}

#[test]
fn a_token_is_not_accepted_before_its_time() {
    let now = lemon_domain::ports::Clock::now(&FakeClock::default()).timestamp();
    let from = |nbf: i64| verify(&hs512(&with("nbf", json!(nbf))));
    assert!(from(now).is_ok());
    assert_eq!(from(now + 1), Err(TokenError::Invalid));
}

#[test]
fn other_algorithms_are_not_accepted_whatever_the_header_says() {
    for alg in [
        "none", "None", "HS256", "HS384", "RS256", "RS512", "ES512", "EdDSA", "hs512", "",
    ] {
        let token = signed(&forge::header(alg), &claims(), &KEY);
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{alg}");
    }
    let none = unsigned(&forge::header("none"), &claims());
    assert_eq!(verify(&format!("{none}.")), Err(TokenError::Invalid));
    let hs256 = unsigned(&forge::header("HS256"), &claims());
    assert_eq!(verify(&sign_hs256(&hs256, &KEY)), Err(TokenError::Invalid));
    let hs512 = unsigned(&forge::header("HS512"), &claims());
    assert_eq!(verify(&sign_hs256(&hs512, &KEY)), Err(TokenError::Invalid));
}

#[test]
fn another_key_is_not_accepted() {
    for key in [&[b'x'; 64][..], &[b'k'; 63], b""] {
        let token = signed(&forge::header("HS512"), &claims(), key);
        assert_eq!(verify(&token), Err(TokenError::Invalid));
    }
}

#[test]
fn a_token_with_a_critical_extension_is_not_accepted() {
    let header = json!({ "alg": "HS512", "crit": ["exp"] });
    let token = signed(&header, &claims(), &KEY);
    assert_eq!(verify(&token), Err(TokenError::Invalid));
}

#[test]
fn claims_of_another_form_are_not_accepted() {
    for claims in [
        without("sub"),
        without("user_id"),
        without("oauth_token"),
        without("exp"),
        with("sub", json!("admin")),
        with("sub", json!("USER")),
        with("user_id", json!("1")),
        with("user_id", json!(1.5)),
        with("user_id", json!(1e30)),
        with("user_id", json!(null)),
        with("user_id", json!([1])),
        with("oauth_token", json!(15)),
        with("oauth_token", json!("")),
        with("oauth_token", json!("-1")),
        with("oauth_token", json!("0")),
        with("oauth_token", json!("1e3")),
        with("oauth_token", json!("99999999999999999999")),
        with("exp", json!("1795406400")),
        with("exp", json!(null)),
        with("exp", json!(-1)),
        with("exp", json!(1e300)),
        with("nbf", json!("0")),
        json!([]),
        json!("user"),
    ] {
        assert_eq!(
            verify(&hs512(&claims)),
            Err(TokenError::Invalid),
            "{claims}"
        );
    }
}

#[test]
fn further_claims_do_no_harm() {
    for claims in [
        with("roles", json!(["admin"])),
        with("iat", json!(0.5)),
        with("exp", json!(1_795_402_800.5)),
    ] {
        assert!(verify(&hs512(&claims)).is_ok(), "{claims}");
    }
}

#[test]
fn only_the_canonical_form_is_accepted() {
    let token = hs512(&claims());
    let (message, _) = token.rsplit_once('.').unwrap();
    for altered in [
        format!("{token}="),
        format!("{token}=="),
        format!("{token}."),
        format!("{token}.x"),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{message}."),
        message.to_owned(),
        token.replace('.', "="),
    ] {
        assert_eq!(verify(&altered), Err(TokenError::Invalid), "{altered:?}");
    }
    let padded = format!("{}=.{}", encode(&forge::header("HS512")), encode(&claims()));
    assert_eq!(verify(&sign(&padded, &KEY)), Err(TokenError::Invalid));
}

fn encode(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

#[test]
fn a_wrong_key_stops_the_start_and_is_named_by_its_number() {
    let start = |secrets: Vec<String>| {
        let config = JwtConfig {
            secrets: secrets.into_iter().map(Into::into).collect(),
            lifetime: JwtConfig::DEFAULT_LIFETIME,
        };
        let clock = Arc::new(FakeClock::default());
        let tokens = Tokens::new(&config, clock, Arc::new(SequentialIds::default()));
        tokens.err().map(|error| error.to_string())
    };
    let good = BASE64_STANDARD.encode(forge::key(1));
    assert_eq!(start(vec![good.clone()]), None);
    assert_eq!(start(vec![]).unwrap(), "jwt.secrets is empty");
    assert_eq!(
        start(vec![
            good.clone(),
            BASE64_STANDARD.encode(&forge::key(2)[1..])
        ])
        .unwrap(),
        "jwt.secrets has a key of 63 bytes, fewer than 64, as number 2"
    );
    assert_eq!(
        start(vec!["hunter2!".to_owned(), good]).unwrap(),
        "jwt.secrets has a text that is not Base64 as number 1"
    );
    assert_eq!(
        start(vec![BASE64_STANDARD.encode([0; 64])]).unwrap(),
        "jwt.secrets has a key whose bytes are all zero as number 1"
    );
}

/// The earlier system and the workers read the same secret with JJWT.
#[test]
fn a_key_may_have_every_form_that_jjwt_reads() {
    let key = BASE64_STANDARD.encode(KEY);
    let forms = [
        key.clone(),
        key.trim_end_matches('=').to_owned(),
        key.replace('+', "-").replace('/', "_"),
        format!("{}\n{}\r\n", &key[..64], &key[64..]),
        format!("\u{feff} {key} "),
    ];
    let issued = tokens(&jwt(b"k")).issue(identity(7, 42)).unwrap();
    for form in forms {
        let config = JwtConfig {
            secrets: vec![form.clone().into()],
            ..jwt(b"k")
        };
        assert_eq!(
            tokens(&config).verify(&issued),
            Ok(identity(7, 42)),
            "{form}"
        );
    }
}

#[test]
fn a_lifetime_of_zero_stops_the_start() {
    let config = JwtConfig {
        lifetime: Duration::from_millis(999),
        ..jwt(b"k")
    };
    let clock = Arc::new(FakeClock::default());
    let tokens = Tokens::new(&config, clock, Arc::new(SequentialIds::default()));
    assert_eq!(
        tokens.err().unwrap().to_string(),
        "jwt.lifetime is shorter than a second"
    );
}

proptest! {
    #[test]
    fn an_issued_token_verifies(user in any::<i64>(), account in 1..=i64::MAX) {
        let tokens = tokens(&jwt(b"k"));
        let identity = identity(user, account);
        prop_assert_eq!(tokens.verify(&tokens.issue(identity).unwrap()), Ok(identity));
    }

    #[test]
    fn a_random_text_never_verifies(text in ".*") {
        prop_assert_eq!(verify(&text), Err(TokenError::Invalid));
    }

    #[test]
    fn three_random_parts_never_verify(text in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{86}") {
        prop_assert_eq!(verify(&text), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_with_one_character_changed_never_verifies(
        at in any::<prop::sample::Index>(),
        to in "[A-Za-z0-9_.=-]",
    ) {
        let token = hs512(&claims());
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != token);
        prop_assert_eq!(verify(&changed), Err(TokenError::Invalid));
    }

    #[test]
    fn any_claims_with_a_good_signature_are_read_without_a_panic(claims in "\\PC*") {
        let message = format!("{}.{}", encode(&forge::header("HS512")), BASE64_URL_SAFE_NO_PAD.encode(claims));
        prop_assert_eq!(verify(&sign(&message, &KEY)), Err(TokenError::Invalid));
    }
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let call = app.get("/api/service");
        let call = call.header("Authorization", format!("{scheme} {token}"));
        assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn credentials_of_another_form_are_not_valid() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for credentials in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer={token}"),
        "Bearer".to_owned(),
        "\u{ff}".to_owned(),
        String::new(),
    ] {
        let call = app
            .get("/api/service")
            .header("Authorization", &credentials);
        let answer = call.send().await.unwrap();
        assert_eq!(code(answer).await, "token_invalid", "{credentials:?}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let call = app
        .get("/api/service")
        .bearer_auth(&token)
        .bearer_auth(&token);
    insta::assert_json_snapshot!(problem(call.send().await.unwrap()).await);
}

#[tokio::test]
async fn a_forged_token_is_not_valid() {
    let app = App::start();
    let token = signed(&forge::header("HS512"), &claims(), &[b'x'; 64]);
    let answer = app.get("/api/service").bearer_auth(token).send().await;
    let answer = answer.unwrap();
    assert_eq!(
        header(&answer, "www-authenticate"),
        r#"Bearer realm="lemon", error="invalid_token", error_description="the token is not valid""#
    );
    insta::assert_json_snapshot!(problem(answer).await);
}

#[tokio::test]
async fn an_expired_token_has_its_own_problem() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.clock.advance(JwtConfig::DEFAULT_LIFETIME);
    let answer = app.get("/api/service").bearer_auth(token).send().await;
    let answer = answer.unwrap();
    assert_eq!(
        header(&answer, "www-authenticate"),
        r#"Bearer realm="lemon", error="invalid_token", error_description="the token has expired""#
    );
    insta::assert_json_snapshot!(problem(answer).await);
}
