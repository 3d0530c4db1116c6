use std::{net::TcpListener, time::Instant};

use tokio::io::AsyncWriteExt;

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
    client_with(config(&url))
}

#[tokio::test]
async fn nobody_at_the_address_is_unreached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client_with(config(&url)).request_token().await.unwrap_err();
    assert!(matches!(error, TwitterError::Unreached(_)), "{error:?}");
}

#[tokio::test]
async fn a_host_that_never_completes_the_connection_is_unreached_in_time() {
    // It listens, but nobody ever says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let client = client_with(TwitterConfig {
        deadline: SHORT,
        ..config(&url)
    });
    let started = Instant::now();
    let error = client.request_token().await.unwrap_err();
    assert!(matches!(error, TwitterError::Unreached(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_slow_answer_is_cut_off_at_the_deadline() {
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    let (server, _) = twitter(answer).await;
    let client = client_with(TwitterConfig {
        deadline: SHORT,
        ..config(&server.uri())
    });
    let started = Instant::now();
    let error = client.post_tweet(&me(), "Hello").await.unwrap_err();
    assert!(matches!(error, TwitterError::Unavailable(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_acted() {
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
        let refused = HttpTwitterClient::new(config(url), Arc::new(FakeClock::default()));
        assert!(refused.is_err(), "{url}");
    }
}
