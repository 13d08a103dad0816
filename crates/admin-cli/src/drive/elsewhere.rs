//! Runs that another process works on: the same rows, summary and exit code.

use std::io;
use std::ops::ControlFlow;

use easemob_admin_ops::operations::{FatalKind, RunReport, Stopped};
use easemob_admin_ops::report::Report;
use easemob_admin_ops::schedule::breaker::Fatal;
use easemob_admin_ops::schedule::pipeline::{Cause, Stop};
use easemob_admin_ops::schedule::run_loop::{Ended, Observer as _};
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;

use super::{Driven, RunRow, status_is_wrong};
use crate::context::Context;

/// The calls of runs, by the names that their errors begin with.
const CALLS: &[&str] = &[
    "devices.list",
    "limits.clear",
    "limits.get",
    "limits.set",
    "sessions.logout_all",
    "sessions.logout_device",
    "status.batch",
    "status.get",
    "token",
    "users.ban",
    "users.get",
    "users.list",
    "users.unban",
];

/// Prints how to follow, stop and resume a run that goes on at a service.
pub(super) fn say_how_to_follow(context: &Context, run: &str) {
    let command = |command: &str| context.command(command);
    context.ui.say(t!(
        "the run goes on at the service\nto watch it: {}\nto stop it: {}\nto resume it, once it was stopped: {}",
        command(&format!("runs show {run} --follow")),
        command(&format!("runs stop {run} --reason TEXT")),
        command(&format!("runs resume {run}"))
    ));
}

impl<R: RunRow> Driven<'_, R> {
    /// Shows what a run reported. Returns why the run must stop, if its rows cannot be written.
    pub fn told(&mut self, report: Report) -> ControlFlow<Stop> {
        let line = report.line();
        // The reports of one user follow each other.
        if line.is_none() || line != self.reported {
            self.reported = line;
            self.screen.context.ui.advance(1);
            if let Some(line) = self.screen.stats.advance(1, std::time::Instant::now()) {
                self.screen.context.ui.note(line);
            }
        }
        self.screen.report(vec![report])
    }

    /// Shows the rows that were gathered.
    pub fn rest(&mut self) -> ControlFlow<Stop> {
        self.screen.rows.flush()
    }

    /// Takes over how the run ended. `by_deadline` says that it was stopped for this command's `--max-duration`.
    pub fn ended(&mut self, report: &RunReport, by_deadline: bool) {
        self.screen.context.ui.lower();
        self.requests_elsewhere += report.requests;
        if let Some(status) = &report.status_first {
            // The other process has read them meanwhile.
            if let Some(user) = &status.wrong_about {
                let left = status.reported_offline.saturating_sub(status.sample);
                self.screen.context.ui.warn(status_is_wrong(user, left));
            }
            self.run.summary.status_first.get_or_insert_default().add(status);
        }
        let (stop, silent) = match &report.stopped {
            Some(stopped) if stopped.reason == "unreachable" => (None, Some(error_of(stopped))),
            stopped => (
                stopped.as_ref().map(|stopped| stop_of(stopped, by_deadline)),
                None,
            ),
        };
        self.run_loop.ended_elsewhere(Ended {
            tally: report.tally,
            stop,
            first_line_not_started: report.first_line_not_started,
            silent,
        });
    }

    /// Leaves the run to the other process: it goes on. `so_far` is what it has done, if that is known.
    pub fn leave(&mut self, so_far: Option<Tally>) {
        self.screen.context.ui.lower();
        self.goes_on = true;
        if let Some(tally) = so_far {
            self.run_loop.recount(tally);
        }
        self.run_loop.stop_because(Stop::Wished(Cause::Signal));
    }
}

/// Returns why a run stopped, as if it had been worked on here.
fn stop_of(stopped: &Stopped, by_deadline: bool) -> Stop {
    let text = || io::Error::other(stopped.error.clone().unwrap_or_default());
    match stopped.reason.as_str() {
        "paused" if by_deadline => Stop::Wished(Cause::Deadline),
        "max_duration" => Stop::Wished(Cause::Deadline),
        "paused" => Stop::Wished(Cause::Paused),
        "stopped" => Stop::Wished(Cause::Stopped),
        "taken_over" => Stop::Wished(Cause::TakenOver),
        "aborted" => Stop::Aborted,
        "max_logouts" => Stop::Cap,
        "drift" => Stop::Drift,
        "fatal" => Stop::Fatal(fatal_of(stopped)),
        "record" | "record_failed" => Stop::Record(text().into()),
        "list_failed" => Stop::Input(text()),
        // Also if it is by a deadline: the service stops a run that it was asked to pause.
        _ if by_deadline => Stop::Wished(Cause::Deadline),
        _ => Stop::Wished(Cause::Signal),
    }
}

fn fatal_of(stopped: &Stopped) -> Fatal {
    let error = error_of(stopped);
    match stopped.kind {
        Some(FatalKind::Refused | FatalKind::Unsupported) => Fatal::Refused(error),
        Some(FatalKind::NoToken) => Fatal::NoToken(error),
        Some(FatalKind::Unreachable) | None => Fatal::Unreachable(error),
    }
}

fn error_of(stopped: &Stopped) -> CallError {
    let text = stopped.error.as_deref().unwrap_or_default();
    let (call, message) = text.split_once(": ").unwrap_or(("", text));
    match CALLS.iter().find(|known| **known == call) {
        Some(call) => CallError::new(call, message),
        None => CallError::new("service", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(reason: &str) -> Stopped {
        Stopped {
            reason: reason.into(),
            error: Some("devices.list: no answer in time".into()),
            kind: None,
        }
    }

    #[test]
    fn a_stop_keeps_its_word() {
        for word in [
            "interrupted",
            "max_duration",
            "paused",
            "stopped",
            "taken_over",
            "aborted",
            "max_logouts",
            "drift",
            "fatal",
            "record_failed",
            "list_failed",
        ] {
            assert_eq!(stop_of(&stopped(word), false).word(), word);
        }
        for word in ["paused", "interrupted"] {
            assert_eq!(stop_of(&stopped(word), true).word(), "max_duration");
        }
    }

    #[test]
    fn an_error_says_what_it_said_at_the_service() {
        for text in ["devices.list: no answer in time", "the disk is full", "x: y"] {
            let told = Stopped {
                error: Some(text.into()),
                ..stopped("fatal")
            };
            assert!(error_of(&told).to_string().ends_with(text), "{text}");
        }
    }
}
