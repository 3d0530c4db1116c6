use reqwest::{Method, RequestBuilder, Response, StatusCode};

use crate::{
    app::{App, WEB_APP, header},
    faults::Fault,
};

const CAN_USE: &str = "/api/service/learn_me/can-use";

async fn from(origin: &str, call: RequestBuilder) -> Response {
    call.header("Origin", origin).send().await.unwrap()
}

async fn preflight(app: &App, origin: &str, path: &str) -> Response {
    let call = app.call(Method::OPTIONS, path);
    let call = call.header("Access-Control-Request-Method", "PUT").header(
        "Access-Control-Request-Headers",
        "authorization,content-type",
    );
    from(origin, call).await
}

fn assert_shared(answer: &Response) {
    assert_eq!(header(answer, "access-control-allow-origin"), WEB_APP);
    assert_eq!(header(answer, "access-control-allow-credentials"), "true");
    assert_eq!(
        header(answer, "access-control-expose-headers"),
        "Authorization, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, X-Request-Id"
    );
    assert_eq!(header(answer, "vary"), "Origin");
}

fn assert_not_shared(answer: &Response) {
    let names = answer.headers().keys();
    let shared: Vec<_> = names
        .filter(|name| name.as_str().starts_with("access-control-"))
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[tokio::test]
async fn an_allowed_origin_is_echoed_with_credentials() {
    let app = App::start();
    let answer = from(WEB_APP, app.get(CAN_USE)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_shared(&answer);
}

#[tokio::test]
async fn every_refusal_has_the_cors_headers_too() {
    let app = App::start();
    let too_large = "x".repeat(70_000);
    let login = "/api/oauth/twitter/twitter-login";
    for (status, call) in [
        (401, app.get("/api/service")),
        (404, app.get("/api/nonsense")),
        (404, app.get("/api/service/nonsense/can-use")),
        (405, app.call(Method::PATCH, "/api/service")),
        (
            413,
            app.post(login)
                .header("Content-Type", "application/json")
                .body(too_large),
        ),
        (415, app.post(login).body("{}")),
        (400, app.post(login).json(&"")),
    ] {
        let answer = from(WEB_APP, call).await;
        assert_eq!(answer.status(), status);
        assert_shared(&answer);
    }
    let token = app.sign_in(1).await;
    for fault in [Fault::Unavailable, Fault::Rejected, Fault::Panic] {
        app.counter.fail(fault);
        let call = app.post("/api/service/learn_me").bearer_auth(&token);
        let answer = from(WEB_APP, call).await;
        assert!(answer.status().is_server_error());
        assert_shared(&answer);
    }
}

#[tokio::test]
async fn a_foreign_origin_is_answered_without_the_cors_headers() {
    let app = App::start();
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:3001",
        "http://localhost:3000.evil.example",
        "",
    ] {
        let answer = from(origin, app.get(CAN_USE)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_not_shared(&answer);
        assert_eq!(header(&answer, "vary"), "Origin");
    }
}

#[tokio::test]
async fn an_answer_without_an_origin_varies_by_origin_as_well() {
    let app = App::start();
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert_not_shared(&answer);
    assert_eq!(header(&answer, "vary"), "Origin");
}

#[tokio::test]
async fn a_preflight_allows_what_an_allowed_origin_asks_for() {
    const ALWAYS: &str = "authorization, content-type, idempotency-key, x-request-id";
    let app = App::start();
    for (asked, allowed) in [
        ("authorization,content-type", ""),
        (
            "traceparent, baggage,X-Requested-With",
            ", traceparent, baggage, x-requested-with",
        ),
        ("a b, tracestate", ", tracestate"),
        ("tracestate, \u{e9}", ""),
        ("", ""),
    ] {
        let call = app.call(Method::OPTIONS, "/api/service");
        let call = call
            .header("Access-Control-Request-Method", "PUT")
            .header("Access-Control-Request-Headers", asked);
        let answer = from(WEB_APP, call).await;
        assert_shared(&answer);
        assert_eq!(
            header(&answer, "access-control-allow-headers"),
            format!("{ALWAYS}{allowed}"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_preflight_passes_without_a_token() {
    let app = App::start();
    for path in [
        "/api",
        "/api/service",
        "/api/service/learn_me",
        "/api/nonsense",
    ] {
        let answer = preflight(&app, WEB_APP, path).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_shared(&answer);
        assert_eq!(
            header(&answer, "access-control-allow-methods"),
            "GET, HEAD, POST, PUT, DELETE"
        );
        assert_eq!(
            header(&answer, "access-control-allow-headers"),
            "authorization, content-type, idempotency-key, x-request-id"
        );
        assert_eq!(header(&answer, "access-control-max-age"), "3600");
    }
}

#[tokio::test]
async fn a_preflight_of_a_foreign_origin_gets_no_permission() {
    let app = App::start();
    let answer = preflight(&app, "https://evil.example", "/api/service").await;
    assert_not_shared(&answer);
    assert_eq!(header(&answer, "vary"), "Origin");
}

#[tokio::test]
async fn only_the_api_has_the_cors_headers() {
    let app = App::start();
    for path in ["/v3/api-docs", "/swagger-ui/", "/nonsense", "/apis"] {
        let answer = from(WEB_APP, app.get(path)).await;
        assert_not_shared(&answer);
        let varies = header(&answer, "vary");
        assert!(!varies.contains("Origin"), "{path}: {varies}");
    }
}
