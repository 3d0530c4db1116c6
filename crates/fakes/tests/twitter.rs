//! The in-memory Twitter keeps the contract of the real one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_contracts::twitter_client::{Consent, TwitterSubject};
use lemon_domain::{
    ports::{TwitterClient, TwitterError},
    values::{RequestToken, Verifier},
};
use lemon_fakes::FakeTwitter;

/// The people of a Twitter, who agree to everything.
struct People(Arc<FakeTwitter>);

#[async_trait]
impl Consent for People {
    async fn authorize(&self, token: &RequestToken, person: u32) -> Verifier {
        self.0.authorize(token, person)
    }
}

async fn subject() -> TwitterSubject {
    let twitter = Arc::new(FakeTwitter::default());
    let people = Arc::new(People(twitter.clone()));
    TwitterSubject::new(twitter, people, ())
}

lemon_contracts::twitter_client_suite!(subject);

#[tokio::test]
async fn the_next_calls_fail_as_configured_and_do_nothing() {
    let twitter = FakeTwitter::default();
    let me = twitter.credentials_of(1);
    let retry_after = Duration::from_secs(9);
    twitter.fail_next([
        TwitterError::RateLimited { retry_after },
        TwitterError::Suspended,
    ]);

    let limited = twitter.post_tweet(&me, "Hello").await;
    assert!(matches!(limited, Err(TwitterError::RateLimited { .. })));
    let suspended = twitter.revoke(&me).await;
    assert!(matches!(suspended, Err(TwitterError::Suspended)));

    assert!(twitter.posted_by(1).is_empty());
    twitter.post_tweet(&me, "Hello").await.unwrap();
    assert_eq!(twitter.posted_by(1), ["Hello"]);
}

#[tokio::test]
async fn a_profile_is_the_one_announced() {
    let twitter = FakeTwitter::default();
    let me = twitter.credentials_of(5);
    let profile = twitter.profile(&me).await.unwrap();
    assert_eq!(profile, FakeTwitter::profile_of(5));
}
