use lemon_tests::System;
use reqwest::Method;
use serde_json::Value;

use crate::collector::Collector;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_web_app_to_the_ready_message_and_on() {
    let collector = Collector::start();
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &collector.endpoint)
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(1).await;
    let call = person
        .request(Method::POST, "/api/service/learn_me")
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .header("tracestate", "webapp=1")
        .header("X-Request-Id", "the-call");
    assert_eq!(call.send().await.unwrap().status(), 201);
    let last = "send TweetNotificationQueue";
    let spans = collector.spans_with(TRACE, last).await;

    let chain = [
        "POST /api/service/{service}",
        "store the registration",
        "send TweetGetRequestQueue",
        // The stand-in workers make no spans: they pass on what they got.
        "process ServiceReadyQueue",
        last,
    ];
    let mut parent = PARENT.to_owned();
    for name in chain {
        let span = &spans[name];
        assert_eq!(span.parent, parent, "{name}: {spans:?}");
        assert_eq!(span.state, "webapp=1", "{name}");
        parent.clone_from(&span.id);
    }
    let call = &spans[chain[0]];
    assert_eq!(spans["reserve places"].parent, call.id);
    assert_eq!(call.attributes["http.response.status_code"], "201");
    assert_eq!(call.attributes["http.request_id"], "the-call");
    assert_eq!(spans[chain[3]].attributes["outcome"], "done");
    let services = collector.services();
    assert!(
        services.iter().all(|name| name == "lemon-toolbox"),
        "{services:?}"
    );

    let lines: Vec<Value> = system
        .log_lines()
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let sent = lines.iter().find(|line| line["message"] == "a job is sent");
    assert_eq!(sent.unwrap()["trace_id"], TRACE);
    let registered = "a person is registered";
    let registered = lines.iter().find(|line| line["message"] == registered);
    assert_eq!(registered.unwrap()["spans"][0]["trace_id"], TRACE);

    assert!(system.terminate().await.success());
    let told = collector.everything();
    for secret in [&person.token, &person.twitter_id, "127.0.0.1"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_the_web_app_does_not_record_is_passed_on_and_not_exported() {
    let collector = Collector::start();
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &collector.endpoint)
        .env("LEMON_TRACES__SAMPLE_RATIO", "0")
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(1).await;
    let call = person.request(Method::POST, "/api/service/learn_me");
    let call = call.header("traceparent", format!("00-{TRACE}-{PARENT}-00"));
    assert_eq!(call.send().await.unwrap().status(), 201);
    person.wait_until_ready().await;
    assert!(system.terminate().await.success());
    let sent = system.log_lines();
    let sent = sent.iter().filter(|line| line.contains("a job is sent"));
    assert!(sent.into_iter().all(|line| line.contains(TRACE)));
    assert_eq!(collector.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_opentelemetry_count_for_nothing() {
    let (collector, other) = (Collector::start(), Collector::start());
    let mut silent = System::builder()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &other.endpoint)
        .start()
        .await;
    silent.sign_in(1).await;
    assert!(silent.terminate().await.success());
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &collector.endpoint)
        .env("LEMON_TRACES__SERVICE_NAME", "lemons")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &other.endpoint)
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &other.endpoint)
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_SDK_DISABLED", "true")
        .env("OTEL_SERVICE_NAME", "other")
        .start()
        .await;
    system.sign_in(1).await;
    // The stop exports what is left.
    assert!(system.terminate().await.success());
    let services = collector.services();
    assert!(!services.is_empty());
    assert!(services.iter().all(|name| name == "lemons"), "{services:?}");
    assert_eq!(other.requests(), 0);
}
