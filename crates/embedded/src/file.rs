use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use lemon_system::files::make_private_database;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use crate::error::{EmbeddedError, is_lost_write};

/// When a commit reaches the disk, <https://www.sqlite.org/pragma.html#pragma_synchronous>.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Durability {
    /// Before its call is answered: it survives a power failure.
    Commit,
    /// A little later: it survives the end of the process, but not always a power failure.
    Checkpoint,
}

/// With this many pages in the log, they are moved to the file: SQLite's default.
const CHECKPOINT: i64 = 1000;

/// After how many failed checkpoints in a row the failure is logged: a single one may fail for a moment.
const FAILURES_BEFORE_IT_IS_TOLD: u32 = 3;

/// The format of a file.
pub(crate) struct Format {
    /// Its name in errors.
    pub(crate) name: &'static str,
    /// Distinguishes it from other SQLite files, <https://www.sqlite.org/pragma.html#pragma_application_id>.
    pub(crate) application_id: i32,
    /// When commits are durable.
    pub(crate) durability: Durability,
    /// The schema, step by step; a file's version is at least the number of steps that were applied to it.
    pub(crate) migrations: &'static [&'static str],
    /// The newest version that can be read. A version above the number of steps depends on the data that is written to
    /// the file.
    pub(crate) newest: u32,
}

impl Format {
    /// Opens the file for this process alone; creates it, or migrates it to the newest version. `finish` belongs to the
    /// migration: a file that it refuses stays as it was. It is told the version that the file had, 0 for a new one.
    pub(crate) fn open<T>(
        &self,
        path: &Path,
        finish: impl FnOnce(&Connection, u32) -> Result<T, EmbeddedError>,
    ) -> Result<(Connection, T), EmbeddedError> {
        make_private_database(path).map_err(|error| EmbeddedError::cannot_write(path, error))?;
        let failed = |error| EmbeddedError::of(path, error);
        let mut connection = self.connect(path).map_err(failed)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let found = self.migrate(&transaction, path)?;
        let finished = finish(&transaction, found)?;
        transaction.commit().map_err(failed)?;
        check(&connection, path)?;
        Ok((connection, finished))
    }

    /// Checks that [`open`](Self::open) would succeed, and changes nothing. A file that does not exist is right.
    pub(crate) fn check<T>(
        &self,
        path: &Path,
        finish: impl FnOnce(&Connection, u32) -> Result<T, EmbeddedError>,
    ) -> Result<(), EmbeddedError> {
        let failed = |error| EmbeddedError::of(path, error);
        let exists = path.try_exists();
        if !exists.map_err(|error| EmbeddedError::cannot_write(path, error))? {
            return Ok(());
        }
        let mut connection = lock(path).map_err(failed)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let found = self.migrate(&transaction, path)?;
        finish(&transaction, found)?;
        transaction.rollback().map_err(failed)?;
        check(&connection, path)
    }

    fn connect(&self, path: &Path) -> rusqlite::Result<Connection> {
        let connection = lock(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let synchronous = match self.durability {
            Durability::Commit => "FULL",
            Durability::Checkpoint => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        // Deleted content may have carried credentials.
        connection.pragma_update(None, "secure_delete", true)?;
        // `Checkpoints` does this.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(connection)
    }

    /// Answers the version that the file had.
    fn migrate(&self, transaction: &Connection, path: &Path) -> Result<u32, EmbeddedError> {
        let failed = |error| EmbeddedError::of(path, error);
        let (owner, found) = identity(transaction).map_err(failed)?;
        let empty = is_empty(transaction).map_err(failed)?;
        if owner != self.application_id && !(empty && owner == 0 && found == 0) {
            return Err(EmbeddedError::Foreign {
                path: path.to_owned(),
                expected: self.name,
            });
        }
        if found > self.newest {
            return Err(EmbeddedError::Newer {
                path: path.to_owned(),
                found,
                known: self.newest,
            });
        }
        let steps = u32::try_from(self.migrations.len()).unwrap_or(u32::MAX);
        for step in self.migrations.iter().skip(found as usize) {
            transaction.execute_batch(step).map_err(failed)?;
        }
        transaction
            .pragma_update(None, "application_id", self.application_id)
            .map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", found.max(steps))
            .map_err(failed)?;
        Ok(found)
    }
}

/// Opens an existing file for this process alone.
fn lock(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // If the file is in use, fail immediately.
    connection.busy_timeout(Duration::ZERO)?;
    // The first access takes the lock, and the connection holds it until it closes, however the process ends:
    // https://www.sqlite.org/pragma.html#pragma_locking_mode
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(connection)
}

/// Moves a log that has grown to its file. SQLite would do so as well, but would not report a failed flush: the next
/// one may succeed, and then SQLite overwrites a log whose pages are not in the file.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// How many checkpoints in a row have failed.
    failures: u32,
}

impl Checkpoints {
    /// Checks the log after a commit.
    ///
    /// # Errors
    /// If the disk has lost data that was written to it. After any other failure the log stays as it is, and is moved
    /// later; repeated failures are logged once.
    pub(crate) fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        match move_log(connection) {
            Err(error) if is_lost_write(&error) => Err(error),
            outcome => {
                if self.count(&outcome)
                    && let Err(error) = outcome
                {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a checkpoint of an embedded file failed: committed data is safe, but the write-ahead log grows"
                    );
                }
                Ok(())
            }
        }
    }

    /// Counts an outcome; answers whether it is the one at which the failures are logged.
    fn count<T, E>(&mut self, outcome: &Result<T, E>) -> bool {
        self.failures = match outcome {
            Ok(_) => 0,
            Err(_) => self.failures.saturating_add(1),
        };
        self.failures == FAILURES_BEFORE_IT_IS_TOLD
    }
}

fn move_log(connection: &Connection) -> rusqlite::Result<()> {
    let pages = |mode: &str| {
        let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
        statement.query_row([], |row| {
            Ok((
                row.get::<_, i64>("log")?,
                row.get::<_, i64>("checkpointed")?,
            ))
        })
    };
    let (log, moved) = pages("NOOP")?;
    if log - moved >= CHECKPOINT {
        pages("PASSIVE")?;
    }
    Ok(())
}

/// A time in a column, kept as microseconds since 1970.
pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<DateTime<Utc>> {
    let micros = row.get(column)?;
    let time = DateTime::from_timestamp_micros(micros);
    time.ok_or_else(|| {
        let index = row.as_ref().column_index(column).unwrap_or_default();
        rusqlite::Error::IntegralValueOutOfRange(index, micros)
    })
}

/// The application id of a file, and its version.
fn identity(connection: &Connection) -> rusqlite::Result<(i32, u32)> {
    let owner = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((owner, version))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}

/// Reads every page, so that a damaged file is found now and not by a request.
fn check(connection: &Connection, path: &Path) -> Result<(), EmbeddedError> {
    let verdict: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| EmbeddedError::of(path, error))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(EmbeddedError::damaged(path, verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data that was committed before stays committed.
    #[test]
    fn a_log_that_cannot_be_read_for_a_moment_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("file.db")).unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection
            .execute_batch("CREATE TABLE numbers (n); BEGIN IMMEDIATE")
            .unwrap();
        assert!(move_log(&connection).is_err(), "a transaction is open");
        Checkpoints::default().look(&connection).unwrap();
    }

    #[test]
    fn failures_are_logged_once_until_a_success() {
        let mut checkpoints = Checkpoints::default();
        let mut told = |outcomes: &[Result<(), ()>]| -> Vec<bool> {
            let outcomes = outcomes.iter();
            outcomes.map(|outcome| checkpoints.count(outcome)).collect()
        };
        assert_eq!(told(&[Err(()), Ok(()), Err(()), Err(())]), [false; 4]);
        assert_eq!(told(&[Err(()), Err(()), Err(())]), [true, false, false]);
        assert!(told(&[Ok(()), Err(()), Err(()), Err(())])[3]);
    }
}
