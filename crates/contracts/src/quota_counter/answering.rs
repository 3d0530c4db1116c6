use std::collections::BTreeSet;

use lemon_domain::{ports::QuotaCounter, values::Budget};

use super::{crowd, daily, place, places, reads, refused, reserve, restore, state};
use crate::subject::Subject;

/// 16: for each budget, with its limit. The state includes the place that was given; a refusal names the exhausted budget.
pub async fn an_answer_carries_the_state_at_the_moment_of_the_decision(
    counter: Subject<dyn QuotaCounter>,
) {
    let (daily, reads) = (daily(5), reads(10, 4));
    restore(&*counter, &daily, &[place(9, 2, 1)]).await;
    restore(&*counter, &reads, &[]).await;
    for (user, units) in [(1, 4), (2, 8)] {
        let taken = places(reserve(&*counter, user, &[&daily, &reads]).await);
        let user = u32::try_from(user).unwrap();
        let states = taken.into_iter().map(|taken| taken.state);
        let expected = [state(&daily, 1 + user), state(&reads, units)];
        assert!(states.eq(expected), "{user}");
    }
    let outcome = reserve(&*counter, 3, &[&daily, &reads]).await;
    assert_eq!(outcome, refused(&reads, 8, &[]));
    let lowered = Budget {
        limit: 6,
        ..reads.clone()
    };
    let outcome = reserve(&*counter, 3, &[&daily, &lowered]).await;
    assert_eq!(outcome, refused(&lowered, 8, &[]));
    let again = places(reserve(&*counter, 1, &[&lowered]).await);
    assert_eq!(again[0].state, state(&lowered, 8));
}

/// 1, 16: no two callers get the same number of taken places, and the last one gets the limit.
pub async fn each_caller_of_a_crowd_gets_a_different_state(counter: Subject<dyn QuotaCounter>) {
    let daily = daily(100);
    restore(&*counter, &daily, &[]).await;
    let outcomes = crowd(&counter, 100, &[&daily]).await;
    let told: BTreeSet<u32> = outcomes
        .into_iter()
        .map(|outcome| places(outcome)[0].state.used)
        .collect();
    assert_eq!(told, (1..=100).collect());
}
