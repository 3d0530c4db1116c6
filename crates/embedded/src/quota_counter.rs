mod count;
mod ledger;
mod rows;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Clock, QuotaCounter, QuotaError, Reservation, ReserveOutcome},
    values::{BudgetKey, Holder, Place},
};

use self::ledger::{Change, Ledger};
use crate::{
    OpenError,
    writer::{Pending, Writer},
};

/// A quota counter in memory that is written through to a SQLite file.
///
/// Reading is a look into memory. A change is answered once it is committed; it survives the end of the process,
/// however it comes. A power failure may take the last changes: the counter is restored from the record at every start.
///
/// A window is forgotten an hour after its end.
pub struct EmbeddedQuotaCounter {
    ledger: Mutex<Ledger>,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl EmbeddedQuotaCounter {
    /// Opens the file, for this process alone; makes it if there is none, in a folder that exists.
    ///
    /// # Errors
    /// As [`OpenError`] says.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let connection = rows::FORMAT.open(path)?;
        let windows = rows::load(&connection).map_err(|error| OpenError::damaged(path, error))?;
        let mut ledger = Ledger::new(windows);
        let past = ledger.forget_past(clock.now());
        rows::write(&connection, &past).map_err(|error| OpenError::of(path, error))?;
        Ok(Self {
            ledger: Mutex::new(ledger),
            writer: Writer::start("quota-counter", connection)
                .map_err(|error| OpenError::cannot_write(path, error))?,
            clock,
        })
    }

    /// Nothing panics while it is locked, so that it cannot be poisoned.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called while the ledger is locked, so that writes have the order of the changes.
    fn write(&self, changes: Vec<Change>) -> Pending<()> {
        self.writer
            .submit(move |connection| rows::write(connection, &changes))
    }
}

#[async_trait]
impl QuotaCounter for EmbeddedQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        let (outcome, written) = {
            let mut ledger = self.ledger();
            let (outcome, changes) = ledger.reserve(reservation);
            if changes.is_empty() {
                return Ok(outcome);
            }
            (outcome, self.write(changes))
        };
        written.committed().await?;
        Ok(outcome)
    }

    async fn release(&self, holder: Holder, keys: &[BudgetKey]) -> Result<(), QuotaError> {
        let written = {
            let mut ledger = self.ledger();
            let changes = ledger.release(holder, keys);
            self.write(changes)
        };
        Ok(written.committed().await?)
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        let ledger = self.ledger();
        Ok(keys.iter().map(|key| ledger.used(key)).collect())
    }

    async fn restore(
        &self,
        key: &BudgetKey,
        record: &[Place],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        let now = self.clock.now();
        let written = {
            let mut ledger = self.ledger();
            let mut changes = ledger.forget_past(now);
            changes.extend(ledger.restore(key, record, as_of));
            self.write(changes)
        };
        Ok(written.committed().await?)
    }
}
