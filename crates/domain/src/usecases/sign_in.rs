use std::{sync::Arc, time::Duration};

use crate::{
    ports::{
        AccessGrant, Accounts, Clock, CompletedSignIn, IdSource, PendingSignIn, PendingSignIns,
        RequestGrant, SignIn, SignInClaim, StoreError, TwitterClient, TwitterError,
    },
    sealing::{OpenError, SealContext, SealingKeys, fresh_nonce},
    values::{AccountId, Identity, RequestToken, Verifier},
    waiting::{Neighbour, wait_for},
};

/// How long a completed sign-in is answered again to a browser that did not get the answer.
const ANSWERED_FOR: Duration = Duration::from_secs(30);

/// A completed sign-in.
pub type SignedIn = Identity;

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The request token is unknown, used or expired: the person must start again.
    #[error("the request token is unknown, used or expired")]
    NotPending,
    /// Twitter refused.
    #[error("twitter did not confirm the sign-in")]
    Twitter(#[from] TwitterError),
    /// The store failed.
    #[error("the sign-in could not be stored")]
    Store(#[from] StoreError),
    /// The request token's secret cannot be opened.
    #[error("the request token's secret cannot be opened")]
    Sealing(#[from] OpenError),
}

/// Sign in with Twitter (OAuth 1.0a).
pub struct SignIns {
    /// Twitter.
    pub twitter: Arc<dyn TwitterClient>,
    /// Sign-ins in progress.
    pub pending: Arc<dyn PendingSignIns>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Seals the secrets to store.
    pub keys: Arc<SealingKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub ids: Arc<dyn IdSource>,
    /// How long a person has to come back from Twitter.
    pub pending_for: Duration,
}

impl SignIns {
    /// An hour: a web app may fetch the address when its page loads, long before the person follows it.
    pub const DEFAULT_PENDING_FOR: Duration = Duration::from_secs(60 * 60);

    /// Gets a request token; its secret stays here, sealed, for as long as the person may take.
    ///
    /// # Errors
    /// If Twitter or the store fails.
    pub async fn begin(&self) -> Result<RequestGrant, SignInError> {
        let grant = wait_for(Neighbour::Twitter, self.twitter.request_token()).await?;
        let secret = self.keys.seal(
            SealContext::RequestTokenSecret(&grant.token),
            &grant.secret,
            fresh_nonce(&*self.ids),
        );
        let pending = PendingSignIn {
            token: grant.token.clone(),
            secret,
            expires_at: self.clock.now() + self.pending_for,
        };
        wait_for(Neighbour::Store, self.pending.put(pending)).await?;
        Ok(grant)
    }

    /// Completes a sign-in: takes the pending one, exchanges the verifier, stores the account.
    ///
    /// After a transient failure the sign-in stays pending, so that the call can be repeated; also when the call ends
    /// before Twitter has answered. If Twitter did act on the first call, it refuses the second, because it accepts a
    /// verifier once.
    ///
    /// # Errors
    /// As [`SignInError`] says; nothing is stored then.
    pub async fn complete(
        &self,
        token: &RequestToken,
        verifier: &Verifier,
    ) -> Result<SignedIn, SignInError> {
        let claim = SignInClaim::of(verifier);
        let taking = self.pending.take(token, &claim, self.clock.now());
        let pending = wait_for(Neighbour::Store, taking).await?;
        let pending = pending.ok_or(SignInError::NotPending)?;
        let grant = self.exchange(&pending, verifier).await?;
        let account = AccountId::twitter(grant.user_id);
        let sign_in = SignIn {
            account,
            credentials: self.keys.seal_credentials(
                account,
                &grant.credentials,
                fresh_nonce(&*self.ids),
            ),
            at: self.clock.now(),
        };
        let user = wait_for(Neighbour::Store, self.accounts.sign_in(sign_in)).await?;
        let identity = Identity { user, account };
        let now = self.clock.now();
        let completed = CompletedSignIn {
            token: token.clone(),
            claim,
            identity,
            at: now,
            answered_until: now + ANSWERED_FOR,
        };
        // If that fails, Twitter refuses the next caller that takes it, and it is purged when it has expired.
        let _kept = wait_for(Neighbour::Store, self.pending.complete(completed)).await;
        Ok(identity)
    }

    /// Who signed in with this pair a moment ago: for a browser that began the sign-in, and repeats the call because
    /// the answer was lost. `None` for a pair that did not sign anybody in lately.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn completed(
        &self,
        token: &RequestToken,
        verifier: &Verifier,
    ) -> Result<Option<SignedIn>, SignInError> {
        let claim = SignInClaim::of(verifier);
        let asking = self.pending.completed(token, &claim, self.clock.now());
        Ok(wait_for(Neighbour::Store, asking).await?)
    }

    async fn exchange(
        &self,
        pending: &PendingSignIn,
        verifier: &Verifier,
    ) -> Result<AccessGrant, SignInError> {
        let place = SealContext::RequestTokenSecret(&pending.token);
        let secret = match self.keys.open(place, &pending.secret) {
            Ok(secret) => secret,
            Err(error) => {
                // Another replica may have the key.
                wait_for(Neighbour::Store, self.pending.put(pending.clone())).await?;
                return Err(error.into());
            }
        };
        let exchange = self.twitter.access_token(&pending.token, &secret, verifier);
        let exchanged = wait_for(Neighbour::Twitter, exchange).await;
        match &exchanged {
            Ok(_) => {}
            Err(error) if error.is_transient() => {
                wait_for(Neighbour::Store, self.pending.put(pending.clone())).await?;
            }
            Err(_) => {
                // If that fails, Twitter refuses the next caller that takes it, and it is purged when it has expired.
                let discarding = self.pending.discard(&pending.token);
                let _discarded = wait_for(Neighbour::Store, discarding).await;
            }
        }
        Ok(exchanged?)
    }
}
