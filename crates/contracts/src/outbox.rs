//! Cases of the `Outbox` contract.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{Backlog, OutboxEntry},
    traces::in_trace,
    values::{Task, TaskKind},
};

use crate::{
    given::{self, DAY, HOUR, MICROSECOND},
    store::Store,
};
use crate::{race::race, subject::Subject, traces::trace};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! outbox_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::outbox,
            $subject,
            [
                a_row_is_claimed_as_it_was_put,
                a_claimed_row_is_not_claimed_by_others,
                concurrent_claims_share_no_row_and_leave_none,
                a_claim_comes_back_after_the_lease_with_a_higher_attempt,
                rows_are_claimed_oldest_first_and_at_most_max,
                a_row_that_came_back_is_claimed_after_those_that_are_due_longer,
                a_postponed_row_waits_for_its_time,
                a_postponed_row_keeps_its_order,
                a_removed_row_is_never_claimed_again,
                a_row_can_be_removed_after_its_lease,
                removing_a_missing_row_changes_nothing,
                a_stale_attempt_postpones_nothing,
                every_kind_of_row_wakes_a_waiting_caller,
                a_row_put_before_the_wait_wakes_the_caller,
                rows_of_an_account_and_service_are_claimed_in_the_order_they_were_put,
                accounts_and_services_do_not_wait_for_one_another,
                removing_a_row_wakes_the_caller_for_the_rows_behind_it,
                concurrent_claims_do_not_skip_an_earlier_row,
                a_row_that_was_set_aside_is_not_claimed_and_delays_no_other_row,
                a_row_that_was_set_aside_can_be_removed,
                a_stale_attempt_sets_nothing_aside,
                the_backlog_counts_claimed_rows_and_the_age_of_the_oldest,
                every_kind_of_row_has_the_trace_context_of_its_call,
                rows_that_are_put_together_have_each_their_own_trace,
            ]
        );
    };
}

/// How long a wait for a change may take: far longer than it should.
const PATIENCE: Duration = Duration::from_secs(60);

fn in_hours(n: u32) -> DateTime<Utc> {
    given::now() + n * HOUR
}

async fn put(store: &dyn Store, rows: usize) {
    for n in 1..=rows {
        given::registered_person(store, n).await;
    }
}

async fn claim(store: &dyn Store, max: u32) -> Vec<OutboxEntry<Task>> {
    store.claim(max, HOUR, given::now()).await.unwrap()
}

async fn claim_at(store: &dyn Store, at: DateTime<Utc>) -> Vec<OutboxEntry<Task>> {
    store.claim(100, HOUR, at).await.unwrap()
}

fn numbers(rows: &[OutboxEntry<Task>]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

/// Contract 1.
pub async fn a_row_is_claimed_as_it_was_put(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let rows = claim(&*store, 10).await;
    assert_eq!(rows.len(), 1);
    let expected = OutboxEntry {
        id: rows[0].id,
        attempt: 1,
        content: Task {
            kind: TaskKind::Train,
            service: given::learn_me(),
            account: who.account,
        },
        request_id: given::request_id(1),
        created_at: given::now(),
        trace: None,
    };
    assert_eq!(rows, [expected]);
}

/// Contract 1.
pub async fn a_claimed_row_is_not_claimed_by_others(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    assert_eq!(claim(&*store, 10).await.len(), 1);
    assert_eq!(claim(&*store, 10).await, []);
}

/// Contract 1.
pub async fn concurrent_claims_share_no_row_and_leave_none(store: Subject<dyn Store>) {
    put(&*store, 64).await;
    let claims = race(32, |_| {
        let store = store.share();
        async move {
            let mut mine = Vec::new();
            loop {
                let rows = claim(&*store, 3).await;
                if rows.is_empty() {
                    return mine;
                }
                mine.extend(rows);
            }
        }
    })
    .await;
    let claimed = numbers(&claims.concat());
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!(claimed.len(), distinct.len(), "a row was claimed twice");
    // A claim that finds the rows locked by others may have returned early.
    let left = claim(&*store, 100).await;
    assert_eq!(claimed.len() + left.len(), 64);
}

/// Contract 2.
pub async fn a_claim_comes_back_after_the_lease_with_a_higher_attempt(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let first = claim(&*store, 10).await.remove(0);
    assert_eq!(claim_at(&*store, in_hours(1) - MICROSECOND).await, []);
    let second = OutboxEntry {
        attempt: 2,
        ..first.clone()
    };
    assert_eq!(claim_at(&*store, in_hours(1)).await, [second]);
    assert_eq!(claim_at(&*store, in_hours(2) - MICROSECOND).await, []);
    let third = OutboxEntry {
        attempt: 3,
        ..first
    };
    assert_eq!(claim_at(&*store, in_hours(2)).await, [third]);
}

/// Contract 3.
pub async fn a_row_that_came_back_is_claimed_after_those_that_are_due_longer(
    store: Subject<dyn Store>,
) {
    put(&*store, 1).await;
    let first = store.claim(1, HOUR, given::now()).await.unwrap().remove(0);
    given::registered_person(&*store, 2).await;
    for (expected, attempt) in [(2, 1), (1, 2)] {
        let next = store.claim(1, HOUR, in_hours(2)).await.unwrap().remove(0);
        assert_eq!(next.request_id, given::request_id(expected));
        assert_eq!(
            (next.id == first.id, next.attempt),
            (expected == 1, attempt)
        );
    }
}

/// Contract 3.
pub async fn rows_are_claimed_oldest_first_and_at_most_max(store: Subject<dyn Store>) {
    put(&*store, 5).await;
    let mut claimed = Vec::new();
    for expected in [2, 2, 1, 0] {
        let rows = claim(&*store, 2).await;
        assert_eq!(rows.len(), expected);
        claimed.extend(rows);
    }
    let numbers = numbers(&claimed);
    assert!(numbers.is_sorted(), "{numbers:?}");
    let requests: Vec<_> = claimed.into_iter().map(|row| row.request_id).collect();
    let expected: Vec<_> = (1..=5).map(given::request_id).collect();
    assert_eq!(requests, expected);
}

/// Contract 3.
pub async fn a_postponed_row_waits_for_its_time(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let row = claim(&*store, 10).await.remove(0);
    // Earlier than the end of its lease, then later.
    let soon = given::now() + HOUR / 2;
    store.postpone(&row, soon).await.unwrap();
    assert_eq!(claim_at(&*store, soon - MICROSECOND).await, []);
    let row = claim_at(&*store, soon).await.remove(0);
    assert_eq!(row.attempt, 2);
    let late = in_hours(10);
    store.postpone(&row, late).await.unwrap();
    assert_eq!(claim_at(&*store, late - MICROSECOND).await, []);
    assert_eq!(claim_at(&*store, late).await.remove(0).attempt, 3);
}

/// Contract 3.
pub async fn a_postponed_row_keeps_its_order(store: Subject<dyn Store>) {
    put(&*store, 3).await;
    let rows = claim(&*store, 10).await;
    store.postpone(&rows[0], in_hours(1)).await.unwrap();
    store.postpone(&rows[1], given::now()).await.unwrap();
    store.postpone(&rows[2], given::now()).await.unwrap();
    let due = claim(&*store, 10).await;
    assert_eq!(numbers(&due), [rows[1].id, rows[2].id]);
    let all = claim_at(&*store, in_hours(1)).await;
    assert_eq!(numbers(&all), numbers(&rows));
}

/// Contract 4.
pub async fn a_removed_row_is_never_claimed_again(store: Subject<dyn Store>) {
    put(&*store, 3).await;
    let rows = claim(&*store, 10).await;
    store.remove(&[rows[0].id, rows[2].id]).await.unwrap();
    let left = given::outbox(&*store).await;
    assert_eq!(numbers(&left), [rows[1].id]);
}

/// Contract 4.
pub async fn a_row_can_be_removed_after_its_lease(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let slow = claim(&*store, 10).await.remove(0);
    let other = claim_at(&*store, in_hours(1)).await.remove(0);
    store.remove(&[slow.id]).await.unwrap();
    store.postpone(&other, given::now()).await.unwrap();
    assert_eq!(given::outbox(&*store).await, []);
}

/// Contract 4.
pub async fn removing_a_missing_row_changes_nothing(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    store.remove(&[]).await.unwrap();
    store.remove(&[i64::MAX]).await.unwrap();
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 5.
pub async fn a_stale_attempt_postpones_nothing(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let slow = claim(&*store, 10).await.remove(0);
    let other = claim_at(&*store, in_hours(1)).await.remove(0);
    store.postpone(&slow, in_hours(1)).await.unwrap();
    assert_eq!(claim_at(&*store, in_hours(1)).await, []);
    store.postpone(&slow, in_hours(9)).await.unwrap();
    let at = in_hours(2);
    let again = store.claim(10, 9 * HOUR, at).await.unwrap();
    assert_eq!(numbers(&again), [other.id]);
    store.postpone(&other, at).await.unwrap();
    assert_eq!(claim_at(&*store, in_hours(3)).await, []);
    store.postpone(&again[0], at).await.unwrap();
    assert_eq!(claim_at(&*store, in_hours(3)).await.len(), 1);
}

/// Contract 6.
pub async fn every_kind_of_row_wakes_a_waiting_caller(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    for task in [TaskKind::Train, TaskKind::Notify, TaskKind::Delete] {
        let waiting = store.share();
        let woken = tokio::spawn(async move { waiting.changed().await });
        match task {
            TaskKind::Train => given::registered(&*store, given::request(who, 1)).await,
            TaskKind::Notify => {
                let ready = given::ready(who.account);
                let spare = given::request_id(500);
                store.finish(&ready, spare, given::now()).await.unwrap();
            }
            TaskKind::Delete => {
                assert!(
                    store
                        .delete(given::deletion(who.user))
                        .await
                        .unwrap()
                        .is_some()
                );
            }
        }
        let woken = tokio::time::timeout(PATIENCE, woken).await;
        woken.expect("a row was put and nobody was woken").unwrap();
    }
}

/// Contract 6.
pub async fn a_row_put_before_the_wait_wakes_the_caller(store: Subject<dyn Store>) {
    for n in 1..=3 {
        given::registered_person(&*store, n).await;
        let woken = tokio::time::timeout(PATIENCE, store.changed()).await;
        woken.expect("a row was put before the wait, which went on");
    }
}

/// A person with three rows: an earlier training's notification, a second training, and its notification.
async fn three_rows(store: &dyn Store) {
    let who = given::registered_person(store, 1).await;
    let ready = given::ready(who.account);
    let spare = given::request_id(500);
    store.finish(&ready, spare, given::now()).await.unwrap();
    let first = claim(store, 10).await;
    store.remove(&numbers(&first)).await.unwrap();
    given::registered(store, given::next_request(who, 1)).await;
    store.finish(&ready, spare, given::now()).await.unwrap();
}

/// Contract 7.
pub async fn rows_of_an_account_and_service_are_claimed_in_the_order_they_were_put(
    store: Subject<dyn Store>,
) {
    three_rows(&*store).await;
    let mut at = given::now() + 7 * DAY;
    for expected in [TaskKind::Notify, TaskKind::Train, TaskKind::Notify] {
        let claimed = claim_at(&*store, at).await;
        let tasks: Vec<_> = claimed.iter().map(|row| row.content.kind).collect();
        assert_eq!(tasks, [expected]);
        // No other row passes it, neither while it is claimed nor while it is postponed.
        assert_eq!(claim_at(&*store, at).await, []);
        store.postpone(&claimed[0], at + 2 * HOUR).await.unwrap();
        assert_eq!(claim_at(&*store, at + HOUR).await, []);
        at += 2 * HOUR;
        assert_eq!(numbers(&claim_at(&*store, at).await), [claimed[0].id]);
        store.remove(&[claimed[0].id]).await.unwrap();
    }
    assert_eq!(claim_at(&*store, at).await, []);
}

/// Contract 7.
pub async fn accounts_and_services_do_not_wait_for_one_another(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    assert_eq!(claim(&*store, 10).await.len(), 1);
    given::registered_person(&*store, 2).await;
    let other_service = given::of(given::draw_me(), given::request(who, 3));
    given::registered(&*store, other_service).await;
    assert_eq!(claim(&*store, 10).await.len(), 2);
}

/// Contract 6.
pub async fn removing_a_row_wakes_the_caller_for_the_rows_behind_it(store: Subject<dyn Store>) {
    three_rows(&*store).await;
    let at = given::now() + 7 * DAY;
    for _ in 0..3 {
        // The signal for the rows that were put, or for the removal.
        let woken = tokio::time::timeout(PATIENCE, store.changed()).await;
        woken.expect("a row came free and nobody was woken");
        let claimed = claim_at(&*store, at).await;
        assert_eq!(claimed.len(), 1);
        store.remove(&numbers(&claimed)).await.unwrap();
    }
}

/// Contract 7.
pub async fn concurrent_claims_do_not_skip_an_earlier_row(store: Subject<dyn Store>) {
    three_rows(&*store).await;
    let at = given::now() + 7 * DAY;
    let mut order = Vec::new();
    for _ in 0..3 {
        let claims = race(8, |_| {
            let store = store.share();
            async move { claim_at(&*store, at).await }
        })
        .await;
        let claimed = claims.concat();
        assert_eq!(claimed.len(), 1);
        store.remove(&numbers(&claimed)).await.unwrap();
        order.extend(numbers(&claimed));
    }
    assert!(order.is_sorted(), "{order:?}");
}

/// Contract 6 and 8.
pub async fn a_row_that_was_set_aside_is_not_claimed_and_delays_no_other_row(
    store: Subject<dyn Store>,
) {
    three_rows(&*store).await;
    let at = given::now() + 7 * DAY;
    for (left, expected) in [(2, TaskKind::Notify), (1, TaskKind::Train)] {
        // The signal for the rows that were put, or for the row that was set aside.
        let woken = tokio::time::timeout(PATIENCE, store.changed()).await;
        woken.expect("a row came free and nobody was woken");
        let claimed = claim_at(&*store, at).await;
        let tasks: Vec<_> = claimed.iter().map(|row| row.content.kind).collect();
        assert_eq!(tasks, [expected]);
        store.set_aside(&claimed[0], at).await.unwrap();
        let backlog = store.backlog(at).await.unwrap();
        assert_eq!((backlog.rows, backlog.set_aside), (left, 3 - left));
    }
    let last = claim_at(&*store, at + DAY).await;
    let tasks: Vec<_> = last.iter().map(|row| row.content.kind).collect();
    assert_eq!(tasks, [TaskKind::Notify]);
    store.remove(&numbers(&last)).await.unwrap();
    assert_eq!(claim_at(&*store, at + 365 * DAY).await, []);
    let backlog = store.backlog(at + 365 * DAY).await.unwrap();
    let left = Backlog {
        rows: 0,
        oldest: Duration::ZERO,
        set_aside: 2,
    };
    assert_eq!(backlog, left);
}

/// Contract 8.
pub async fn a_row_that_was_set_aside_can_be_removed(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let row = claim(&*store, 1).await.remove(0);
    store.set_aside(&row, given::now()).await.unwrap();
    store.remove(&[row.id]).await.unwrap();
    assert_eq!(store.backlog(given::now()).await.unwrap().set_aside, 0);
}

/// Contract 8.
pub async fn a_stale_attempt_sets_nothing_aside(store: Subject<dyn Store>) {
    put(&*store, 1).await;
    let slow = claim(&*store, 1).await.remove(0);
    let other = claim_at(&*store, in_hours(1)).await.remove(0);
    store.set_aside(&slow, in_hours(1)).await.unwrap();
    assert_eq!(numbers(&claim_at(&*store, in_hours(2)).await), [other.id]);
}

/// `backlog`.
pub async fn the_backlog_counts_claimed_rows_and_the_age_of_the_oldest(store: Subject<dyn Store>) {
    let none = Backlog {
        rows: 0,
        oldest: Duration::ZERO,
        set_aside: 0,
    };
    assert_eq!(store.backlog(given::now()).await.unwrap(), none);
    put(&*store, 2).await;
    let claimed = claim(&*store, 1).await;
    let late = in_hours(3);
    let two = Backlog {
        rows: 2,
        oldest: 3 * HOUR,
        set_aside: 0,
    };
    assert_eq!(store.backlog(late).await.unwrap(), two);
    let left = claim(&*store, 1).await;
    store.remove(&[claimed[0].id, left[0].id]).await.unwrap();
    assert_eq!(store.backlog(late).await.unwrap(), none);
}

/// Contract 10.
pub async fn every_kind_of_row_has_the_trace_context_of_its_call(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let (ready, spare) = (given::ready(who.account), given::request_id(500));
    let training = given::registered(&*store, given::request(who, 1));
    in_trace(Some(trace(1)), training).await;
    let finishing = store.finish(&ready, spare, given::now());
    in_trace(Some(trace(2)), finishing).await.unwrap();
    let rows = given::outbox(&*store).await;
    let traces: Vec<_> = rows.into_iter().map(|row| row.trace).collect();
    assert_eq!(traces, [Some(trace(1)), Some(trace(2))]);
    let deleting = store.delete(given::deletion(who.user));
    in_trace(Some(trace(3)), deleting).await.unwrap();
    assert_eq!(given::outbox(&*store).await[0].trace, Some(trace(3)));
    // A call without a trace puts a row without one.
    store.finish(&ready, spare, given::now()).await.unwrap();
    assert_eq!(given::outbox(&*store).await[0].trace, None);
}

/// Contract 10: also where a store writes the requests of several calls at once.
pub async fn rows_that_are_put_together_have_each_their_own_trace(store: Subject<dyn Store>) {
    let mut people = Vec::new();
    for n in 1..=16 {
        people.push(given::person(&*store, n).await);
    }
    race(16, |n| {
        let (store, who) = (store.share(), people[n]);
        let seat = u32::try_from(n + 1).unwrap();
        async move {
            let registering = given::registered(&*store, given::request(who, seat));
            in_trace((n % 4 != 0).then(|| trace(n)), registering).await;
        }
    })
    .await;
    let rows = given::outbox(&*store).await;
    assert_eq!(rows.len(), 16);
    for row in rows {
        let n = (0..16).find(|n| given::request_id(n + 1) == row.request_id);
        let n = n.unwrap();
        assert_eq!(row.trace, (n % 4 != 0).then(|| trace(n)));
    }
}
