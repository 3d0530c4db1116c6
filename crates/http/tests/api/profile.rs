use std::time::Duration;

use lemon_domain::{
    ports::{TwitterClient, TwitterError},
    values::{AccountId, Identity, UserId},
};
use lemon_fakes::FakeTwitter;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, Setup, code, header, problem};

async fn profile(app: &App, token: &str) -> Response {
    let call = app.get("/api/twitter/user-profile").bearer_auth(token);
    call.send().await.unwrap()
}

#[tokio::test]
async fn the_profile_is_the_one_at_twitter() {
    let app = App::start();
    let answer = profile(&app, &app.sign_in(1).await).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "screen_name": "person_1",
            "screen_nickname": "Person 1",
            "user_bio": "사람 1",
            "profile_image_url": "https://pictures.example/1/face_400x400.png",
            "banner_image_url": "https://pictures.example/1/banner/1500x500",
            "following_count": 2,
            "follower_count": 3,
        })
    );
}

#[tokio::test]
async fn a_profile_is_read_once_for_all_who_ask_and_kept_for_a_while() {
    let app = App::start();
    let (one, two) = (app.sign_in(1).await, app.sign_in(2).await);
    let asking = (0..200).map(|_| profile(&app, &one));
    for answer in futures::future::join_all(asking).await {
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "cache-control"), "private, max-age=60");
        assert_eq!(header(&answer, "vary"), "Origin, Authorization");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["screen_name"], "person_1");
    }
    assert_eq!(app.twitter.profile_reads(), 1);
    let body: Value = profile(&app, &two).await.json().await.unwrap();
    assert_eq!(body["screen_name"], "person_2");
    assert_eq!(app.twitter.profile_reads(), 2);
}

#[tokio::test]
async fn a_kept_profile_gets_old_and_a_failure_is_not_kept() {
    let app = App::start_with(Setup {
        keep_profiles: Duration::from_millis(50),
        ..Setup::default()
    });
    let token = app.sign_in(1).await;
    app.twitter
        .fail_next([TwitterError::Unavailable("x".into())]);
    let failed = profile(&app, &token).await;
    assert_eq!(code(failed).await, "service_unavailable");
    assert_eq!(profile(&app, &token).await.status(), StatusCode::OK);
    while app.twitter.profile_reads() < 3 {
        assert_eq!(profile(&app, &token).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_missing_banner_is_null_and_a_missing_text_empty() {
    let app = App::start();
    let answer = profile(&app, &app.sign_in(6).await).await;
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["banner_image_url"], Value::Null);
    assert_eq!(body["user_bio"], "");
}

#[tokio::test]
async fn a_withdrawn_access_is_forbidden() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let credentials = app.twitter.credentials_of(1);
    app.twitter.revoke(&credentials).await.unwrap();
    insta::assert_json_snapshot!(problem(profile(&app, &token).await).await);
}

#[tokio::test]
async fn twitters_rate_limit_says_when_to_come_back() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let retry_after = Duration::from_millis(61_500);
    app.twitter
        .fail_next([TwitterError::RateLimited { retry_after }]);
    let answer = profile(&app, &token).await;
    assert_eq!(header(&answer, "retry-after"), "62");
    insta::assert_json_snapshot!(problem(answer).await);
}

#[tokio::test]
async fn other_failures_of_twitter_are_internal_or_transient() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for (error, expected) in [
        (TwitterError::Unavailable("x".into()), "service_unavailable"),
        (TwitterError::Unreached("x".into()), "service_unavailable"),
        (TwitterError::Rejected("x".into()), "internal_error"),
        (TwitterError::Corrupt("x".into()), "internal_error"),
        (TwitterError::Suspended, "twitter_account_suspended"),
    ] {
        app.twitter.fail_next([error]);
        assert_eq!(code(profile(&app, &token).await).await, expected);
    }
    assert_eq!(profile(&app, &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_of_an_unknown_person_is_not_valid() {
    let app = App::start();
    let stranger = Identity {
        user: UserId::new(99),
        account: AccountId::twitter(FakeTwitter::user_id_of(99)),
    };
    let token = app.tokens.issue(stranger).unwrap();
    insta::assert_json_snapshot!(problem(profile(&app, &token).await).await);
}
