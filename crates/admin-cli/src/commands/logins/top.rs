//! `logins top`: shows the users with the most devices, sign-ins or evictions.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use easemob_admin_ops::logins::questions::top::{by_devices, by_events};
use easemob_admin_ops::logins::store::{LoginKind, LoginStore, Range, StoreError};
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::{SnapshotName, find, kept, warn_of_gaps, warn_of_incomplete};
use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::commands::times::moment;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins top`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins top
  easemob-admin logins top --over 8 -o csv
  easemob-admin logins top --by evictions --since 24h

Devices come from a snapshot, sign-ins and evictions from the events that `logins collect` received. With --over the \
exit code is 11 if a user exceeds N.")]
pub struct TopArgs {
    /// What to rank users by
    #[arg(long, value_name = "WHAT", default_value = "devices")]
    by: Words,
    /// The snapshot: a number, `latest` or `previous`
    #[arg(long, value_name = "SNAPSHOT", default_value = "latest")]
    snapshot: SnapshotName,
    /// Count events since this time: 24h, 30d, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Count events before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Show at most this many users
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Show only users with more than N
    #[arg(long, value_name = "N")]
    over: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    /// Devices that are online
    Devices,
    /// Sign-ins
    SignIns,
    /// Devices that another sign-in signed out
    Evictions,
}

impl Words {
    fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::SignIns => "sign_ins",
            Self::Evictions => "evictions",
        }
    }
}

#[derive(Debug, Serialize)]
struct TopRow {
    user: String,
    by: &'static str,
    count: u64,
    platforms: BTreeMap<String, u64>,
}

impl Row for TopRow {
    const COLUMNS: &'static [&'static str] = &["user", "by", "count", "platforms"];

    fn cells(&self) -> Vec<String> {
        let platforms = self.platforms.iter();
        let platforms: Vec<String> = platforms
            .map(|(platform, devices)| format!("{platform}={devices}"))
            .collect();
        vec![
            self.user.clone(),
            self.by.to_owned(),
            self.count.to_string(),
            platforms.join(" "),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    users: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<u64>,
    /// What makes the exit code 11.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'static str>,
}

/// Returns the range of two moments.
pub(super) fn range(since: Option<Timestamp>, until: Option<Timestamp>) -> Range {
    let all = Range::ALL;
    Range {
        since_ms: since.map_or(all.since_ms, Timestamp::as_millisecond),
        until_ms: until.map_or(all.until_ms, Timestamp::as_millisecond),
    }
}

/// Explains why no user is shown.
fn nobody(store: &dyn LoginStore, args: &TopArgs) -> Result<String, StoreError> {
    let kinds = [LoginKind::Login, LoginKind::Logout, LoginKind::Replaced];
    let mut events = false;
    for kind in kinds {
        events |= !store.most_events(kind, Range::ALL, 1)?.is_empty();
    }
    Ok(match (args.by, args.over) {
        (Words::SignIns | Words::Evictions, _) if !events => {
            t!("no events are stored; `logins collect` receives them").to_owned()
        }
        (_, Some(over)) => t!("no user has more than {over}"),
        (Words::Devices, None) => t!("no user was online").to_owned(),
        (Words::SignIns, None) => t!("no sign-ins are stored from that time").to_owned(),
        (Words::Evictions, None) => t!("no evictions are stored from that time").to_owned(),
    })
}

/// Names what was found.
fn finding(found: usize, args: &TopArgs) -> String {
    // No more than these are shown, and there may be others.
    let at_least = if found < args.limit { "" } else { "at least " };
    let has = if found == 1 { "has" } else { "have" };
    let what = match args.by {
        Words::Devices => "devices",
        Words::SignIns => "sign-ins",
        Words::Evictions => "evictions",
    };
    format!(
        "finding: {at_least}{} {has} more than {} {what}",
        users(found as u64),
        args.over.unwrap_or(0)
    )
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read, or the snapshot does not exist.
pub fn run(context: &Context, args: &TopArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let over = args.over.unwrap_or(0);
    let by = args.by.name();
    let range = range(args.since, args.until);
    let of_events = |kind| -> Result<Vec<TopRow>, CommandError> {
        let users = by_events(&*store, kind, range, args.limit, over)?;
        Ok(users
            .into_iter()
            .map(|(user, count)| TopRow {
                user,
                by,
                count,
                platforms: BTreeMap::new(),
            })
            .collect())
    };
    let rows = match args.by {
        Words::SignIns => of_events(LoginKind::Login)?,
        Words::Evictions => of_events(LoginKind::Replaced)?,
        Words::Devices => {
            let snapshot = find(context, &*store, args.snapshot)?;
            warn_of_incomplete(context, &*store, &snapshot)?;
            let holders = by_devices(&*store, &snapshot, args.limit, over)?;
            let rows = holders.into_iter().map(|holder| TopRow {
                user: holder.user,
                by,
                count: holder.devices,
                platforms: holder.platforms,
            });
            rows.collect()
        }
    };
    if args.by != Words::Devices {
        warn_of_gaps(context, &*store, range)?;
    }
    let mut report = context.local_report::<TopRow>("logins top", context.globals.sandbox)?;
    for row in &rows {
        report.row(row).map_err(unwritten_rows)?;
    }
    let exceeds = args.over.is_some() && !rows.is_empty();
    let summary = Summary {
        users: rows.len(),
        over: args.over,
        finding: exceeds.then_some("over"),
    };
    report.finish(&summary).map_err(unwritten_rows)?;
    if exceeds {
        context.ui.say(finding(rows.len(), args));
    }
    if rows.is_empty() {
        context.ui.note(nobody(&*store, args)?);
    }
    Ok(if exceeds { exit::FINDINGS } else { exit::OK })
}
