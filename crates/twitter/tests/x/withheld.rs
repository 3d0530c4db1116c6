//! Calls that are not sent while Twitter's limit is reached.

use lemon_domain::ports::Clock;

use super::*;

/// A Twitter whose limit is reached for a minute, and a client of it with its clock.
async fn exhausted() -> (MockServer, HttpTwitterClient, Arc<FakeClock>) {
    let server = MockServer::start().await;
    let clock = Arc::new(FakeClock::default());
    let reset = clock.now().timestamp() + 60;
    let answer = ResponseTemplate::new(429).insert_header("x-rate-limit-reset", reset.to_string());
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = HttpTwitterClient::connect(&config(&server.uri()), clock.clone()).unwrap();
    (server, client, clock)
}

async fn received(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn wait(error: &TwitterError) -> Duration {
    match error {
        TwitterError::RateLimited { retry_after } => *retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reached_limit_is_not_tried_again_before_its_reset() {
    let (server, client, clock) = exhausted().await;
    let me = Credentials::new("12-the-access-token", "the-token-secret");
    client.profile(&me).await.unwrap_err();
    clock.advance(Duration::from_secs(20));
    for _ in 0..50 {
        let error = client.profile(&me).await.unwrap_err();
        assert_eq!(wait(&error), Duration::from_secs(40));
    }
    assert_eq!(received(&server).await, 1);
    // Another account and another call have limits of their own.
    let other = Credentials::new("13-the-access-token", "the-token-secret");
    client.profile(&other).await.unwrap_err();
    client.tweets(&me, my_id(), None).await.unwrap_err();
    assert_eq!(received(&server).await, 3);
    clock.advance(Duration::from_secs(40));
    client.profile(&me).await.unwrap_err();
    assert_eq!(received(&server).await, 4);
}

#[tokio::test]
async fn a_reached_limit_of_the_application_withholds_everybodys_sign_in() {
    let (server, client, _) = exhausted().await;
    for _ in 0..50 {
        client.request_token().await.unwrap_err();
    }
    assert_eq!(received(&server).await, 1);
}
