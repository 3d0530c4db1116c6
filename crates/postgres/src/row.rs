use std::fmt::Display;

use lemon_domain::BoxError;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, StatementBuilder, TryGetable};
use tracing::error;

use crate::error::SqlError;

/// A row of a table, and the value that it represents.
pub(crate) trait Row: FromQueryResult {
    /// The table.
    const TABLE: &'static str;
    /// The value.
    type Value;

    /// The key of the row, for errors and the log.
    fn key(row: &QueryResult) -> String;

    /// The value, unless the row breaks an invariant.
    fn value(self) -> Result<Self::Value, BoxError>;
}

/// The row that a statement returns, if any.
pub(crate) async fn one<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Option<R::Value>, SqlError> {
    let row = db.query_one(statement).await?;
    row.as_ref().map(read::<R>).transpose()
}

/// The rows that a statement returns. If one of them cannot be read, all of it fails.
pub(crate) async fn all<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Vec<R::Value>, SqlError> {
    let rows = db.query_all(statement).await?;
    rows.iter().map(read::<R>).collect()
}

/// The rows that a statement returns. One that cannot be read is logged and left out: it does not affect the others.
pub(crate) async fn each<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Vec<R::Value>, SqlError> {
    let rows = db.query_all(statement).await?;
    Ok(sort::<R>(&rows).0)
}

/// The values of the rows that can be read, and the rows that cannot. Each of the latter is logged.
pub(crate) fn sort<R: Row>(rows: &[QueryResult]) -> (Vec<R::Value>, Vec<&QueryResult>) {
    let (mut values, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match read::<R>(row) {
            Ok(value) => values.push(value),
            Err(error) => {
                error!(
                    db.table = R::TABLE,
                    db.key = R::key(row),
                    error = error.cause(),
                    "a row of the store cannot be read, so it is left out"
                );
                unreadable.push(row);
            }
        }
    }
    (values, unreadable)
}

/// One part of a row's key as text.
pub(crate) fn key<T: TryGetable + Display>(row: &QueryResult, column: &str) -> String {
    row.try_get::<T>("", column)
        .map_or_else(|_| "?".to_owned(), |part| part.to_string())
}

/// The value of a row.
pub(crate) fn read<R: Row>(row: &QueryResult) -> Result<R::Value, SqlError> {
    R::from_query_result(row, "")
        .map_err(BoxError::from)
        .and_then(R::value)
        .map_err(|source| SqlError::Corrupt {
            table: R::TABLE,
            key: R::key(row),
            source,
        })
}
