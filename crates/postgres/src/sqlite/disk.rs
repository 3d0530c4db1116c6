use std::{fmt::Display, sync::Arc};

use sea_orm::{DbErr, SqlxError};
use tokio::sync::watch;

use crate::error::{cause, driver_error};

/// Whether the disk under a file has failed. This is permanent, because the system reports a lost write once and
/// forgets it (<https://www.postgresql.org/docs/current/runtime-config-error-handling.html#GUC-DATA-SYNC-RETRY>). A
/// later flush that succeeds says nothing about earlier writes.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<watch::Sender<Option<String>>>);

impl Disk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Notes a failure; the first one is kept as the cause.
    pub(crate) fn fail(&self, cause: &impl Display) {
        self.0.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert_with(|| cause.to_string());
            is_first
        });
    }

    /// Notes a disk failure that SQLite reports.
    pub(crate) fn note<T>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &outcome
            && is_lost_write(error)
        {
            self.fail(&cause(error));
        }
        outcome
    }

    /// The reason why nothing may be written any more.
    pub(crate) fn failure(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Returns when the disk has failed, with the cause.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.0.subscribe();
        let cause = failure.wait_for(Option::is_some).await;
        let cause = cause.ok().and_then(|cause| cause.clone());
        match cause {
            Some(cause) => cause,
            // No writer is left, so no failure will come.
            None => std::future::pending().await,
        }
    }
}

/// Tells whether a flush of the file or of its folder has failed (<https://www.sqlite.org/rescode.html#ioerr_fsync>).
fn is_lost_write(error: &DbErr) -> bool {
    const FSYNC: u32 = 1034;
    const FOLDER_FSYNC: u32 = 1290;
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => refusal
            .code()
            .and_then(|code| code.parse().ok())
            .is_some_and(|code: u32| code == FSYNC || code == FOLDER_FSYNC),
        _ => false,
    }
}
