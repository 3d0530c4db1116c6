use std::{collections::VecDeque, fmt};

use async_trait::async_trait;
use lemon_domain::ports::{EarlierPerson, EarlierSystemError, ImportSource};
use parking_lot::Mutex;

/// A picture of an earlier system that never existed.
pub struct MemoryEarlierSystem {
    highest_removed: Option<i64>,
    people: Vec<Option<i64>>,
    left: Mutex<VecDeque<EarlierPerson>>,
}

impl MemoryEarlierSystem {
    /// These people, and the highest number that was given to somebody who has been removed since.
    #[must_use]
    pub fn new(mut people: Vec<EarlierPerson>, highest_removed: Option<i64>) -> Self {
        people.sort_by_key(|person| person.id);
        for person in &mut people {
            person.accounts.sort_by_key(|row| row.row);
            person.registrations.sort_by_key(|row| row.row);
        }
        Self {
            highest_removed,
            people: people.iter().map(|person| person.id).collect(),
            left: Mutex::new(people.into()),
        }
    }
}

impl fmt::Debug for MemoryEarlierSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEarlierSystem")
            .field("people", &self.people)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ImportSource for MemoryEarlierSystem {
    async fn next(&self, max: u32) -> Result<Vec<EarlierPerson>, EarlierSystemError> {
        tokio::task::yield_now().await;
        let mut left = self.left.lock();
        let now = left.len().min(usize::try_from(max).unwrap());
        Ok(left.drain(..now).collect())
    }

    async fn highest_id(&self, most: i64) -> Result<Option<i64>, EarlierSystemError> {
        let ids = self.people.iter().copied().chain([self.highest_removed]);
        Ok(ids.flatten().filter(|id| *id <= most).max())
    }
}
