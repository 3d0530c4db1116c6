//! What the embedded counter promises beyond the contract: it remembers.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use lemon_contracts::race;
use lemon_domain::{
    ports::{Clock, QuotaCounter, RecordedSegment, Reservation, ReserveOutcome, WindowState},
    values::{Budget, BudgetKey, BudgetName, Holder, Place, Scope, Segment, Sums, Window},
};
use lemon_embedded::EmbeddedQuotaCounter;
use lemon_fakes::FakeClock;

const START: &str = "2026-11-22T21:00:00Z";
const END: &str = "2026-11-23T21:00:00Z";

fn key() -> BudgetKey {
    BudgetKey {
        scope: Scope::parse("LEARNME").unwrap(),
        budget: BudgetName::daily(),
        window: Window {
            start: START.parse().unwrap(),
            end: END.parse().unwrap(),
        },
    }
}

fn holder(user: i64) -> Holder {
    Holder::parse(&format!("{user}:1")).unwrap()
}

fn open(folder: &Path, clock: &Arc<FakeClock>) -> EmbeddedQuotaCounter {
    EmbeddedQuotaCounter::open(&folder.join("quota.db"), clock.clone()).unwrap()
}

async fn restore(counter: &EmbeddedQuotaCounter, record: &[Place], clock: &FakeClock) {
    lemon_contracts::restore(counter, &key(), record, clock.now())
        .await
        .unwrap();
}

async fn seat(counter: &EmbeddedQuotaCounter, user: i64, clock: &FakeClock) -> u32 {
    let reservation = Reservation {
        holder: holder(user),
        budgets: vec![Budget {
            key: key(),
            limit: 400,
            units: 1,
        }],
        at: clock.now(),
    };
    match counter.reserve(&reservation).await.unwrap() {
        ReserveOutcome::Reserved(places) => places[0].seat,
        other => panic!("no place was given: {other:?}"),
    }
}

async fn release(counter: &EmbeddedQuotaCounter, user: i64) {
    counter
        .release(&holder(user), &[key()], DateTime::<Utc>::MAX_UTC)
        .await
        .unwrap();
}

async fn used(counter: &EmbeddedQuotaCounter) -> Option<u32> {
    counter.usage(&[key()]).await.unwrap()[0]
}

#[tokio::test]
async fn places_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    let recorded = Place {
        holder: holder(9),
        seat: 2,
        units: 3,
        at: clock.now(),
    };
    restore(&counter, &[recorded], &clock).await;
    for (user, expected) in [(1, 1), (2, 3), (3, 4)] {
        assert_eq!(seat(&counter, user, &clock).await, expected);
    }
    release(&counter, 2).await;
    drop(counter);

    let counter = open(folder.path(), &clock);
    assert_eq!(used(&counter).await, Some(5));
    for (user, expected) in [(9, 2), (1, 1), (3, 4), (4, 3)] {
        assert_eq!(seat(&counter, user, &clock).await, expected);
    }
}

#[tokio::test]
async fn a_restore_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    seat(&counter, 1, &clock).await;
    clock.advance(Duration::from_secs(2 * 60));
    seat(&counter, 2, &clock).await;
    restore(&counter, &[], &clock).await;
    drop(counter);

    let counter = open(folder.path(), &clock);
    assert_eq!(used(&counter).await, Some(1));
    assert_eq!(seat(&counter, 2, &clock).await, 2);
}

#[tokio::test]
async fn the_time_of_a_place_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    seat(&counter, 1, &clock).await;
    seat(&counter, 2, &clock).await;
    clock.advance(Duration::from_secs(2 * 60));
    seat(&counter, 2, &clock).await;
    drop(counter);

    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    assert_eq!(used(&counter).await, Some(1));
}

#[tokio::test]
async fn a_window_is_forgotten_an_hour_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    seat(&counter, 1, &clock).await;
    drop(counter);

    clock.set(END.parse().unwrap());
    let counter = open(folder.path(), &clock);
    assert_eq!(used(&counter).await, Some(1));
    drop(counter);

    clock.advance(Duration::from_secs(60 * 60));
    let counter = open(folder.path(), &clock);
    assert_eq!(used(&counter).await, None);
    drop(counter);
    // Not even the file remembers.
    clock.set(START.parse().unwrap());
    assert_eq!(used(&open(folder.path(), &clock)).await, None);
}

#[tokio::test]
async fn a_past_window_is_forgotten_when_another_begins() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    clock.set(END.parse().unwrap());
    clock.advance(Duration::from_secs(60 * 60));
    let mut next = key();
    next.window = Window {
        start: END.parse().unwrap(),
        end: "2026-11-24T21:00:00Z".parse().unwrap(),
    };
    assert_eq!(used(&counter).await, Some(0));
    let restored = lemon_contracts::restore(&counter, &next, &[], clock.now());
    restored.await.unwrap();
    let usage = counter.usage(&[key(), next]).await.unwrap();
    assert_eq!(usage, [None, Some(0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_equals_the_memory_after_a_storm() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = Arc::new(open(folder.path(), &clock));
    restore(&counter, &[], &clock).await;
    let storm = race(40, |index| {
        let (counter, clock) = (Arc::clone(&counter), Arc::clone(&clock));
        let user = i64::try_from(index).unwrap();
        async move {
            for round in 0..10 {
                seat(&counter, user, &clock).await;
                if round < 9 || user % 2 == 0 {
                    release(&counter, user).await;
                }
            }
            seat(&counter, user, &clock).await
        }
    });
    let seats = storm.await;
    drop(counter);

    let counter = open(folder.path(), &clock);
    assert_eq!(used(&counter).await, Some(40));
    for (user, expected) in (0..).zip(seats) {
        assert_eq!(seat(&counter, user, &clock).await, expected);
    }
}

#[tokio::test]
async fn a_restoration_interrupted_by_the_end_of_the_process_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    let restoration = counter.begin_restoration(&key()).await.unwrap();
    let place = Place {
        holder: holder(9),
        seat: 2,
        units: 3,
        at: clock.now(),
    };
    let segment = RecordedSegment {
        key: key(),
        segment: Segment::FIRST,
        places: vec![place],
        as_of: clock.now(),
        restoration,
    };
    assert!(counter.restore(&segment).await.unwrap());
    drop(counter);

    let counter = open(folder.path(), &clock);
    let found = counter.sums(&key()).await.unwrap();
    assert_eq!(found.state, WindowState::Unknown);
    assert!(!counter.restore(&segment).await.unwrap());
    restore(&counter, &[], &clock).await;
    assert_eq!(used(&counter).await, Some(0));
    drop(counter);
    // Not even the file has the place.
    assert_eq!(used(&open(folder.path(), &clock)).await, Some(0));
}

#[tokio::test]
async fn sums_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    restore(&counter, &[], &clock).await;
    for user in 1..=3 {
        seat(&counter, user, &clock).await;
    }
    release(&counter, 2).await;
    let before = counter.sums(&key()).await.unwrap();
    drop(counter);
    let counter = open(folder.path(), &clock);
    assert_eq!(counter.sums(&key()).await.unwrap(), before);
}

#[tokio::test]
async fn holders_of_any_text_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let texts = ["5f1c2e0a-93f2-4a8e-b1f6-0a5d8d1f7c11", "7:1", "07:1", "1"];
    let mut places = texts.map(|text| Holder::parse(text).unwrap()).to_vec();
    let counter = open(folder.path(), &clock);
    let record: Vec<Place> = (1..)
        .zip(&places)
        .map(|(seat, holder)| Place {
            holder: holder.clone(),
            seat,
            units: 1,
            at: clock.now(),
        })
        .collect();
    restore(&counter, &record, &clock).await;
    drop(counter);
    while let Some(gone) = places.pop() {
        let counter = open(folder.path(), &clock);
        let sums = Sums::of(&record[..=places.len()]);
        let found = counter.sums(&key()).await.unwrap().segments;
        assert_eq!(found, [(Segment::FIRST, Some(sums))].into());
        counter.release(&gone, &[key()], clock.now()).await.unwrap();
    }
    drop(open(folder.path(), &clock));
    let file = rusqlite::Connection::open(folder.path().join("quota.db")).unwrap();
    assert_eq!(rows(&file), [0, 0]);
}

/// How many rows the tables of places and of holders have.
fn rows(file: &rusqlite::Connection) -> [u32; 2] {
    ["places", "holders"].map(|table| {
        let count = format!("SELECT count(*) FROM {table}");
        file.query_row(&count, [], |row| row.get(0)).unwrap()
    })
}

#[tokio::test]
async fn a_large_window_is_forgotten_and_its_places_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::default());
    let counter = open(folder.path(), &clock);
    let record: Vec<Place> = (1..=5000)
        .map(|seat| Place {
            holder: Holder::parse(&format!("job-{seat}")).unwrap(),
            seat,
            units: 1,
            at: clock.now(),
        })
        .collect();
    restore(&counter, &record, &clock).await;
    clock.set(END.parse().unwrap());
    clock.advance(Duration::from_secs(60 * 60));
    let mut next = key();
    next.window = Window {
        start: END.parse().unwrap(),
        end: "2026-11-24T21:00:00Z".parse().unwrap(),
    };
    let restored = lemon_contracts::restore(&counter, &next, &record[..1], clock.now());
    restored.await.unwrap();
    drop(counter);
    let file = rusqlite::Connection::open(folder.path().join("quota.db")).unwrap();
    assert_eq!(rows(&file), [1, 1]);
}
