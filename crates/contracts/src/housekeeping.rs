//! Cases of the `Housekeeping` contract.

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{
        Expiring, NewRegistration, PURGE_PORTION, PURGE_SLACK, PendingSignIn, ReservedPlace,
        SignInClaim,
    },
    values::{BudgetKey, Identity, RequestToken, Verifier, Window},
};

use crate::{
    given::{self, DAY, HOUR, MICROSECOND},
    store::Store,
};
use crate::{race::race, subject::Subject};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! housekeeping_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::housekeeping,
            $subject,
            [
                nothing_is_purged_from_an_empty_store,
                expired_pending_sign_ins_are_removed,
                a_use_and_its_places_are_removed_when_the_cooldown_ends_last,
                a_use_and_its_places_are_removed_when_the_window_ends_last,
                a_use_stays_while_any_of_its_windows_runs,
                a_place_whose_window_is_over_stays_while_the_cooldown_runs,
                places_of_an_earlier_use_are_removed_when_their_window_ends,
                a_deletion_removes_no_row_earlier,
                an_attempt_is_removed_when_it_need_not_be_remembered,
                registrations_accounts_and_outbox_rows_stay,
                after_the_use_is_removed_the_first_turn_is_used_again,
                a_clock_that_is_ahead_removes_nothing,
                a_row_that_expired_within_the_slack_stays,
                one_call_removes_a_portion_of_one_kind,
                purges_that_overlap_remove_each_row_once,
                the_stores_clock_advances_normally,
            ]
        );
    };
}

/// How many rows of each kind were removed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gone {
    pending_sign_ins: u64,
    uses: u64,
    places: u64,
    attempts: u64,
}

const NOTHING: Gone = Gone {
    pending_sign_ins: 0,
    uses: 0,
    places: 0,
    attempts: 0,
};

const A_USE_WITH_ONE_PLACE: Gone = Gone {
    uses: 1,
    places: 1,
    ..NOTHING
};

/// Removes everything that is expired at an instant, as the upkeep does when the slack is over, too.
async fn purge(store: &dyn Store, at: DateTime<Utc>) -> Gone {
    purge_by(store, at + PURGE_SLACK).await
}

/// Removes everything that a clock with this time can remove.
async fn purge_by(store: &dyn Store, now: DateTime<Utc>) -> Gone {
    let mut gone = NOTHING;
    // Whether totals are rows depends on the store.
    let mut totals = 0;
    // The suites of `Revocations` and of `JobTickets` are about these.
    let (mut revocations, mut tickets) = (0, 0);
    for what in Expiring::ALL {
        let rows = match what {
            Expiring::PendingSignIns => &mut gone.pending_sign_ins,
            Expiring::Attempts => &mut gone.attempts,
            Expiring::Places => &mut gone.places,
            Expiring::Uses => &mut gone.uses,
            Expiring::BudgetTotals => &mut totals,
            Expiring::Revocations => &mut revocations,
            Expiring::JobTickets => &mut tickets,
        };
        loop {
            let purged = store.purge(what, now).await.unwrap();
            *rows += purged.rows;
            if !purged.more {
                break;
            }
        }
    }
    gone
}

fn pending(n: usize, expires_at: DateTime<Utc>) -> PendingSignIn {
    PendingSignIn {
        token: RequestToken::parse(format!("request-token-{n}")).unwrap(),
        secret: given::sealed(1),
        expires_at,
    }
}

async fn is_recorded(store: &dyn Store, who: Identity) -> bool {
    let last_use = store.last_use(who.user, &given::learn_me()).await;
    last_use.unwrap().is_some()
}

async fn count(store: &dyn Store, key: &BudgetKey) -> usize {
    store.places(key).await.unwrap().len()
}

/// A request with a place for today and one of the reads, and a cooldown of an hour.
fn with_reads(who: Identity) -> NewRegistration {
    NewRegistration {
        places: vec![
            given::place(given::today(), 1),
            given::place(given::reads(), 1),
        ],
        cooldown_until: given::now() + HOUR,
        ..given::request(who, 1)
    }
}

/// Contract 4.
pub async fn nothing_is_purged_from_an_empty_store(store: Subject<dyn Store>) {
    assert_eq!(purge(&*store, given::now()).await, NOTHING);
}

/// Contract 1.
pub async fn expired_pending_sign_ins_are_removed(store: Subject<dyn Store>) {
    let expiry = |n: u32| given::now() + n * HOUR;
    for n in 1..=3 {
        let pending = pending(usize::try_from(n).unwrap(), expiry(n));
        store.put(pending).await.unwrap();
    }
    let two = Gone {
        pending_sign_ins: 2,
        ..NOTHING
    };
    assert_eq!(purge(&*store, expiry(1) - MICROSECOND).await, NOTHING);
    assert_eq!(purge(&*store, expiry(2)).await, two);
    assert_eq!(purge(&*store, expiry(2)).await, NOTHING);
    let (kept, claim) = (pending(3, expiry(3)), Verifier::parse("verifier").unwrap());
    let claim = SignInClaim::of(&claim);
    let taken = store.take(&kept.token, &claim, expiry(2)).await;
    assert_eq!(taken.unwrap(), Some(kept));
}

/// Contract 2.
pub async fn a_use_and_its_places_are_removed_when_the_cooldown_ends_last(
    store: Subject<dyn Store>,
) {
    let who = given::registered_person(&*store, 1).await;
    let end = given::request(who, 1).cooldown_until;
    assert_eq!(purge(&*store, end - MICROSECOND).await, NOTHING);
    assert!(is_recorded(&*store, who).await);
    assert_eq!(purge(&*store, end).await, A_USE_WITH_ONE_PLACE);
    assert!(!is_recorded(&*store, who).await);
    assert_eq!(count(&*store, &given::today()).await, 0);
    assert_eq!(purge(&*store, end).await, NOTHING);
}

/// Contract 2.
pub async fn a_use_and_its_places_are_removed_when_the_window_ends_last(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let brief = NewRegistration {
        cooldown_until: given::now() + HOUR,
        ..given::request(who, 1)
    };
    given::registered(&*store, brief).await;
    let end = given::today().window.end;
    assert_eq!(purge(&*store, end - MICROSECOND).await, NOTHING);
    assert!(is_recorded(&*store, who).await);
    assert_eq!(count(&*store, &given::today()).await, 1);
    assert_eq!(purge(&*store, end).await, A_USE_WITH_ONE_PLACE);
    assert!(!is_recorded(&*store, who).await);
    assert_eq!(count(&*store, &given::today()).await, 0);
}

/// Contract 2.
pub async fn a_use_stays_while_any_of_its_windows_runs(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, with_reads(who)).await;
    let one_place = Gone {
        places: 1,
        ..NOTHING
    };
    assert_eq!(purge(&*store, given::today().window.end).await, one_place);
    assert_eq!(count(&*store, &given::reads()).await, 1);
    let end = given::reads().window.end;
    assert_eq!(purge(&*store, end - MICROSECOND).await, NOTHING);
    assert!(is_recorded(&*store, who).await);
    assert_eq!(count(&*store, &given::reads()).await, 1);
    assert_eq!(purge(&*store, end).await, A_USE_WITH_ONE_PLACE);
    assert!(!is_recorded(&*store, who).await);
}

/// Contract 4.
pub async fn a_place_whose_window_is_over_stays_while_the_cooldown_runs(store: Subject<dyn Store>) {
    given::registered_person(&*store, 1).await;
    assert_eq!(purge(&*store, given::today().window.end).await, NOTHING);
    assert_eq!(count(&*store, &given::today()).await, 1);
}

/// Contract 2 and 4: the record of a window stays complete while the window runs.
pub async fn places_of_an_earlier_use_are_removed_when_their_window_ends(
    store: Subject<dyn Store>,
) {
    let who = given::person(&*store, 1).await;
    given::registered(&*store, with_reads(who)).await;
    let second = NewRegistration {
        places: vec![
            given::place(given::next_week(), 1),
            given::place(given::reads(), 2),
        ],
        cooldown_until: given::now() + 7 * DAY + HOUR,
        ..given::next_request(who, 1)
    };
    given::registered(&*store, second).await;
    let end = given::reads().window.end;
    purge(&*store, end - MICROSECOND).await;
    assert_eq!(count(&*store, &given::today()).await, 0);
    assert_eq!(count(&*store, &given::next_week()).await, 0);
    assert_eq!(count(&*store, &given::reads()).await, 2);
    purge(&*store, end).await;
    assert_eq!(count(&*store, &given::reads()).await, 0);
    assert!(!is_recorded(&*store, who).await);
}

/// Contract 4.
pub async fn a_deletion_removes_no_row_earlier(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    assert!(
        store
            .delete(given::deletion(who.user))
            .await
            .unwrap()
            .is_some()
    );
    let end = given::request(who, 1).cooldown_until;
    assert_eq!(purge(&*store, end - MICROSECOND).await, NOTHING);
    assert!(is_recorded(&*store, who).await);
    assert_eq!(purge(&*store, end).await, A_USE_WITH_ONE_PLACE);
}

/// Contract 3.
pub async fn an_attempt_is_removed_when_it_need_not_be_remembered(store: Subject<dyn Store>) {
    let who = given::person(&*store, 1).await;
    let attempt = given::attempt("attempt 1");
    let new = NewRegistration {
        attempt: Some(attempt.clone()),
        ..given::request(who, 1)
    };
    given::registered(&*store, new).await;
    let is_remembered = async || {
        let service = given::learn_me();
        let answered = store.answered(who.user, &service, &attempt.key);
        answered.await.unwrap().is_some()
    };
    let end = attempt.remembered_until;
    assert_eq!(
        purge(&*store, end - MICROSECOND).await,
        A_USE_WITH_ONE_PLACE
    );
    assert!(is_remembered().await);
    let one_attempt = Gone {
        attempts: 1,
        ..NOTHING
    };
    assert_eq!(purge(&*store, end).await, one_attempt);
    assert!(!is_remembered().await);
}

/// Contract 4.
pub async fn registrations_accounts_and_outbox_rows_stay(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    let account = store.account(who.account).await.unwrap();
    let list = store.list(who.user).await.unwrap();
    let later = given::now() + 100 * DAY;
    assert_eq!(purge(&*store, later).await, A_USE_WITH_ONE_PLACE);
    assert!(account.is_some());
    assert_eq!(store.account(who.account).await.unwrap(), account);
    assert_eq!(list.len(), 1);
    assert_eq!(store.list(who.user).await.unwrap(), list);
    assert_eq!(given::rows(&*store).await, 1);
}

/// Contract 2.
pub async fn after_the_use_is_removed_the_first_turn_is_used_again(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    purge(&*store, given::request(who, 1).cooldown_until).await;
    let again = NewRegistration {
        turn: 1,
        ..given::next_request(who, 1)
    };
    given::registered(&*store, again.clone()).await;
    let list = store.list(who.user).await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].request_id, again.request_id);
    assert_eq!(count(&*store, &given::next_week()).await, 1);
}

/// A person whose request was stored some time before an instant of the store's own clock, and whose rows all expire at
/// that instant.
async fn expiring_at(store: &dyn Store, expiry: DateTime<Utc>) -> Identity {
    let who = given::person(store, 1).await;
    let window = Window {
        start: expiry - DAY,
        end: expiry,
    };
    let key = BudgetKey {
        window,
        ..given::today()
    };
    let mut attempt = given::attempt("attempt 1");
    attempt.remembered_until = expiry;
    let new = NewRegistration {
        places: vec![ReservedPlace {
            key,
            ..given::place(given::today(), 1)
        }],
        attempt: Some(attempt),
        at: expiry - HOUR,
        cooldown_until: expiry,
        ..given::request(who, 1)
    };
    given::registered(store, new).await;
    store.put(pending(1, expiry)).await.unwrap();
    who
}

/// Contract 1: by the store's own clock, nothing has expired yet.
pub async fn a_clock_that_is_ahead_removes_nothing(store: Subject<dyn Store>) {
    let time = store.time().await.unwrap();
    let who = expiring_at(&*store, time + HOUR).await;
    for ahead in [2 * HOUR, 8 * DAY, 10_000 * DAY] {
        assert_eq!(purge_by(&*store, time + ahead + PURGE_SLACK).await, NOTHING);
    }
    assert!(is_recorded(&*store, who).await);
}

/// Contract 1: also if the caller's clock is ahead of the store's.
pub async fn a_row_that_expired_within_the_slack_stays(store: Subject<dyn Store>) {
    let time = store.time().await.unwrap();
    let expiry = time - PURGE_SLACK / 2;
    expiring_at(&*store, expiry).await;
    assert_eq!(purge_by(&*store, time).await, NOTHING);
    assert_eq!(purge_by(&*store, time + 8 * DAY).await, NOTHING);
}

/// Contract 5.
pub async fn one_call_removes_a_portion_of_one_kind(store: Subject<dyn Store>) {
    let who = expiring_at(&*store, given::now()).await;
    let portion = usize::try_from(PURGE_PORTION).unwrap();
    // The first of them is there.
    for n in 2..portion + 3 {
        store.put(pending(n, given::now())).await.unwrap();
    }
    let now = given::now() + PURGE_SLACK;
    let first = store.purge(Expiring::PendingSignIns, now).await.unwrap();
    assert_eq!((first.rows, first.more), (u64::from(PURGE_PORTION), true));
    let second = store.purge(Expiring::PendingSignIns, now).await.unwrap();
    assert_eq!((second.rows, second.more), (2, false));
    assert!(is_recorded(&*store, who).await);
    let rest = Gone {
        attempts: 1,
        ..A_USE_WITH_ONE_PLACE
    };
    assert_eq!(purge_by(&*store, now).await, rest);
}

/// Contract 6.
pub async fn purges_that_overlap_remove_each_row_once(store: Subject<dyn Store>) {
    for n in 0..50 {
        store.put(pending(n, given::now())).await.unwrap();
    }
    let now = given::now() + PURGE_SLACK;
    let purged = race(4, |_| {
        let store = store.share();
        async move { store.purge(Expiring::PendingSignIns, now).await.unwrap() }
    })
    .await;
    let rows: u64 = purged.iter().map(|purged| purged.rows).sum();
    assert_eq!(rows, 50);
}

/// Contract 1: a later call never gets an earlier time, and no time that is a year later.
pub async fn the_stores_clock_advances_normally(store: Subject<dyn Store>) {
    let before = store.time().await.unwrap();
    let after = store.time().await.unwrap();
    assert!(before <= after && after < before + 365 * DAY);
}
