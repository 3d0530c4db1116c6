use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    people_care::PeopleCare,
    revocations::{RevocationsInForce, all_tokens},
};
use crate::{
    ports::{
        Accounts, Clock, Forgotten, Revocation, RevokedTokens, StoreError, TokenDigest,
        TwitterClient, TwitterError,
    },
    sealing::SealingKeys,
    values::{Credentials, Identity, UserId},
    waiting::{Neighbour, wait_for},
};

/// How a person ends what a sign-in began: this token, all tokens, or everything that is stored.
pub struct SignOuts {
    /// The revocations of tokens.
    pub revocations: Arc<RevocationsInForce>,
    /// Forgets people.
    pub people: Arc<PeopleCare>,
    /// The credentials to give back.
    pub accounts: Arc<dyn Accounts>,
    /// Opens them.
    pub keys: Arc<SealingKeys>,
    /// Takes them back.
    pub twitter: Arc<dyn TwitterClient>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a token is valid that is issued now.
    pub token_lifetime: Duration,
}

/// What came of the deletion of an account.
#[derive(Debug)]
pub struct AccountDeletion {
    /// What was removed; `None` if nothing was stored any more.
    pub forgotten: Option<Forgotten>,
    /// Why Twitter did not take the credentials back: then they are valid until the person withdraws them there, and
    /// nobody has them.
    pub not_revoked: Option<TwitterError>,
}

impl SignOuts {
    /// Ends a token that expires at an instant.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn log_out(
        &self,
        token: TokenDigest,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let revocation = Revocation {
            tokens: RevokedTokens::One(token),
            at: self.clock.now(),
            expires_at,
        };
        wait_for(Neighbour::Store, self.revocations.revoke(revocation)).await
    }

    /// Ends all tokens that a person has.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn log_out_everywhere(&self, user: UserId) -> Result<(), StoreError> {
        let revocation = all_tokens(user, self.clock.now(), self.token_lifetime);
        wait_for(Neighbour::Store, self.revocations.revoke(revocation)).await
    }

    /// Deletes what is stored of a person, as [`PeopleCare::forget`] does, ends all their tokens, and gives the
    /// credentials back to Twitter. The cooldown stays.
    ///
    /// Twitter comes last, and its refusal does not undo the rest: a person may be forgotten also while Twitter is away.
    ///
    /// # Errors
    /// If the store fails; the call can be repeated.
    pub async fn delete_account(&self, identity: Identity) -> Result<AccountDeletion, StoreError> {
        let credentials = self.credentials(identity).await?;
        let forgetting = self.people.forget(identity.account);
        let forgotten = wait_for(Neighbour::Store, forgetting).await?;
        self.log_out_everywhere(identity.user).await?;
        let not_revoked = match credentials {
            Some(credentials) => {
                let revoking = self.twitter.revoke(&credentials);
                let revoked = wait_for(Neighbour::Twitter, revoking).await;
                // What Twitter does not accept needs no end.
                let revoked = revoked.err();
                revoked.filter(|error| !matches!(error, TwitterError::InvalidToken))
            }
            None => None,
        };
        Ok(AccountDeletion {
            forgotten,
            not_revoked,
        })
    }

    /// The credentials, if there are any and they can be opened: those that cannot are erased all the same.
    async fn credentials(&self, identity: Identity) -> Result<Option<Credentials>, StoreError> {
        let reading = self.accounts.account(identity.account);
        let stored = wait_for(Neighbour::Store, reading).await?;
        let opened = stored.and_then(|stored| {
            self.keys
                .open_credentials(identity.account, &stored.credentials)
                .ok()
        });
        Ok(opened.filter(|credentials| *credentials != Credentials::none()))
    }
}
