use lemon_domain::{ports::People, values::AccountId};
use lemon_fakes::FakeTwitter;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, code, problem};

async fn publish(app: &App, token: &str, body: &Value) -> Response {
    let call = app.call(Method::PUT, "/api/service").bearer_auth(token);
    call.json(body).send().await.unwrap()
}

#[tokio::test]
async fn nobody_is_registered_at_first() {
    let app = App::start();
    let token = app.sign_in(1).await;
    assert_eq!(app.services(&token).await, json!([]));
}

#[tokio::test]
async fn a_registration_is_listed_at_once_in_the_zone_of_its_day() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    assert_eq!(
        app.services(&token).await,
        json!([{
            "service_type": "LEARNME",
            "public": false,
            "ready": false,
            "state": "training",
            "can_use_time": "2026-11-30T12:00:00+09:00",
        }])
    );
}

#[tokio::test]
async fn a_time_is_shown_in_whole_seconds_never_too_early() {
    let app = App::start();
    app.clock.advance(std::time::Duration::from_micros(1));
    let token = app.sign_in(1).await;
    app.register(&token).await;
    let services = app.services(&token).await;
    assert_eq!(services[0]["can_use_time"], "2026-11-30T12:00:01+09:00");
}

#[tokio::test]
async fn a_person_does_not_see_the_services_of_others() {
    let app = App::start();
    app.register(&app.sign_in(1).await).await;
    let other = app.sign_in(2).await;
    assert_eq!(app.services(&other).await, json!([]));
}

#[tokio::test]
async fn a_published_service_is_public() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    let wish = json!({ "service_type": "LEARNME", "public": true, "note": "ignored" });
    let answer = publish(&app, &token, &wish).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "service_type": "LEARNME", "public": true }));
    assert_eq!(app.services(&token).await[0]["public"], true);
}

#[tokio::test]
async fn a_person_who_is_not_registered_cannot_publish() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let wish = json!({ "service_type": "LEARNME", "public": true });
    insta::assert_json_snapshot!(problem(publish(&app, &token, &wish).await).await);
}

#[tokio::test]
async fn an_unknown_service_cannot_be_published() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let wish = json!({ "service_type": "NOSUCH", "public": true });
    assert_eq!(
        code(publish(&app, &token, &wish).await).await,
        "unknown_service"
    );
}

#[tokio::test]
async fn a_setting_that_does_not_fit_the_schema_is_refused_with_its_field() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for (wish, detail) in [
        (json!({ "public": true }), "service_type is missing."),
        (
            json!({ "service_type": null, "public": true }),
            "service_type is null.",
        ),
        (
            json!({ "service_type": "learn me", "public": true }),
            "service_type is not 1 to 32 characters of A-Z, 0-9 and _.",
        ),
        (json!({ "service_type": "LEARNME" }), "public is missing."),
        (
            json!({ "service_type": "LEARNME", "public": "yes" }),
            "public is not true or false.",
        ),
    ] {
        let problem = problem(publish(&app, &token, &wish).await).await;
        assert_eq!(problem["code"], "invalid_body");
        assert_eq!(problem["detail"], detail);
    }
}

/// As a token of a person who was never there.
#[tokio::test]
async fn a_token_of_a_forgotten_person_is_not_valid_until_they_sign_in_again() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    let account = AccountId::twitter(FakeTwitter::user_id_of(1));
    let at = "2026-11-23T03:00:00Z".parse().unwrap();
    app.store.inner.forget(account, at).await.unwrap().unwrap();
    let body = json!({ "service_type": "LEARNME", "public": true });
    let profile = app.get("/api/twitter/user-profile").bearer_auth(&token);
    let list = app.get("/api/service").bearer_auth(&token);
    let delete = app.call(Method::DELETE, "/api/service/learn_me");
    for answer in [
        profile.send().await.unwrap(),
        list.send().await.unwrap(),
        publish(&app, &token, &body).await,
        app.register(&token).await,
        delete.bearer_auth(&token).send().await.unwrap(),
    ] {
        let status = answer.status();
        assert_eq!(
            (status, code(answer).await),
            (StatusCode::UNAUTHORIZED, "token_invalid".to_owned())
        );
    }
    let can_use = app.get("/api/service/learn_me/can-use").bearer_auth(&token);
    let can_use = can_use.send().await.unwrap();
    assert_eq!(can_use.status(), StatusCode::OK);
    app.sign_in(1).await;
    assert_eq!(app.services(&token).await, json!([]));
    let again = app.register(&token).await;
    assert_eq!(code(again).await, "cooldown_active");
}
