//! The data and the decisions of the stand-in Twitter, without HTTP.

mod access_tokens;
mod ledger;
mod limits;
mod nonces;
mod pending;
mod refusal;
mod text;

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use lemon_domain::ports::{Clock, IdSource};
use parking_lot::{Mutex, MutexGuard};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    config::SandboxConfig,
    error::SandboxError,
    oauth::{Authorization, SignedRequest, SigningSecrets},
    people::Person,
};
use access_tokens::AccessTokens;
use ledger::PostLedger;
use limits::CallLimits;
use nonces::Nonces;
use pending::PendingTokens;

pub(crate) use access_tokens::AccessToken;
pub(crate) use ledger::Post;
pub(crate) use limits::{Allowance, Endpoint};
pub(crate) use refusal::Refusal;

/// How far a timestamp may differ, in seconds: X's five minutes.
const TIMESTAMP_LEEWAY: i64 = 300;

/// A received call, with the parts that are signed.
pub(crate) struct ReceivedCall {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) query: Vec<u8>,
    pub(crate) form: Vec<u8>,
    pub(crate) authorization: Option<String>,
}

/// A new token and its secret.
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) secret: String,
}

/// A person's decision on the consent page.
pub(crate) enum ConsentDecision {
    Authorize(Person),
    Cancel,
}

/// The OAuth provider and the people's posts.
pub(crate) struct OAuthProvider {
    consumer_key: String,
    consumer_secret: SecretString,
    callbacks: Vec<Url>,
    tokens: AccessTokens,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    state: Mutex<ProviderState>,
}

struct ProviderState {
    pending: PendingTokens,
    nonces: Nonces,
    limits: CallLimits,
    ledger: PostLedger,
}

impl OAuthProvider {
    pub(crate) fn open(
        config: SandboxConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, SandboxError> {
        Ok(Self {
            consumer_key: config.consumer_key,
            consumer_secret: config.consumer_secret,
            callbacks: config.callback_urls,
            tokens: AccessTokens::new(config.token_key),
            clock,
            ids,
            state: Mutex::new(ProviderState {
                pending: PendingTokens::default(),
                nonces: Nonces::default(),
                limits: CallLimits::default(),
                ledger: PostLedger::open(config.state_dir)?,
            }),
        })
    }

    // sign-in

    /// Starts a sign-in.
    pub(crate) fn issue_request_token(&self, call: &ReceivedCall) -> Result<IssuedToken, Refusal> {
        let authorization = self.authorization(call)?;
        self.check_signature(call, &authorization, "")?;
        let wanted = authorization.get("oauth_callback");
        let callback = self
            .callbacks
            .iter()
            .find(|callback| Some(callback.as_str()) == wanted)
            .ok_or(Refusal::CallbackNotApproved)?;
        let issued = IssuedToken {
            token: self.random(),
            secret: self.random(),
        };
        self.state()
            .pending
            .insert(&issued, callback.clone(), self.clock.now());
        Ok(issued)
    }

    /// The callback of a request token that waits for a decision.
    pub(crate) fn undecided(&self, token: &str) -> Option<Url> {
        self.state().pending.undecided(token, self.clock.now())
    }

    /// Accepts a person's decision, once; answers where to redirect them.
    pub(crate) fn decide(&self, token: &str, decision: &ConsentDecision) -> Option<Url> {
        let mut state = self.state();
        let mut callback = state.pending.undecided(token, self.clock.now())?;
        match decision {
            ConsentDecision::Authorize(person) => {
                let verifier = self.random();
                callback
                    .query_pairs_mut()
                    .append_pair("oauth_token", token)
                    .append_pair("oauth_verifier", &verifier);
                state.pending.agree(token, *person, verifier);
            }
            ConsentDecision::Cancel => {
                callback.query_pairs_mut().append_pair("denied", token);
                state.pending.remove(token);
            }
        }
        Some(callback)
    }

    /// Completes a sign-in.
    pub(crate) fn exchange(&self, call: &ReceivedCall) -> Result<AccessToken, Refusal> {
        let authorization = self.authorization(call)?;
        let token = authorization
            .get("oauth_token")
            .ok_or(Refusal::BadAuthenticationData)?;
        let now = self.clock.now();
        let secret = self.state().pending.secret(token, now);
        self.check_signature(call, &authorization, &secret.ok_or(Refusal::InvalidToken)?)?;
        let verifier = authorization
            .get("oauth_verifier")
            .ok_or(Refusal::InvalidToken)?;
        let mut state = self.state();
        let person = state
            .pending
            .take(token, verifier, now)
            .ok_or(Refusal::InvalidToken)?;
        Ok(self.tokens.of(person, state.ledger.generation(person)))
    }

    // calls of a person

    /// The person and the access token of a call.
    pub(crate) fn person(&self, call: &ReceivedCall) -> Result<AccessToken, Refusal> {
        let authorization = self.authorization(call)?;
        let token = authorization
            .get("oauth_token")
            .ok_or(Refusal::BadAuthenticationData)?;
        let person = AccessTokens::claimed_person(token).ok_or(Refusal::InvalidToken)?;
        let current = self.tokens.of(person, self.generation(person));
        if !current.is(token) {
            return Err(Refusal::InvalidToken);
        }
        self.check_signature(call, &authorization, &current.secret)?;
        Ok(current)
    }

    /// The person that a token names, whether or not it is valid.
    pub(crate) fn claimed_person(token: &str) -> Option<Person> {
        AccessTokens::claimed_person(token)
    }

    /// The time on this Twitter's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Counts a call against the person's limit for an endpoint.
    pub(crate) fn admit(&self, person: Person, endpoint: Endpoint) -> Result<Allowance, Refusal> {
        self.state()
            .limits
            .admit(person, endpoint, self.clock.now())
            .map_err(Refusal::RateLimited)
    }

    /// Posts a text.
    pub(crate) fn post(&self, person: Person, text: &str) -> Result<Post, Refusal> {
        text::check(text)?;
        self.state()
            .ledger
            .post(person, text, self.clock.now())
            .ok_or(Refusal::DuplicatePost)
    }

    /// Revokes the person's access token. The next sign-in makes a new one.
    pub(crate) fn revoke(&self, person: Person) {
        self.state().ledger.revoke(person);
    }

    // what can be seen

    /// How often the person's access was revoked.
    pub(crate) fn generation(&self, person: Person) -> u32 {
        self.state().ledger.generation(person)
    }

    /// The posts of one person or all, newest first.
    pub(crate) fn posts(&self, by: Option<Person>) -> Vec<Post> {
        self.state().ledger.posts(by).cloned().collect()
    }

    // checks

    /// Checks everything that does not need the token's secret.
    fn authorization(&self, call: &ReceivedCall) -> Result<Authorization, Refusal> {
        let authorization = call
            .authorization
            .as_deref()
            .and_then(Authorization::parse)
            .ok_or(Refusal::BadAuthenticationData)?;
        if authorization.get("oauth_consumer_key") != Some(&self.consumer_key)
            || authorization.get("oauth_signature_method") != Some("HMAC-SHA1")
            || !authorization.is_version_1()
        {
            return Err(Refusal::CouldNotAuthenticate);
        }
        let off = authorization
            .timestamp
            .abs_diff(self.clock.now().timestamp());
        if off > TIMESTAMP_LEEWAY.unsigned_abs() {
            return Err(Refusal::TimestampOutOfBounds);
        }
        Ok(authorization)
    }

    /// Checks the signature before the nonce, so that strangers cannot fill the memory of nonces.
    fn check_signature(
        &self,
        call: &ReceivedCall,
        authorization: &Authorization,
        token_secret: &str,
    ) -> Result<(), Refusal> {
        let request = SignedRequest {
            method: &call.method,
            url: &call.url,
            query: &call.query,
            form: &call.form,
            authorization,
        };
        let secrets = SigningSecrets {
            consumer: self.consumer_secret.expose_secret(),
            token: token_secret,
        };
        let fresh = request.is_signed_with(secrets)
            && self
                .state()
                .nonces
                .is_first_use(authorization, self.clock.now().timestamp());
        if fresh {
            Ok(())
        } else {
            Err(Refusal::CouldNotAuthenticate)
        }
    }

    fn random(&self) -> String {
        let mut bytes = [0; 24];
        self.ids.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Each change is complete before the lock is released, so a panic elsewhere leaves no incomplete change.
    fn state(&self) -> MutexGuard<'_, ProviderState> {
        self.state.lock()
    }
}
