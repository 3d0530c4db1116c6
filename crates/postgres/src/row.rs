use std::fmt::Display;

use lemon_domain::BoxError;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, StatementBuilder, TryGetable};
use tracing::error;

use crate::error::SqlError;

/// A row of a table, and the value that it stands for.
pub(crate) trait Row: FromQueryResult {
    /// The table.
    const TABLE: &'static str;
    /// What it stands for.
    type Value;

    /// What the row is known by, for errors and the log.
    fn key(row: &QueryResult) -> String;

    /// The value, unless the row breaks an invariant.
    fn value(self) -> Result<Self::Value, BoxError>;
}

/// The row that a statement answers, if it answers one.
pub(crate) async fn one<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Option<R::Value>, SqlError> {
    let row = db.query_one(statement).await?;
    row.as_ref().map(read::<R>).transpose()
}

/// The rows that a statement answers. One that cannot be read is a fault of all.
pub(crate) async fn all<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Vec<R::Value>, SqlError> {
    let rows = db.query_all(statement).await?;
    rows.iter().map(read::<R>).collect()
}

/// The rows that a statement answers. One that cannot be read is reported in the log and left out: it stops nobody else.
pub(crate) async fn each<R: Row>(
    db: &impl ConnectionTrait,
    statement: &impl StatementBuilder,
) -> Result<Vec<R::Value>, SqlError> {
    let rows = db.query_all(statement).await?;
    Ok(sort::<R>(&rows).0)
}

/// What can be read of rows, and the rows that cannot, each reported in the log.
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
                    "a row of the store cannot be read and is left out"
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

/// What a row stands for.
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
