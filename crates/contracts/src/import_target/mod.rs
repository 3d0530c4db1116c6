//! Cases of the `ImportTarget` contract.

mod bringing;
mod ids;
mod trainings;

pub use bringing::*;
pub use ids::*;
pub use trainings::*;

use lemon_domain::{
    ports::{Arrival, Brought, ImportedAccount, ImportedPerson, ImportedRegistration},
    values::{Identity, Registration, TrainingState, UserId},
};

use crate::{given, store::Store};

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! import_target_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::import_target,
            $subject,
            [
                an_unknown_person_is_stored_with_their_id,
                bringing_no_people_stores_nothing,
                many_people_are_stored_in_one_step,
                a_person_may_have_several_accounts,
                a_person_who_was_imported_before_stays_unchanged,
                a_person_who_has_signed_in_since_keeps_the_newer_credentials,
                a_registration_that_was_made_here_stays,
                a_registration_that_was_deleted_here_does_not_come_back,
                a_registration_that_came_later_is_brought_by_the_next_import,
                the_cooldown_blocks_requests_until_its_end,
                nothing_is_sent_and_no_place_is_taken,
                a_training_under_way_is_overdue_after_its_deadline,
                a_training_under_way_fails_after_its_deadline,
                a_ready_message_finishes_what_is_under_way_or_has_failed,
                a_ready_message_for_what_is_ready_changes_nothing,
                a_person_who_signed_in_here_first_gets_their_registrations,
                a_number_that_is_another_persons_is_left_out,
                a_person_who_signs_up_later_has_a_higher_id,
                a_reserved_number_is_not_given_and_a_lower_one_changes_nothing,
                a_comparison_answers_the_same_and_changes_nothing,
                concurrent_imports_store_each_person_once,
                an_import_beside_sign_ins_stores_each_person_once,
            ]
        );
    };
}

const NUMBER: i64 = 1000;

/// A person with a registration whose training has finished and whose cooldown has a week to run. Their account is that
/// of the same small number.
fn person(n: usize) -> ImportedPerson {
    ImportedPerson {
        user: UserId::new(NUMBER + i64::try_from(n).unwrap()),
        accounts: vec![ImportedAccount {
            account: given::account(n),
            credentials: given::sealed(1),
        }],
        registrations: vec![registration(n, TrainingState::Ready)],
    }
}

fn registration(n: usize, state: TrainingState) -> ImportedRegistration {
    ImportedRegistration {
        shown: Registration {
            service: given::learn_me(),
            request_id: given::request_id(n),
            public: true,
            ready: state == TrainingState::Ready,
            state,
            can_use_at: given::now() + 7 * given::DAY,
        },
        announcements: 3,
    }
}

fn person_in(n: usize, state: TrainingState) -> ImportedPerson {
    ImportedPerson {
        registrations: vec![registration(n, state)],
        ..person(n)
    }
}

fn identity(person: &ImportedPerson) -> Identity {
    Identity {
        user: person.user,
        account: person.accounts[0].account,
    }
}

/// The answer for somebody who arrives so, with these registrations stored.
fn brought(arrival: Arrival, is_registered: bool) -> Brought {
    let added = is_registered.then(given::learn_me);
    Brought {
        arrival,
        added: added.into_iter().collect(),
    }
}

async fn bring(store: &dyn Store, people: &[ImportedPerson]) -> Vec<Brought> {
    store.bring(people, given::now()).await.unwrap()
}

/// Brings somebody new.
async fn bring_new(store: &dyn Store, person: &ImportedPerson) -> Identity {
    let answer = bring(store, std::slice::from_ref(person)).await;
    assert_eq!(answer, [brought(Arrival::Added, true)]);
    identity(person)
}

async fn listed(store: &dyn Store, user: UserId) -> Vec<Registration> {
    store.list(user).await.unwrap()
}
