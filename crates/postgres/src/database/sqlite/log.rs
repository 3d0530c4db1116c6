use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::Mutex, task::spawn_blocking};

/// SQLite's write-ahead log, in which commits become durable together.
///
/// With `synchronous = NORMAL` a commit is in the log at once, where every connection and a process that starts anew
/// find it, but not yet on the disk; the log is flushed before anything moves from it to the database
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>). Whoever has committed calls [`WriteAheadLog::flush`]
/// before telling anybody. A flush costs the same for one commit as for a hundred, and the next transaction does not
/// wait for it.
#[derive(Debug, Clone)]
pub(crate) struct WriteAheadLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Commits so far.
    commits: AtomicU64,
    /// Locked while a flush is under way.
    flushed: Mutex<Flushed>,
}

#[derive(Debug, Default)]
struct Flushed {
    /// How many commits are on the disk.
    commits: u64,
    /// A flush failed. The system tells of a fault once and forgets what it could not write
    /// (<https://www.postgresql.org/docs/current/runtime-config-error-handling.html#GUC-DATA-SYNC-RETRY>): that a later
    /// flush succeeds says nothing of what was to be written before.
    has_failed: bool,
}

impl WriteAheadLog {
    /// The log of a database file.
    pub(crate) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self(Arc::new(Shared {
            path: path.into(),
            commits: AtomicU64::new(0),
            flushed: Mutex::default(),
        }))
    }

    /// Returns when what was committed before the call is on the disk.
    ///
    /// # Errors
    /// If the disk does not take it, and from then on.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        let path = self.0.path.clone();
        self.flush_by(move || flush_file(&path)).await
    }

    /// One caller flushes, for all that have committed by then; the others wait and find it done.
    async fn flush_by(
        &self,
        flush: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let commit = self.0.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let mut flushed = self.0.flushed.lock().await;
        if flushed.has_failed {
            return Err(io::Error::other("the disk has failed: start again"));
        }
        if flushed.commits < commit {
            let latest = self.0.commits.load(Ordering::SeqCst);
            let outcome = spawn_blocking(flush).await.map_err(io::Error::other);
            if let Err(error) = outcome.flatten() {
                flushed.has_failed = true;
                return Err(error);
            }
            flushed.commits = latest;
        }
        Ok(())
    }
}

/// Opened for each flush: SQLite may have made it anew. Its locks are on other files.
fn flush_file(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(log) => log.sync_data(),
        // The last connection was closed, which moves everything to the database and flushes that.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn who_waits_during_a_flush_shares_the_next() {
        let log = WriteAheadLog::of(Path::new("lemon.db"));
        let (begun, begins) = channel();
        let (go, gone) = channel::<()>();
        let first = tokio::spawn({
            let log = log.clone();
            async move {
                let slow = move || {
                    begun.send(()).unwrap();
                    gone.recv().map_err(io::Error::other)
                };
                log.flush_by(slow).await
            }
        });
        spawn_blocking(move || begins.recv().unwrap())
            .await
            .unwrap();
        let flushes = Arc::new(AtomicU64::new(0));
        let later: Vec<_> = (0..10)
            .map(|_| {
                let (log, flushes) = (log.clone(), Arc::clone(&flushes));
                tokio::spawn(async move {
                    let flush = move || {
                        flushes.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    };
                    log.flush_by(flush).await
                })
            })
            .collect();
        while log.0.commits.load(Ordering::SeqCst) < 11 {
            tokio::task::yield_now().await;
        }
        assert_eq!(flushes.load(Ordering::SeqCst), 0, "the first is under way");
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        for flush in later {
            flush.await.unwrap().unwrap();
        }
        assert_eq!(flushes.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn after_a_flush_that_failed_no_other_vouches_for_anything() {
        let log = WriteAheadLog::of(Path::new("lemon.db"));
        log.flush_by(|| Ok(())).await.unwrap();
        let full = || Err(io::ErrorKind::StorageFull.into());
        let error = log.flush_by(full).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        log.flush_by(|| Ok(())).await.unwrap_err();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_log_of_a_linked_database_is_where_sqlite_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file.db"), folder.path().join("link.db"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let url = format!("sqlite://{}", link.display());
        let config = crate::StoreConfig::new(url);
        let store = crate::SqlStore::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        let crate::database::Kind::Sqlite(file) = &store.database().kind else {
            unreachable!("it is a file");
        };
        let path = &file.log.0.path;
        assert!(path.exists(), "{}", path.display());
    }

    #[tokio::test]
    async fn the_file_may_be_gone_but_not_be_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("lemon.db");
        WriteAheadLog::of(&database).flush().await.unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let beneath_a_file = folder.path().join("file/lemon.db");
        WriteAheadLog::of(&beneath_a_file)
            .flush()
            .await
            .unwrap_err();
    }
}
