use std::sync::Arc;

use crate::{
    ports::{Accounts, Profile, StoreError, TwitterClient, TwitterError},
    sealing::{OpenError, SealingKeys},
    values::Identity,
};

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The person is not in the store, or the account is not theirs.
    #[error("no such person")]
    UnknownPerson,
    /// Twitter failed or refused.
    #[error("the profile could not be fetched")]
    Twitter(#[from] TwitterError),
    /// The store failed.
    #[error("the account could not be read")]
    Store(#[from] StoreError),
    /// The credentials cannot be opened.
    #[error("the account's credentials cannot be opened")]
    Sealing(#[from] OpenError),
}

/// A person's Twitter profile.
pub struct Profiles {
    /// Twitter.
    pub twitter: Arc<dyn TwitterClient>,
    /// People.
    pub accounts: Arc<dyn Accounts>,
    /// Opens the sealed credentials.
    pub keys: Arc<SealingKeys>,
}

impl Profiles {
    /// Fetches the profile with the person's own credentials.
    ///
    /// # Errors
    /// As [`ProfileError`] says.
    pub async fn profile(&self, identity: Identity) -> Result<Profile, ProfileError> {
        let stored = self
            .accounts
            .account(identity.account)
            .await?
            .filter(|stored| stored.user == identity.user)
            .ok_or(ProfileError::UnknownPerson)?;
        let credentials = self
            .keys
            .open_credentials(identity.account, &stored.credentials)?;
        Ok(self.twitter.profile(&credentials).await?)
    }
}
