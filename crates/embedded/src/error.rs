use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lemon_domain::{
    BoxError,
    ports::{QueueError, QuotaError},
};
use rusqlite::ErrorCode;

/// Why a file was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another process has it, or this one has it open already.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("{} cannot be written", path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: BoxError,
    },
    /// A later version of this program wrote it.
    #[error("{} has version {found}, but this program knows only the versions up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// It is a file of something else.
    #[error("{} is not a {expected}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
    },
    /// Some of its messages are sealed with keys that are not in the list.
    #[error("{} needs the sealing key(s) {}, which are not in the list", path.display(), key_ids.join(", "))]
    LacksKeys {
        /// The file.
        path: PathBuf,
        /// The ids of the keys.
        key_ids: Vec<String>,
    },
    /// It is torn, or its content breaks an invariant.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}

impl EmbeddedError {
    pub(crate) fn cannot_write(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::CannotWrite {
            path: path.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn damaged(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn of(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse {
                path: path.to_owned(),
            },
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure,
            ) => Self::cannot_write(path, error),
            _ => Self::damaged(path, error),
        }
    }
}

/// Why a write was not made, or may not have been made.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum EmbeddedFault {
    #[error("the writer of the file has stopped")]
    Stopped,
    #[error("the transaction was rolled back")]
    RolledBack,
    #[error("the disk has failed, so nothing more is written: {0}")]
    DiskFailed(Arc<str>),
    #[error("a message was altered in the file")]
    AlteredBody,
    /// One error may fail a whole group of writes, so the writes share it.
    #[error("the file could not be written")]
    Sqlite(#[source] Arc<rusqlite::Error>),
}

/// A flush of the file has failed, or one of its folder (<https://www.sqlite.org/rescode.html#ioerr_fsync>).
const LOST_WRITES: [i32; 2] = [
    rusqlite::ffi::SQLITE_IOERR_FSYNC,
    rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC,
];

pub(crate) fn is_lost_write(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| LOST_WRITES.contains(&error.extended_code))
}

impl EmbeddedFault {
    /// The cause, if the fault is that the disk has lost data that was written to it. The system reports that once: the
    /// success of a later flush does not show that earlier data was written.
    pub(crate) fn lost_writes(&self) -> Option<Arc<str>> {
        match self {
            Self::DiskFailed(cause) => Some(Arc::clone(cause)),
            Self::Sqlite(error) => is_lost_write(error).then(|| error.to_string().into()),
            Self::Stopped | Self::RolledBack | Self::AlteredBody => None,
        }
    }

    /// Whether the same write may succeed later: the disk may have room again, or the device may be back.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Stopped | Self::RolledBack | Self::DiskFailed(_) => true,
            Self::AlteredBody => false,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::OutOfMemory
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::OperationInterrupted
                )
            ),
        }
    }
}

impl From<rusqlite::Error> for EmbeddedFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<EmbeddedFault> for QuotaError {
    fn from(fault: EmbeddedFault) -> Self {
        if fault.is_transient() {
            Self::Unavailable(fault.into())
        } else {
            Self::Rejected(fault.into())
        }
    }
}

impl From<EmbeddedFault> for QueueError {
    fn from(fault: EmbeddedFault) -> Self {
        if fault.is_transient() {
            Self::Unavailable(fault.into())
        } else {
            Self::Rejected(fault.into())
        }
    }
}
