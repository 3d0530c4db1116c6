//! What every request passes, whatever it asks.

use std::{collections::HashSet, time::Duration};

use actix_web::{HttpResponse, web};
use lemon_http::Mount;
use reqwest::{Method, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Setup, header, problem},
    faults::Fault,
};

const CAN_USE: &str = "/api/service/learn_me/can-use";

#[tokio::test]
async fn every_answer_has_its_own_id() {
    let app = App::start();
    let mut ids = HashSet::new();
    for path in [
        CAN_USE,
        CAN_USE,
        "/api/service",
        "/nonsense",
        "/v3/api-docs",
    ] {
        let answer = app.get(path).send().await.unwrap();
        assert!(ids.insert(header(&answer, "x-request-id").to_owned()));
    }
    let preflight = app
        .call(Method::OPTIONS, CAN_USE)
        .header("Origin", "http://localhost:3000")
        .header("Access-Control-Request-Method", "GET");
    let answer = preflight.send().await.unwrap();
    assert!(ids.insert(header(&answer, "x-request-id").to_owned()));
    app.counter.fail(Fault::Panic);
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert!(ids.insert(header(&answer, "x-request-id").to_owned()));
}

#[tokio::test]
async fn a_valid_id_of_the_caller_is_kept_and_an_invalid_one_replaced() {
    let app = App::start();
    let call = app.get(CAN_USE).header("X-Request-Id", "web-1.2_3");
    let answer = call.send().await.unwrap();
    assert_eq!(header(&answer, "x-request-id"), "web-1.2_3");
    let call = app.get(CAN_USE).header("X-Request-Id", "<script>");
    let answer = call.send().await.unwrap();
    assert_eq!(header(&answer, "x-request-id").len(), 32);
}

#[tokio::test]
async fn every_answer_of_the_api_has_the_security_headers() {
    let app = App::start();
    for path in [CAN_USE, "/api/service", "/nonsense"] {
        let answer = app.get(path).send().await.unwrap();
        for (name, value) in [
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}");
        }
    }
}

fn page() -> Mount {
    Mount::new(|app| {
        app.route(
            "/",
            web::get().to(async || {
                HttpResponse::Ok()
                    .insert_header(("Content-Security-Policy", "default-src 'self'"))
                    .insert_header(("Cache-Control", "max-age=60"))
                    .body("a page")
            }),
        );
        app.route(
            "/broken",
            web::get().to(async || -> HttpResponse { panic!("the page broke") }),
        );
        app.route(
            "/number/{n}",
            web::get().to(async |n: web::Path<u8>| n.to_string()),
        );
    })
}

#[tokio::test]
async fn a_mounted_page_has_its_own_policies() {
    let setup = Setup {
        mount: page(),
        ..Setup::default()
    };
    let app = App::start_with(setup);
    let answer = app.get("/").send().await.unwrap();
    assert_eq!(
        header(&answer, "content-security-policy"),
        "default-src 'self'"
    );
    assert_eq!(header(&answer, "cache-control"), "max-age=60");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(answer.text().await.unwrap(), "a page");
}

#[tokio::test]
async fn an_error_of_a_mounted_page_is_a_problem() {
    let setup = Setup {
        mount: page(),
        ..Setup::default()
    };
    let app = App::start_with(setup);
    let broken = problem(app.get("/broken").send().await.unwrap()).await;
    assert_eq!(broken["code"], "internal_error");
    let wrong = problem(app.get("/number/many").send().await.unwrap()).await;
    assert_eq!(wrong["code"], "not_found");
    let answer = app.get("/number/7").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "7");
}

#[tokio::test]
async fn a_stop_finishes_the_calls_in_flight_and_returns() {
    let stop = CancellationToken::new();
    let mut setup = Setup::default();
    setup.deadlines.call = Duration::from_millis(300);
    setup.deadlines.shutdown = Duration::from_secs(5);
    let (app, run) = App::start_until(setup, stop.clone());
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    let call = app.post("/api/service/learn_me").bearer_auth(token);
    let call = tokio::spawn(call.send());
    app.counter.reached().await;
    stop.cancel();
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    run.await.unwrap().unwrap();
    assert!(app.get(CAN_USE).send().await.is_err());
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_stop_a_registration() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    let call = tokio::spawn(app.post("/api/service/learn_me").bearer_auth(&token).send());
    app.counter.reached().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    app.counter.recover();
    for _ in 0..6000 {
        if app.services(&token).await != serde_json::json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the registration was cut off");
}
