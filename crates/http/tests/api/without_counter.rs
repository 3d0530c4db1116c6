//! What is answered while the quota counter does not answer.

use lemon_http::Draining;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    app::{App, Setup, code},
    faults::Fault,
};

const CAN_USE: &str = "/api/service/learn_me/can-use";

async fn can_use(app: &App) -> Value {
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn can_use_tells_what_was_last_known_while_the_counter_is_away() {
    let app = App::start();
    let token = app.sign_in(1).await;
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
    let known = can_use(&app).await;
    assert_eq!(known["register_count"], 1);
    for fault in [Fault::Unavailable, Fault::Hang] {
        app.counter.fail(fault);
        for _ in 0..5 {
            assert_eq!(can_use(&app).await, known);
        }
        let second = app.sign_in(2).await;
        if matches!(fault, Fault::Unavailable) {
            let refused = app.register(&second).await;
            assert_eq!(code(refused).await, "service_unavailable");
        }
        app.counter.recover();
    }
}

#[tokio::test]
async fn can_use_tells_what_is_recorded_if_the_counter_was_never_asked() {
    let app = App::start();
    let token = app.sign_in(1).await;
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
    app.counter.fail(Fault::Unavailable);
    let recorded = json!({ "can_use": true, "register_count": 1, "register_limit": 3 });
    assert_eq!(can_use(&app).await, recorded);
}

#[tokio::test]
async fn can_use_tells_of_places_that_were_taken_since_the_counter_was_last_asked() {
    let app = App::start();
    assert_eq!(can_use(&app).await["register_count"], 0);
    for n in 1..=3 {
        let token = app.sign_in(n).await;
        assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
    }
    app.counter.fail(Fault::Unavailable);
    let full = json!({ "can_use": false, "register_count": 3, "register_limit": 3 });
    assert_eq!(can_use(&app).await, full);
}

#[tokio::test]
async fn a_silent_counter_is_not_asked_by_each_call() {
    let app = App::start();
    app.counter.fail(Fault::Unavailable);
    can_use(&app).await;
    app.counter.asked();
    for _ in 0..20 {
        can_use(&app).await;
    }
    // One call a second tries it again.
    assert!(app.counter.asked().len() < 20);
}

#[tokio::test]
async fn a_draining_process_answers_and_closes_the_connection() {
    let draining = Draining::default();
    let app = App::start_with(Setup {
        draining: draining.clone(),
        ..Setup::default()
    });
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(answer.headers().get("connection"), None);
    draining.begin();
    let answer = app.get(CAN_USE).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["connection"], "close");
}
