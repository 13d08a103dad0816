//! `logins diff`: shows what differs between two snapshots.

use clap::Args;
use easemob_admin_ops::logins::questions::changes::Changed;
use easemob_admin_ops::logins::store::Change;
use easemob_admin_words::t;
use serde::Serialize;

use super::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::commands::acting::devices;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins diff`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins diff
  easemob-admin logins diff 3 7 -o csv
  easemob-admin logins diff --growth 20

A device of a user who was not read in the later snapshot is `not_known_later`, not `signed_out`; a device of a user who \
was not read in the earlier one is `not_known_earlier`. Users without a device are not stored one by one: only a complete \
scan of all users, or of the same list, shows that a user had no device. With --growth the exit code is 11 if the number \
of devices, of users who were read both times, grew by more than P percent. The exit code is 6 if a snapshot is \
incomplete.")]
pub struct DiffArgs {
    /// The earlier snapshot: a number, `latest` or `previous`
    #[arg(value_name = "A", default_value = "previous")]
    from: SnapshotName,
    /// The later snapshot
    #[arg(value_name = "B", default_value = "latest")]
    to: SnapshotName,
    /// Check whether the number of devices grew by more than P percent
    #[arg(long, value_name = "P")]
    growth: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct DiffRow(Change);

impl Row for DiffRow {
    const COLUMNS: &'static [&'static str] = &["user", "resource", "platform", "kind"];
    const TABLE: &'static [&'static str] = &["user", "device", "platform", "change"];

    fn cells(&self) -> Vec<String> {
        let Change {
            user,
            resource,
            platform,
            kind,
        } = &self.0;
        vec![
            user.clone(),
            resource.clone(),
            platform.clone(),
            kind.word().to_owned(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    #[serde(flatten)]
    changed: Changed,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<Growth>,
    /// What makes the exit code 11.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'static str>,
}

/// How the number of devices grew, of users who were read both times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Growth {
    before: u64,
    after: u64,
    /// By how many percent; none if there were no devices before.
    percent: Option<f64>,
    /// More is a finding.
    allowed_percent: f64,
}

impl Growth {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn new(before: u64, after: u64, allowed_percent: f64) -> Self {
        let (first, second) = (before as f64, after as f64);
        let percent = (before > 0).then(|| ((second - first) / first * 1000.0).round() / 10.0);
        Self {
            before,
            after,
            percent,
            allowed_percent,
        }
    }

    fn in_words(self) -> String {
        let Self {
            before,
            after,
            percent,
            allowed_percent,
        } = self;
        let by = percent
            .map(|percent| format!(" ({percent:+} %)"))
            .unwrap_or_default();
        let verdict = if grew(before, after, allowed_percent) {
            "finding: more than"
        } else {
            "not more than"
        };
        format!(
            "{verdict} {allowed_percent} % growth: {before} then {}{by}, of users who were read both times",
            devices(after)
        )
    }
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read, or a snapshot does not exist.
pub fn run(context: &Context, args: &DiffArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let (from, to) = (
        find(context, &*store, args.from)?,
        find(context, &*store, args.to)?,
    );
    if args.growth.is_some() && !(from.covers(&to) && to.covers(&from) && from.source == to.source) {
        let what = t!(
            "cannot compute growth: snapshots {} and {} are not two complete scans of the same users",
            from.id,
            to.id
        );
        return Err(CommandError::new(exit::USAGE, what).hint(t!(
            "choose two complete scans of the same users: {}",
            context.command("logins snapshots")
        )));
    }
    if from.source != to.source {
        context
            .ui
            .warn(t!("snapshots {} and {} cover different users", from.id, to.id));
    }
    warn_of_incomplete(context, &*store, &from)?;
    warn_of_incomplete(context, &*store, &to)?;
    let mut changed = Changed::between(&from, &to);
    let mut report = context.local_report::<DiffRow>("logins diff", context.globals.sandbox)?;
    let mut failure = None;
    store.each_change(&from, &to, &mut |change| {
        changed.count(change.kind);
        if failure.is_none() {
            failure = report.row(&DiffRow(change)).err();
        }
    })?;
    if let Some(error) = failure {
        return Err(unwritten_rows(error));
    }
    let (before, after) = changed.of_both();
    let exceeds = args.growth.is_some_and(|allowed| grew(before, after, allowed));
    let summary = Summary {
        changed,
        growth: args.growth.map(|allowed| Growth::new(before, after, allowed)),
        finding: exceeds.then_some("growth"),
    };
    report.finish(&summary).map_err(unwritten_rows)?;
    context.ui.say(t!(
        "snapshot {} to {}: {}, then {}: {} signed in, {} signed out, {} not known",
        changed.from,
        changed.to,
        devices(changed.devices_before),
        changed.devices_after,
        changed.signed_in,
        changed.signed_out,
        changed.not_known
    ));
    if let Some(growth) = summary.growth {
        context.ui.say(growth.in_words());
    }
    let complete = from.finished_ms.is_some() && to.finished_ms.is_some();
    Ok(if exceeds {
        exit::FINDINGS
    } else if complete {
        exit::OK
    } else {
        // A user that was not listed is in neither column, so the comparison is incomplete.
        exit::FAILED_RETRY
    })
}

/// Returns whether `after` exceeds `before` by more than `percent`; if `before` is zero, any device is
/// growth.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn grew(before: u64, after: u64, percent: f64) -> bool {
    after as f64 > before as f64 * (1.0 + percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_named() {
        for (before, after, expected) in [
            (
                100,
                123,
                "finding: more than 20 % growth: 100 then 123 devices (+23 %), of users who were read both times",
            ),
            (
                3,
                1,
                "not more than 20 % growth: 3 then 1 device (-66.7 %), of users who were read both times",
            ),
            (
                0,
                2,
                "finding: more than 20 % growth: 0 then 2 devices, of users who were read both times",
            ),
        ] {
            assert_eq!(Growth::new(before, after, 20.0).in_words(), expected);
        }
    }

    #[test]
    fn growth_is_of_what_was_before() {
        assert!(!grew(100, 120, 20.0) && grew(100, 121, 20.0));
        assert!(grew(0, 1, 20.0) && !grew(0, 0, 20.0) && !grew(100, 50, 20.0));
    }
}
