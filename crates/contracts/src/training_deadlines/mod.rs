//! Cases of the `TrainingDeadlines` contract.
//!
//! They happen long ago, because a store uses its own clock if a caller's is ahead of it.

mod announcing;
mod failing;
mod overdue;
mod retrying;

pub use announcing::*;
pub use failing::*;
pub use overdue::*;
pub use retrying::*;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{NewRegistration, OutboxEntry, OverdueOutcome, OverdueStep, OverdueTraining},
    values::{BudgetKey, Identity, Registration, Task, Window},
};

use crate::{
    given::{self, DAY, HOUR},
    store::Store,
};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! training_deadlines_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::training_deadlines,
            $subject,
            [
                a_training_is_overdue_from_the_end_of_its_deadline_on,
                a_finished_deleted_or_replaced_training_is_not_overdue,
                overdue_trainings_of_a_service_come_longest_overdue_first,
                overdue_trainings_are_found_one_position_after_another,
                a_prompt_claim_leaves_the_deadline_as_it_is,
                a_late_claim_starts_the_deadline_again,
                a_callers_clock_that_is_ahead_makes_nothing_overdue,
                announcing_puts_one_train_row_with_the_same_request_id,
                one_of_concurrent_announcements_takes_effect,
                one_of_concurrent_failures_takes_effect,
                a_step_that_was_overtaken_changes_nothing,
                failing_sets_the_state_and_ends_the_cooldown,
                failing_gives_back_the_places_of_the_running_windows,
                failing_gives_back_the_places_of_its_service_in_a_shared_budget,
                a_failed_training_is_not_overdue_and_can_be_requested_at_once,
                a_row_that_was_not_sent_starts_the_deadline_again,
                a_step_does_not_wait_for_a_row_that_was_set_aside,
                a_failed_training_still_finishes_once,
                failing_leaves_ready_and_public_as_they_are,
                a_retry_announces_a_training_at_once_whatever_its_deadline,
                a_retry_does_not_put_a_second_row,
                a_retry_releases_a_row_that_was_set_aside,
                a_training_that_has_ended_is_not_announced,
                a_request_that_was_deleted_or_never_made_is_unknown,
                one_of_concurrent_retries_puts_a_row,
            ]
        );
    };
}

/// Noon of a Monday in Seoul.
fn long_ago() -> DateTime<Utc> {
    given::time("2020-01-06T03:00:00.123456Z")
}

fn day(n: u32) -> BudgetKey {
    let start = given::time("2020-01-05T21:00:00Z") + n * DAY;
    BudgetKey {
        window: Window {
            start,
            end: start + DAY,
        },
        ..given::today()
    }
}

fn month() -> BudgetKey {
    BudgetKey {
        window: Window {
            start: given::time("2019-12-31T21:00:00Z"),
            end: given::time("2020-01-31T21:00:00Z"),
        },
        ..given::reads()
    }
}

/// A request of long ago: a place of the day, 60 of 100 units of the month, and a cooldown of seven days.
fn request(who: Identity, seat: u32) -> NewRegistration {
    let mut reads = given::place(month(), seat);
    (reads.units, reads.limit) = (60, 100);
    NewRegistration {
        places: vec![given::place(day(0), seat), reads],
        at: long_ago(),
        cooldown_until: long_ago() + 7 * DAY,
        ..given::request(who, seat)
    }
}

/// The same without the month's budget.
fn daily_request(who: Identity, seat: u32) -> NewRegistration {
    let mut new = request(who, seat);
    new.places.truncate(1);
    new
}

/// Sends the rows of the outbox, as a relay would at that time.
async fn send(store: &dyn Store, at: DateTime<Utc>) -> Vec<OutboxEntry<Task>> {
    let sent = store.claim(100, HOUR, at).await.unwrap();
    let ids: Vec<_> = sent.iter().map(|row| row.id).collect();
    store.remove(&ids).await.unwrap();
    sent
}

/// A person whose training was announced long ago.
async fn announced(store: &dyn Store, n: usize) -> Identity {
    let who = given::person(store, n).await;
    let seat = u32::try_from(n).unwrap();
    given::registered(store, daily_request(who, seat)).await;
    send(store, long_ago()).await;
    who
}

/// The trainings that are overdue at that time, with a deadline of an hour.
async fn overdue(store: &dyn Store, at: DateTime<Utc>) -> Vec<OverdueTraining> {
    let service = given::learn_me();
    store.overdue(&service, HOUR, None, 100, at).await.unwrap()
}

async fn overdue_one(store: &dyn Store, at: DateTime<Utc>) -> OverdueTraining {
    let mut found = overdue(store, at).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn fail() -> OverdueStep {
    OverdueStep::Fail {
        running: vec![day(0), month()],
    }
}

async fn settle(store: &dyn Store, it: &OverdueTraining, step: OverdueStep) -> OverdueOutcome {
    store.settle(it, step).await.unwrap()
}

async fn registration(store: &dyn Store, who: Identity) -> Registration {
    store.list(who.user).await.unwrap().remove(0)
}
