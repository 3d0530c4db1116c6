use lemon_domain::{
    BoxError,
    values::{self, BudgetKey, BudgetName, Holder, Place, Scope},
};
use rusqlite::{Connection, Row, params};

use super::{
    count::Count,
    holders,
    ledger::{LedgerChange, LedgerWindow},
};
use crate::file::{Durability, Format, time};

/// The file of a quota counter. The record restores changes that a power failure loses, so no commit waits for the
/// disk.
pub(super) const FORMAT: Format = Format {
    name: "quota counter",
    application_id: i32::from_be_bytes(*b"LmQc"),
    durability: Durability::Checkpoint,
    migrations: &[include_str!("1.sql")],
    newest: holders::VERSION,
};

/// Places that are removed in one step, while reservations wait.
const PORTION: usize = 1024;

/// Makes changes.
pub(super) fn write(connection: &Connection, changes: &[LedgerChange]) -> rusqlite::Result<()> {
    changes
        .iter()
        .try_for_each(|change| write_one(connection, change))
}

fn write_one(connection: &Connection, change: &LedgerChange) -> rusqlite::Result<()> {
    match change {
        LedgerChange::Put { window, place } => put(connection, *window, place),
        LedgerChange::Remove { window, holder } => remove(connection, *window, holder),
        LedgerChange::Restore { window, restored } => {
            for holder in &restored.removed {
                remove(connection, *window, holder)?;
            }
            let mut places = restored.put.iter();
            places.try_for_each(|place| put(connection, *window, place))
        }
        LedgerChange::Open { window, key } => open(connection, *window, key),
        LedgerChange::Forget { window } => connection
            .prepare_cached("DELETE FROM windows WHERE id = ?1")?
            .execute([window])
            .map(drop),
    }
}

fn put(connection: &Connection, window: i64, place: &Place) -> rusqlite::Result<()> {
    let (user, turn) = holders::write(connection, &place.holder)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO places (window_id, user_id, turn, seat, units, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            window,
            user,
            turn,
            place.seat,
            place.units,
            place.at.timestamp_micros(),
        ])
        .map(drop)
}

fn remove(connection: &Connection, window: i64, holder: &Holder) -> rusqlite::Result<()> {
    let Some((user, turn)) = holders::find(connection, holder)? else {
        return Ok(());
    };
    connection
        .prepare_cached("DELETE FROM places WHERE window_id = ?1 AND user_id = ?2 AND turn = ?3")?
        .execute(params![window, user, turn])?;
    holders::forget(connection, (user, turn))
}

fn open(connection: &Connection, window: i64, key: &BudgetKey) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO windows (id, service, budget, starts_at, ends_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            window,
            key.scope.as_str(),
            key.budget.as_str(),
            key.window.start.timestamp_micros(),
            key.window.end.timestamp_micros(),
        ])
        .map(drop)
}

/// Removes a portion of the places of a forgotten window, and the holders that have no other place; answers whether it
/// was the last portion.
pub(super) fn remove_portion(connection: &Connection, window: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM places WHERE window_id = ?1 AND (user_id, turn) IN
         (SELECT user_id, turn FROM places WHERE window_id = ?1 LIMIT ?2)
         RETURNING user_id, turn",
    )?;
    let removed = statement.query_map(params![window, PORTION], |row| {
        Ok((row.get("user_id")?, row.get("turn")?))
    })?;
    let removed = removed.collect::<Result<Vec<_>, _>>()?;
    for holder in &removed {
        holders::forget(connection, *holder)?;
    }
    Ok(removed.len() < PORTION)
}

/// Removes the windows, all places without a window (also those of an unfinished restoration), and the holders without
/// a place.
pub(super) fn sweep(connection: &Connection, past: &[i64]) -> rusqlite::Result<()> {
    for window in past {
        write_one(connection, &LedgerChange::Forget { window: *window })?;
    }
    connection.execute(
        "DELETE FROM places WHERE window_id NOT IN (SELECT id FROM windows)",
        [],
    )?;
    holders::sweep(connection)
}

/// Reads everything.
pub(super) fn load(connection: &Connection) -> Result<Vec<LedgerWindow>, BoxError> {
    let mut statement = connection
        .prepare("SELECT id, service, budget, starts_at, ends_at FROM windows ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut windows = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get("id")?;
        windows.push(LedgerWindow {
            id,
            key: key(row)?,
            count: count(connection, id)?,
            restoration: None,
        });
    }
    Ok(windows)
}

fn key(row: &Row<'_>) -> Result<BudgetKey, BoxError> {
    Ok(BudgetKey {
        scope: Scope::parse(row.get_ref("service")?.as_str()?)?,
        budget: BudgetName::parse(row.get_ref("budget")?.as_str()?)?,
        window: values::Window {
            start: time(row, "starts_at")?,
            end: time(row, "ends_at")?,
        },
    })
}

fn count(connection: &Connection, window: i64) -> Result<Count, BoxError> {
    let mut statement = connection
        .prepare_cached("SELECT user_id, turn, seat, units, at FROM places WHERE window_id = ?1")?;
    let mut rows = statement.query([window])?;
    let mut count = Count::new();
    while let Some(row) = rows.next()? {
        count.put(Place {
            holder: holders::read(connection, row)?,
            seat: row.get("seat")?,
            units: row.get("units")?,
            at: time(row, "at")?,
        });
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in memory: in each window, each holder has a place.
    fn file(windows: i64, places: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(FORMAT.migrations[0]).unwrap();
        holders::prepare(&connection).unwrap();
        for window in 1..=windows {
            for seat in 1..=u32::try_from(places).unwrap() {
                let place = place(&format!("job-{seat}"), seat);
                put(&connection, window, &place).unwrap();
            }
        }
        connection
    }

    fn place(holder: &str, seat: u32) -> Place {
        Place {
            holder: Holder::parse(holder).unwrap(),
            seat,
            units: 1,
            at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn holders_of(connection: &Connection) -> usize {
        let count = "SELECT count(*) FROM holders";
        connection.query_row(count, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_holders_of_a_portion_are_removed_with_its_places() {
        let connection = file(1, PORTION + 2);
        assert!(!remove_portion(&connection, 1).unwrap());
        assert_eq!(holders_of(&connection), 2);
        assert!(remove_portion(&connection, 1).unwrap());
        assert_eq!(holders_of(&connection), 0);
    }

    #[test]
    fn a_holder_who_has_a_place_in_another_window_stays() {
        let connection = file(2, 2);
        remove(&connection, 2, &place("job-2", 2).holder).unwrap();
        assert_eq!(holders_of(&connection), 2);
        assert!(remove_portion(&connection, 1).unwrap());
        assert_eq!(holders_of(&connection), 1);
        assert_eq!(count(&connection, 2).unwrap().used(), 1);
    }

    #[test]
    fn a_released_holder_without_another_place_is_removed() {
        let connection = file(1, 2);
        remove(&connection, 1, &place("job-2", 2).holder).unwrap();
        assert_eq!(holders_of(&connection), 1);
    }
}
