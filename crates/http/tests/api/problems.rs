//! What any call may answer.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::{
    app::{App, Setup, code, header, problem},
    faults::{Fault, SECRET},
};

const LOGIN: &str = "/api/oauth/twitter/twitter-login";
const CAN_USE: &str = "/api/service/learn_me/can-use";

async fn log_in(app: &App, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    let call = app.post(LOGIN).header("Content-Type", content_type);
    call.body(body).send().await.unwrap()
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let app = App::start();
    let answer = app.get("/api/nonsense").send().await.unwrap();
    insta::assert_json_snapshot!(problem(answer).await);
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/service/",
        "/api//service",
        "/API/service",
        "/api/service/learn_me/can-use/",
        "/health/live",
        "/metrics",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/service%2Flearn_me",
    ] {
        let answer = app.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        problem(answer).await;
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_answered_with_the_allowed_ones() {
    let app = App::start();
    let answer = app.call(Method::PATCH, "/api/service").send().await;
    let answer = answer.unwrap();
    assert_eq!(header(&answer, "allow"), "GET, HEAD, PUT");
    insta::assert_json_snapshot!(problem(answer).await);
    for (method, path, allow) in [
        (Method::POST, CAN_USE, "GET, HEAD"),
        (Method::GET, "/api/service/learn_me", "DELETE, POST"),
        (Method::GET, LOGIN, "POST"),
        (
            Method::DELETE,
            "/api/oauth/twitter/request-token",
            "GET, HEAD",
        ),
        (Method::PUT, "/api/twitter/user-profile", "GET, HEAD"),
        (Method::TRACE, "/v3/api-docs", "GET, HEAD"),
        (Method::from_bytes(b"BREW").unwrap(), CAN_USE, "GET, HEAD"),
    ] {
        let answer = app.call(method, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&answer, "allow"), allow);
        problem(answer).await;
    }
}

#[tokio::test]
async fn options_answers_the_allowed_methods() {
    let app = App::start();
    let answer = app.call(Method::OPTIONS, "/api/service").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&answer, "allow"), "GET, HEAD, PUT");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = App::start();
    let answer = app.call(Method::HEAD, CAN_USE).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert!(!header(&answer, "ratelimit").is_empty());
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let app = App::start();
    let body = "x".repeat(64 * 1024 + 1);
    let answer = log_in(&app, "application/json", body.clone()).await;
    insta::assert_json_snapshot!(problem(answer).await);
    let token = app.sign_in(1).await;
    let call = app.post("/api/service/learn_me").bearer_auth(&token);
    let answer = call.body(body).send().await.unwrap();
    assert_eq!(code(answer).await, "body_too_large");
    assert_eq!(app.services(&token).await, json!([]));
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let app = App::start();
    let answer = log_in(&app, "text/plain", "{}").await;
    insta::assert_json_snapshot!(problem(answer).await);
    let answer = app.post(LOGIN).body("{}").send().await.unwrap();
    assert_eq!(code(answer).await, "unsupported_media_type");
    let compressed = app
        .post(LOGIN)
        .header("Content-Encoding", "gzip")
        .json(&json!({}));
    assert_eq!(
        code(compressed.send().await.unwrap()).await,
        "unsupported_media_type"
    );
}

#[tokio::test]
async fn the_type_may_have_a_charset_and_capitals() {
    let app = App::start();
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let body = app.agree(1).await.to_string();
        let answer = log_in(&app, content_type, body).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_answered_with_the_place_of_the_fault() {
    let app = App::start();
    let answer = log_in(&app, "application/json", "{\n  \"oauth_token\": nope").await;
    insta::assert_json_snapshot!(problem(answer).await);
    let deep = "[".repeat(60_000);
    for body in [&b""[..], b"{", b"{}x", b"\"\xff\"", b"\0", deep.as_bytes()] {
        let answer = log_in(&app, "application/json", body.to_vec()).await;
        assert_eq!(code(answer).await, "malformed_json");
    }
}

#[tokio::test]
async fn a_call_without_a_token_is_asked_for_one() {
    let app = App::start();
    let answer = app.get("/api/service").send().await.unwrap();
    assert_eq!(
        header(&answer, "www-authenticate"),
        r#"Bearer realm="lemon""#
    );
    insta::assert_json_snapshot!(problem(answer).await);
    for (method, path) in [
        (Method::PUT, "/api/service"),
        (Method::POST, "/api/service/learn_me"),
        (Method::DELETE, "/api/service/learn_me"),
        (Method::GET, "/api/twitter/user-profile"),
    ] {
        let answer = app.call(method, path).send().await.unwrap();
        assert_eq!(code(answer).await, "token_missing", "{path}");
    }
}

#[tokio::test]
async fn public_calls_ignore_the_token() {
    let app = App::start();
    for credentials in ["Bearer forged", "Basic bWU6bWU=", "", "\u{ff}"] {
        for path in [CAN_USE, "/api/oauth/twitter/request-token", "/v3/api-docs"] {
            let call = app.get(path).header("Authorization", credentials);
            let answer = call.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path} {credentials:?}");
        }
        let pair = app.agree(1).await;
        let call = app.post(LOGIN).header("Authorization", credentials);
        let answer = call.json(&pair).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{credentials:?}");
    }
}

#[tokio::test]
async fn an_unavailable_counter_is_a_problem_that_passes() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Unavailable);
    let answer = app.register(&token).await;
    insta::assert_json_snapshot!(problem(answer).await);
    app.counter.recover();
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_internal_fault_has_a_constant_text_without_its_cause() {
    let app = App::start();
    app.counter.fail(Fault::Rejected);
    let answer = app.get(CAN_USE).send().await.unwrap();
    let rejected = problem(answer).await;
    app.counter.fail(Fault::Panic);
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(problem(answer).await, rejected);
    assert!(!format!("{rejected:?}").contains(SECRET));
    insta::assert_json_snapshot!(rejected);
}

#[tokio::test]
async fn a_panic_in_a_registration_is_a_problem_and_stops_no_other_call() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Panic);
    assert_eq!(code(app.register(&token).await).await, "internal_error");
    app.counter.recover();
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_counter_that_hangs_costs_the_deadline_and_no_more() {
    let mut setup = Setup::default();
    setup.deadlines.call = std::time::Duration::from_millis(50);
    let app = App::start_with(setup);
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    assert_eq!(
        code(app.register(&token).await).await,
        "service_unavailable"
    );
}
