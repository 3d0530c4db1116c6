use std::{collections::HashMap, sync::Arc, time::Instant};

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        AccessGrant, Clock, Profile, RequestGrant, TweetId, TweetPage, TwitterClient, TwitterError,
    },
    values::{Credentials, ProviderUserId, RequestToken, Verifier},
};
use secrecy::SecretString;
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::{
    answers::{Me, V2Answer, posted},
    body::ApiBody,
    call::{REQUEST_TOKEN, SigningClient, TwitterCall},
    config::{TwitterApi, TwitterConfig, TwitterConfigError},
    error::TwitterFault,
    meaning::fault_without_data,
    measures::{ApiCall, BilledResource, billed},
};

const ACCESS_TOKEN: &str = "oauth/access_token";
const USER_FIELDS: (&str, &str) = (
    "user.fields",
    "description,profile_image_url,profile_banner_url,public_metrics",
);
const TWEET_FIELDS: (&str, &str) = ("tweet.fields", "created_at");
/// The number of posts per page, the maximum that X allows: <https://docs.x.com/x-api/users/get-posts>.
const PAGE: (&str, &str) = ("max_results", "100");

/// Twitter over HTTP, with calls that are signed according to OAuth 1.0a (HMAC-SHA1).
pub struct HttpTwitterClient {
    caller: SigningClient,
}

impl HttpTwitterClient {
    /// Uses the caller's client. It must not follow redirects, because a signed call is valid for one address. The
    /// deadline applies whatever limits the client has. `clock` dates the signatures and measures rate-limit waits.
    ///
    /// # Errors
    /// [`TwitterConfigError::Address`] if the address is more than scheme, host and port.
    pub fn new(
        http: reqwest::Client,
        config: TwitterConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TwitterConfigError> {
        let caller = SigningClient::new(Some(http), config, clock)?;
        Ok(Self { caller })
    }

    /// Makes its own connections, which are replaced after a silent cut. This makes no call yet.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`TwitterConfigError::Client`] if TLS cannot be set up.
    pub fn connect(
        config: &TwitterConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TwitterConfigError> {
        let caller = SigningClient::new(None, config.clone(), clock)?;
        Ok(Self { caller })
    }

    async fn start(&self) -> Result<RequestGrant, TwitterFault> {
        let call = self.caller.request_token();
        let mut answer = Form::read(REQUEST_TOKEN, &self.caller.send(call).await?)?;
        if answer.take("oauth_callback_confirmed").as_deref() != Some("true") {
            return Err(TwitterFault::CallbackNotConfirmed);
        }
        let token = RequestToken::parse(answer.need("oauth_token")?)
            .map_err(|_| answer.lacks("oauth_token"))?;
        Ok(RequestGrant {
            authorization_url: self.consent_page("oauth/authorize", &token),
            authentication_url: self.consent_page("oauth/authenticate", &token),
            secret: answer.need("oauth_token_secret")?.into(),
            token,
        })
    }

    fn consent_page(&self, path: &str, token: &RequestToken) -> Url {
        let mut url = self.caller.url(path);
        url.query_pairs_mut()
            .append_pair("oauth_token", token.as_str());
        url
    }

    async fn exchange(
        &self,
        token: &RequestToken,
        secret: &SecretString,
        verifier: &Verifier,
    ) -> Result<AccessGrant, TwitterFault> {
        let deadline = self.caller.deadline();
        let call = TwitterCall::post(ApiCall::AccessToken, ACCESS_TOKEN)
            .in_sign_in((token.as_str(), secret), verifier.expose())
            .until(deadline);
        let mut answer = Form::read(ACCESS_TOKEN, &self.caller.send(call).await?)?;
        let credentials = Credentials::new(
            answer.need("oauth_token")?,
            answer.need("oauth_token_secret")?,
        );
        let id = match answer.take("user_id") {
            Some(id) => id,
            None => self.me(&credentials, deadline).await?.id,
        };
        let user_id = ProviderUserId::parse(&id).map_err(|_| answer.lacks("user_id"))?;
        Ok(AccessGrant {
            user_id,
            credentials,
        })
    }

    async fn me(&self, credentials: &Credentials, deadline: Instant) -> Result<Me, TwitterFault> {
        match self.caller.config().api {
            TwitterApi::V2 => {
                let call = TwitterCall::get(ApiCall::Profile, "2/users/me", &[USER_FIELDS]);
                let call = call.of_person(credentials).until(deadline);
                let name = call.name();
                let user = self.data(call).await?;
                let me = Me::of_v2(&user).ok_or(TwitterFault::NotExpected { call: name })?;
                billed(BilledResource::UserRead, 1);
                Ok(me)
            }
            TwitterApi::V1_1 => {
                let query = [("include_entities", "false"), ("skip_status", "true")];
                let call = TwitterCall::get(
                    ApiCall::Profile,
                    "1.1/account/verify_credentials.json",
                    &query,
                );
                let call = call.of_person(credentials).until(deadline);
                let name = call.name();
                let user = self.caller.json(call).await?;
                Me::of_v1(&user).ok_or(TwitterFault::NotExpected { call: name })
            }
        }
    }

    /// Makes a version 2 call whose answer must contain data.
    async fn data(&self, call: TwitterCall<'_>) -> Result<Value, TwitterFault> {
        let name = call.name();
        let answer = self.envelope(call).await?;
        answer
            .data
            .ok_or_else(|| fault_without_data(name, &answer.problems))
    }

    async fn envelope(&self, call: TwitterCall<'_>) -> Result<V2Answer, TwitterFault> {
        let name = call.name();
        let answer = self.caller.json(call).await?;
        V2Answer::read(answer).ok_or(TwitterFault::NotExpected { call: name })
    }

    async fn page(
        &self,
        credentials: &Credentials,
        of: ProviderUserId,
        page: Option<&str>,
    ) -> Result<TweetPage, TwitterFault> {
        let mut query = vec![PAGE, TWEET_FIELDS];
        query.extend(page.map(|page| ("pagination_token", page)));
        let call = TwitterCall::get(ApiCall::Tweets, format!("2/users/{of}/tweets"), &query);
        let call = call.of_person(credentials);
        let name = call.name();
        let answer = self.envelope(call).await?;
        if answer.data.is_none() && !answer.problems.is_empty() {
            return Err(fault_without_data(name, &answer.problems));
        }
        let page = answer.into_page();
        let page = page.ok_or(TwitterFault::NotExpected { call: name })?;
        billed(BilledResource::PostRead, page.tweets.len());
        Ok(page)
    }
}

#[async_trait]
impl TwitterClient for HttpTwitterClient {
    async fn request_token(&self) -> Result<RequestGrant, TwitterError> {
        Ok(self.start().await?)
    }

    async fn access_token(
        &self,
        token: &RequestToken,
        secret: &SecretString,
        verifier: &Verifier,
    ) -> Result<AccessGrant, TwitterError> {
        Ok(self.exchange(token, secret, verifier).await?)
    }

    async fn profile(&self, credentials: &Credentials) -> Result<Profile, TwitterError> {
        let deadline = self.caller.deadline();
        Ok(self.me(credentials, deadline).await?.profile)
    }

    async fn tweets(
        &self,
        credentials: &Credentials,
        of: ProviderUserId,
        page: Option<&str>,
    ) -> Result<TweetPage, TwitterError> {
        Ok(self.page(credentials, of, page).await?)
    }

    async fn post_tweet(
        &self,
        credentials: &Credentials,
        text: &str,
    ) -> Result<TweetId, TwitterError> {
        let call = TwitterCall::post(ApiCall::PostTweet, "2/tweets");
        let call = call.json(serde_json::json!({ "text": text }));
        let call = call.of_person(credentials);
        let name = call.name();
        let post = self.data(call).await?;
        let id = posted(&post).ok_or(TwitterFault::NotExpected { call: name })?;
        billed(BilledResource::of_post(text), 1);
        Ok(id)
    }

    async fn revoke(&self, credentials: &Credentials) -> Result<(), TwitterError> {
        let call = TwitterCall::post(ApiCall::Revoke, "1.1/oauth/invalidate_token");
        self.caller.send(call.of_person(credentials)).await?;
        Ok(())
    }
}

/// A form-encoded answer. It contains secrets, so it is never printed.
struct Form {
    path: &'static str,
    fields: HashMap<String, String>,
}

impl Form {
    fn read(path: &'static str, body: &[u8]) -> Result<Self, TwitterFault> {
        let Some(ApiBody::Form(form)) = ApiBody::read(body) else {
            let call = format!("POST /{path}");
            return Err(TwitterFault::NotOfTheApi { call });
        };
        let fields = form_urlencoded::parse(form.trim().as_bytes());
        Ok(Self {
            path,
            fields: fields.into_owned().collect(),
        })
    }

    fn take(&mut self, field: &str) -> Option<String> {
        self.fields.remove(field).filter(|value| !value.is_empty())
    }

    fn need(&mut self, field: &'static str) -> Result<String, TwitterFault> {
        self.take(field).ok_or_else(|| self.lacks(field))
    }

    fn lacks(&self, field: &'static str) -> TwitterFault {
        let call = format!("POST /{}", self.path);
        TwitterFault::Lacks { call, field }
    }
}
