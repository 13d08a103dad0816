//! The acting commands once more, through a service: the same rows, summary, exit codes and calls to the server.

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
        a_cap_is_looked_at_before_anything_is_ended,
        a_check_of_users_within_the_limits_finds_nothing,
        a_policy_that_cannot_be_used_is_refused_before_anything_is_sent,
        a_reason_is_needed_and_a_yes,
        everybody_is_listed_and_only_those_online_are_read,
        exactly_the_surplus_is_ended_and_a_second_time_nobody,
        the_record_names_the_policy_by_its_digest,
        who_cannot_be_read_is_not_within_the_limits,
        who_could_not_be_read_at_first_is_not_taken_for_done,
    }
    locks {
        a_ban_is_an_act_though_nobody_can_tell_what_it_left_online,
        a_ban_of_somebody_else_stays_somebody_elses,
        a_ban_that_leaves_devices_online_is_followed_by_a_logout_and_both_are_acts,
        a_lock_of_an_earlier_version_ends,
        a_lock_waits_for_the_request_that_lifts_the_one_before,
        a_retry_that_is_about_to_ban_keeps_its_lock_whoever_looks_meanwhile,
        an_extension_that_is_refused_leaves_the_lock_as_it_was,
        an_unban_ends_the_lock,
        an_unlock_tells_what_became_of_its_list,
        locking_again_extends_and_unlocking_lifts,
        locks_on_a_read_only_disk_are_seen,
    }
    logout_counts {
        a_cut_after_the_effect_is_settled_by_reading,
        a_cut_before_the_effect_is_repeated_once_the_list_was_read,
        the_cap_stops_before_the_excess,
    }
    plans {
        a_plan_beyond_the_cap_is_not_written,
        a_plan_that_ends_nobody_is_not_done,
        stop_ends_nobody_if_anybody_differs,
    }
}
