use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use lemon_domain::{
    ports::Profile,
    usecases::{ProfileError, Profiles},
    values::{AccountId, Identity, UserId},
};
use moka::future::Cache;

use crate::keyed_rate::KeyedRate;

/// The most profiles that are kept. One takes about a kilobyte.
const MOST: u64 = 10_000;

/// Why a profile is not known.
#[derive(Debug)]
pub(crate) enum UnknownProfile {
    /// It was read too often; the wait for the next time.
    TooOften(Duration),
    /// It could not be read.
    Unread(ProfileError),
}

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOften(_) => f.write_str("the profile was read too often"),
            Self::Unread(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnknownProfile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooOften(_) => None,
            Self::Unread(error) => error.source(),
        }
    }
}

/// The profiles that were read lately. Each is read once for all who ask at a time, because X bills each read. A failure is told to those
/// who waited for it, and is not kept.
#[derive(Clone)]
pub(crate) struct KnownProfiles {
    profiles: Arc<Profiles>,
    kept: Cache<(UserId, AccountId), Arc<Profile>>,
    reads: Option<Arc<KeyedRate<UserId>>>,
}

impl KnownProfiles {
    /// Keeps each for a time, and reads each at most so often a minute.
    pub(crate) fn new(profiles: Arc<Profiles>, keep: Duration, reads: Option<NonZeroU32>) -> Self {
        Self {
            profiles,
            kept: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(keep)
                .build(),
            reads: reads.map(|reads| Arc::new(KeyedRate::per_minute(reads))),
        }
    }

    /// The profile, if it is kept. Nobody is asked whether the person is still here: the tokens of a person who was deleted are ended.
    pub(crate) async fn kept(&self, Identity { user, account }: Identity) -> Option<Arc<Profile>> {
        self.kept.get(&(user, account)).await
    }

    /// The profile of a person.
    pub(crate) async fn read(
        self,
        identity: Identity,
    ) -> Result<Arc<Profile>, Arc<UnknownProfile>> {
        let Identity { user, account } = identity;
        let reading = async {
            let credentials = self.profiles.credentials(identity).await;
            let credentials = credentials.map_err(UnknownProfile::Unread)?;
            if let Some(reads) = &self.reads {
                reads.admit(&user).map_err(UnknownProfile::TooOften)?;
            }
            let profile = self.profiles.read(&credentials).await;
            profile.map(Arc::new).map_err(UnknownProfile::Unread)
        };
        self.kept.try_get_with((user, account), reading).await
    }
}
