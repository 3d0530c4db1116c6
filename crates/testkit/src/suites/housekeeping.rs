//! Cases of the `Housekeeping` contract.

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{NewRegistration, PendingSignIn, Purged},
    values::{BudgetKey, Identity, RequestToken},
};

use super::{
    Store,
    given::{self, DAY, HOUR, MICROSECOND},
};
use crate::Subject;

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::suites::Store).
#[macro_export]
macro_rules! housekeeping_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::suites::housekeeping,
            $subject,
            [
                nothing_is_purged_from_an_empty_store,
                expired_pending_sign_ins_go,
                a_use_goes_with_its_places_when_its_cooldown_ends_last,
                a_use_goes_with_its_places_when_its_window_ends_last,
                a_use_stays_while_any_of_its_windows_runs,
                a_place_whose_window_is_over_stays_while_the_cooldown_runs,
                places_of_an_earlier_use_go_with_their_window,
                a_deletion_hastens_nothing,
                an_attempt_goes_when_it_need_not_be_remembered,
                registrations_accounts_and_outbox_rows_stay,
                after_the_use_has_gone_the_first_turn_comes_again,
            ]
        );
    };
}

const NOTHING: Purged = Purged {
    pending_sign_ins: 0,
    uses: 0,
    places: 0,
    attempts: 0,
};

const A_USE_WITH_ONE_PLACE: Purged = Purged {
    uses: 1,
    places: 1,
    ..NOTHING
};

async fn purge(store: &dyn Store, at: DateTime<Utc>) -> Purged {
    store.purge(at).await.unwrap()
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
pub async fn expired_pending_sign_ins_go(store: Subject<dyn Store>) {
    let pending = |n: u8| PendingSignIn {
        token: RequestToken::parse(format!("request-token-{n}")).unwrap(),
        secret: given::sealed(n),
        expires_at: given::now() + u32::from(n) * HOUR,
    };
    for n in 1..=3 {
        store.put(pending(n)).await.unwrap();
    }
    let two = Purged {
        pending_sign_ins: 2,
        ..NOTHING
    };
    let at = pending(2).expires_at;
    assert_eq!(purge(&*store, at).await, two);
    assert_eq!(purge(&*store, at).await, NOTHING);
    let kept = store.take(&pending(3).token, at).await.unwrap();
    assert_eq!(kept, Some(pending(3)));
}

/// Contract 2.
pub async fn a_use_goes_with_its_places_when_its_cooldown_ends_last(store: Subject<dyn Store>) {
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
pub async fn a_use_goes_with_its_places_when_its_window_ends_last(store: Subject<dyn Store>) {
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
    let one_place = Purged {
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

/// Contract 2 and 4: the record of a window is whole for as long as the window runs.
pub async fn places_of_an_earlier_use_go_with_their_window(store: Subject<dyn Store>) {
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
pub async fn a_deletion_hastens_nothing(store: Subject<dyn Store>) {
    let who = given::registered_person(&*store, 1).await;
    assert!(store.delete(given::deletion(who.user)).await.unwrap());
    let end = given::request(who, 1).cooldown_until;
    assert_eq!(purge(&*store, end - MICROSECOND).await, NOTHING);
    assert!(is_recorded(&*store, who).await);
    assert_eq!(purge(&*store, end).await, A_USE_WITH_ONE_PLACE);
}

/// Contract 3.
pub async fn an_attempt_goes_when_it_need_not_be_remembered(store: Subject<dyn Store>) {
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
    let one_attempt = Purged {
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
pub async fn after_the_use_has_gone_the_first_turn_comes_again(store: Subject<dyn Store>) {
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
