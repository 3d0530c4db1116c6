use std::{ops::RangeInclusive, path::Path};

use lemon_domain::values::{Turn, UserId, fingerprint};
use rusqlite::params;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};

/// The made-up person of a seat has this number plus the number of the seat.
const FIRST_PERSON: i64 = 1_000_000;
/// The number of seats that one statement records.
const PORTION: usize = 50_000;

/// Records seats of the day in a PostgreSQL database as if other people had taken them, with the values of the first
/// seat, which must be taken.
pub async fn record_on_postgresql(database: &str, seats: RangeInclusive<u32>) {
    let mut options = ConnectOptions::new(database);
    options.max_connections(1).sqlx_logging(false);
    let session = Database::connect(options).await.expect("the database");
    let seats: Vec<u32> = seats.collect();
    for portion in seats.chunks(PORTION) {
        let prints: Vec<String> = portion
            .iter()
            .map(|seat| print(*seat).to_string())
            .collect();
        let (first, last, prints) = (portion[0], portion[portion.len() - 1], prints.join(","));
        let record = format!(
            "INSERT INTO users (id, created_at) \
               SELECT {FIRST_PERSON} + n, now() FROM generate_series({first}, {last}) n; \
             INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at, fingerprint) \
               SELECT service, budget, window_start, {first} - 1 + n, {FIRST_PERSON} + {first} - 1 + n, 1, 1, at, \
                 expires_at, print \
               FROM places, unnest('{{{prints}}}'::bigint[]) WITH ORDINALITY AS prints (print, n) \
               WHERE seat = 1 AND budget = 'daily'"
        );
        session.execute_unprepared(&record).await.expect("inserts");
    }
    session.execute_unprepared("ANALYZE").await.expect("counts");
    session.close().await.expect("the session ends");
}

/// Does the same in a SQLite file. If others have it open, everything stays in the log.
pub fn record_on_sqlite(file: &Path, seats: RangeInclusive<u32>) {
    let mut database = rusqlite::Connection::open(file).expect("the database");
    database
        .pragma_update(None, "wal_autocheckpoint", 0)
        .expect("the log is left alone");
    let transaction = database.transaction().expect("a transaction");
    transaction
        .execute_batch(
            "CREATE TEMP TABLE first AS SELECT service, budget, window_start, at, expires_at FROM places \
             WHERE seat = 1 AND budget = 'daily'",
        )
        .expect("somebody has the first seat");
    for seat in seats {
        let user = FIRST_PERSON + i64::from(seat);
        transaction
            .prepare_cached("INSERT INTO users (id, created_at) SELECT ?, at FROM first")
            .and_then(|mut insert| insert.execute([user]))
            .expect("a person");
        let print = i64::try_from(print(seat)).expect("48 bits");
        transaction
            .prepare_cached(
                "INSERT INTO places (service, budget, window_start, seat, user_id, turn, units, at, expires_at, fingerprint) \
                 SELECT service, budget, window_start, ?, ?, 1, 1, at, expires_at, ? FROM first",
            )
            .and_then(|mut insert| insert.execute(params![seat, user, print]))
            .expect("a place");
    }
    transaction.commit().expect("the commit");
}

fn print(seat: u32) -> u64 {
    let holder = Turn {
        user: UserId::new(FIRST_PERSON + i64::from(seat)),
        number: 1,
    }
    .holder();
    fingerprint(&holder, seat, 1)
}
