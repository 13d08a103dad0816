//! `limits check`: shows who has more devices online than a policy allows.

mod stored;

use std::sync::{Mutex, PoisonError};

use clap::Args;
use easemob_admin_ops::policy::compared::{ComparedRow, compare};
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::calls::{CallError, SeenDevice, devices_of};
use easemob_admin_words::{t, translated};

use super::policy_file::PolicyArgs;
use super::whom::Whom;
use crate::acts::begin::items;
use crate::command_error::CommandError;
use crate::commands::logins::snapshot::SnapshotName;
use crate::commands::reading::ReadingArgs;
use crate::commands::selection::without_a_user;
use crate::context::{Context, Session};
use crate::drive::{Done, Driven, Run, RunRow, summary_of};
use crate::exit::{self, Exit};
use crate::present::rows::failure_line;
use crate::render::report::Row;
use crate::summary::Words;

/// Arguments of `limits check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin limits check limits.toml ann bob
  easemob-admin limits check limits.toml --all -o csv > over.csv
  easemob-admin limits check limits.toml --from users.txt --unknown-age oldest
  easemob-admin limits check limits.toml --snapshot latest

Only reads, and compares what is online with a policy such as:

  default = 4                # devices on each platform; mode = \"single\" is one in all
  platforms = { web = 2 }
  min_surviving = 1          # every user keeps at least so many
  unknown_age = \"never\"      # or \"oldest\": devices of unknown age
  exempt = { users = [\"bot-*\"], resources = [\"custom9_*\"] }
  [[user]]
  name = \"vip-*\"             # a user or a pattern; the first entry that fits counts
  default = 8

Each row is a platform on which a user exceeds a limit, with the devices that `limits enforce` would sign out; users \
within the limits are only counted. A user who could not be read is `failed`, never within the limits. The exit code \
is 11 if any user exceeds a limit.")]
pub struct CheckArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    whom: Whom,
    /// Check a stored snapshot instead of what is online now: a number, `latest` or `previous`
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["users", "from", "all"])]
    snapshot: Option<SnapshotName>,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl Row for ComparedRow {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "platform",
        "online",
        "limit",
        "over",
        "would_end",
        "of_unknown_age",
        "undecided",
        "why",
        "call",
        "error",
        "retry_may_help",
    ];
    const TABLE: &'static [&'static str] =
        &["user", "platform", "online", "limit", "over", "would_end", "note"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<usize>| value.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            text(&self.platform),
            number(self.online),
            number(self.limit),
            number(self.over),
            self.would_end.join(" "),
            self.of_unknown_age.join(" "),
            number(self.undecided),
            text(&self.why),
            self.call.unwrap_or_default().into(),
            text(&self.error),
            self.retry_may_help.map(|may| may.to_string()).unwrap_or_default(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let number = |value: Option<usize>| value.map(|number| number.to_string()).unwrap_or_default();
        let platform = match (&self.platform, self.limit) {
            (None, Some(_)) => "all".into(),
            (platform, _) => platform.clone().unwrap_or_default(),
        };
        let note = match (self.outcome, &self.error, self.undecided) {
            (outcome, Some(error), _) => t!(
                "{label}: {}",
                error,
                label = translated(&outcome.replace('_', " "))
            ),
            (_, _, Some(undecided)) if undecided > 0 => {
                t!(
                    "{undecided} undecided: {}",
                    self.why.as_deref().unwrap_or_default()
                )
            }
            ("exceeds", _, _) if !self.of_unknown_age.is_empty() => {
                t!("{} of unknown age", self.of_unknown_age.len())
            }
            ("exceeds", _, _) => String::new(),
            (outcome, _, _) => translated(outcome).into(),
        };
        vec![
            self.user.clone(),
            platform,
            number(self.online),
            number(self.limit),
            number(self.over),
            self.would_end.join(" "),
            note,
        ]
    }
}

impl RunRow for ComparedRow {
    fn failure(&self) -> Option<String> {
        failure_line(self.line, &self.user, self.error.as_deref())
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}

/// Runs the command.
///
/// # Errors
/// When the policy or the list cannot be used, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &CheckArgs) -> Result<Exit, CommandError> {
    let selection = args.policy.load(context)?.policy.selection();
    if let Some(name) = args.snapshot {
        return stored::run(context, session, name, &selection);
    }
    let (list, unnamed) = args.whom.read(context, session).await?;
    let unmatched = without_a_user(context, &selection.exempt, args.whom.names(&list)?)?;
    let mut driven = Driven::begin(Run {
        context,
        session,
        command: "limits check",
        verb: t!("comparing"),
        words: Words {
            done: t!("over the limits"),
            nothing: t!("within"),
            devices: Some(t!("would be signed out")),
        },
        acts: false,
        summary: summary_of(&list).with_unmatched(unmatched),
    })?;
    let totals = Mutex::new(Totals::default());
    let work = async |task: Task| {
        let read = devices_of(&session.server, &task).await;
        compared(
            &task.item,
            read,
            &selection,
            &mut totals.lock().unwrap_or_else(PoisonError::into_inner),
        )
    };
    let tasks = items(args.whom.stream(&list)?).map(|item| item.map(Task::fresh));
    let cut_off = |task: &Task| vec![ComparedRow::new(&task.item, "unknown")];
    let reading = args.whom.reading(session, args.reading);
    let forecast = Forecast::reading(list.users, reading);
    driven.status_first(reading, forecast, tasks, work, cut_off).await;
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    driven.summary().over_limit_and_stay = Some(totals.undecided);
    let exit = match driven.finish()? {
        exit::OK if unnamed > 0 => exit::FAILED_FINAL,
        exit => exit,
    };
    Ok(verdict(&totals, exit))
}

/// Returns the exit code: a user over a limit is a finding, even if other users could not be read.
fn verdict(totals: &Totals, exit: Exit) -> Exit {
    let ended = [exit::OK, exit::FAILED_RETRY, exit::FAILED_FINAL].contains(&exit);
    if ended && totals.users_over > 0 {
        exit::FINDINGS
    } else {
        exit
    }
}

/// Returns the rows for one user.
fn compared(
    item: &Item,
    read: Result<Vec<SeenDevice>, CallError>,
    selection: &Selection,
    totals: &mut Totals,
) -> Done<ComparedRow> {
    let mut done = Done::default();
    match read {
        Err(error) => {
            done.tally.count(Settled::of_error(&error));
            done.reports.push(ComparedRow::failed(item, &error));
            done.failures.push(error);
        }
        Ok(devices) => {
            let (rows, found) = compare(item, &devices, selection, totals);
            done.tally.devices = found.iter().map(|surplus| surplus.victims.len() as u64).sum();
            done.tally.count(if found.is_empty() {
                Settled::NothingToDo
            } else {
                Settled::Done
            });
            done.reports = rows;
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_whoever_else_could_not_be_read() {
        let totals = |users_over| Totals {
            users_over,
            ..Totals::default()
        };
        assert_eq!(verdict(&totals(1), exit::OK), exit::FINDINGS);
        assert_eq!(verdict(&totals(1), exit::FAILED_RETRY), exit::FINDINGS);
        assert_eq!(verdict(&totals(1), exit::INTERRUPTED), exit::INTERRUPTED);
        assert_eq!(verdict(&totals(0), exit::FAILED_FINAL), exit::FAILED_FINAL);
    }
}
