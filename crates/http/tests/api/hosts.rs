//! Sites that point a name of their own at this machine, and paths that look like hosts.

use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{App, Setup, code, problem};

const CAN_USE: &str = "/api/service/learn_me/can-use";

async fn raw(app: &App, request: &str) -> String {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_site_that_rebinds_its_name_reads_nothing() {
    let app = App::start();
    for path in [CAN_USE, "/v3/api-docs", "/swagger-ui/", "/"] {
        let call = app.get(path).header("host", "evil.example:8080");
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(code(answer).await, "wrong_host", "{path}");
    }
    let absolute = format!(
        "GET http://evil.example{CAN_USE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(&app, &absolute).await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
}

#[tokio::test]
async fn names_of_this_machine_and_configured_ones_are_answered() {
    let mut setup = Setup::default();
    setup.protection.hosts = vec!["lemon.example".to_owned()];
    let app = App::start_with(setup);
    for host in [
        "localhost:8080",
        "127.0.0.1",
        "[::1]:80",
        "lemon",
        "lemon.example",
    ] {
        let answer = app.get(CAN_USE).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn no_instance_names_another_host() {
    let app = App::start();
    for path in ["//evil.example/x", "///evil.example", "/\\evil.example"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: lemon\r\nConnection: close\r\n\r\n");
        let answer = raw(&app, &request).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        let instance = problem["instance"].as_str().unwrap();
        assert_eq!(instance, format!("/.{path}"));
        let base = url::Url::parse("http://lemon.example/").unwrap();
        let joined = base.join(instance).unwrap();
        assert_eq!(joined.host_str(), Some("lemon.example"), "{path}");
    }
    let plain = app.get("/nothing").send().await.unwrap();
    assert_eq!(problem(plain).await["instance"], "/nothing");
}
