mod report;
mod seoul;
mod sorting;

use std::sync::Arc;

pub use self::report::{EarlierRow, ImportReport, Oddity, PeopleTally, RegistrationsTally, Remark};
use self::sorting::Sorter;
use crate::{
    ports::{Clock, EarlierSystemError, IdSource, ImportSource, ImportTarget, StoreError},
    sealing::SealingKeys,
    values::{Catalogue, UserId},
};

/// The highest number that a person may have. JSON readers know whole numbers up to twice as much exactly, and new
/// people get numbers above the highest one.
const HIGHEST_ID: i64 = 1 << 52;

/// How many people are stored in one step: few enough that others do not wait long for it.
const PORTION: u32 = 200;

/// Whether an import stores anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// It stores everybody.
    Store,
    /// It only tells what it would store.
    DryRun,
}

/// Why an import ended before its end. What was stored stays; a new import stores the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The earlier system cannot be read.
    #[error("the import ended early")]
    Source(#[from] EarlierSystemError),
    /// The store failed.
    #[error("the people cannot be stored")]
    Target(#[from] StoreError),
}

/// Brings people and their registrations over from the earlier system.
///
/// It goes through all people from the first to the last, in portions that are complete by themselves. Who is here
/// already stays as they are: so an import that was interrupted is continued by a new one, and a repetition changes
/// nothing.
pub struct Importing {
    /// The earlier system.
    pub source: Arc<dyn ImportSource>,
    /// The store.
    pub target: Arc<dyn ImportTarget>,
    /// Services.
    pub catalogue: Arc<Catalogue>,
    /// Seals the credentials.
    pub keys: Arc<SealingKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids and nonces.
    pub ids: Arc<dyn IdSource>,
}

impl Importing {
    /// Imports everybody; answers the account of it.
    ///
    /// # Errors
    /// If the earlier system cannot be read, or the store fails.
    pub async fn run(&self, mode: ImportMode) -> Result<ImportReport, ImportError> {
        let now = self.clock.now();
        if mode == ImportMode::Store {
            self.reserve_ids().await?;
        }
        let mut report = ImportReport::default();
        let mut sorter = Sorter::new(&self.catalogue, &self.keys, &*self.ids, now);
        loop {
            let people = self.source.next(PORTION).await?;
            if people.is_empty() {
                return Ok(report);
            }
            let people: Vec<_> = people
                .iter()
                .filter_map(|person| sorter.sort(person, &mut report))
                .collect();
            let brought = match mode {
                ImportMode::Store => self.target.bring(&people, now).await?,
                ImportMode::DryRun => self.target.compare(&people).await?,
            };
            for (person, brought) in people.iter().zip(&brought) {
                report.count(person, brought);
            }
        }
    }

    /// Sees to it that nobody who signs up from now on gets a number of the earlier system: tokens with such a number
    /// may still be valid, also those of people who are not there any more.
    async fn reserve_ids(&self) -> Result<(), ImportError> {
        if let Some(highest) = self.source.highest_id(HIGHEST_ID).await? {
            self.target.reserve_ids(UserId::new(highest)).await?;
        }
        Ok(())
    }
}
