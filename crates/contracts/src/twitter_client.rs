//! Cases of the `TwitterClient` contract.
//!
//! Numbers 7 (no redirect followed, a deadline on each call) and 8 (sent once) can be observed only over HTTP; the
//! adapter's own tests show them.

use std::{any::Any, collections::HashSet, sync::Arc};

use async_trait::async_trait;
use lemon_domain::{
    ports::{AccessGrant, RequestGrant, Tweet, TwitterClient, TwitterError},
    values::{Credentials, ProviderUserId, RequestToken, Verifier},
};
use url::Url;

/// The person's part of a sign-in, done at Twitter and not by the client.
#[async_trait]
pub trait Consent: Send + Sync + 'static {
    /// The made-up person with that number (from 1) authorizes the app; answers the verifier that they bring back.
    async fn authorize(&self, token: &RequestToken, person: u32) -> Verifier;
}

/// A client under test, the people of its Twitter, and a guard for that Twitter.
pub struct TwitterSubject {
    client: Arc<dyn TwitterClient>,
    consent: Arc<dyn Consent>,
    _guard: Box<dyn Any + Send + Sync>,
}

impl TwitterSubject {
    /// A client, the people who agree, and a guard that must live as long (a server; `()` for none).
    pub fn new(
        client: Arc<dyn TwitterClient>,
        consent: Arc<dyn Consent>,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self {
            client,
            consent,
            _guard: Box::new(guard),
        }
    }

    async fn agreed(&self, person: u32) -> (RequestGrant, Verifier) {
        let grant = self.client.request_token().await.unwrap();
        let verifier = self.consent.authorize(&grant.token, person).await;
        (grant, verifier)
    }

    async fn sign_in(&self, person: u32) -> AccessGrant {
        let (grant, verifier) = self.agreed(person).await;
        self.client
            .access_token(&grant.token, &grant.secret, &verifier)
            .await
            .unwrap()
    }

    async fn all_tweets(&self, signed_in: &AccessGrant, of: ProviderUserId) -> Vec<Tweet> {
        let mut tweets = Vec::new();
        let mut page = None;
        loop {
            let answer = self
                .client
                .tweets(&signed_in.credentials, of, page.as_deref())
                .await
                .unwrap();
            assert!(answer.tweets.len() <= 100);
            tweets.extend(answer.tweets);
            page = answer.next;
            if page.is_none() {
                return tweets;
            }
        }
    }
}

/// Emits the cases for a function that makes a fresh [`TwitterSubject`].
#[macro_export]
macro_rules! twitter_client_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::twitter_client,
            $subject,
            [
                each_request_token_is_fresh,
                a_person_is_sent_to_twitter_with_the_request_token,
                an_access_token_is_of_the_person_who_agreed,
                the_same_person_has_the_same_number_at_each_sign_in,
                a_verifier_is_good_for_one_exchange,
                an_invented_verifier_is_refused,
                the_verifier_of_another_person_is_refused,
                a_wrong_request_token_secret_is_refused,
                a_request_token_that_nobody_agreed_to_is_refused,
                an_invented_request_token_is_refused,
                concurrent_exchanges_succeed_once,
                a_profile_belongs_to_the_owner_of_the_credentials,
                pictures_have_their_full_size,
                all_pages_have_each_post_once_newest_first,
                posts_of_another_person_can_be_read,
                a_post_is_the_newest_of_its_person,
                the_same_text_again_is_a_duplicate,
                two_people_may_post_the_same_text,
                any_text_comes_back_as_it_was_posted,
                revoked_credentials_are_refused_by_every_call,
                invented_credentials_are_refused_by_every_call,
                a_revocation_does_not_affect_other_people,
                a_person_who_revoked_can_sign_in_again,
                a_dropped_call_does_not_disturb_other_calls,
            ]
        );
    };
}

macro_rules! assert_refused {
    ($call:expr) => {
        let outcome = $call.await;
        assert!(
            matches!(outcome, Err(TwitterError::InvalidToken)),
            "{outcome:?} is not refused"
        );
    };
}

macro_rules! assert_not_accepted {
    ($call:expr) => {
        let outcome = $call.await;
        let is_refused = matches!(
            outcome,
            Err(TwitterError::InvalidToken | TwitterError::Rejected(_))
        );
        assert!(is_refused, "{outcome:?} is no refusal");
    };
}

async fn assert_useless(subject: &TwitterSubject, credentials: &Credentials, of: ProviderUserId) {
    assert_refused!(subject.client.profile(credentials));
    assert_refused!(subject.client.tweets(credentials, of, None));
    assert_refused!(subject.client.post_tweet(credentials, "Hello"));
    assert_refused!(subject.client.revoke(credentials));
}

// 1: request tokens

/// Contract 1.
pub async fn each_request_token_is_fresh(subject: TwitterSubject) {
    let mut tokens = HashSet::new();
    for _ in 0..5 {
        let grant = subject.client.request_token().await.unwrap();
        assert!(tokens.insert(grant.token), "a request token came twice");
    }
}

/// Contract 1.
pub async fn a_person_is_sent_to_twitter_with_the_request_token(subject: TwitterSubject) {
    let grant = subject.client.request_token().await.unwrap();
    let carries_token = |url: &Url, path: &str| {
        assert!(url.path().ends_with(path), "{url} is not {path}");
        let token = url.query_pairs().find(|(key, _)| key == "oauth_token");
        assert_eq!(token.unwrap().1, grant.token.as_str());
    };
    carries_token(&grant.authorization_url, "oauth/authorize");
    carries_token(&grant.authentication_url, "oauth/authenticate");
}

// 2: access tokens

/// Contract 2.
pub async fn an_access_token_is_of_the_person_who_agreed(subject: TwitterSubject) {
    let (first, second) = (subject.sign_in(1).await, subject.sign_in(2).await);
    assert_ne!(first.user_id, second.user_id);
    assert_ne!(first.credentials, second.credentials);
}

/// Contract 2.
pub async fn the_same_person_has_the_same_number_at_each_sign_in(subject: TwitterSubject) {
    let (first, again) = (subject.sign_in(7).await, subject.sign_in(7).await);
    assert_eq!(first.user_id, again.user_id);
}

/// Contract 2.
pub async fn a_verifier_is_good_for_one_exchange(subject: TwitterSubject) {
    let (grant, verifier) = subject.agreed(1).await;
    let exchange = || {
        subject
            .client
            .access_token(&grant.token, &grant.secret, &verifier)
    };
    exchange().await.unwrap();
    assert_refused!(exchange());
}

/// Contract 2.
pub async fn an_invented_verifier_is_refused(subject: TwitterSubject) {
    let (grant, _) = subject.agreed(1).await;
    let invented = Verifier::parse("invented").unwrap();
    assert_refused!(
        subject
            .client
            .access_token(&grant.token, &grant.secret, &invented)
    );
}

/// Contract 2.
pub async fn the_verifier_of_another_person_is_refused(subject: TwitterSubject) {
    let (mine, _) = subject.agreed(1).await;
    let (_, theirs) = subject.agreed(2).await;
    assert_refused!(
        subject
            .client
            .access_token(&mine.token, &mine.secret, &theirs)
    );
}

/// Contract 2.
pub async fn a_wrong_request_token_secret_is_refused(subject: TwitterSubject) {
    let (mine, verifier) = subject.agreed(1).await;
    let (theirs, _) = subject.agreed(2).await;
    assert_refused!(
        subject
            .client
            .access_token(&mine.token, &theirs.secret, &verifier)
    );
}

/// Contract 2.
pub async fn a_request_token_that_nobody_agreed_to_is_refused(subject: TwitterSubject) {
    let grant = subject.client.request_token().await.unwrap();
    let (_, verifier) = subject.agreed(1).await;
    assert_refused!(
        subject
            .client
            .access_token(&grant.token, &grant.secret, &verifier)
    );
}

/// Contract 2.
pub async fn an_invented_request_token_is_refused(subject: TwitterSubject) {
    let (grant, verifier) = subject.agreed(1).await;
    let invented = RequestToken::parse("invented").unwrap();
    assert_refused!(
        subject
            .client
            .access_token(&invented, &grant.secret, &verifier)
    );
}

/// Contract 2.
pub async fn concurrent_exchanges_succeed_once(subject: TwitterSubject) {
    let (grant, verifier) = subject.agreed(1).await;
    let exchanges = (0..8).map(|_| {
        subject
            .client
            .access_token(&grant.token, &grant.secret, &verifier)
    });
    let outcomes = futures::future::join_all(exchanges).await;
    let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(succeeded, 1, "{outcomes:?}");
}

// 3: profiles

/// Contract 3.
pub async fn a_profile_belongs_to_the_owner_of_the_credentials(subject: TwitterSubject) {
    let (first, second) = (subject.sign_in(1).await, subject.sign_in(2).await);
    let first = subject.client.profile(&first.credentials).await.unwrap();
    let second = subject.client.profile(&second.credentials).await.unwrap();
    assert!(!first.screen_name.is_empty() && !second.screen_name.is_empty());
    assert_ne!(first.screen_name, second.screen_name);
}

/// Contract 3.
pub async fn pictures_have_their_full_size(subject: TwitterSubject) {
    let mut banners = 0;
    for person in 1..=6 {
        let signed_in = subject.sign_in(person).await;
        let profile = subject
            .client
            .profile(&signed_in.credentials)
            .await
            .unwrap();
        let image = profile.profile_image_url.unwrap();
        assert!(image.path().contains("_400x400"), "{image}");
        if let Some(banner) = profile.banner_image_url {
            assert!(banner.path().ends_with("/1500x500"), "{banner}");
            banners += 1;
        }
    }
    assert!((1..6).contains(&banners), "some have a banner, some not");
}

// 4: posts

/// Contract 4.
pub async fn all_pages_have_each_post_once_newest_first(subject: TwitterSubject) {
    let mut longest = 0;
    for person in 1..=4 {
        let signed_in = subject.sign_in(person).await;
        let tweets = subject.all_tweets(&signed_in, signed_in.user_id).await;
        let ids: HashSet<_> = tweets.iter().map(|tweet| &tweet.id).collect();
        assert_eq!(ids.len(), tweets.len(), "a post came twice");
        assert!(tweets.is_sorted_by_key(|tweet| std::cmp::Reverse(tweet.created_at)));
        longest = longest.max(tweets.len());
    }
    assert!(longest > 100, "nobody has more than a page");
}

/// Contract 4.
pub async fn posts_of_another_person_can_be_read(subject: TwitterSubject) {
    let (me, other) = (subject.sign_in(1).await, subject.sign_in(2).await);
    assert_eq!(
        subject.all_tweets(&me, other.user_id).await,
        subject.all_tweets(&other, other.user_id).await
    );
}

// 5: posting

/// Contract 5.
pub async fn a_post_is_the_newest_of_its_person(subject: TwitterSubject) {
    let me = subject.sign_in(1).await;
    let before = subject.all_tweets(&me, me.user_id).await;
    let id = subject
        .client
        .post_tweet(&me.credentials, "Hello")
        .await
        .unwrap();
    let after = subject.all_tweets(&me, me.user_id).await;
    assert_eq!(after[0].id, id);
    assert_eq!(after[0].text, "Hello");
    assert_eq!(after[1..], before);
}

/// Contract 5.
pub async fn the_same_text_again_is_a_duplicate(subject: TwitterSubject) {
    let me = subject.sign_in(1).await;
    let post = || subject.client.post_tweet(&me.credentials, "Hello");
    post().await.unwrap();
    let again = post().await;
    assert!(
        matches!(again, Err(TwitterError::DuplicatePost)),
        "{again:?}"
    );
}

/// Contract 5.
pub async fn two_people_may_post_the_same_text(subject: TwitterSubject) {
    for person in 1..=2 {
        let me = subject.sign_in(person).await;
        subject
            .client
            .post_tweet(&me.credentials, "Hello")
            .await
            .unwrap();
    }
}

/// Contract 5.
pub async fn any_text_comes_back_as_it_was_posted(subject: TwitterSubject) {
    let me = subject.sign_in(3).await;
    for text in [
        "학습이 끝났어요! 이제 챗봇과 대화해 보세요 🍋",
        "a+b=c & 100% \"quoted\" <b>~</b> \\ / ?",
        "two\nlines",
    ] {
        subject
            .client
            .post_tweet(&me.credentials, text)
            .await
            .unwrap();
        let newest = subject.client.tweets(&me.credentials, me.user_id, None);
        assert_eq!(newest.await.unwrap().tweets[0].text, text);
    }
}

// 6: revocation

/// Contract 6.
pub async fn revoked_credentials_are_refused_by_every_call(subject: TwitterSubject) {
    let me = subject.sign_in(1).await;
    subject.client.revoke(&me.credentials).await.unwrap();
    assert_useless(&subject, &me.credentials, me.user_id).await;
}

/// Contract 6: credentials that were never issued are refused like revoked ones.
pub async fn invented_credentials_are_refused_by_every_call(subject: TwitterSubject) {
    let me = subject.sign_in(1).await;
    let other = subject.sign_in(2).await;
    let invented = Credentials::new("1-invented", "invented");
    assert_useless(&subject, &invented, me.user_id).await;
    let mixed = Credentials {
        token: me.credentials.token,
        secret: other.credentials.secret,
    };
    // A signature with a wrong secret may be the application's fault as well: Twitter does not say.
    assert_not_accepted!(subject.client.profile(&mixed));
    assert_not_accepted!(subject.client.tweets(&mixed, me.user_id, None));
    assert_not_accepted!(subject.client.post_tweet(&mixed, "Hello"));
    assert_not_accepted!(subject.client.revoke(&mixed));
}

/// Contract 6.
pub async fn a_revocation_does_not_affect_other_people(subject: TwitterSubject) {
    let (me, other) = (subject.sign_in(1).await, subject.sign_in(2).await);
    subject.client.revoke(&me.credentials).await.unwrap();
    subject.client.profile(&other.credentials).await.unwrap();
}

/// Contract 6.
pub async fn a_person_who_revoked_can_sign_in_again(subject: TwitterSubject) {
    let me = subject.sign_in(1).await;
    subject.client.revoke(&me.credentials).await.unwrap();
    let again = subject.sign_in(1).await;
    assert_eq!(again.user_id, me.user_id);
    subject.client.profile(&again.credentials).await.unwrap();
    assert_refused!(subject.client.profile(&me.credentials));
}

/// Contract 9: the call is dropped at several points.
pub async fn a_dropped_call_does_not_disturb_other_calls(subject: TwitterSubject) {
    let person = subject.sign_in(1).await;
    for polls in 1..=4 {
        let text = format!("dropped {polls}");
        {
            let post = subject.client.post_tweet(&person.credentials, &text);
            let mut post = std::pin::pin!(post);
            for _ in 0..polls {
                if futures::poll!(&mut post).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let again = subject.client.post_tweet(&person.credentials, &text).await;
        assert!(
            matches!(again, Ok(_) | Err(TwitterError::DuplicatePost)),
            "{again:?}"
        );
        subject.client.profile(&person.credentials).await.unwrap();
    }
}
