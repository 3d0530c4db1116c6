use std::{sync::Arc, time::Duration};

use lemon_batching::Waiting;
use lemon_domain::{BoxError, ports::StoreError};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Why a store cannot be used, also with SQLite. One line that names the database and the cause, never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address is not that of a database that this program can use.
    #[error("the store's address is not usable: {0}")]
    Address(String),
    /// The address past a pooler is not one of PostgreSQL.
    #[error("the store's direct address is not usable: {0}")]
    DirectAddress(String),
    /// The caller's connection is not one to a database that this crate can use.
    #[error("the store's connection does not lead to PostgreSQL or SQLite over sqlx")]
    Connection,
    /// PostgreSQL would not use this name for sessions unchanged.
    #[error("the name for the store's sessions is not usable: {0}")]
    ApplicationName(String),
    /// PostgreSQL allows no channel of this name.
    #[error("the channel for notifications of outbox rows is not usable: {0}")]
    Channel(String),
    /// The database does not answer, or cannot at the moment.
    #[error("cannot use {database}: {cause}")]
    Unreached {
        /// Which database.
        database: String,
        /// What it reports.
        cause: String,
    },
    /// The database refuses this user, has no TLS as the address wants it, or is not there: to try again is of no use.
    #[error("cannot use {database}: {cause}")]
    Refused {
        /// Which database.
        database: String,
        /// What it reports.
        cause: String,
    },
    /// A newer program has changed the database, in a way that this program does not know.
    #[error("{database} has a newer version: this program does not know its migration {migration}")]
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
        /// What it reports.
        cause: String,
    },
}

impl PostgresError {
    /// A database that does not answer, or refuses.
    pub(crate) fn of(database: &str, error: &DbErr) -> Self {
        let (database, cause) = (database.to_owned(), cause(error));
        match driver_error(error) {
            Some(SqlxError::Database(refusal))
                if refusal.code().is_some_and(|code| is_refusal(&code)) =>
            {
                Self::Refused { database, cause }
            }
            // It has none, or its certificate is not trusted.
            Some(SqlxError::Tls(_)) => Self::Refused { database, cause },
            _ => Self::Unreached { database, cause },
        }
    }

    /// A file that cannot be opened.
    #[cfg(feature = "sqlite")]
    pub(crate) fn unreached(database: &str, error: &SqlxError) -> Self {
        Self::Unreached {
            database: database.to_owned(),
            cause: driver_cause(error),
        }
    }
}

/// Tells whether a database refuses for a reason that does not pass: a wrong user or password, missing rights, or no such
/// database.
fn is_refusal(code: &str) -> bool {
    code.starts_with("28") || ["3D000", "42501"].contains(&code)
}

/// What went wrong inside of this crate; it is converted to the domain's [`StoreError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    #[error("no such person")]
    UnknownPerson,
    #[error("a request has no place to store")]
    NoPlace,
    #[error("the disk has failed, so nothing more is written: {0}")]
    DiskFailed(String),
    #[error("a transaction could not begin")]
    Begin(#[source] DbErr),
    #[error("a transaction could not begin within {0:?}")]
    BeginTimedOut(Duration),
    #[error("a statement failed")]
    Statement(#[from] DbErr),
    #[error("the commit was not confirmed")]
    Commit(#[source] DbErr),
    #[error("the disk did not store a commit")]
    Flush(#[source] std::io::Error),
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// The error of work that was done for several callers together.
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
    /// Tells whether another call on PostgreSQL stored the same rows in the meantime (a unique key), or needed the same
    /// ones in another order (a deadlock). Nothing has changed.
    pub(crate) fn is_overtaken(&self) -> bool {
        match self {
            Self::Statement(error) => ["23505", "40P01"].iter().any(|it| has_code(error, it)),
            _ => false,
        }
    }

    /// Whether a statement for several calls failed, without any effect, because of one of them: that call's data are
    /// refused, or it waited for a lock that a waiter of it holds. Each call may succeed separately.
    pub(crate) fn is_of_one(&self) -> bool {
        match self {
            Self::Statement(error) => {
                matches!(Effect::of(error), Effect::OfTheCall) || has_code(error, "40P01")
            }
            _ => false,
        }
    }

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
        let of_all = match &error {
            SqlError::Shared(shared) => shared,
            own => own,
        };
        match of_all {
            SqlError::DiskFailed(_) | SqlError::Begin(_) | SqlError::BeginTimedOut(_) => {
                Self::Unreached(error.into())
            }
            SqlError::Commit(_) | SqlError::Flush(_) | SqlError::TimedOut(_) => {
                Self::Unavailable(error.into())
            }
            SqlError::Statement(db) => match Effect::of(db) {
                Effect::OfTheCall => Self::Rejected(error.into()),
                Effect::Nothing => Self::Unreached(error.into()),
                Effect::Unknown => Self::Unavailable(error.into()),
            },
            SqlError::NoPlace => Self::Rejected(error.into()),
            SqlError::UnknownPerson => Self::UnknownPerson,
            SqlError::Shared(_) => Self::Unavailable(error.into()),
            SqlError::Corrupt { .. } => match error {
                SqlError::Corrupt { table, key, source } => Self::Corrupt { table, key, source },
                other => Self::Unavailable(other.into()),
            },
        }
    }
}

/// What a failed statement has changed.
enum Effect {
    /// Nothing, and a retry would fail too: the call's own data are wrong.
    OfTheCall,
    /// Nothing, and it may succeed later: the fault is on the store's side.
    Nothing,
    /// Everything or nothing: it is not known which.
    Unknown,
}

impl Effect {
    fn of(error: &DbErr) -> Self {
        match (driver_error(error), error) {
            (Some(SqlxError::Database(refusal)), _) => {
                let code = refusal.code().unwrap_or_default();
                match error {
                    // The server may have ended the connection in the moment after the commit.
                    DbErr::Exec(_) | DbErr::Query(_) if is_an_end(&code) => Self::Unknown,
                    _ => Self::of_code(&code),
                }
            }
            (_, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => Self::Nothing,
            _ => Self::Unknown,
        }
    }

    /// PostgreSQL's codes have five characters, and the first two are the class
    /// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>); SQLite's are decimal numbers of up to four
    /// digits, and the low byte is the primary code (<https://www.sqlite.org/rescode.html>).
    fn of_code(code: &str) -> Self {
        if code.len() == 5 {
            // Data exceptions and violated constraints. A statement that is refused has changed nothing.
            return if ["22", "23"].iter().any(|class| code.starts_with(class)) {
                Self::OfTheCall
            } else {
                Self::Nothing
            };
        }
        match code.parse::<u32>().map(|code| code & 0xff) {
            // Too big, constraint, mismatch, range.
            Ok(18 | 19 | 20 | 25) => Self::OfTheCall,
            // I/O, or no code at all.
            Ok(10) | Err(_) => Self::Unknown,
            Ok(_) => Self::Nothing,
        }
    }
}

/// Tells whether the connection ended, or the outcome of the statement is unknown.
fn is_an_end(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("57P0") || code.starts_with("08") || code == "40003")
}

/// A driver error after which it is certain that nothing has changed.
pub(crate) fn unchanged(error: SqlxError) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// A driver error after which the statement may have been executed.
pub(crate) fn uncertain(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

/// An error of sea-orm after which it is certain that nothing has changed.
pub(crate) fn nothing_changed(error: DbErr) -> DbErr {
    match error {
        DbErr::Exec(cause) | DbErr::Query(cause) => DbErr::Conn(cause),
        other => other,
    }
}

/// The database's own message, without the layers around it.
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

/// Tells whether the database refused with this code.
pub(crate) fn has_code(error: &DbErr, code: &str) -> bool {
    match driver_error(error) {
        Some(SqlxError::Database(refusal)) => refusal.code().is_some_and(|its| its == code),
        _ => false,
    }
}

pub(crate) fn driver_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(driver))
        | DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => Some(driver),
        _ => None,
    }
}

/// Answers all questions with the same error.
pub(crate) fn tell_all<Q, A>(together: Vec<Waiting<Q, Result<A, SqlError>>>, error: SqlError) {
    let error = Arc::new(error);
    for waiting in together {
        waiting.tell(Err(SqlError::Shared(Arc::clone(&error))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fault_of_the_data_is_the_fault_of_a_call() {
        for of_the_call in ["23505", "23503", "22P02", "22021", "19", "2067", "18"] {
            let effect = Effect::of_code(of_the_call);
            assert!(matches!(effect, Effect::OfTheCall), "{of_the_call}");
        }
        for of_the_store in [
            "25006", "28000", "28P01", "3D000", "42501", "42P01", "42703", "40001", "40P01",
            "53300", "55000", "57014", "57P01", "57P03", "XX000", "5", "8", "13", "14", "1",
        ] {
            let effect = Effect::of_code(of_the_store);
            assert!(matches!(effect, Effect::Nothing), "{of_the_store}");
        }
        for unknown in ["10", "1034", "1546", ""] {
            assert!(
                matches!(Effect::of_code(unknown), Effect::Unknown),
                "{unknown}"
            );
        }
    }
}
