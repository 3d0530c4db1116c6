use lemon_domain::{
    ports::TwitterError,
    values::{AccountId, UserId},
};
use lemon_fakes::FakeTwitter;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, code, header, problem};

#[tokio::test]
async fn a_request_token_says_where_to_send_the_person() {
    let app = App::start();
    let answer = app.get("/api/oauth/twitter/request-token").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "token": "request-1",
            "authorization_url": "https://twitter.example/oauth/authorize?oauth_token=request-1",
            "authentication_url": "https://twitter.example/oauth/authenticate?oauth_token=request-1",
        })
    );
}

#[tokio::test]
async fn a_sign_in_answers_a_token_in_body_and_header() {
    let app = App::start();
    let answer = app.log_in(app.agree(1).await).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let bearer = header(&answer, "authorization").to_owned();
    let body: Value = answer.json().await.unwrap();
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(bearer, format!("Bearer {token}"));
    assert_eq!(body.as_object().unwrap().len(), 1);
    let identity = app.tokens.verify(token).unwrap();
    assert_eq!(
        identity.account,
        AccountId::twitter(FakeTwitter::user_id_of(1))
    );
}

#[tokio::test]
async fn a_later_sign_in_is_the_same_person() {
    let app = App::start();
    let users: [UserId; 2] = [app.sign_in(1).await, app.sign_in(1).await]
        .map(|token| app.tokens.verify(&token).unwrap().user);
    assert_eq!(users[0], users[1]);
    let other = app.tokens.verify(&app.sign_in(2).await).unwrap().user;
    assert_ne!(users[0], other);
}

#[tokio::test]
async fn older_request_tokens_stay_good_while_newer_ones_are_issued() {
    let app = App::start();
    let older = app.agree(1).await;
    let newer = app.agree(2).await;
    assert_eq!(app.log_in(newer).await.status(), StatusCode::CREATED);
    assert_eq!(app.log_in(older).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_person_who_did_not_agree_is_not_signed_in() {
    let app = App::start();
    let pair = json!({ "oauth_token": null, "oauth_verifier": null });
    insta::assert_json_snapshot!(problem(app.log_in(pair).await).await);
}

#[tokio::test]
async fn a_replayed_pair_is_not_pending() {
    let app = App::start();
    let pair = app.agree(1).await;
    assert_eq!(app.log_in(pair.clone()).await.status(), StatusCode::CREATED);
    insta::assert_json_snapshot!(problem(app.log_in(pair).await).await);
}

#[tokio::test]
async fn an_expired_pair_is_not_pending() {
    let app = App::start();
    let pair = app.agree(1).await;
    app.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(code(app.log_in(pair).await).await, "sign_in_not_pending");
}

#[tokio::test]
async fn a_foreign_verifier_is_rejected() {
    let app = App::start();
    let mut pair = app.agree(1).await;
    pair["oauth_verifier"] = json!("verifier-of-somebody-else");
    insta::assert_json_snapshot!(problem(app.log_in(pair).await).await);
}

#[tokio::test]
async fn a_sign_in_that_twitter_did_not_see_may_be_repeated() {
    let app = App::start();
    let pair = app.agree(1).await;
    let unreached = TwitterError::Unreached("10.0.0.7".into());
    app.twitter.fail_next([unreached]);
    let answer = app.log_in(pair.clone()).await;
    insta::assert_json_snapshot!(problem(answer).await);
    assert_eq!(app.log_in(pair).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_suspended_account_cannot_sign_in() {
    let app = App::start();
    let pair = app.agree(1).await;
    app.twitter.fail_next([TwitterError::Suspended]);
    insta::assert_json_snapshot!(problem(app.log_in(pair).await).await);
}

#[tokio::test]
async fn a_body_that_does_not_fit_the_schema_is_refused_with_its_field() {
    let app = App::start();
    for (body, detail) in [
        (json!({}), "oauth_token is missing."),
        (json!({ "oauth_token": "a" }), "oauth_verifier is missing."),
        (
            json!({ "oauth_token": 7, "oauth_verifier": "b" }),
            "oauth_token is not a string.",
        ),
        (
            json!({ "oauth_token": "a", "oauth_verifier": null }),
            "oauth_verifier is null, but the other field is not.",
        ),
        (
            json!({ "oauth_token": null, "oauth_verifier": "b" }),
            "oauth_token is null, but the other field is not.",
        ),
        (
            json!({ "oauth_token": "", "oauth_verifier": "b" }),
            "oauth_token is empty.",
        ),
        (
            json!({ "oauth_token": "a", "oauth_verifier": "b c" }),
            "oauth_verifier has characters other than printable ASCII.",
        ),
        (json!([1]), "The body is not an object."),
        (json!(null), "The body is not an object."),
    ] {
        let problem = problem(app.log_in(body).await).await;
        assert_eq!(problem["code"], "invalid_body");
        assert_eq!(problem["detail"], detail);
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = App::start();
    let mut pair = app.agree(1).await;
    pair["remember_me"] = json!({ "days": [30] });
    assert_eq!(app.log_in(pair).await.status(), StatusCode::CREATED);
}
