mod count;
mod holders;
mod ledger;
mod rows;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Clock, QuotaCounter, QuotaError, RecordedSegment, Reservation, ReserveOutcome,
        RestorationId, WindowSums,
    },
    values::{BudgetKey, Holder},
};
use parking_lot::{Mutex, MutexGuard};

use rusqlite::Connection;

use self::ledger::{Ledger, LedgerChange, LedgerWindow};
use crate::{
    error::EmbeddedError,
    writer::{PendingWrite, Writer},
};

/// A quota counter in memory that writes each change to a SQLite file.
///
/// Reads use only memory. A change is answered once it is committed; it survives the end of the process, however that
/// happens. A power failure may lose the last changes: the counter is restored from the record at every start.
///
/// A window is forgotten an hour after its end.
pub struct EmbeddedQuotaCounter {
    ledger: Mutex<Ledger>,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl EmbeddedQuotaCounter {
    /// Opens the file, for this process alone; creates it if it does not exist, in an existing folder.
    ///
    /// # Errors
    /// As [`EmbeddedError`] says.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let (connection, windows) = rows::FORMAT.open(path, |file, _| read(file, path))?;
        let mut ledger = Ledger::new(windows);
        let past = ledger.forget_past(clock.now());
        rows::sweep(&connection, &past).map_err(|error| EmbeddedError::of(path, error))?;
        Ok(Self {
            ledger: Mutex::new(ledger),
            writer: Writer::start("quota-counter", connection)
                .map_err(|error| EmbeddedError::cannot_write(path, error))?,
            clock,
        })
    }

    /// Checks that [`open`](Self::open) would succeed, and changes nothing. A file that does not exist is right.
    ///
    /// # Errors
    /// As [`EmbeddedError`] says.
    pub fn check(path: &Path) -> Result<(), EmbeddedError> {
        rows::FORMAT.check(path, |file, _| read(file, path))
    }

    /// Returns when the counter can never write again, with the cause: the disk has lost data that was written to it.
    /// The program must end then.
    pub async fn failed(&self) -> String {
        self.writer.failed().await
    }

    /// Nothing panics while it is locked, so it cannot be poisoned.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Removes the places of a forgotten window in portions, so that other changes can go in between. If the caller
    /// gives up, the rest is removed when the file is opened again.
    async fn remove_places(&self, window: i64) -> Result<(), QuotaError> {
        loop {
            let portion = self
                .writer
                .submit(move |connection| rows::remove_portion(connection, window));
            if portion.committed().await? {
                return Ok(());
            }
        }
    }

    /// Must be called while the ledger is locked, so that writes have the order of the changes.
    fn write(&self, changes: Vec<LedgerChange>) -> PendingWrite<()> {
        self.writer
            .submit(move |connection| rows::write(connection, &changes))
    }
}

fn read(file: &Connection, path: &Path) -> Result<Vec<LedgerWindow>, EmbeddedError> {
    holders::prepare(file).map_err(|error| EmbeddedError::of(path, error))?;
    rows::load(file).map_err(|error| EmbeddedError::damaged(path, error))
}

#[async_trait]
impl QuotaCounter for EmbeddedQuotaCounter {
    async fn reserve(&self, reservation: &Reservation) -> Result<ReserveOutcome, QuotaError> {
        self.writer.check()?;
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

    async fn release(
        &self,
        holder: &Holder,
        keys: &[BudgetKey],
        as_of: DateTime<Utc>,
    ) -> Result<(), QuotaError> {
        self.writer.check()?;
        let written = {
            let mut ledger = self.ledger();
            let changes = ledger.release(holder, keys, as_of);
            self.write(changes)
        };
        Ok(written.committed().await?)
    }

    async fn usage(&self, keys: &[BudgetKey]) -> Result<Vec<Option<u32>>, QuotaError> {
        self.writer.check()?;
        let ledger = self.ledger();
        Ok(keys.iter().map(|key| ledger.used(key)).collect())
    }

    async fn sums(&self, key: &BudgetKey) -> Result<WindowSums, QuotaError> {
        Ok(self.ledger().sums(key))
    }

    async fn begin_restoration(
        &self,
        key: &BudgetKey,
    ) -> Result<Option<RestorationId>, QuotaError> {
        self.writer.check()?;
        let now = self.clock.now();
        let (restoration, past, written) = {
            let mut ledger = self.ledger();
            let past = ledger.forget_past(now);
            let restoration = ledger.begin(key);
            if past.is_empty() {
                return Ok(restoration);
            }
            let forgotten = past
                .iter()
                .map(|window| LedgerChange::Forget { window: *window });
            let written = self.write(forgotten.collect());
            (restoration, past, written)
        };
        written.committed().await?;
        for window in past {
            self.remove_places(window).await?;
        }
        Ok(restoration)
    }

    async fn restore(&self, record: &RecordedSegment) -> Result<bool, QuotaError> {
        self.writer.check()?;
        let written = {
            let mut ledger = self.ledger();
            match ledger.restore(record) {
                None => return Ok(false),
                Some(changes) if changes.is_empty() => return Ok(true),
                Some(changes) => self.write(changes),
            }
        };
        written.committed().await?;
        Ok(true)
    }

    async fn open(&self, key: &BudgetKey, restoration: RestorationId) -> Result<bool, QuotaError> {
        self.writer.check()?;
        let written = {
            let mut ledger = self.ledger();
            match ledger.open(key, restoration) {
                None => return Ok(false),
                Some(changes) => self.write(changes),
            }
        };
        written.committed().await?;
        Ok(true)
    }
}
