use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

use super::TwitterError;
use crate::values::{Credentials, ProviderUserId, RequestToken, Verifier};

/// A request token, fresh from Twitter.
#[derive(Debug, Clone)]
pub struct RequestGrant {
    /// The token that the person carries.
    pub token: RequestToken,
    /// The secret, which stays here.
    pub secret: SecretString,
    /// Where Twitter always asks the person for consent (`oauth/authorize`).
    pub authorization_url: Url,
    /// Where Twitter skips a consent that was already given (`oauth/authenticate`).
    pub authentication_url: Url,
}

/// An access token and its owner.
#[derive(Debug, Clone)]
pub struct AccessGrant {
    /// The person's number at Twitter.
    pub user_id: ProviderUserId,
    /// The credentials with which we act for them.
    pub credentials: Credentials,
}

/// A person's public profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The handle, without `@`.
    pub screen_name: String,
    /// The display name.
    pub nickname: String,
    /// The description, possibly empty.
    pub bio: String,
    /// The picture, 400x400.
    pub profile_image_url: Option<Url>,
    /// The banner, 1500x500.
    pub banner_image_url: Option<Url>,
    /// How many people they follow.
    pub following: u64,
    /// How many people follow them.
    pub followers: u64,
}

/// A post's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TweetId(pub String);

/// A post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tweet {
    /// Its number.
    pub id: TweetId,
    /// Its text.
    pub text: String,
    /// When it was posted, if Twitter says.
    pub created_at: Option<DateTime<Utc>>,
}

/// Some of a person's posts, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TweetPage {
    /// Up to 100 posts.
    pub tweets: Vec<Tweet>,
    /// The token for the next page; `None` on the last.
    pub next: Option<String>,
}

/// Twitter, as far as we need it.
///
/// # Contract
/// 1. `request_token` answers a fresh token each time, confirmed for our callback.
/// 2. `access_token` succeeds once for a token and the verifier that the person brought; a second call, or a call with
///    another token, secret or verifier, is [`TwitterError::InvalidToken`].
/// 3. `profile` answers the person who owns the credentials: pictures in full size (400x400, 1500x500), no null text.
/// 4. `tweets` answers each post once, over all pages, newest first.
/// 5. `post_tweet` answers the new post's number; the same text again is [`TwitterError::DuplicatePost`].
/// 6. After `revoke` the credentials are [`TwitterError::InvalidToken`] for every call.
/// 7. No call follows a redirect, and each ends within the client's deadline, however Twitter behaves.
/// 8. A call is sent once, and again only if it certainly was not sent. [`TwitterError::Unreached`] means that Twitter
///    has not seen it, [`TwitterError::Unavailable`] that Twitter may have acted: a post may be there.
/// 9. A future may be dropped: Twitter may have acted then, and other calls are not affected.
#[async_trait]
pub trait TwitterClient: Send + Sync + 'static {
    /// Starts a sign-in.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn request_token(&self) -> Result<RequestGrant, TwitterError>;

    /// Completes a sign-in.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn access_token(
        &self,
        token: &RequestToken,
        secret: &SecretString,
        verifier: &Verifier,
    ) -> Result<AccessGrant, TwitterError>;

    /// The profile of the person who owns the credentials.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn profile(&self, credentials: &Credentials) -> Result<Profile, TwitterError>;

    /// A page of a person's posts; `page` is the `next` of the page before.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn tweets(
        &self,
        credentials: &Credentials,
        of: ProviderUserId,
        page: Option<&str>,
    ) -> Result<TweetPage, TwitterError>;

    /// Posts a text.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn post_tweet(
        &self,
        credentials: &Credentials,
        text: &str,
    ) -> Result<TweetId, TwitterError>;

    /// Revokes the credentials.
    ///
    /// # Errors
    /// As [`TwitterError`] says.
    async fn revoke(&self, credentials: &Credentials) -> Result<(), TwitterError>;
}
