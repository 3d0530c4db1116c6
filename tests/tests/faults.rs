//! Faults of Twitter's and callers that take too much, as an operator sees them at the built program.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lemon_tests::{Answer, System, wait_until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const REQUEST_TOKEN: &str = "/api/oauth/twitter/request-token";

async fn act(system: &System, fault: Value) {
    let call = system.client().post(system.sandbox_url("/sandbox/faults"));
    let acted = call.json(&fault).send().await.unwrap();
    assert_eq!(acted.status(), 201, "{fault}");
}

async fn begin(system: &System) -> Answer {
    let call = system.client().get(system.url(REQUEST_TOKEN)).send();
    Answer::read(call.await.unwrap()).await.unwrap()
}

async fn metrics(system: &System) -> String {
    let call = system.client().get(system.ops_url("/metrics")).send();
    call.await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn the_service_meets_each_fault_of_twitters_and_goes_on() {
    let system = System::builder()
        .env("LEMON_HTTP__PROFILE_CACHE_SECONDS", "0")
        .env("LEMON_LIMITS__PROFILE_READS_PER_MINUTE", "0")
        .env("LEMON_TWITTER__DEADLINE_MS", "1000")
        .start()
        .await;
    let person = system.sign_in(1).await;
    for (fault, code) in [
        ("locked", Some("twitter_account_suspended")),
        ("suspended", Some("twitter_account_suspended")),
        ("503", Some("service_unavailable")),
        ("broken", Some("service_unavailable")),
        ("slow", Some("service_unavailable")),
        ("402", None),
        ("453", None),
        ("html_403", None),
    ] {
        act(
            &system,
            json!({ "fault": fault, "calls": "profile", "person": 1 }),
        )
        .await;
        let answer = person.profile().await;
        assert!(answer.status >= 400, "{fault}: {answer:?}");
        if code.is_some() {
            assert_eq!(answer.code(), code, "{fault}");
        }
        // Others, and what needs no Twitter, are not concerned.
        begin(&system).await.must_be(200);
        person.services().await.must_be(200);
        act(&system, json!({ "fault": "none" })).await;
        person.profile().await.must_be(200);
    }
    let limit = json!({ "fault": "429", "calls": "profile", "seconds": 2, "times": 1 });
    act(&system, limit).await;
    for _ in 0..50 {
        let answer = person.profile().await;
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.code(), Some("twitter_rate_limited"));
        assert!(matches!(answer.header("retry-after"), Some("1" | "2")));
    }
    wait_until("the limit has reset", async || {
        (person.profile().await.status == 200).then_some(())
    })
    .await;
    let told = metrics(&system).await;
    let once = "lemon_twitter_calls_total{call=\"profile\",outcome=\"rate_limited\"} 1";
    assert!(told.contains(once), "{told}");
    act(&system, json!({ "fault": "revoke", "person": 1 })).await;
    let answer = person.profile().await;
    assert_eq!(answer.code(), Some("twitter_access_revoked"));
}

#[tokio::test]
async fn a_configured_limit_is_met_and_the_default_spares_this_machine() {
    let limited = System::builder()
        .env("LEMON_LIMITS__REQUEST_TOKENS_PER_MINUTE", "3")
        .start()
        .await;
    for _ in 0..3 {
        begin(&limited).await.must_be(200);
    }
    let refused = begin(&limited).await;
    assert_eq!(refused.code(), Some("too_many_calls"));
    assert_eq!(refused.status, 429);
    let told = metrics(&limited).await;
    let once = "lemon_http_problems_total{code=\"too_many_calls\"} 1";
    assert!(told.contains(once), "{told}");

    let system = System::builder().start().await;
    for _ in 0..200 {
        begin(&system).await.must_be(200);
    }
}

#[tokio::test]
async fn a_person_who_reloads_the_page_reads_the_profile_once() {
    let system = System::builder().start().await;
    let person = system.sign_in(1).await;
    for _ in 0..200 {
        person.profile().await.must_be(200);
    }
    let told = metrics(&system).await;
    let once = "lemon_twitter_billed_total{resource=\"user_read\"} 1";
    assert!(told.contains(once), "{told}");
}

#[tokio::test]
async fn what_strangers_send_is_no_error_in_the_log_and_no_way_around_the_browser() {
    let system = System::builder().start().await;
    for garbage in [
        &b"nonsense\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let mut stream = TcpStream::connect(system.http_address()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
    }
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let mut stream = TcpStream::connect(system.http_address()).await.unwrap();
    let _reset = stream.write_all(large.as_bytes()).await;
    let _reset = stream.read_to_end(&mut Vec::new()).await;
    for url in [
        system.url("/api/service"),
        system.ops_url("/metrics"),
        system.ops_url("/health/live"),
        system.sandbox_url("/timeline"),
    ] {
        let call = system.client().request(Method::GET, &url);
        let answer = call.header("host", "evil.example").send().await.unwrap();
        assert_eq!(answer.status(), 421, "{url}");
    }
    let log = system.log_lines();
    let mut errors = log.iter().filter(|line| line.contains("\"ERROR\""));
    assert_eq!(errors.next(), None);
}
