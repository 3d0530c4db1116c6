//! How a holder is stored in the two columns of a place, which were made for `user:turn`.
//!
//! A holder of that form is stored as those two numbers, so that a file without other holders keeps its old format, and
//! earlier versions can read it. Any other text is a row of a table: the columns have the row's number, and a turn that
//! no real holder has. Earlier versions cannot read such a turn, so the first such holder raises the version of the
//! file, and they refuse it as newer.

use lemon_domain::{BoxError, values::Holder};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The turn of a holder whose text is in the table.
const OTHER: i64 = -1;

/// The version of a file that has, or had, a holder whose text is in the table.
pub(super) const VERSION: u32 = 2;

/// Uses the index of [`prepare`]. The value of [`OTHER`] is written out here, or SQLite would not use that index:
/// <https://www.sqlite.org/partialindex.html#queries_using_partial_indexes>.
const FORGET: &str = "DELETE FROM holders WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM places WHERE user_id = ?1 AND turn = -1)";

/// Makes the table and the index, if they are not there.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS holders (
             id     INTEGER PRIMARY KEY,
             holder TEXT    NOT NULL UNIQUE
         ) STRICT;
         CREATE INDEX IF NOT EXISTS places_of_holders ON places (user_id) WHERE turn = -1",
    )
}

/// The columns of a holder; adds the holder to the table if necessary.
pub(super) fn write(connection: &Connection, holder: &Holder) -> rusqlite::Result<(i64, i64)> {
    if let Some(numbers) = numbers(holder.as_str()) {
        return Ok(numbers);
    }
    let added = connection
        .prepare_cached("INSERT OR IGNORE INTO holders (holder) VALUES (?1)")?
        .execute([holder.as_str()])?;
    if added > 0 {
        raise_version(connection)?;
    }
    let found = find(connection, holder)?;
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn raise_version(connection: &Connection) -> rusqlite::Result<()> {
    let found: u32 = connection
        .prepare_cached("PRAGMA user_version")?
        .query_row([], |row| row.get(0))?;
    if found < VERSION {
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(())
}

/// The columns of a holder; `None` if the holder cannot have a place.
pub(super) fn find(
    connection: &Connection,
    holder: &Holder,
) -> rusqlite::Result<Option<(i64, i64)>> {
    if let Some(numbers) = numbers(holder.as_str()) {
        return Ok(Some(numbers));
    }
    connection
        .prepare_cached("SELECT id FROM holders WHERE holder = ?1")?
        .query_row([holder.as_str()], |row| Ok((row.get("id")?, OTHER)))
        .optional()
}

/// The holder of a place.
pub(super) fn read(connection: &Connection, row: &Row<'_>) -> Result<Holder, BoxError> {
    let (user, turn): (i64, i64) = (row.get("user_id")?, row.get("turn")?);
    if turn != OTHER {
        return Ok(Holder::parse(&format!("{user}:{turn}"))?);
    }
    let text: String = connection
        .prepare_cached("SELECT holder FROM holders WHERE id = ?1")?
        .query_row([user], |row| row.get("holder"))?;
    Ok(Holder::parse(&text)?)
}

/// Removes the holder of these columns from the table, unless it has another place.
pub(super) fn forget(connection: &Connection, (user, turn): (i64, i64)) -> rusqlite::Result<()> {
    if turn != OTHER {
        return Ok(());
    }
    connection.prepare_cached(FORGET)?.execute([user]).map(drop)
}

/// Removes all holders without a place. It reads every place.
pub(super) fn sweep(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "DELETE FROM holders WHERE id NOT IN (SELECT user_id FROM places WHERE turn = ?1)",
            params![OTHER],
        )
        .map(drop)
}

/// The two numbers, if the text is exactly what they would be written as.
fn numbers(text: &str) -> Option<(i64, i64)> {
    let (user, turn) = text.split_once(':')?;
    let (user, turn): (i64, u32) = (user.parse().ok()?, turn.parse().ok()?);
    (format!("{user}:{turn}") == text).then_some((user, turn.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_holder_has_another_place_is_looked_up_in_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("1.sql")).unwrap();
        prepare(&connection).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {FORGET}");
        let mut statement = connection.prepare(&explain).unwrap();
        let steps = statement.query_map([1], |row| row.get("detail")).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        let by_index = "places_of_holders (user_id=?)";
        assert!(steps.iter().any(|it| it.ends_with(by_index)), "{steps:?}");
        assert!(!steps.iter().any(|it| it.contains("SCAN")), "{steps:?}");
    }

    #[test]
    fn only_a_text_that_is_formatted_back_unchanged_is_two_numbers() {
        assert_eq!(numbers("7:2"), Some((7, 2)));
        assert_eq!(numbers("-7:0"), Some((-7, 0)));
        assert_eq!(numbers("7:4294967295"), Some((7, 4_294_967_295)));
        for other in [
            "07:2",
            "7:02",
            "+7:2",
            "-0:1",
            "7",
            "7:",
            "7:-1",
            "7:4294967296",
            "a:1",
            "1:2:3",
        ] {
            assert_eq!(numbers(other), None, "{other}");
        }
    }
}
