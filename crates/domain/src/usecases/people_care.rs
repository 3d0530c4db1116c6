use std::{sync::Arc, time::Duration};

use super::revocations::all_tokens;
use crate::{
    ports::{
        Clock, Forgotten, People, PersonRecord, RetryOutcome, Revocations, StoreError,
        TrainingDeadlines,
    },
    values::{AccountId, RequestId},
};

/// What operators do for one person: see what is stored, forget them, announce a training again.
pub struct PeopleCare {
    /// People.
    pub people: Arc<dyn People>,
    /// Trainings.
    pub deadlines: Arc<dyn TrainingDeadlines>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl PeopleCare {
    /// What is stored of the person who owns the account; `None` if the account never signed in.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn show(&self, account: AccountId) -> Result<Option<PersonRecord>, StoreError> {
        self.people.person(account).await
    }

    /// Forgets the person who owns the account; `None` if the account never signed in. The cooldown stays; otherwise one
    /// person could use up the day's places.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn forget(&self, account: AccountId) -> Result<Option<Forgotten>, StoreError> {
        self.people.forget(account, self.clock.now()).await
    }

    /// Forgets the person who owns the account, and ends the tokens that they have: replicas tell a profile that they keep
    /// to whoever has a good token. `token_lifetime` is that of a new token.
    ///
    /// # Errors
    /// If the store fails; the call can be repeated.
    pub async fn forget_and_end_tokens(
        &self,
        account: AccountId,
        revocations: &dyn Revocations,
        token_lifetime: Duration,
    ) -> Result<Option<Forgotten>, StoreError> {
        let forgotten = self.forget(account).await?;
        if let Some(forgotten) = &forgotten {
            let ended = all_tokens(forgotten.user, self.clock.now(), token_lifetime);
            revocations.revoke(&ended).await?;
        }
        Ok(forgotten)
    }

    /// Announces the training of a request to the workers again, with the same request id, if it runs.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn retry(&self, request_id: RequestId) -> Result<RetryOutcome, StoreError> {
        self.deadlines.retry(request_id, self.clock.now()).await
    }
}
