use std::{sync::Arc, time::Duration};

use lemon_domain::{BoxError, ports::StoreError};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Why a store cannot be used. One line that names the database and the cause; never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none of a database that this program can use.
    #[error("the store's address is not usable: {0}")]
    Address(String),
    /// The database does not answer, or refuses.
    #[error("cannot use {database}: {cause}")]
    Unreached {
        /// Which database.
        database: String,
        /// What it says.
        cause: String,
    },
    /// A newer program has changed the database.
    #[error(
        "{database} is of a newer version: this program does not know its migration {migration}"
    )]
    NewerVersion {
        /// Which database.
        database: String,
        /// The first migration that this program does not have.
        migration: String,
    },
    /// A migration failed; it left nothing behind.
    #[error("cannot migrate {database}: {cause}")]
    Migration {
        /// Which database.
        database: String,
        /// What it says.
        cause: String,
    },
}

/// What went wrong inside; [`StoreError`] is what the domain makes of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    #[error("no such person")]
    UnknownPerson,
    #[error("a request came without a place")]
    NoPlace,
    #[error("no transaction was begun")]
    Begin(#[source] DbErr),
    #[error("no transaction was begun within {0:?}")]
    BeginTimedOut(Duration),
    #[error("a statement failed")]
    Statement(#[from] DbErr),
    #[error("the commit was not confirmed")]
    Commit(#[source] DbErr),
    #[error("the disk did not take a commit")]
    Flush(#[source] std::io::Error),
    #[error("there was no answer within {0:?}")]
    TimedOut(Duration),
    /// What befell all who were stored together.
    #[error(transparent)]
    Shared(Arc<SqlError>),
    #[error("corrupt data in {table}, row {key}")]
    Corrupt {
        table: &'static str,
        key: String,
        #[source]
        source: BoxError,
    },
}

impl SqlError {
    /// The innermost cause, for the log.
    pub(crate) fn cause(&self) -> String {
        let mut cause: &dyn std::error::Error = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::UnknownPerson => Self::UnknownPerson,
            SqlError::Corrupt { table, key, source } => Self::Corrupt { table, key, source },
            SqlError::Shared(ref shared) => match **shared {
                SqlError::Begin(_) | SqlError::BeginTimedOut(_) => Self::Unreached(error.into()),
                _ => Self::Unavailable(error.into()),
            },
            SqlError::Begin(_) | SqlError::BeginTimedOut(_) => Self::Unreached(error.into()),
            SqlError::Commit(_) | SqlError::Flush(_) | SqlError::TimedOut(_) => {
                Self::Unavailable(error.into())
            }
            SqlError::Statement(DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => {
                Self::Unreached(error.into())
            }
            SqlError::Statement(ref db) if may_pass(db) => Self::Unavailable(error.into()),
            SqlError::Statement(_) | SqlError::NoPlace => Self::Rejected(error.into()),
        }
    }
}

/// The database's own words, without the layers around them.
pub(crate) fn cause(error: &DbErr) -> String {
    match driver_error(error) {
        Some(driver) => driver_cause(driver),
        None => one_line(&error.to_string()),
    }
}

pub(crate) fn driver_cause(error: &SqlxError) -> String {
    match error {
        SqlxError::Database(refusal) => one_line(refusal.message()),
        SqlxError::Io(error) => one_line(&error.to_string()),
        other => one_line(&other.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn driver_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => Some(driver),
        _ => None,
    }
}

/// The same statement may succeed later.
fn may_pass(error: &DbErr) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => {
            refusal.code().is_some_and(|code| is_passing_code(&code))
        }
        Some(
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        _ => false,
    }
}

/// PostgreSQL's codes have five characters, of which two are the class
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>); SQLite's are decimal numbers up to four digits,
/// of which the low byte is the primary one (<https://www.sqlite.org/rescode.html>).
fn is_passing_code(code: &str) -> bool {
    if code.len() == 5 {
        // Connection, rolled back, resources, object in use, intervention by an operator, system.
        return ["08", "40", "53", "55", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    // Busy, locked, out of memory, interrupted, I/O, full, cannot open, locking protocol.
    code.parse::<u32>()
        .is_ok_and(|code| [5, 6, 7, 9, 10, 13, 14, 15].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for passing in [
            "40001", "40P01", "53300", "57014", "57P01", "5", "13", "1546",
        ] {
            assert!(is_passing_code(passing), "{passing}");
        }
        for lasting in ["23505", "42P01", "22P02", "1", "11", "26", "2067"] {
            assert!(!is_passing_code(lasting), "{lasting}");
        }
    }
}
