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
                an_attempt_is_its_persons_at_one_service,
                two_requests_without_an_idempotency_key_do_not_share_one,
                a_turn_already_used_answers_used_before,
                a_person_who_asks_again_is_told_so_before_their_seat_is,
                of_concurrent_requests_of_one_person_one_is_stored,
                of_concurrent_requests_with_one_idempotency_key_one_is_stored,
                services_and_people_have_cooldowns_of_their_own,
                a_seat_that_is_anothers_answers_seat_taken,
                of_concurrent_requests_for_one_seat_one_is_stored,
                a_seat_is_anothers_only_in_its_service_budget_and_window,
                a_place_of_any_budget_may_be_the_one_taken,
                a_seat_above_the_days_limit_answers_seat_taken,
                units_that_add_up_to_more_than_the_limit_answer_seat_taken,
                a_refused_request_takes_no_units,
                units_are_added_up_in_their_service_budget_and_window,
                of_concurrent_requests_those_are_stored_whose_units_fit,
                the_units_of_all_services_that_share_a_budget_are_added_up,
                asking_again_replaces_the_request_and_keeps_ready_and_public,
                strangers_are_unknown,
                an_account_of_another_person_is_unknown,
                finishing_marks_and_puts_one_notify_row,
                finishing_again_changes_nothing,
                of_concurrent_finishes_one_is_effective,
                each_request_is_finished_and_announced,
                finishing_withdraws_a_repeated_announcement_that_was_not_sent,
                nothing_overtakes_a_repeated_announcement_that_may_be_being_sent,
                finishing_by_request_id_finishes_that_request,
                finishing_another_request_changes_nothing,
                finishing_for_somebody_not_registered_puts_one_delete_row,
                finishing_for_an_account_nobody_knows_puts_one_delete_row,
                finishing_another_service_puts_one_delete_row,
                a_delete_job_carries_the_request_id_of_the_message,
                a_delete_job_carries_the_request_id_of_the_latest_request,
                a_ready_message_that_races_a_request_deletes_before_it_trains,
                deleting_removes_the_registration_and_its_unsent_rows,
                deleting_removes_claimed_rows_too,
                a_delete_row_waits_until_nobody_can_be_sending_what_was_withdrawn,
                a_delete_row_is_due_at_once_if_nothing_was_claimed,
                who_registers_after_a_deletion_is_trained_after_the_delete_job,
                deleting_keeps_the_use_and_its_places,
                deleting_keeps_the_attempt,
                deleting_what_is_not_there_changes_nothing,
                deleting_touches_nobody_elses_and_no_other_service,
                deleting_again_keeps_the_earlier_delete_row,
                of_concurrent_deletions_one_is_effective,
                a_training_that_ends_after_the_deletion_puts_one_delete_row,
                a_deletion_that_races_a_finish_leaves_no_notification,
                who_registers_after_a_deletion_starts_from_nothing,
                the_list_shows_each_change_at_once,
                the_list_is_in_the_order_of_service_types,
                a_person_who_is_not_registered_has_an_empty_list,
                publishing_sets_and_unsets,
                publishing_what_is_not_registered_is_none,
            ]
        );
    };
}
