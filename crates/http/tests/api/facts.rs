//! What the log tells of people's calls.

use std::time::Duration;

use lemon_domain::ports::TwitterError;
use reqwest::{RequestBuilder, Response};
use serde_json::json;

use crate::{
    app::{App, Setup},
    faults::Fault,
    log::{lines_of, listen},
};

const REGISTER: &str = "/api/service/learn_me";

/// Makes a call under this id; answers the lines of the log about it.
async fn logged(call: RequestBuilder, id: &str) -> (Response, Vec<String>) {
    let answer = call.header("X-Request-Id", id).send().await.unwrap();
    (answer, lines_of(id))
}

/// The lines at `info`: one for each fact.
fn facts(lines: &[String]) -> Vec<&String> {
    let facts = lines.iter().filter(|line| line.starts_with("INFO"));
    facts.collect()
}

fn assert_tells(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
}

#[tokio::test]
async fn each_fact_is_one_line_with_the_person_the_account_and_the_registration() {
    listen();
    let app = App::start();
    let token = app.sign_in(1).await;
    let who = app.tokens.verify(&token).unwrap();
    let person = [
        format!("user.id={}", who.user),
        format!("account.id={}", who.account),
        "service=LEARNME".to_owned(),
    ];
    let person = [&*person[0], &*person[1], &*person[2]];

    let call = app.post(REGISTER).bearer_auth(&token);
    let (_, lines) = logged(call, "fact-registered").await;
    let registered = facts(&lines);
    assert_eq!(registered.len(), 1, "{lines:?}");
    assert_tells(registered[0], &person);
    assert_tells(
        registered[0],
        &["a person is registered", "place=1 limit=3"],
    );
    let (_, request_id) = registered[0].split_once(" request.id=").unwrap();
    let request_id = format!("request.id={}", request_id.split(' ').next().unwrap());

    let call = app.post(REGISTER).bearer_auth(&token);
    let (_, lines) = logged(call, "fact-refused").await;
    assert_eq!(facts(&lines).len(), 1, "{lines:?}");
    assert_tells(facts(&lines)[0], &person);
    assert_tells(
        facts(&lines)[0],
        &["a registration is refused", "reason=\"cooldown_active\""],
    );

    let wish = json!({ "service_type": "LEARNME", "public": true });
    let call = app.call(reqwest::Method::PUT, "/api/service");
    let (_, lines) = logged(call.bearer_auth(&token).json(&wish), "fact-published").await;
    assert_eq!(facts(&lines).len(), 1, "{lines:?}");
    assert_tells(facts(&lines)[0], &person);
    assert_tells(facts(&lines)[0], &["public=true", &request_id]);

    let call = app.call(reqwest::Method::DELETE, REGISTER);
    let (_, lines) = logged(call.bearer_auth(&token), "fact-deleted").await;
    assert_eq!(facts(&lines).len(), 1, "{lines:?}");
    assert_tells(facts(&lines)[0], &person);
    assert_tells(
        facts(&lines)[0],
        &["a person deleted a registration", &request_id],
    );

    // There is nothing to delete any more.
    let call = app.call(reqwest::Method::DELETE, REGISTER);
    let (_, lines) = logged(call.bearer_auth(&token), "fact-deleted-before").await;
    assert_eq!(facts(&lines), [""; 0]);
}

#[tokio::test]
async fn the_line_of_a_request_has_the_code_of_its_problem() {
    listen();
    let app = App::start();
    let (answer, lines) = logged(app.get("/api/service"), "line-without-token").await;
    assert_eq!(answer.status(), 401);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_tells(
        &lines[0],
        &["http.status=401", "problem.code=\"token_missing\""],
    );
    let (_, lines) = logged(app.get("/api/service/learn_me/can-use"), "line-good").await;
    assert!(!lines[0].contains("problem.code"), "{lines:?}");
}

#[tokio::test]
async fn a_missed_deadline_names_the_slow_neighbour() {
    listen();
    let mut setup = Setup::default();
    setup.deadlines.call = Duration::from_secs(1);
    let app = App::start_with(setup);
    let token = app.sign_in(1).await;
    app.counter.fail(Fault::Hang);
    let waited = "the deadline of the call passed while it waited for the quota counter";
    let register = app.post(REGISTER).bearer_auth(&token);
    let (answer, lines) = logged(register, "slow-registration").await;
    assert_eq!(answer.status(), 503);
    assert!(lines.iter().any(|line| line.contains(waited)), "{lines:?}");
    app.counter.recover();
    app.store.reading.close();
    let register = app.post(REGISTER).bearer_auth(&token);
    let (_, lines) = logged(register, "slow-store").await;
    let waited = "while it waited for the store";
    assert!(lines.iter().any(|line| line.contains(waited)), "{lines:?}");
}

#[tokio::test]
async fn a_person_for_whom_twitter_no_longer_lets_us_act_is_a_fact() {
    listen();
    let app = App::start();
    let token = app.sign_in(1).await;
    let who = app.tokens.verify(&token).unwrap();
    let call = || app.get("/api/twitter/user-profile").bearer_auth(&token);
    app.twitter.fail_next([
        TwitterError::Suspended,
        TwitterError::Unavailable("x".into()),
    ]);
    let (_, lines) = logged(call(), "fact-suspended").await;
    let suspended = facts(&lines);
    assert_eq!(suspended.len(), 1, "{lines:?}");
    assert_tells(suspended[0], &[&format!("user.id={}", who.user)]);
    assert_tells(suspended[0], &["reason=\"account_suspended\""]);
    let (_, lines) = logged(call(), "fact-unavailable").await;
    assert!(facts(&lines).is_empty(), "{lines:?}");
}
