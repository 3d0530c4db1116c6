use std::sync::Arc;

use crate::{
    ports::{Accounts, Profile, StoreError, TwitterClient, TwitterError},
    sealing::{OpenError, SealingKeys},
    values::{Credentials, Identity},
    waiting::{Neighbour, wait_for},
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
        self.read(&self.credentials(identity).await?).await
    }

    /// The credentials of a person who is known here.
    ///
    /// # Errors
    /// As [`ProfileError`] says.
    pub async fn credentials(&self, identity: Identity) -> Result<Credentials, ProfileError> {
        let reading = self.accounts.account(identity.account);
        let stored = wait_for(Neighbour::Store, reading)
            .await?
            .filter(|stored| stored.user == identity.user)
            .ok_or(ProfileError::UnknownPerson)?;
        let credentials = self
            .keys
            .open_credentials(identity.account, &stored.credentials)?;
        // Twitter would take a call without a token as one of the app alone.
        if credentials == Credentials::none() {
            return Err(TwitterError::InvalidToken.into());
        }
        Ok(credentials)
    }

    /// Reads the profile of the person who owns the credentials.
    ///
    /// # Errors
    /// [`ProfileError::Twitter`].
    pub async fn read(&self, credentials: &Credentials) -> Result<Profile, ProfileError> {
        let asking = self.twitter.profile(credentials);
        Ok(wait_for(Neighbour::Twitter, asking).await?)
    }
}
