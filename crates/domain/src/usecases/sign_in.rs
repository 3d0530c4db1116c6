use std::{sync::Arc, time::Duration};

use crate::{
    ports::{
        AccessGrant, Accounts, Clock, IdSource, PendingSignIn, PendingSignIns, RequestGrant,
        SignIn, SignInClaim, StoreError, TwitterClient, TwitterError,
    },
    sealing::{OpenError, SealContext, SealingKeys, fresh_nonce},
    values::{AccountId, Identity, RequestToken, Verifier},
};

/// How long a person has to come back from Twitter.
const PENDING_FOR: Duration = Duration::from_secs(10 * 60);

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
}

impl SignIns {
    /// Gets a request token; its secret stays here, sealed, for ten minutes.
    ///
    /// # Errors
    /// If Twitter or the store fails.
    pub async fn begin(&self) -> Result<RequestGrant, SignInError> {
        let grant = self.twitter.request_token().await?;
        let secret = self.keys.seal(
            SealContext::RequestTokenSecret(&grant.token),
            &grant.secret,
            fresh_nonce(&*self.ids),
        );
        let pending = PendingSignIn {
            token: grant.token.clone(),
            secret,
            expires_at: self.clock.now() + PENDING_FOR,
        };
        self.pending.put(pending).await?;
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
        let pending = self
            .pending
            .take(token, &SignInClaim::of(verifier), self.clock.now())
            .await?
            .ok_or(SignInError::NotPending)?;
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
        let user = self.accounts.sign_in(sign_in).await?;
        Ok(Identity { user, account })
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
                self.pending.put(pending.clone()).await?;
                return Err(error.into());
            }
        };
        let exchanged = self
            .twitter
            .access_token(&pending.token, &secret, verifier)
            .await;
        if exchanged.as_ref().is_err_and(TwitterError::is_transient) {
            self.pending.put(pending.clone()).await?;
        } else {
            // If that fails, Twitter refuses the next caller that takes it, and it is purged when it has expired.
            let _discarded = self.pending.discard(&pending.token).await;
        }
        Ok(exchanged?)
    }
}
