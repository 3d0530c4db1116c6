use std::{future::Future, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::sync::Mutex;

use super::disk::Disk;
use crate::error::cause;

/// Number of pages that are only in the log at which a checkpoint runs: the same as SQLite's default.
const CHECKPOINT: i64 = 1000;

/// Number of consecutive failed checkpoints at which an error is logged: a single one may find the file busy.
const FAILURES_BEFORE_IT_IS_TOLD: u32 = 3;

/// Checkpoints a log that has grown (<https://www.sqlite.org/wal.html#ckpt>). SQLite would do this automatically, but
/// would not report a flush that fails.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    /// The connection that writes: a checkpoint beside another writer would never reach the end of the log, and so the
    /// log would never start from the beginning again.
    writer: DatabaseConnection,
    disk: Disk,
    /// Locked while a checkpoint is under way.
    one: Arc<Mutex<Failures>>,
}

/// The number of pages in the log, and how many of them were moved to the database.
#[derive(Debug, Clone, Copy)]
struct Pages {
    log: i64,
    moved: i64,
}

/// The number of failed checkpoints since the last success.
#[derive(Debug, Default)]
struct Failures(u32);

impl Failures {
    /// Counts an outcome; tells whether the failures must be logged now.
    fn count<T, E>(&mut self, outcome: &Result<T, E>) -> bool {
        self.0 = match outcome {
            Ok(_) => 0,
            Err(_) => self.0.saturating_add(1),
        };
        self.0 == FAILURES_BEFORE_IT_IS_TOLD
    }
}

impl Checkpoints {
    pub(super) fn new(writer: DatabaseConnection, disk: Disk) -> Self {
        Self {
            writer,
            disk,
            one: Arc::default(),
        }
    }

    /// Starts a check of the log after a commit, unless one is under way.
    ///
    /// The commit does not wait for it: SQLite does not overwrite the log before all of it is in the database and
    /// flushed.
    pub(super) fn look(&self) {
        let Ok(mut failures) = Arc::clone(&self.one).try_lock_owned() else {
            return;
        };
        let Self { writer, disk, .. } = self.clone();
        tokio::spawn(async move {
            let outcome = checkpoint(&disk, |mode| pages(&writer, mode)).await;
            if failures.count(&outcome)
                && let Err(error) = outcome
            {
                let error = cause(&error);
                tracing::error!(
                    error,
                    "a checkpoint of the store failed: committed data is safe, but the write-ahead log grows"
                );
            }
        });
    }
}

/// Checkpoints if the log has grown, and notes a disk that loses writes.
///
/// # Errors
/// Those of SQLite. Unless the disk has failed, the log stays as it is, and a later checkpoint moves it.
async fn checkpoint<A>(disk: &Disk, pages: impl Fn(&'static str) -> A) -> Result<(), DbErr>
where
    A: Future<Output = Result<Pages, DbErr>>,
{
    if disk.failure().is_some() {
        return Ok(());
    }
    let Pages { log, moved } = disk.note(pages("NOOP").await)?;
    if log - moved >= CHECKPOINT {
        disk.note(pages("PASSIVE").await)?;
    }
    Ok(())
}

async fn pages(writer: &DatabaseConnection, mode: &str) -> Result<Pages, DbErr> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let row = writer
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("pages of the log".to_owned()))?;
    Ok(Pages {
        log: row.try_get("", "log")?,
        moved: row.try_get("", "checkpointed")?,
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex as Asked, time::Duration};

    use tokio::time::{sleep, timeout};

    use super::{
        super::{open, statements::tests::failure},
        *,
    };
    use crate::config::StoreConfig;

    const GROWN: Pages = Pages {
        log: CHECKPOINT,
        moved: 0,
    };

    /// Runs a checkpoint; answers the modes that SQLite was asked for, and whether it succeeded.
    async fn asked(
        disk: &Disk,
        look: Result<Pages, &'static str>,
        moving: Result<Pages, &'static str>,
    ) -> (Vec<&'static str>, bool) {
        let asked = Asked::new(Vec::new());
        let outcome = checkpoint(disk, |mode| {
            asked.lock().unwrap().push(mode);
            let said = if mode == "NOOP" { look } else { moving };
            std::future::ready(said.map_err(failure))
        });
        let is_done = outcome.await.is_ok();
        (asked.into_inner().unwrap(), is_done)
    }

    #[tokio::test]
    async fn a_log_is_checkpointed_after_it_has_grown() {
        let disk = Disk::new();
        let small = Pages { moved: 1, ..GROWN };
        for (look, moving, expected) in [
            (Ok(small), Ok(small), (vec!["NOOP"], true)),
            (Ok(GROWN), Ok(GROWN), (vec!["NOOP", "PASSIVE"], true)),
            // Busy.
            (Err("5"), Ok(GROWN), (vec!["NOOP"], false)),
            (Ok(GROWN), Err("5"), (vec!["NOOP", "PASSIVE"], false)),
        ] {
            assert_eq!(asked(&disk, look, moving).await, expected);
        }
        assert_eq!(disk.failure(), None);
    }

    #[tokio::test]
    async fn a_flush_that_fails_during_a_checkpoint_is_noted_and_is_the_last() {
        let disk = Disk::new();
        asked(&disk, Ok(GROWN), Err("1034")).await;
        assert_eq!(disk.failure().as_deref(), Some("disk I/O error"));
        let (asked, _) = asked(&disk, Ok(GROWN), Ok(GROWN)).await;
        assert!(asked.is_empty(), "{asked:?}");
    }

    #[test]
    fn failures_are_logged_once_until_a_success() {
        let mut failures = Failures::default();
        let mut told = |outcomes: &[Result<(), ()>]| -> Vec<bool> {
            let outcomes = outcomes.iter();
            outcomes.map(|outcome| failures.count(outcome)).collect()
        };
        assert_eq!(told(&[Err(()), Ok(()), Err(()), Err(())]), [false; 4]);
        assert_eq!(told(&[Err(()), Err(()), Err(())]), [true, false, false]);
        assert!(told(&[Ok(()), Err(()), Err(()), Err(())])[3]);
    }

    #[tokio::test]
    async fn committed_data_reaches_the_database_by_a_checkpoint_of_this_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lemon.db");
        let config = StoreConfig::new("");
        let file = open(&path, &config).await.unwrap();
        let writer = &file.writer;
        let large = "CREATE TABLE large AS SELECT zeroblob(5000000) AS filling";
        writer.execute_unprepared(large).await.unwrap();
        let unmoved = pages(writer, "NOOP").await.unwrap();
        assert!(unmoved.log >= CHECKPOINT, "{unmoved:?}");
        assert_eq!(unmoved.moved, 0, "SQLite does nothing by itself");
        file.begin().await.unwrap().commit().await.unwrap();
        let moved = async {
            while pages(writer, "NOOP").await.unwrap().moved < unmoved.log {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_mins(1), moved).await.unwrap();
    }
}
