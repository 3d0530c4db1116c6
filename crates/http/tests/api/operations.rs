use std::{net::SocketAddr, sync::Arc, time::Duration};

use lemon_fakes::SequentialIds;
use lemon_http::{Check, Draining, Listener, Operations};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{code, header, problem, unpacked};

fn start(checks: Vec<Check>) -> (SocketAddr, DropGuard) {
    start_with(checks, Draining::default())
}

fn start_with(checks: Vec<Check>, draining: Draining) -> (SocketAddr, DropGuard) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr();
    let stop = CancellationToken::new();
    let metrics = Arc::new(|| "lemons_total 3\n".to_owned());
    let ids = Arc::new(SequentialIds::default());
    let operations = Operations::new(listener, checks, metrics, ids).with_draining(draining);
    assert_eq!(operations.local_addr(), address);
    tokio::spawn(operations.run(stop.clone()));
    (address, stop.drop_guard())
}

async fn get(address: SocketAddr, path: &str) -> Response {
    let address = format!("http://{address}{path}");
    reqwest::get(address).await.unwrap()
}

fn passes() -> Check {
    Check::required("store", async || Ok(()))
}

#[tokio::test]
async fn a_process_that_answers_is_alive() {
    let failing = Check::required("store", async || Err("away".into()));
    let (address, _stop) = start(vec![failing]);
    let answer = get(address, "/health/live").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "status": "live" }));
}

#[tokio::test]
async fn a_process_that_passes_every_check_is_ready() {
    let (address, _stop) = start(vec![passes(), passes()]);
    let answer = get(address, "/health/ready").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "status": "ready" }));
}

#[tokio::test]
async fn a_failed_check_is_named_without_its_cause() {
    let failing = Check::required("quota", async || Err("redis://:hunter2@10.0.0.7".into()));
    let (address, _stop) = start(vec![passes(), failing]);
    let answer = get(address, "/health/ready").await;
    insta::assert_json_snapshot!(problem(answer).await);
}

#[tokio::test]
async fn a_check_that_hangs_fails_in_time() {
    let hanging = Check::required("queue", std::future::pending);
    let (address, _stop) = start(vec![hanging]);
    let started = std::time::Instant::now();
    let problem = problem(get(address, "/health/ready").await).await;
    assert_eq!(problem["failed"], json!(["queue"]));
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_shared_part_that_fails_is_shown_and_the_process_stays_ready() {
    let failing = Check::shared("queue", async || Err("away".into()));
    let (address, _stop) = start(vec![passes(), failing.clone()]);
    let answer = get(address, "/health/ready").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "status": "ready", "degraded": ["queue"] }));

    let required = Check::required("store", async || Err("away".into()));
    let (address, _stop) = start(vec![required, failing]);
    let problem = problem(get(address, "/health/ready").await).await;
    assert_eq!(problem["failed"], json!(["store", "queue"]));
}

#[tokio::test]
async fn a_draining_process_is_alive_and_not_ready() {
    let draining = Draining::default();
    let (address, _stop) = start_with(vec![passes()], draining.clone());
    assert_eq!(get(address, "/health/ready").await.status(), StatusCode::OK);
    draining.begin();
    let problem = problem(get(address, "/health/ready").await).await;
    assert_eq!(problem["code"], "draining");
    assert_eq!(problem["failed"], json!(["draining"]));
    let answer = get(address, "/health/live").await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_plain_text() {
    let (address, _stop) = start(Vec::new());
    let answer = get(address, "/metrics").await;
    assert!(header(&answer, "content-type").starts_with("text/plain; version=0.0.4"));
    assert_eq!(answer.text().await.unwrap(), "lemons_total 3\n");
}

#[tokio::test]
async fn other_paths_of_the_operations_port_are_not_found() {
    let (address, _stop) = start(Vec::new());
    assert_eq!(code(get(address, "/api/service").await).await, "not_found");
}

#[tokio::test]
async fn metrics_are_compressed_for_who_takes_it() {
    let (address, _stop) = start(vec![passes()]);
    let plain = get(address, "/metrics").await;
    assert!(plain.headers().get("content-encoding").is_none());
    let taken = reqwest::Client::new()
        .get(format!("http://{address}/metrics"))
        .header("Accept-Encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&taken, "content-encoding"), "gzip");
    let packed = taken.bytes().await.unwrap();
    assert_eq!(unpacked(&packed), plain.bytes().await.unwrap());
}
