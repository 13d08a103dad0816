//! The acting commands once more, through a service: the same rows, summary, exit codes and calls to the server.
//!
//! Left out is what is another thing there: Ctrl-C, which leaves the run to the service; records that somebody damages on the disk of
//! the service; and what uses no server, or another one. `service_faults` has tests of its own for that.

use super::env::through_a_service;

/// Runs tests of other files again.
macro_rules! again {
    ($($module:ident { $($test:ident,)* })*) => {
        $(mod $module {
            $(
                #[test]
                fn $test() {
                    super::through_a_service(super::super::$module::$test);
                }
            )*
        })*
    };
}

again! {
    interrupts {
        a_time_limit_ends_a_run_in_good_order,
        a_time_limit_that_is_over_while_devices_are_counted_ends_before_anything_is_done,
        signals_are_heard_while_nobody_reads_the_rows,
    }
    limits_policy {
        a_check_tells_who_exceeds_and_changes_nothing,
        a_check_of_users_within_the_limits_finds_nothing,
        who_cannot_be_read_is_not_within_the_limits,
        everybody_is_listed_and_only_those_online_are_read,
        a_policy_that_cannot_be_used_is_refused_before_anything_is_sent,
        exactly_the_surplus_is_ended_and_a_second_time_nobody,
        a_cap_is_looked_at_before_anything_is_ended,
        a_reason_is_needed_and_a_yes,
        the_record_names_the_policy_by_its_digest,
        who_could_not_be_read_at_first_is_not_taken_for_done,
        a_scan_makes_nobody_older,
        a_snapshot_is_checked_like_what_is_online,
    }
    locks {
        a_lock_bans_ends_the_devices_and_is_lifted_when_due,
        a_ban_of_somebody_else_stays_somebody_elses,
        locking_again_extends_and_unlocking_lifts,
        a_ban_without_end_ends_the_lock_and_is_not_lifted_by_it,
        a_ban_that_fails_leaves_the_lock_in_force,
        an_unban_ends_the_lock,
        a_lock_set_while_another_run_is_unfinished_is_kept,
        a_lock_waits_for_the_request_that_lifts_the_one_before,
        going_on_with_an_unlock_lifts_no_newer_lock,
        going_on_with_a_lock_leaves_alone_who_was_unlocked_since,
        going_on_with_a_lock_whose_time_is_over_locks_nobody,
        a_pending_lock_is_not_lifted_before_its_run_is_finished,
        the_locks_of_another_server_are_told_and_left_alone,
        locks_on_a_read_only_disk_are_seen,
        a_lock_of_an_earlier_version_ends,
        the_devices_that_the_ban_ends_are_on_record,
        a_ban_that_leaves_devices_online_is_followed_by_a_logout_and_both_are_acts,
        an_unlock_tells_what_became_of_its_list,
        a_retry_that_is_about_to_ban_keeps_its_lock_whoever_looks_meanwhile,
        a_ban_without_end_that_may_have_arrived_ends_the_lock,
        going_on_with_a_lock_puts_no_end_on_a_ban_that_was_set_meanwhile,
        a_ban_is_an_act_though_nobody_can_tell_what_it_left_online,
        an_extension_that_is_refused_leaves_the_lock_as_it_was,
    }
    logout_counts {
        a_cut_after_the_effect_is_settled_by_reading,
        a_cut_before_the_effect_is_repeated_once_the_list_was_read,
        the_cap_stops_before_the_excess,
    }
    plans {
        a_plan_is_a_document_that_can_be_read,
        what_was_planned_is_done_and_nothing_else,
        drift_is_skipped_stops_or_is_included,
        a_dry_run_says_what_the_real_one_does,
        a_plan_beyond_the_cap_is_not_written,
        a_plan_that_ends_nobody_is_not_done,
        the_reason_of_a_plan_is_the_reason_of_its_run,
        stop_ends_nobody_if_anybody_differs,
    }
    runs {
        a_run_is_listed_and_shown,
        the_cap_of_a_resumed_run_counts_what_was_about_to_be_ended,
        an_interrupted_verification_changes_no_count_of_the_run,
        no_name_is_no_run,
        a_capped_run_says_how_to_go_on_beyond_the_cap,
        the_counts_of_a_listed_run_add_up,
        who_failed_for_good_is_not_nothing,
        limits_of_the_app_are_on_record_as_they_turned_out,
        limits_that_were_cut_off_are_set_by_resuming,
        a_change_of_limits_that_an_older_version_recorded_is_given_again,
        two_processes_cannot_work_on_one_run,
        whoever_could_not_be_reached_is_among_the_failures,
        failures_are_a_list_for_a_new_run,
        an_overlong_line_of_a_journal_is_damage_and_nothing_is_cut_off,
        a_changed_input_is_refused,
        a_long_list_of_exemptions_is_kept_with_the_run,
        verified_logouts_tell_who_came_back,
    }
    undo {
        only_bans_that_the_run_set_and_nobody_changed_are_lifted,
        a_ban_that_somebody_lifted_in_the_console_needs_no_lifting,
        what_a_killed_run_was_about_to_ban_is_undone_too,
        a_resumed_undo_leaves_alone_whom_somebody_has_changed_since,
        locks_are_lifted_unless_somebody_extended_them,
        what_cannot_be_undone_is_refused_with_what_to_do,
        an_undo_that_is_killed_again_and_again_lifts_every_ban_once,
    }
    audit {
        the_log_says_who_did_what_to_whom_and_why,
        the_newest_entries_are_the_last_ones,
        a_word_that_is_no_outcome_is_refused,
        arguments_that_do_not_belong_to_the_trail_are_no_change_of_it,
        an_untouched_trail_verifies_and_a_changed_one_does_not,
        every_form_of_export_has_one_line_per_act,
        follow_shows_what_is_being_done,
        following_ends_with_the_time_it_was_given,
        a_change_of_limits_is_on_record_too,
    }
    logins {
        a_scan_asks_for_the_devices_of_those_online_only,
        what_was_not_read_is_never_counted_as_none,
        a_scan_that_was_killed_goes_on_without_reading_all_of_it_again,
        questions_and_their_exit_codes,
        limits_are_kept_beside_a_snapshot_where_the_server_tells_them,
        a_list_is_scanned_like_all_users_and_told_apart,
        a_report_is_a_page_that_a_browser_shows,
    }
    lock_ends {
        a_killed_lock_ends_when_it_is_due_wherever_it_was_killed,
        a_lock_whose_run_is_gone_is_left_to_a_person_who_is_told_what_to_type,
        a_lock_that_a_process_is_working_on_is_not_waited_for,
        whoever_cannot_be_read_stays_locked_until_the_next_turn,
        the_last_turn_of_the_timer_is_shown,
    }
    status_first {
        each_command_reads_the_status_first_and_makes_no_more_calls_than_it_must,
        faults_cost_their_retries_and_nobody_is_left_out,
        rows_journal_and_trail_say_what_they_rest_on,
        a_lagging_status_is_noticed_and_everybody_is_signed_out,
        names_that_do_not_exist_are_found_and_reported,
        a_few_such_names_are_found_with_check_names,
        a_server_without_the_call_is_read_user_by_user,
        who_asks_for_it_reads_everybody_and_short_lists_are_read_as_ever,
        an_interrupted_run_is_resumed_without_loss,
        unread_signs_out_everything_with_one_call_each,
        unread_settles_a_lost_answer_by_reading,
        unread_is_refused_with_everything_that_needs_the_devices,
        a_lock_bans_everybody_and_reads_the_devices_of_those_who_are_online,
        a_lock_reads_everybody_if_the_status_is_wrong,
        a_lock_finds_each_unknown_name_by_itself,
    }
    consent {
        a_dry_run_only_reads,
        nothing_changes_where_nobody_can_be_asked,
        the_question_names_app_and_count_and_takes_only_yes,
        a_profile_is_asked_for_step_by_step_and_tried,
    }
    user_caps {
        more_users_than_meant_are_left_alone,
        limits_of_everybody_take_the_app_key,
    }
    apply_stop {
        a_user_who_changes_between_the_readings_stops_the_run_there,
        a_user_who_was_begun_and_differs_is_left_alone_too,
        a_refused_plan_leaves_no_run_behind_and_says_the_same_in_a_dry_run,
    }
    tickets {
        a_verified_lock_checks_everybody_and_writes_for_the_ticket,
        a_user_who_was_unbanned_meanwhile_is_a_finding,
        a_resumed_lock_is_verified_too,
    }
}
