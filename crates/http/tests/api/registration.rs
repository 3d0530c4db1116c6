use std::{sync::Arc, time::Duration};

use lemon_domain::{
    ports::Clock,
    usecases::{Quotas, Registering, RegisteringPorts},
    values::{IdempotencyKey, ServiceType},
};
use lemon_fakes::SequentialIds;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, LIMIT, catalogue, code, header, problem};

/// Until six in the morning in Seoul, from noon.
const REST_OF_THE_DAY: u64 = 18 * 60 * 60;

async fn can_use(app: &App) -> Response {
    let call = app.get("/api/service/learn_me/can-use");
    call.send().await.unwrap()
}

async fn delete(app: &App, token: &str) -> Response {
    let call = app.call(Method::DELETE, "/api/service/learn_me");
    call.bearer_auth(token).send().await.unwrap()
}

async fn register_as(app: &App, token: &str, key: &str) -> Response {
    let call = app.post("/api/service/learn_me").bearer_auth(token);
    call.header("Idempotency-Key", key).send().await.unwrap()
}

#[tokio::test]
async fn places_are_counted_from_one() {
    let app = App::start();
    for n in 1..=LIMIT {
        let answer = app.register(&app.sign_in(n).await).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(
            header(&answer, "ratelimit-policy"),
            r#""daily";q=3;w=86400"#
        );
        assert_eq!(
            header(&answer, "ratelimit"),
            format!(r#""daily";r={};t={REST_OF_THE_DAY}"#, LIMIT - n)
        );
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            json!({ "register_count": n, "register_limit": LIMIT })
        );
    }
}

#[tokio::test]
async fn once_the_places_are_taken_the_quota_is_exhausted_until_the_day_turns() {
    let app = App::start();
    for person in 1..=LIMIT {
        app.register(&app.sign_in(person).await).await;
    }
    let late = app.sign_in(LIMIT + 1).await;
    let answer = app.register(&late).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "retry-after"), REST_OF_THE_DAY.to_string());
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        r#""daily";q=3;w=86400"#
    );
    assert_eq!(header(&answer, "ratelimit"), r#""daily";r=0;t=64800"#);
    insta::assert_json_snapshot!(problem(answer).await);
    app.clock.advance(Duration::from_secs(REST_OF_THE_DAY));
    assert_eq!(app.register(&late).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_further_budget_has_a_problem_of_its_own() {
    let app = App::start();
    let draw = async |token: String| {
        let call = app.post("/api/service/draw_me").bearer_auth(token);
        call.send().await.unwrap()
    };
    assert_eq!(
        draw(app.sign_in(1).await).await.status(),
        StatusCode::CREATED
    );
    let answer = draw(app.sign_in(2).await).await;
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        r#""reads";q=100;w=2592000"#
    );
    assert!(header(&answer, "ratelimit").starts_with(r#""reads";r=40;t="#));
    insta::assert_json_snapshot!(problem(answer).await);
}

#[tokio::test]
async fn a_second_request_is_refused_during_the_cooldown() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    app.clock.advance(Duration::from_millis(1500));
    let answer = app.register(&token).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "retry-after"), (7 * 86400 - 1).to_string());
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        r#""daily";q=3;w=86400, "cooldown";q=1;w=604800"#
    );
    assert_eq!(header(&answer, "ratelimit"), r#""cooldown";r=0;t=604799"#);
    insta::assert_json_snapshot!(problem(answer).await);
    app.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(app.register(&token).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_request_asks_the_counter_once_and_one_within_the_cooldown_not_at_all() {
    let app = App::start();
    can_use(&app).await;
    let mut tokens = Vec::new();
    for n in 1..=LIMIT + 1 {
        tokens.push(app.sign_in(n).await);
    }
    for (token, status, code) in tokens
        .iter()
        .map(|token| (token, StatusCode::CREATED, ""))
        .take(LIMIT.try_into().unwrap())
        .chain([(
            &tokens[3],
            StatusCode::TOO_MANY_REQUESTS,
            "daily_quota_exhausted",
        )])
    {
        app.counter.asked();
        let answer = app.register(token).await;
        assert_eq!(answer.status(), status);
        assert!(!header(&answer, "ratelimit").is_empty());
        assert_eq!(app.counter.asked(), ["reserve"], "{code}");
    }
    let answer = app.register(&tokens[0]).await;
    assert_eq!(code(answer).await, "cooldown_active");
    assert_eq!(app.counter.asked(), [""; 0]);
}

#[tokio::test]
async fn a_repeated_answer_reserves_nothing() {
    let app = App::start();
    let token = app.sign_in(1).await;
    register_as(&app, &token, "attempt 1").await;
    app.register(&app.sign_in(2).await).await;
    app.counter.asked();
    let again = register_as(&app, &token, "attempt 1").await;
    assert!(header(&again, "ratelimit").starts_with(r#""daily";r=1;t="#));
    assert_eq!(app.counter.asked(), ["usage"]);
}

/// Registers as another replica does, whose steps nothing holds up.
async fn register_elsewhere(app: &App, token: &str, key: &str) {
    let store = Arc::clone(&app.store.inner);
    let elsewhere = Registering::new(RegisteringPorts {
        registrations: store.clone(),
        quotas: Arc::new(Quotas::new(
            app.counter.clone(),
            store,
            app.clock.clone(),
            Registering::GRACE,
        )),
        clock: app.clock.clone(),
        ids: Arc::new(SequentialIds::default()),
    });
    let catalogue = catalogue();
    let learn_me = ServiceType::parse("LEARNME").unwrap();
    let service = catalogue.by_type(&learn_me).unwrap();
    let who = app.tokens.verify(token).unwrap();
    let key = IdempotencyKey::parse(key).unwrap();
    let registered = elsewhere.register(who, service, Some(key)).await;
    registered.unwrap();
}

#[tokio::test]
async fn a_place_that_a_repeated_call_gives_back_is_not_counted_as_taken() {
    let app = App::start();
    let turn = app.clock.now() + Duration::from_secs(REST_OF_THE_DAY);
    app.clock.set(turn - Duration::from_secs(1));
    let token = app.sign_in(1).await;
    app.clock.set(turn);
    app.store.storing.close();
    let repeated = async {
        app.store.storing.reached().await;
        app.clock.set(turn - Duration::from_secs(1));
        register_elsewhere(&app, &token, "attempt 1").await;
        app.clock.set(turn);
        app.counter.asked();
        app.store.storing.open();
    };
    let (answer, ()) = tokio::join!(register_as(&app, &token, "attempt 1"), repeated);
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(header(&answer, "ratelimit"), r#""daily";r=3;t=86400"#);
    assert_eq!(app.counter.asked(), ["release", "usage"]);
}

#[tokio::test]
async fn the_same_key_answers_the_same_again() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let first = register_as(&app, &token, "attempt 1").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    app.register(&app.sign_in(2).await).await;
    let again = register_as(&app, &token, "attempt 1").await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other = register_as(&app, &token, "attempt 2").await;
    assert_eq!(code(other).await, "cooldown_active");
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_refused() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let answer = register_as(&app, &token, "").await;
    insta::assert_json_snapshot!(problem(answer).await);
    let long = "k".repeat(256);
    assert_eq!(
        code(register_as(&app, &token, &long).await).await,
        "invalid_header"
    );
    let call = app.post("/api/service/learn_me").bearer_auth(&token);
    let twice = call
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    assert_eq!(code(twice.send().await.unwrap()).await, "invalid_header");
    assert_eq!(app.services(&token).await, json!([]));
}

#[tokio::test]
async fn a_body_makes_no_difference_to_a_registration() {
    let app = App::start();
    for (person, body) in [(1, "{}"), (2, ""), (3, "not JSON")] {
        let token = app.sign_in(person).await;
        let call = app.post("/api/service/learn_me").bearer_auth(token);
        let answer = call
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{body:?}");
    }
}

#[tokio::test]
async fn can_use_tells_whether_there_are_places() {
    let app = App::start();
    for n in 0..=LIMIT {
        let answer = can_use(&app).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            header(&answer, "ratelimit-policy"),
            r#""daily";q=3;w=86400"#
        );
        assert_eq!(
            header(&answer, "ratelimit"),
            format!(r#""daily";r={};t={REST_OF_THE_DAY}"#, LIMIT - n)
        );
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            json!({ "can_use": n < LIMIT, "register_count": n, "register_limit": LIMIT })
        );
        app.register(&app.sign_in(n + 1).await).await;
    }
}

#[tokio::test]
async fn can_use_tells_a_caller_with_a_good_token_when_they_may_ask_and_when_the_day_turns() {
    let app = App::start();
    let token = app.sign_in(1).await;
    let told = async |token: &str| {
        let call = app.get("/api/service/learn_me/can-use").bearer_auth(token);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<Value>().await.unwrap()
    };
    let times = |answer: &Value| (answer["can_use_time"].clone(), answer["reset_time"].clone());
    let turns = json!("2026-11-24T06:00:00+09:00");
    let fresh = told(&token).await;
    assert_eq!(times(&fresh), (Value::Null, turns.clone()));
    assert!(fresh.as_object().unwrap().contains_key("can_use_time"));

    app.register(&token).await;
    delete(&app, &token).await;
    let cooling = (json!("2026-11-30T12:00:00+09:00"), turns);
    assert_eq!(times(&told(&token).await), cooling);

    let forged = told("e30.e30.e30").await;
    let everybodys = json!({ "can_use": true, "register_count": 1, "register_limit": LIMIT });
    assert_eq!(forged, everybodys);
}

#[tokio::test]
async fn a_deletion_is_empty_at_once_and_repeatable() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    for _ in 0..2 {
        let answer = delete(&app, &token).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap().len(), 0);
        assert_eq!(app.services(&token).await, json!([]));
    }
}

#[tokio::test]
async fn the_cooldown_outlives_a_deletion() {
    let app = App::start();
    let token = app.sign_in(1).await;
    app.register(&token).await;
    delete(&app, &token).await;
    assert_eq!(code(app.register(&token).await).await, "cooldown_active");
}

#[tokio::test]
async fn an_unknown_service_is_not_found() {
    let app = App::start();
    let token = app.sign_in(1).await;
    for (method, path) in [
        (Method::POST, "/api/service/nonsense"),
        (Method::DELETE, "/api/service/LEARNME"),
        (Method::GET, "/api/service/nonsense/can-use"),
        (Method::GET, "/api/service/%FF%00/can-use"),
        (Method::GET, "/api/service/nonsense"),
        (Method::PATCH, "/api/service/nonsense/can-use"),
    ] {
        let call = app.call(method, path).bearer_auth(&token);
        assert_eq!(
            code(call.send().await.unwrap()).await,
            "unknown_service",
            "{path}"
        );
    }
}
