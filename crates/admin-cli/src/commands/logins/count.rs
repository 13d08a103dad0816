//! `logins count`: counts devices by platform, by number per user, or by label.

use clap::{Args, ValueEnum};
use easemob_admin_ops::logins::questions::count::{By, Group, Label, NoLabel, of_snapshot};
use easemob_admin_ops::logins::store::Counts;
use easemob_admin_words::t;
use serde::Serialize;

use super::snapshot::{SnapshotName, find, kept, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::commands::acting::{devices, users};
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins count`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins count
  easemob-admin logins count --by devices -o csv
  easemob-admin logins count --label kiosk='Kiosk*' --label phone='iPhone*'
  easemob-admin logins count --over 4

With --over the exit code is 11 if a user has more than N devices on one platform.")]
pub struct CountArgs {
    /// The snapshot: a number, `latest` or `previous`
    #[arg(value_name = "SNAPSHOT", default_value = "latest")]
    snapshot: SnapshotName,
    /// What to count by
    #[arg(long, value_name = "WHAT", default_value = "platform")]
    by: Words,
    /// Count by label: devices whose name matches the pattern; the first match counts; may be repeated
    #[arg(long = "label", value_name = "NAME=PATTERN", value_parser = label)]
    labels: Vec<Label>,
    /// Report users with more than N devices on one platform
    #[arg(long, value_name = "N")]
    over: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    /// The platform of the device
    Platform,
    /// How many devices the user has
    Devices,
}

fn label(text: &str) -> Result<Label, String> {
    Label::parse(text).map_err(|error| match error {
        NoLabel::Incomplete => t!("give a name and a pattern, such as kiosk=Kiosk*").to_owned(),
        NoLabel::Unclear(unclear) => unclear.to_string(),
    })
}

#[derive(Debug, Serialize)]
struct CountRow {
    by: &'static str,
    group: String,
    users: u64,
    devices: u64,
}

impl Row for CountRow {
    const COLUMNS: &'static [&'static str] = &["by", "group", "users", "devices"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.by.to_owned(),
            self.group.clone(),
            self.users.to_string(),
            self.devices.to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    snapshot: i64,
    #[serde(flatten)]
    counts: Counts,
    over: Option<u64>,
    exceeding: Option<u64>,
    /// What makes the exit code 11.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'static str>,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read, or the snapshot does not exist.
pub fn run(context: &Context, args: &CountArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let snapshot = find(context, &*store, args.snapshot)?;
    warn_of_incomplete(context, &*store, &snapshot)?;
    let counts = snapshot.counts;
    let (word, by) = match args.by {
        _ if !args.labels.is_empty() => ("label", By::Label(args.labels.clone())),
        Words::Platform => ("platform", By::Platform),
        Words::Devices => ("devices", By::Devices),
    };
    let (groups, exceeding) = of_snapshot(&*store, &snapshot, by, args.over)?;

    let mut report = context.local_report::<CountRow>("logins count", context.globals.sandbox)?;
    for (group, Group { users, devices }) in groups {
        let row = CountRow {
            by: word,
            group,
            users,
            devices,
        };
        report.row(&row).map_err(unwritten_rows)?;
    }
    let summary = Summary {
        snapshot: snapshot.id,
        counts,
        over: args.over,
        exceeding: args.over.map(|_| exceeding),
        finding: (args.over.is_some() && exceeding > 0).then_some("over"),
    };
    report.finish(&summary).map_err(unwritten_rows)?;
    context.ui.say(t!(
        "snapshot {}: {}: {} online with {}, {} without one, {} not known",
        snapshot.id,
        users(counts.users),
        counts.online,
        devices(counts.devices),
        counts.offline + counts.changed,
        counts.not_known()
    ));
    match args.over {
        Some(most) if exceeding > 0 => {
            let verb = if exceeding == 1 { "has" } else { "have" };
            context.ui.say(t!(
                "finding: {} {verb} more than {} on one platform; list them with: {}",
                users(exceeding),
                devices(most),
                context.command(&format!("logins report {} --markdown --over {most}", snapshot.id))
            ));
            Ok(exit::FINDINGS)
        }
        Some(most) => {
            context
                .ui
                .note(t!("no user has more than {} on one platform", devices(most)));
            Ok(exit::OK)
        }
        None => Ok(exit::OK),
    }
}
