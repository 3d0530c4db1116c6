use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        AccessGrant, Profile, RequestGrant, Tweet, TweetId, TweetPage, TwitterClient, TwitterError,
    },
    values::{Credentials, ProviderUserId, RequestToken, Verifier},
};
use parking_lot::{Mutex, MutexGuard};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Posts on a page, as many as X sends.
const PAGE: usize = 100;

/// Twitter in memory, with made-up people; each number from 1 is a person.
///
/// As at the real Twitter, a person's access token is the same at each sign-in until it is revoked.
#[derive(Debug, Default)]
pub struct FakeTwitter(Mutex<TwitterState>);

#[derive(Debug, Default)]
struct TwitterState {
    next_errors: VecDeque<TwitterError>,
    issued: u64,
    pending: HashMap<String, Option<(u32, String)>>,
    revocations: HashMap<u32, u32>,
    posts: HashMap<u32, Vec<String>>,
    profile_reads: usize,
}

impl FakeTwitter {
    /// The person agrees; answers the verifier that they bring back from Twitter.
    pub fn authorize(&self, token: &RequestToken, person: u32) -> Verifier {
        let mut state = self.state();
        let verifier = format!("verifier-{}-{person}", token.as_str());
        let agreed = state.pending.get_mut(token.as_str());
        *agreed.expect("a request token of this Twitter") = Some((person, verifier.clone()));
        Verifier::parse(verifier).unwrap()
    }

    /// How often a profile was asked for.
    pub fn profile_reads(&self) -> usize {
        self.state().profile_reads
    }

    /// The person's credentials as they are now, without a sign-in.
    pub fn credentials_of(&self, person: u32) -> Credentials {
        self.state().credentials_of(person)
    }

    /// The person's number at Twitter. It has 19 digits, more than a double can hold, like X's newer ones.
    #[must_use]
    pub fn user_id_of(person: u32) -> ProviderUserId {
        ProviderUserId::try_from(FIRST_USER_ID + i64::from(person)).unwrap()
    }

    /// The person's profile, which never changes.
    #[must_use]
    pub fn profile_of(person: u32) -> Profile {
        let picture = |name: &str| {
            let url = format!("https://pictures.example/{person}/{name}");
            Some(Url::parse(&url).unwrap())
        };
        Profile {
            screen_name: format!("person_{person}"),
            nickname: format!("Person {person}"),
            bio: if person.is_multiple_of(2) {
                String::new()
            } else {
                format!("사람 {person}")
            },
            profile_image_url: picture("face_400x400.png"),
            banner_image_url: picture("banner/1500x500").filter(|_| !person.is_multiple_of(3)),
            following: u64::from(person) * 2,
            followers: u64::from(person) * 3,
        }
    }

    /// The texts that the person posted through [`TwitterClient::post_tweet`], oldest first.
    pub fn posted_by(&self, person: u32) -> Vec<String> {
        let state = self.state();
        state.posts.get(&person).cloned().unwrap_or_default()
    }

    /// The next calls fail with these errors, one each, and do nothing.
    pub fn fail_next(&self, errors: impl IntoIterator<Item = TwitterError>) {
        self.state().next_errors.extend(errors);
    }

    /// How many request tokens were asked for.
    pub fn request_tokens_issued(&self) -> u64 {
        self.state().issued
    }

    fn state(&self) -> MutexGuard<'_, TwitterState> {
        self.0.lock()
    }

    fn called(&self) -> Result<MutexGuard<'_, TwitterState>, TwitterError> {
        let mut state = self.state();
        state.next_errors.pop_front().map_or(Ok(state), Err)
    }
}

const FIRST_USER_ID: i64 = 1_500_000_000_000_000_000;

impl TwitterState {
    fn credentials_of(&self, person: u32) -> Credentials {
        let generation = self.revocations.get(&person).copied().unwrap_or_default();
        let id = FakeTwitter::user_id_of(person);
        Credentials::new(
            format!("{id}-token{generation}"),
            format!("{id}-secret{generation}"),
        )
    }

    fn person_of(&self, credentials: &Credentials) -> Result<u32, TwitterError> {
        let token = credentials.token.expose_secret();
        token
            .split_once('-')
            .and_then(|(id, _)| person_of(id.parse().ok()?))
            .filter(|person| self.credentials_of(*person) == *credentials)
            .ok_or(TwitterError::InvalidToken)
    }

    /// The made-up posts of a person and their later posts, newest first.
    fn tweets_of(&self, person: u32) -> Vec<Tweet> {
        let made_up = (1..=120 + person % 100).map(|n| format!("Post {n} of person {person}"));
        let posted = self.posts.get(&person).into_iter().flatten().cloned();
        let since: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut tweets: Vec<Tweet> = made_up
            .chain(posted)
            .zip(1_i64..)
            .map(|(text, n)| Tweet {
                id: TweetId((i64::from(person) * 1_000_000 + n).to_string()),
                text,
                created_at: Some(since + TimeDelta::hours(n)),
            })
            .collect();
        tweets.reverse();
        tweets
    }
}

fn person_of(user_id: i64) -> Option<u32> {
    u32::try_from(user_id.checked_sub(FIRST_USER_ID)?).ok()
}

#[async_trait]
impl TwitterClient for FakeTwitter {
    async fn request_token(&self) -> Result<RequestGrant, TwitterError> {
        let mut state = self.called()?;
        state.issued += 1;
        let n = state.issued;
        let token = format!("request-{n}");
        state.pending.insert(token.clone(), None);
        let url = |path| {
            let url = format!("https://twitter.example/oauth/{path}?oauth_token={token}");
            Url::parse(&url).unwrap()
        };
        Ok(RequestGrant {
            authorization_url: url("authorize"),
            authentication_url: url("authenticate"),
            token: RequestToken::parse(token).unwrap(),
            secret: format!("request-secret-{n}").into(),
        })
    }

    async fn access_token(
        &self,
        token: &RequestToken,
        secret: &SecretString,
        verifier: &Verifier,
    ) -> Result<AccessGrant, TwitterError> {
        let mut state = self.called()?;
        let secret_fits = token
            .as_str()
            .strip_prefix("request-")
            .is_some_and(|n| secret.expose_secret() == format!("request-secret-{n}"));
        let person = state
            .pending
            .get(token.as_str())
            .and_then(Option::as_ref)
            .filter(|(_, expected)| secret_fits && expected == verifier.expose())
            .map(|(person, _)| *person)
            .ok_or(TwitterError::InvalidToken)?;
        state.pending.remove(token.as_str());
        Ok(AccessGrant {
            user_id: Self::user_id_of(person),
            credentials: state.credentials_of(person),
        })
    }

    async fn profile(&self, credentials: &Credentials) -> Result<Profile, TwitterError> {
        self.state().profile_reads += 1;
        let state = self.called()?;
        state.person_of(credentials).map(Self::profile_of)
    }

    async fn tweets(
        &self,
        credentials: &Credentials,
        of: ProviderUserId,
        page: Option<&str>,
    ) -> Result<TweetPage, TwitterError> {
        let state = self.called()?;
        state.person_of(credentials)?;
        let rejected = |reason: &str| TwitterError::Rejected(reason.into());
        let person = person_of(of.get()).ok_or_else(|| rejected("no such person"))?;
        let start = page.map_or(Ok(0), str::parse::<usize>);
        let start = start.map_err(|_| rejected("no such page"))?;
        let all = state.tweets_of(person);
        let tweets: Vec<Tweet> = all.iter().skip(start).take(PAGE).cloned().collect();
        let next = start + tweets.len();
        Ok(TweetPage {
            tweets,
            next: (next < all.len()).then(|| next.to_string()),
        })
    }

    async fn post_tweet(
        &self,
        credentials: &Credentials,
        text: &str,
    ) -> Result<TweetId, TwitterError> {
        let mut state = self.called()?;
        let person = state.person_of(credentials)?;
        let posts = state.posts.entry(person).or_default();
        if posts.iter().any(|post| post == text) {
            return Err(TwitterError::DuplicatePost);
        }
        posts.push(text.to_owned());
        Ok(state.tweets_of(person).swap_remove(0).id)
    }

    async fn revoke(&self, credentials: &Credentials) -> Result<(), TwitterError> {
        let mut state = self.called()?;
        let person = state.person_of(credentials)?;
        *state.revocations.entry(person).or_default() += 1;
        Ok(())
    }
}
