//! A collector that is away costs spans and two lines in the log.

use std::net::TcpListener;

use lemon_tests::{Person, System, wait_until};

use crate::collector::Collector;

const AWAY: &str = "spans cannot be exported";
const BACK: &str = "all spans are exported again";

fn lines_with(system: &System, text: &str) -> usize {
    let lines = system.log_lines();
    lines.iter().filter(|line| line.contains(text)).count()
}

/// Calls until the collector was asked so often.
async fn call_until(person: &Person, collector: &Collector, requests: usize) {
    wait_until("spans are exported", async || {
        person.services().await.must_be(200);
        (collector.requests() >= requests).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_collector_is_one_line_when_it_begins_and_one_when_it_ends() {
    let collector = Collector::start();
    collector.refuses(true);
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &collector.endpoint)
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    call_until(&person, &collector, 3).await;
    assert_eq!(lines_with(&system, AWAY), 1);
    collector.refuses(false);
    call_until(&person, &collector, 5).await;
    wait_until("the outage is over", async || {
        (lines_with(&system, BACK) == 1).then_some(())
    })
    .await;
    collector.refuses(true);
    call_until(&person, &collector, collector.requests() + 2).await;
    wait_until("the next outage is told", async || {
        (lines_with(&system, AWAY) == 2).then_some(())
    })
    .await;
    assert!(system.terminate().await.success());
    assert_eq!(
        (lines_with(&system, AWAY), lines_with(&system, BACK)),
        (2, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_neither_calls_nor_the_stop() {
    // It takes connections, and is silent.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &endpoint)
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    assert!(system.terminate().await.success());
    assert_eq!(lines_with(&system, "the last spans are not exported"), 1);
    assert_eq!(lines_with(&system, "not finished in time"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_program_works() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let mut system = System::builder()
        .env("LEMON_TRACES__ENDPOINT", &endpoint)
        .env("LEMON_SANDBOX__TRAINING_SECONDS", "1")
        .start()
        .await;
    let person = system.sign_in(1).await;
    person.register(None).await.must_be(201);
    person.wait_until_ready().await;
    assert!(system.terminate().await.success());
    assert_eq!(lines_with(&system, AWAY), 1);
}
