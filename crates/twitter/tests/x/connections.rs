use std::{net::TcpListener, time::Instant};

use lemon_test_servers::Link;
use tokio::io::AsyncWriteExt;
use wiremock::matchers::path;

use super::*;

/// Answers each connection with these bytes and closes it.
async fn raw_twitter(answer: &'static [u8]) -> HttpTwitterClient {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            connection.readable().await.unwrap();
            let _ = connection.try_read(&mut [0; 4_096]);
            connection.write_all(answer).await.unwrap();
            connection.shutdown().await.unwrap();
        }
    });
    client_with(&config(&url))
}

/// `TwitterClient` 8: the call certainly did not leave.
#[tokio::test]
async fn an_address_without_a_server_is_unreached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client_with(&config(&url))
        .request_token()
        .await
        .unwrap_err();
    assert!(matches!(error, TwitterError::Unreached(_)), "{error:?}");
}

/// `TwitterClient` 7 and 8.
#[tokio::test]
async fn a_host_that_never_completes_the_connection_is_unreached_in_time() {
    // It listens, but nobody ever says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let client = client_with(&config(&url).with_deadline(SHORT));
    let started = Instant::now();
    let error = client.request_token().await.unwrap_err();
    assert!(matches!(error, TwitterError::Unreached(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// `TwitterClient` 7.
#[tokio::test]
async fn a_slow_answer_is_cut_off_at_the_deadline() {
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(60 * 60));
    let (server, _) = twitter(answer).await;
    let client = client_with(&config(&server.uri()).with_deadline(SHORT));
    let started = Instant::now();
    let error = client.post_tweet(&me(), "Hello").await.unwrap_err();
    assert!(matches!(error, TwitterError::Unavailable(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// `TwitterClient` 8.
#[tokio::test]
async fn an_interrupted_answer_means_that_twitter_may_have_acted() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\"",
        b"no HTTP at all\r\n\r\n",
    ] {
        let client = raw_twitter(answer).await;
        let error = client.post_tweet(&me(), "Hello").await.unwrap_err();
        assert!(matches!(error, TwitterError::Unavailable(_)), "{error:?}");
        assert_tells_no_secret(&error);
    }
}

/// `TwitterClient` 7.
#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let (elsewhere, _) = twitter(ResponseTemplate::new(200)).await;
    let answer = ResponseTemplate::new(307)
        .insert_header("location", format!("{}/2/tweets", elsewhere.uri()).as_str());
    let (_server, client) = twitter(answer).await;
    for error in [
        client.request_token().await.unwrap_err(),
        client.post_tweet(&me(), "Hello").await.unwrap_err(),
        client.revoke(&me()).await.unwrap_err(),
    ] {
        assert!(matches!(error, TwitterError::Rejected(_)), "{error:?}");
        assert!(told(&error).contains("127.0.0.1"), "{error:?}");
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_address_that_is_more_than_a_host_is_refused() {
    for url in [
        "https://api.x.com/2",
        "https://api.x.com/?a=b",
        "https://api.x.com/#a",
        "https://me@api.x.com",
        "https://me:secret@api.x.com",
        "ftp://api.x.com",
        "data:,x",
    ] {
        let refused = HttpTwitterClient::connect(&config(url), Arc::new(FakeClock::default()));
        assert!(refused.is_err(), "{url}");
    }
}

/// Idle connections at the time of a cut.
const CONNECTIONS: u64 = 12;

/// A Twitter that knows one person, a line to it, and a client with that many idle connections.
async fn warm() -> (MockServer, Link, HttpTwitterClient) {
    let server = MockServer::start().await;
    let person = serde_json::json!({ "data": {
        "id": "12", "name": "n", "username": "u",
        "public_metrics": { "followers_count": 1, "following_count": 1 },
    } });
    let answer = ResponseTemplate::new(200).set_body_json(person);
    Mock::given(path("/2/users/me"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let line = Link::to(("127.0.0.1".to_owned(), server.address().port())).await;
    // Idle connections that are dead must not be gone by themselves before the first call has failed.
    let client = client_with(
        &config(&format!("http://127.0.0.1:{}", line.port()))
            .with_deadline(Duration::from_secs(10)),
    );
    let warmed = async {
        while line.connections() < CONNECTIONS {
            let credentials = me();
            let calls = (0..CONNECTIONS).map(|_| client.profile(&credentials));
            futures::future::join_all(calls).await;
        }
    };
    let warmed = tokio::time::timeout(Duration::from_secs(60), warmed).await;
    assert!(warmed.is_ok(), "so many connections are never needed");
    (server, line, client)
}

#[tokio::test]
async fn after_a_silent_cut_one_call_fails_and_the_next_ones_find_twitter() {
    let (_server, line, client) = warm().await;
    line.silence();
    let cut = client.profile(&me()).await;
    assert!(matches!(cut, Err(TwitterError::Unavailable(_))), "{cut:?}");
    for _ in 0..CONNECTIONS {
        client.profile(&me()).await.unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_connection_sends_keepalive_probes() {
    let (_server, line, _client) = warm().await;
    let port = format!(":{:04X}", line.port());
    // <https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt>: the timer's kind is 2 for a keepalive.
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let idle = connections.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        (fields[2].ends_with(&port) && fields[3] == "01").then(|| fields[5].to_owned())
    });
    let idle: Vec<String> = idle.collect();
    assert!(!idle.is_empty(), "{connections}");
    for timer in idle {
        let (kind, hundredths) = timer.split_once(':').unwrap();
        let due = u64::from_str_radix(hundredths, 16).unwrap();
        assert!(kind == "02" && due <= 500, "{timer}");
    }
}

/// `TwitterClient` 8.
#[tokio::test]
async fn a_call_whose_answer_is_lost_was_sent_once() {
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let (server, _) = twitter(answer).await;
    let client = client_with(&config(&server.uri()).with_deadline(SHORT));
    let error = client.post_tweet(&me(), "Hello").await.unwrap_err();
    assert!(matches!(error, TwitterError::Unavailable(_)), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}
