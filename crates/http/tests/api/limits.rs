//! What keeps one caller from taking what is there for all.

use std::{num::NonZeroU32, time::Duration};

use lemon_domain::ports::TwitterError;
use lemon_http::{ConnectionShare, ForwardingHeader, Protection, Proxies, Rate};
use reqwest::{Response, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    app::{App, Setup, code, header, problem},
    faults::Fault,
};

const REQUEST_TOKEN: &str = "/api/oauth/twitter/request-token";

fn protected(protection: Protection) -> App {
    App::start_with(Setup {
        protection,
        ..Setup::default()
    })
}

fn few(calls: u32) -> NonZeroU32 {
    NonZeroU32::new(calls).unwrap()
}

/// Behind a proxy on this machine.
fn proxied(rate: Rate) -> Protection {
    let loopback = ["127.0.0.0/8".to_owned()];
    Protection {
        request_tokens: rate,
        sign_ins: rate,
        proxies: Proxies::parse(&loopback, ForwardingHeader::XForwardedFor).unwrap(),
        ..Protection::default()
    }
}

async fn begin(app: &App, from: &str) -> Response {
    let call = app.get(REQUEST_TOKEN).header("x-forwarded-for", from);
    call.send().await.unwrap()
}

async fn complete(app: &App, from: &str) -> Response {
    let nobodys = json!({ "oauth_token": "nobodys", "oauth_verifier": "x" });
    let call = app.post("/api/oauth/twitter/twitter-login");
    let call = call.header("x-forwarded-for", from).json(&nobodys);
    call.send().await.unwrap()
}

#[tokio::test]
async fn an_address_begins_so_many_sign_ins_and_is_told_when_it_may_go_on() {
    let app = protected(proxied(Rate::OfStrangers(few(3))));
    for _ in 0..3 {
        assert_eq!(begin(&app, "203.0.113.1").await.status(), StatusCode::OK);
    }
    let refused = begin(&app, "203.0.113.1").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(problem(refused).await["code"], "too_many_calls");
    // Others, and another call of the same address, are not concerned.
    assert_eq!(begin(&app, "203.0.113.2").await.status(), StatusCode::OK);
    let login = complete(&app, "203.0.113.1").await;
    assert_eq!(code(login).await, "sign_in_not_pending");
}

#[tokio::test]
async fn an_address_completes_so_many_sign_ins() {
    let app = protected(proxied(Rate::OfStrangers(few(2))));
    for _ in 0..2 {
        let login = complete(&app, "203.0.113.1").await;
        assert_eq!(code(login).await, "sign_in_not_pending");
    }
    let refused = complete(&app, "203.0.113.1").await;
    assert_eq!(code(refused).await, "too_many_calls");
}

#[tokio::test]
async fn what_a_caller_says_of_itself_does_not_count() {
    let app = protected(proxied(Rate::OfStrangers(few(1))));
    for (from, expected) in [
        ("1.1.1.1, 203.0.113.1", StatusCode::OK),
        ("2.2.2.2, 203.0.113.1", StatusCode::TOO_MANY_REQUESTS),
        ("2001:db8:1:2::1", StatusCode::OK),
        ("2001:db8:1:2:ffff::2", StatusCode::TOO_MANY_REQUESTS),
    ] {
        assert_eq!(begin(&app, from).await.status(), expected, "{from}");
    }
    let unnamed = Protection {
        proxies: Proxies::default(),
        ..proxied(Rate::OfAll(few(1)))
    };
    let app = protected(unnamed);
    assert_eq!(begin(&app, "203.0.113.1").await.status(), StatusCode::OK);
    let other = begin(&app, "203.0.113.2").await;
    assert_eq!(code(other).await, "too_many_calls");
}

#[tokio::test]
async fn an_address_of_a_private_network_is_limited_only_if_the_operator_says_so() {
    for from in ["127.0.0.1", "10.0.0.9"] {
        let app = protected(proxied(Rate::OfStrangers(few(1))));
        for _ in 0..5 {
            assert_eq!(begin(&app, from).await.status(), StatusCode::OK);
        }
        let app = protected(proxied(Rate::OfAll(few(1))));
        begin(&app, from).await;
        assert_eq!(code(begin(&app, from).await).await, "too_many_calls");
    }
}

#[tokio::test]
async fn a_person_reads_the_profile_at_twitter_so_often() {
    let app = App::start_with(Setup {
        keep_profiles: Duration::ZERO,
        protection: Protection {
            profile_reads: Some(few(2)),
            ..Protection::default()
        },
        ..Setup::default()
    });
    let (one, two) = (app.sign_in(1).await, app.sign_in(2).await);
    let profile = async |token: &str| {
        let call = app.get("/api/twitter/user-profile").bearer_auth(token);
        call.send().await.unwrap()
    };
    app.twitter
        .fail_next([TwitterError::Unavailable("x".into())]);
    // A failed read counts as well: X may have billed it.
    assert_eq!(code(profile(&one).await).await, "service_unavailable");
    assert_eq!(profile(&one).await.status(), StatusCode::OK);
    let refused = profile(&one).await;
    assert_eq!(code(refused).await, "too_many_calls");
    assert_eq!(profile(&two).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_are_served() {
    let app = protected(Protection {
        connections: ConnectionShare::OfAll(3),
        ..Protection::default()
    });
    let can_use = b"GET /api/service/learn_me/can-use HTTP/1.1\r\nHost: lemon\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(can_use).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    let mut further = TcpStream::connect(app.address).await.unwrap();
    let _reset = further.write_all(can_use).await;
    let mut answer = Vec::new();
    let _reset = further.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    drop(open);
    // The server notices the ends of the others a moment later.
    let mut served = JoinSet::new();
    let address = app.address;
    served.spawn(async move {
        loop {
            let mut again = TcpStream::connect(address).await.unwrap();
            let _reset = again.write_all(can_use).await;
            let mut first = [0; 12];
            if again.read_exact(&mut first).await.is_ok() {
                break;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(60), served.join_all())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_address_behind_a_proxy_has_so_many_calls_at_a_time_and_others_are_served() {
    let app = protected(Protection {
        connections: ConnectionShare::OfAll(2),
        ..proxied(Rate::Unlimited)
    });
    let token = app.sign_in(1).await;
    let register = |from: &'static str| {
        let call = app.post("/api/service/learn_me").bearer_auth(&token);
        call.header("x-forwarded-for", from).send()
    };
    app.counter.fail(Fault::Hang);
    let mut hanging = JoinSet::new();
    for _ in 0..2 {
        hanging.spawn(register("203.0.113.1"));
        app.counter.reached().await;
    }
    let refused = register("203.0.113.1").await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(code(refused).await, "too_many_calls");
    // Whoever the proxy calls for next, over the same connections, has a share of their own.
    assert_eq!(begin(&app, "203.0.113.2").await.status(), StatusCode::OK);
    app.counter.recover();
    hanging.join_all().await;
    assert_eq!(begin(&app, "203.0.113.1").await.status(), StatusCode::OK);
}
