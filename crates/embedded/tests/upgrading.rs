//! Files that an earlier version wrote, and reads again: a place has a person and a turn there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use lemon_domain::{
    ports::{Clock, QuotaCounter, Reservation, ReserveOutcome},
    values::{
        Budget, BudgetKey, BudgetName, Holder, Place, Segment, ServiceType, Sums, Turn, UserId,
        Window,
    },
};
use lemon_embedded::EmbeddedQuotaCounter;
use lemon_fakes::FakeClock;
use rusqlite::params;

/// What the earlier version writes.
fn write_as_before(path: &Path, key: &BudgetKey, places: &[(Turn, Place)]) {
    let file = rusqlite::Connection::open(path).unwrap();
    file.execute_batch(include_str!("../src/quota_counter/1.sql"))
        .unwrap();
    let application = i32::from_be_bytes(*b"LmQc");
    file.pragma_update(None, "application_id", application)
        .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    let window = key.window;
    file.execute(
        "INSERT INTO windows VALUES (5, 'LEARNME', 'daily', ?1, ?2)",
        [
            window.start.timestamp_micros(),
            window.end.timestamp_micros(),
        ],
    )
    .unwrap();
    for (turn, place) in places {
        let at = place.at.timestamp_micros();
        file.execute(
            "INSERT INTO places VALUES (5, ?1, ?2, ?3, ?4, ?5)",
            params![turn.user.get(), turn.number, place.seat, place.units, at],
        )
        .unwrap();
    }
}

/// The earlier version refuses a file whose number is above 1, and says that it is of a newer version.
fn version(file: &rusqlite::Connection) -> u32 {
    file.pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// What the earlier version reads: the turn and the seat of each place.
fn read_as_before(path: &Path) -> Vec<(Turn, u32)> {
    let file = rusqlite::Connection::open(path).unwrap();
    assert_eq!(version(&file), 1, "it would refuse the file");
    let mut places = file
        .prepare("SELECT user_id, turn, seat FROM places ORDER BY seat")
        .unwrap();
    let places = places.query_map([], |row| {
        let user = UserId::new(row.get("user_id")?);
        let number = row.get("turn")?;
        Ok((Turn { user, number }, row.get("seat")?))
    });
    places.unwrap().collect::<Result<_, _>>().unwrap()
}

fn key() -> BudgetKey {
    BudgetKey {
        scope: (&ServiceType::parse("LEARNME").unwrap()).into(),
        budget: BudgetName::daily(),
        window: Window {
            start: "2026-11-22T21:00:00Z".parse().unwrap(),
            end: "2026-11-23T21:00:00Z".parse().unwrap(),
        },
    }
}

#[tokio::test]
async fn places_of_people_are_held_by_their_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quota.db");
    let clock = Arc::new(FakeClock::default());
    let key = key();
    let places = [(7, 2, 1, 1), (i64::MAX, 1, 3, 4), (7, 3, 4, 1)];
    let places = places.map(|(user, number, seat, units)| {
        let user = UserId::new(user);
        let turn = Turn { user, number };
        let place = Place {
            holder: turn.holder(),
            seat,
            units,
            at: clock.now(),
        };
        (turn, place)
    });
    write_as_before(&path, &key, &places);

    // And once more, as the file is now.
    for _ in 0..2 {
        let counter = EmbeddedQuotaCounter::open(&path, clock.clone()).unwrap();
        let found = counter.sums(&key).await.unwrap().segments;
        let sums = Sums::of(places.iter().map(|(_, place)| place));
        assert_eq!(found, [(Segment::FIRST, Some(sums))].into());
        for (_, place) in &places {
            let wish = Reservation {
                holder: place.holder.clone(),
                budgets: vec![Budget {
                    key: key.clone(),
                    limit: 6,
                    units: 1,
                }],
                at: clock.now(),
            };
            match counter.reserve(&wish).await.unwrap() {
                ReserveOutcome::Reserved(taken) => assert_eq!(taken[0].seat, place.seat),
                other => panic!("the place is gone: {other:?}"),
            }
        }
    }
    let before: Vec<_> = places.iter().map(|(turn, it)| (*turn, it.seat)).collect();
    assert_eq!(read_as_before(&path), before);
}

#[tokio::test]
async fn a_holder_of_another_text_makes_the_file_one_of_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quota.db");
    let clock = Arc::new(FakeClock::default());
    for (holder, expected) in [("7:1", 1), ("job-7", 2), ("8:1", 2), ("job-8", 2)] {
        let counter = EmbeddedQuotaCounter::open(&path, clock.clone()).unwrap();
        let place = Place {
            holder: Holder::parse(holder).unwrap(),
            seat: 1,
            units: 1,
            at: clock.now(),
        };
        lemon_contracts::restore(&counter, &key(), &[place], clock.now())
            .await
            .unwrap();
        drop(counter);
        let file = rusqlite::Connection::open(&path).unwrap();
        assert_eq!(version(&file), expected, "after {holder}");
    }
}
