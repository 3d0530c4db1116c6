//! Cases of the `Registrations` contract.

mod deleting;
mod finishing;
mod listing;
mod requesting;
mod units;

pub use deleting::*;
pub use finishing::*;
pub use listing::*;
pub use requesting::*;
pub use units::*;

/// Emits the cases for a function that makes a fresh, empty [`Subject<dyn Store>`](crate::Store).
#[macro_export]
macro_rules! registrations_suite {
    ($subject:path) => {
        $crate::emit_cases!(
            $crate::registrations,
            $subject,
            [
                a_request_stores_the_registration_the_use_the_places_and_one_train_row,
                a_refused_request_stores_nothing,
                a_running_cooldown_answers_used_before,
                a_cooldown_is_over_at_its_end,
                a_known_attempt_is_repeated_within_the_cooldown_and_after,
                an_attempt_is_repeated_also_after_a_later_one,
                an_attempt_belongs_to_one_person_and_service,
                two_requests_without_an_idempotency_key_do_not_share_one,
                a_turn_already_used_answers_used_before,
                a_repeated_request_answers_used_before_and_not_seat_taken,
                one_of_concurrent_requests_of_one_person_is_stored,
                one_of_concurrent_requests_with_one_idempotency_key_is_stored,
                services_and_people_have_their_own_cooldowns,
                a_seat_of_another_request_answers_seat_taken,
                one_of_concurrent_requests_for_one_seat_is_stored,
                a_seat_is_taken_only_in_its_service_budget_and_window,
                a_taken_seat_of_any_budget_answers_seat_taken,
                a_seat_above_the_days_limit_answers_seat_taken,
                units_that_add_up_to_more_than_the_limit_answer_seat_taken,
                a_refused_request_takes_no_units,
                units_are_added_up_in_their_service_budget_and_window,
                concurrent_requests_are_stored_while_their_units_fit,
                the_units_of_all_services_that_share_a_budget_are_added_up,
                asking_again_replaces_the_request_and_keeps_ready_and_public,
                a_person_who_is_not_stored_is_unknown,
                an_account_of_another_person_is_unknown,
                finishing_marks_and_puts_one_notify_row,
                finishing_again_changes_nothing,
                one_of_concurrent_finishes_takes_effect,
                each_request_is_finished_and_announced,
                finishing_withdraws_a_repeated_announcement_that_was_not_sent,
                no_row_overtakes_a_repeated_announcement_that_may_be_in_flight,
                finishing_by_request_id_finishes_that_request,
                finishing_another_request_changes_nothing,
                finishing_without_a_registration_puts_one_delete_row,
                finishing_for_an_unknown_account_puts_one_delete_row,
                finishing_another_service_puts_one_delete_row,
                a_delete_job_carries_the_request_id_of_the_message,
                a_delete_job_carries_the_request_id_of_the_latest_request,
                a_finish_that_races_a_request_puts_its_delete_row_first,
                deleting_removes_the_registration_and_its_unsent_rows,
                deleting_removes_claimed_rows_too,
                a_delete_row_is_due_after_the_lease_of_the_withdrawn_rows,
                a_delete_row_is_due_at_once_if_nothing_was_claimed,
                a_registration_after_a_deletion_is_trained_after_the_delete_job,
                deleting_keeps_the_use_and_its_places,
                deleting_keeps_the_attempt,
                deleting_a_missing_registration_changes_nothing,
                deleting_does_not_change_other_people_or_services,
                deleting_again_keeps_the_earlier_delete_row,
                one_of_concurrent_deletions_takes_effect,
                a_training_that_ends_after_the_deletion_puts_one_delete_row,
                a_deletion_that_races_a_finish_leaves_no_notification,
                a_registration_after_a_deletion_starts_from_nothing,
                the_list_shows_each_change_at_once,
                the_list_is_in_the_order_of_service_types,
                a_person_who_is_not_registered_has_an_empty_list,
                publishing_sets_and_clears_the_flag,
                publishing_without_a_registration_is_none,
            ]
        );
    };
}
