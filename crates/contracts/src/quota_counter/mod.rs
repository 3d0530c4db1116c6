//! Cases of the [`QuotaCounter`] contract. Each name says what the case shows; the number is the contract's.
//!
//! A subject is a fresh, empty counter. Windows end in the year 2100, so that no counter expires them by its own clock.

mod answering;
mod reserving;
mod restoring;
mod segments;

pub use answering::*;
pub use reserving::*;
pub use restoring::*;
pub use segments::*;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{QuotaCounter, Reservation, ReserveOutcome, Taken},
    values::{Budget, BudgetKey, BudgetName, BudgetState, Holder, Place, Scope, Window},
};

use crate::{race::race, subject::Subject};

/// Emits the cases of the `QuotaCounter` contract. `$subject` is an async function without arguments that answers a
/// `Subject<dyn QuotaCounter>`, fresh and empty.
#[macro_export]
macro_rules! quota_counter_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::quota_counter,
            $subject,
            [
                a_crowd_gets_exactly_the_places_there_are,
                units_are_counted_and_never_exceeded,
                an_exhausted_budget_takes_nothing_from_the_others,
                a_crowd_on_two_budgets_is_limited_by_the_one_that_is_exhausted_first,
                a_repeated_reservation_finds_its_own_place,
                a_crowd_of_one_holder_takes_one_place,
                a_holder_keeps_their_place_in_an_exhausted_budget,
                a_held_place_and_a_new_one_are_answered_together,
                a_refusal_names_the_budgets_in_which_the_holder_has_a_place,
                holders_whose_texts_begin_alike_are_different,
                a_seat_is_the_lowest_that_is_free,
                a_storm_of_reservations_and_releases_never_shares_a_seat,
                a_released_place_can_be_taken_again,
                a_release_of_a_place_that_is_not_held_changes_nothing,
                a_late_release_takes_nothing_from_a_later_call,
                a_window_that_was_never_restored_admits_nobody,
                an_unknown_budget_takes_nothing_from_the_known_ones,
                a_restored_place_is_held_with_its_seat_and_units,
                a_restore_keeps_young_reservations_and_drops_old_ones,
                a_place_asked_for_again_counts_as_young,
                a_restore_gives_a_seat_to_its_holder_in_the_record,
                a_restore_moves_a_holder_to_the_seat_of_the_record,
                a_restore_changes_no_other_budget,
                a_restore_while_a_crowd_reserves_keeps_the_count_exact,
                windows_scopes_and_budgets_are_independent,
                budgets_of_several_scopes_are_taken_in_one_step,
                a_lowered_limit_admits_nobody_and_takes_nothing_away,
                an_earlier_window_is_remembered_when_the_next_begins,
                a_window_that_is_being_restored_admits_nobody,
                all_callers_that_begin_share_one_restoration,
                an_abandoned_restoration_continues_where_it_stopped,
                a_step_that_does_not_name_the_windows_restoration_changes_nothing,
                each_segment_is_restored_by_itself,
                a_holder_is_moved_from_another_segment,
                sums_are_those_of_the_places_that_are_held,
                sums_differ_by_holder_seat_and_units_and_not_by_time,
                a_restored_segment_has_the_sums_of_the_record,
                every_call_may_be_repeated,
                any_text_can_be_a_holder,
                a_dropped_call_leaves_nothing_half_done,
                an_answer_carries_the_state_at_the_moment_of_the_decision,
                each_caller_of_a_crowd_gets_a_different_state,
                a_window_of_a_hundred_thousand_places_is_restored,
            ]
        );
    };
}

fn at() -> DateTime<Utc> {
    "2026-11-23T03:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    at() + TimeDelta::seconds(seconds)
}

fn key(scope: &str, budget: &str, start: &str) -> BudgetKey {
    BudgetKey {
        scope: Scope::parse(scope).unwrap(),
        budget: BudgetName::parse(budget).unwrap(),
        window: Window {
            start: start.parse().unwrap(),
            end: "2100-01-01T00:00:00Z".parse().unwrap(),
        },
    }
}

fn daily(limit: u32) -> Budget {
    Budget {
        key: key("LEARNME", "daily", "2026-11-22T21:00:00Z"),
        limit,
        units: 1,
    }
}

fn reads(limit: u32, units: u32) -> Budget {
    Budget {
        key: key("LEARNME", "reads", "2026-11-22T21:00:00Z"),
        limit,
        units,
    }
}

fn holder(user: i64) -> Holder {
    Holder::parse(&format!("{user}:1")).unwrap()
}

fn place(user: i64, seat: u32, units: u32) -> Place {
    Place {
        holder: holder(user),
        seat,
        units,
        at: at(),
    }
}

fn wish(holder: Holder, budgets: &[&Budget], at: DateTime<Utc>) -> Reservation {
    Reservation {
        holder,
        budgets: budgets.iter().copied().cloned().collect(),
        at,
    }
}

async fn reserve(counter: &dyn QuotaCounter, user: i64, budgets: &[&Budget]) -> ReserveOutcome {
    let wish = wish(holder(user), budgets, at());
    counter.reserve(&wish).await.unwrap()
}

fn places(outcome: ReserveOutcome) -> Vec<Taken> {
    match outcome {
        ReserveOutcome::Reserved(places) => places,
        other => panic!("no place was given: {other:?}"),
    }
}

async fn seat(counter: &dyn QuotaCounter, user: i64, budget: &Budget) -> u32 {
    places(reserve(counter, user, &[budget]).await)[0].seat
}

/// The refusal by a budget that has `used` units taken.
fn refused(budget: &Budget, used: u32, held: &[&Budget]) -> ReserveOutcome {
    ReserveOutcome::Exhausted {
        state: state(budget, used),
        held: held.iter().map(|budget| budget.key.clone()).collect(),
    }
}

fn state(budget: &Budget, used: u32) -> BudgetState {
    BudgetState {
        key: budget.key.clone(),
        limit: budget.limit,
        used,
    }
}

async fn restore(counter: &dyn QuotaCounter, budget: &Budget, record: &[Place]) {
    restore_as_of(counter, budget, record, at()).await;
}

async fn restore_as_of(
    counter: &dyn QuotaCounter,
    budget: &Budget,
    record: &[Place],
    as_of: DateTime<Utc>,
) {
    let restored = crate::restore(counter, &budget.key, record, as_of);
    restored.await.unwrap();
}

async fn used(counter: &dyn QuotaCounter, budget: &Budget) -> Option<u32> {
    let keys = std::slice::from_ref(&budget.key);
    counter.usage(keys).await.unwrap()[0]
}

/// The users from 1 on, all at once.
async fn crowd(
    counter: &Subject<dyn QuotaCounter>,
    users: usize,
    budgets: &[&Budget],
) -> Vec<ReserveOutcome> {
    let wishes = (1..).map(|user| wish(holder(user), budgets, at()));
    ask_at_once(counter, wishes.take(users).collect()).await
}

async fn ask_at_once(
    counter: &Subject<dyn QuotaCounter>,
    wishes: Vec<Reservation>,
) -> Vec<ReserveOutcome> {
    race(wishes.len(), |index| {
        let (counter, wish) = (counter.share(), wishes[index].clone());
        async move { counter.reserve(&wish).await.unwrap() }
    })
    .await
}

/// Seats in the `index`-th budget, each of which must be given once.
fn distinct_seats(outcomes: &[ReserveOutcome], index: usize) -> BTreeSet<u32> {
    let mut seats = BTreeSet::new();
    for outcome in outcomes {
        if let ReserveOutcome::Reserved(places) = outcome {
            let seat = places[index].seat;
            assert!(seats.insert(seat), "seat {seat} was given twice");
        }
    }
    seats
}
