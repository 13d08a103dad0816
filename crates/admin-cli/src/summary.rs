//! The summary at the end of a run, for people on stderr and for programs in JSON.

use std::time::Duration;

use easemob_admin_ops::jobs::verify::Verified;
use easemob_admin_ops::jobs::verify_locks::VerifiedLocks;
use easemob_admin_ops::run::resume::Left;
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::select::exemptions::Unmatched;
use easemob_admin_ops::status_first::StatusReport;
use easemob_admin_words::t;
use serde::Serialize;

use crate::exit::{self, Exit};

/// How many limits a run has changed, of users or of the app.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LimitCounts {
    /// Changed, or they would be.
    pub changed: u64,
    /// Already as requested.
    pub unchanged: u64,
    /// Failed, whether or not repeating may help.
    pub failed: u64,
    /// Whether they are the limits of the app, which is not a user.
    #[serde(skip)]
    pub of_the_app: bool,
}

/// What a second reading after a run found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SecondReading {
    /// Of the devices that were signed out.
    Devices(Verified),
    /// Of the users that were locked.
    Locks(VerifiedLocks),
}

impl SecondReading {
    /// Says what was found.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Devices(Verified {
                gone,
                still_online,
                signed_in_again,
                unknown,
            }) => t!(
                "{gone} gone, {still_online} still online, {signed_in_again} signed in again, {unknown} unknown"
            ),
            Self::Locks(VerifiedLocks {
                holds,
                still_online,
                not_banned,
                unknown,
            }) => t!(
                "{holds} banned and offline, {still_online} still online, {not_banned} not banned any more, {unknown} \
                 unknown"
            ),
        }
    }
}

/// The summary of a run over users. Field names are a contract; the set only grows.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Users in the list, each counted once.
    pub users: u64,
    /// Users for whom everything was done.
    pub done: u64,
    /// Users for whom there was nothing to do.
    pub nothing_to_do: u64,
    /// Users that failed; repeating may help.
    pub failed_retry_may_help: u64,
    /// Users that failed; repeating will not help.
    pub failed_final: u64,
    /// Users of the run that failed in earlier attempts and were not tried again; repeating may help.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_earlier_retry_may_help: u64,
    /// Users of the run that failed in earlier attempts and were not tried again; repeating will not help.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_earlier_final: u64,
    /// Users in progress when the run was aborted.
    pub unknown: u64,
    /// Users that were not tried.
    pub not_started: u64,
    /// The line of the first user that was not started; all later lines were not started either.
    pub first_line_not_started: Option<u64>,
    /// Devices that were signed out, would be signed out, or were found, depending on the command.
    pub devices: u64,
    /// Lines that repeated an earlier user.
    pub duplicate_lines: u64,
    /// Lines skipped by `--skip-invalid`.
    pub invalid_lines: u64,
    /// Column headers that were skipped in the list: zero or one.
    #[serde(skip_serializing_if = "is_zero")]
    pub header_lines: u64,
    /// Names with invisible or look-alike characters.
    #[serde(skip_serializing_if = "is_zero")]
    pub names_with_hidden_characters: u64,
    /// Exemptions that match none of the users, if there are exemptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemptions_unmatched: Option<u64>,
    /// The first few unmatched exemptions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exemptions_unmatched_first: Vec<String>,
    /// Whether nothing was changed because of `--dry-run`.
    pub dry_run: bool,
    /// The id of the run, if it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The result of the second reading, if one was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<SecondReading>,
    /// Users whose devices differ from the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drifted: Option<u64>,
    /// Devices over a limit that stay: their age is unknown, or too few would survive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_limit_and_stay: Option<u64>,
    /// What came of asking for the status first, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_first: Option<StatusReport>,
    /// The counts of a run that sets limits.
    #[serde(flatten)]
    pub limits: Option<LimitCounts>,
    /// Why the operator did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Requests sent, including retries and token requests.
    pub requests: u64,
    /// Time from the first request.
    pub elapsed_seconds: f64,
    /// Requests per second, if the run took at least one second.
    pub requests_per_second: Option<f64>,
    /// Why the run ended before the end of its list.
    pub stopped: Option<&'static str>,
}

/// The words of a command for its counters.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// What happened to users, such as `logged out`.
    pub done: &'static str,
    /// The word for users with nothing to do, such as `not online`.
    pub nothing: &'static str,
    /// What happened to devices; `None` if the command does not count them.
    pub devices: Option<&'static str>,
}

impl Summary {
    /// Creates the summary of a list.
    #[must_use]
    pub fn of_users(users: u64) -> Self {
        Self {
            users,
            done: 0,
            nothing_to_do: 0,
            failed_retry_may_help: 0,
            failed_final: 0,
            failed_earlier_retry_may_help: 0,
            failed_earlier_final: 0,
            unknown: 0,
            not_started: users,
            first_line_not_started: None,
            devices: 0,
            duplicate_lines: 0,
            invalid_lines: 0,
            header_lines: 0,
            names_with_hidden_characters: 0,
            exemptions_unmatched: None,
            exemptions_unmatched_first: Vec::new(),
            dry_run: false,
            run: None,
            verified: None,
            drifted: None,
            over_limit_and_stay: None,
            status_first: None,
            limits: None,
            reason: None,
            ticket: None,
            requests: 0,
            elapsed_seconds: 0.0,
            requests_per_second: None,
            stopped: None,
        }
    }

    /// Adds the exemptions that match none of the users.
    #[must_use]
    pub fn with_unmatched(mut self, unmatched: Option<Unmatched>) -> Self {
        self.exemptions_unmatched = unmatched.as_ref().map(|unmatched| unmatched.count);
        self.exemptions_unmatched_first = unmatched.map(|unmatched| unmatched.first).unwrap_or_default();
        self
    }

    /// Returns true if `runs resume` could continue the run.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.not_started > 0 || self.unknown > 0
    }

    /// Adds the failures of earlier attempts that this attempt does not retry.
    pub fn leave(&mut self, left: Left) {
        self.failed_earlier_retry_may_help = left.retry_may_help;
        self.failed_earlier_final = left.last;
    }

    /// Returns how many users failed for whom repeating may help, including earlier attempts.
    #[must_use]
    pub fn all_failed_retry(&self) -> u64 {
        self.failed_retry_may_help + self.failed_earlier_retry_may_help
    }

    /// Returns how many users failed for whom repeating will not help, including earlier attempts.
    #[must_use]
    pub fn all_failed_final(&self) -> u64 {
        self.failed_final + self.failed_earlier_final
    }

    /// Returns the exit code of a completed run: that of the remaining failures, if there are any.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.all_failed_retry() > 0 {
            exit::FAILED_RETRY
        } else if self.all_failed_final() > 0 {
            exit::FAILED_FINAL
        } else {
            exit::OK
        }
    }

    /// Fills in the counters.
    pub fn count(&mut self, tally: &Tally) {
        self.done = tally.done;
        self.nothing_to_do = tally.nothing_to_do;
        self.failed_retry_may_help = tally.failed_retry;
        self.failed_final = tally.failed_final;
        self.unknown = tally.unknown;
        self.not_started = self.users.saturating_sub(tally.settled());
        self.devices = tally.devices;
        if let Some(limits) = &mut self.limits {
            limits.changed = tally.done;
            limits.unchanged = tally.nothing_to_do;
            limits.failed = tally.failed_retry + tally.failed_final;
        }
    }

    /// Fills in time and rate.
    pub fn time(&mut self, requests: u64, elapsed: Duration) {
        self.requests = requests;
        self.elapsed_seconds = rounded(elapsed.as_secs_f64(), 1000.0);
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        let rate = requests as f64 / elapsed.as_secs_f64();
        // The rate of a shorter burst means nothing.
        self.requests_per_second = (elapsed >= Duration::from_secs(1)).then(|| rounded(rate, 10.0));
    }

    /// Returns the summary as text.
    #[must_use]
    pub fn text(&self, words: Words) -> String {
        let noun = if self.users == 1 { "user" } else { "users" };
        let mut text = if self.limits.is_some_and(|limits| limits.of_the_app) {
            t!("limits of the app: {} {}", self.done, words.done)
        } else {
            t!("{} {noun}: {} {}", self.users, self.done, words.done)
        };
        if let Some(devices) = words.devices.filter(|_| self.devices > 0) {
            let noun = if self.devices == 1 { "device" } else { "devices" };
            text.push_str(&t!(" ({} {noun} {devices})", self.devices));
        }
        if self.nothing_to_do > 0 {
            text.push_str(&t!(", {} {}", self.nothing_to_do, words.nothing));
        }
        let earlier = (self.failed_earlier_retry_may_help, self.failed_earlier_final);
        for (words, (retry, last)) in [
            (t!("failed"), (self.failed_retry_may_help, self.failed_final)),
            (t!("failed earlier and not retried"), earlier),
        ] {
            if retry + last > 0 {
                text.push_str(&t!(
                    ", {} {words} ({})",
                    retry + last,
                    whether_to_retry(retry, last)
                ));
            }
        }
        if self.unknown > 0 {
            text.push_str(&t!(", {} unknown", self.unknown));
        }
        if self.not_started > 0 {
            text.push_str(&t!(", {} not started", self.not_started));
        }
        if let Some(line) = self.first_line_not_started {
            text.push_str(&t!(" (from line {line} on)"));
        }
        let noun = if self.requests == 1 { "request" } else { "requests" };
        text.push_str(&t!("\n{:.1} s, {} {noun}", self.elapsed_seconds, self.requests));
        if let Some(rate) = self.requests_per_second {
            text.push_str(&t!(", {rate:.1} requests/s"));
        }
        match self.exemptions_unmatched {
            None | Some(0) => {}
            Some(1) => text.push_str(t!("\n1 exemption matched none of the users")),
            Some(count) => {
                text.push_str(&t!("\n{count} exemptions matched none of the users"));
            }
        }
        if let Some(drifted) = self.drifted.filter(|drifted| *drifted > 0) {
            text.push_str(&t!("\n{drifted} differed from the plan"));
        }
        if let Some(stay) = self.over_limit_and_stay.filter(|stay| *stay > 0) {
            let noun = if stay == 1 { "device" } else { "devices" };
            text.push_str(&t!("\n{stay} {noun} over a limit may not be chosen"));
        }
        if let Some(status) = &self.status_first {
            text.push_str(&about_statuses(status));
        }
        if let Some(verified) = &self.verified {
            text.push('\n');
            text.push_str(&t!("verified: {}", verified.found()));
        }
        if let Some(run) = &self.run {
            text.push_str(&t!("\nrun {run}"));
        }
        if self.dry_run {
            text.push_str(t!("\ndry run: nothing was changed"));
        }
        text
    }
}

/// Says whether retrying may help those who failed.
#[must_use]
pub fn whether_to_retry(may_help: u64, will_not: u64) -> String {
    match (may_help, will_not) {
        (_, 0) => t!("retrying may help").into(),
        (0, _) => t!("retrying will not help").into(),
        _ => t!("retrying may help for {may_help}, will not for {will_not}"),
    }
}

/// Returns the lines about users who were reported as offline.
fn about_statuses(status: &StatusReport) -> String {
    let StatusReport {
        reported_offline,
        sample,
        names_unchecked,
        appeared,
        wrong_about,
        unavailable,
    } = status;
    let mut text = String::new();
    if *reported_offline > 0 {
        text.push_str(&t!(
            "\n{reported_offline} reported as offline by the server, {sample} of them read as a sample"
        ));
    }
    if *names_unchecked > 0 {
        text.push_str(&t!(
            "; {names_unchecked} not checked for existence (--check-names does)"
        ));
    }
    if *appeared > 0 {
        text.push_str(&t!("\n{appeared} were online when asked about again"));
    }
    if let Some(user) = wrong_about {
        text.push_str(&t!("\nthe status was wrong about {user}, so every user was read"));
    }
    if let Some(why) = unavailable {
        text.push_str(&t!(
            "\nthe server does not tell statuses, so every user was read: {why}"
        ));
    }
    text
}

/// Returns true for counters that are left out of JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields like this")]
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_is_ok_while_failures_remain() {
        for (now_retry, now_final, earlier_retry, earlier_final, expected) in [
            (0, 0, 0, 0, exit::OK),
            (1, 0, 0, 0, exit::FAILED_RETRY),
            (0, 1, 0, 0, exit::FAILED_FINAL),
            (0, 0, 1, 0, exit::FAILED_RETRY),
            (0, 0, 0, 1, exit::FAILED_FINAL),
            (0, 1, 1, 0, exit::FAILED_RETRY),
            (1, 0, 0, 1, exit::FAILED_RETRY),
            (0, 1, 0, 1, exit::FAILED_FINAL),
        ] {
            let mut summary = Summary::of_users(5);
            summary.count(&Tally {
                done: 3,
                failed_retry: now_retry,
                failed_final: now_final,
                ..Tally::default()
            });
            summary.leave(Left {
                retry_may_help: earlier_retry,
                last: earlier_final,
            });
            let row = (now_retry, now_final, earlier_retry, earlier_final);
            assert_eq!(summary.exit(), expected, "{row:?}");
        }
    }
}
