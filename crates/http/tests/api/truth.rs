//! What a caller is told of a change is true, and stays true.

use std::{sync::Arc, time::Duration};

use lemon_domain::ports::Registrations;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, Setup, code},
    faults::Fault,
};

/// How long anything may take before it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls have so long; the store, if it has begun to store, as long as a test lasts.
fn hasty() -> Setup {
    let mut setup = Setup::default();
    setup.deadlines.call = Duration::from_millis(200);
    setup.deadlines.storing = PATIENCE;
    setup
}

fn send(call: RequestBuilder) -> JoinHandle<Response> {
    tokio::spawn(async move { call.send().await.unwrap() })
}

/// A registration that nobody waits for any more may still be under way: what comes of it is seen once all calls have ended.
async fn registered_in_the_end(
    app: App,
    token: &str,
    stop: CancellationToken,
    run: JoinHandle<std::io::Result<()>>,
) -> bool {
    let identity = app.tokens.verify(token).unwrap();
    let store = Arc::clone(&app.store);
    stop.cancel();
    run.await.unwrap().unwrap();
    !store.inner.list(identity.user).await.unwrap().is_empty()
}

#[tokio::test]
async fn people_refused_in_an_outage_of_the_counter_are_not_registered_later() {
    let stop = CancellationToken::new();
    let (app, run) = App::start_until(hasty(), stop.clone());
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    let calls: Vec<_> = (0..20)
        .map(|_| send(app.post("/api/service/learn_me").bearer_auth(&token)))
        .collect();
    for call in calls {
        assert_eq!(code(call.await.unwrap()).await, "service_unavailable");
    }
    app.counter.recover();
    assert!(!registered_in_the_end(app, &token, stop, run).await);
}

#[tokio::test]
async fn people_refused_in_an_outage_of_the_store_are_not_registered_later() {
    let stop = CancellationToken::new();
    let (app, run) = App::start_until(hasty(), stop.clone());
    let token = app.sign_in(1).await;
    app.store.reading.close();
    let refused = app.register(&token).await;
    assert_eq!(code(refused).await, "service_unavailable");
    app.store.reading.open();
    assert!(!registered_in_the_end(app, &token, stop, run).await);
}

#[tokio::test]
async fn a_step_that_stores_is_waited_for_beyond_the_deadline() {
    let app = App::start_with(hasty());
    let token = app.sign_in(1).await;
    let other = app.sign_in(2).await;
    let calls = [
        (Method::POST, "/api/service/learn_me", StatusCode::CREATED),
        (Method::PUT, "/api/service", StatusCode::OK),
        (Method::DELETE, "/api/service/learn_me", StatusCode::OK),
    ];
    for (method, path, answered) in calls {
        app.store.storing.close();
        let call = app.call(method, path).bearer_auth(&token);
        let wish = json!({ "service_type": "LEARNME", "public": true });
        let call = send(call.json(&wish));
        app.store.storing.reached().await;
        // A call that is sent now has its deadline later.
        app.counter.fail(Fault::Hang);
        let later = app.register(&other).await;
        assert_eq!(code(later).await, "service_unavailable");
        app.counter.recover();
        app.store.storing.open();
        assert_eq!(call.await.unwrap().status(), answered, "{path}");
    }
}

#[tokio::test]
async fn a_step_without_an_outcome_is_outcome_unknown() {
    let mut setup = hasty();
    setup.deadlines.storing = Duration::from_millis(200);
    let app = App::start_with(setup);
    let token = app.sign_in(1).await;
    app.store.storing.close();
    let registered = app.register(&token).await;
    assert_eq!(code(registered).await, "outcome_unknown");
    let deletion = app.call(Method::DELETE, "/api/service/learn_me");
    let deleted = deletion.bearer_auth(&token).send().await;
    assert_eq!(code(deleted.unwrap()).await, "outcome_unknown");
}

#[tokio::test]
async fn a_call_that_has_reserved_nothing_ends_with_its_caller() {
    let mut setup = Setup::default();
    setup.deadlines.call = 2 * PATIENCE;
    let app = App::start_with(setup);
    let token = app.sign_in(1).await;
    app.store.reading.close();
    let mut caller = TcpStream::connect(app.address).await.unwrap();
    let call = format!(
        "POST /api/service/learn_me HTTP/1.1\r\nHost: lemon\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    caller.write_all(call.as_bytes()).await.unwrap();
    app.store.reading.reached().await;
    caller.set_zero_linger().unwrap();
    drop(caller);
    timeout(PATIENCE, app.store.reading.left()).await.unwrap();
    app.store.reading.open();
    assert_eq!(app.services(&token).await, json!([]));
}
