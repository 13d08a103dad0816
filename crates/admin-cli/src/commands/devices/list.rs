//! `devices list`: lists the devices that users are online with.

use clap::Args;
use easemob_admin_ops::run::basis::Basis;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::select::selection::{Choice, Selection, select_victims};
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;
use serde::Serialize;

use crate::acts::begin::items;
use crate::command_error::CommandError;
use crate::commands::reading::ReadingArgs;
use crate::commands::selection::{SelectionArgs, without_a_user};
use crate::commands::times::{rfc3339, short};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, RunRow, drive_status_first, summary_of};
use crate::exit::Exit;
use crate::present::rows::{ReadFailure, basis};
use crate::render::report::Row;
use crate::summary::Words;

/// Arguments of `devices list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin devices list ann bob
  easemob-admin devices list --from users.txt --platform web -o csv > web.csv
  easemob-admin devices list --from users.txt --keep-newest 1
  easemob-admin users list -o csv | cut -d, -f1 | tail -n +2 | easemob-admin devices list --from - -o jsonl

Every user has at least one row: `online` for each device, or `not_online`, `no_match`, `failed`, or `not_started` if \
there was no token for the request. The options that select devices are the same as for `sessions logout`: this \
command lists the devices that `sessions logout` would sign out.")]
pub struct ListArgs {
    #[command(flatten)]
    users: UserSource,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Debug, Serialize)]
struct DeviceRow {
    line: u64,
    user: String,
    outcome: &'static str,
    device: Option<String>,
    platform: Option<String>,
    name: Option<String>,
    uuid: Option<String>,
    signed_in_at: Option<String>,
    #[serde(flatten)]
    failure: ReadFailure,
    why: Option<String>,
    /// How it is known which devices were online, if it is known.
    basis: Option<Basis>,
}

impl DeviceRow {
    fn new(item: &Item, outcome: &'static str) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            device: None,
            platform: None,
            name: None,
            uuid: None,
            signed_in_at: None,
            failure: ReadFailure::default(),
            why: None,
            basis: None,
        }
    }

    fn online(item: &Item, Choice { device, why }: Choice, filtered: bool) -> Self {
        Self {
            why: filtered.then_some(why),
            device: Some(device.id.to_string()),
            platform: Some(device.id.platform().to_string()),
            signed_in_at: device.signed_in_at.and_then(rfc3339),
            name: device.name,
            uuid: device.uuid,
            ..Self::new(item, "online")
        }
    }

    fn failed(item: &Item, error: &CallError) -> Self {
        Self {
            failure: error.into(),
            ..Self::new(item, error.outcome().as_str())
        }
    }
}

impl Row for DeviceRow {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "device",
        "platform",
        "name",
        "uuid",
        "signed_in_at",
        "call",
        "error",
        "retry_may_help",
        "why",
        "basis",
    ];
    const TABLE: &'static [&'static str] = &["user", "platform", "device", "name", "signed_in", "note"];

    fn cells(&self) -> Vec<String> {
        let [call, error, retry_may_help] = self.failure.cells();
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            text(&self.device),
            text(&self.platform),
            text(&self.name),
            text(&self.uuid),
            text(&self.signed_in_at),
            call,
            error,
            retry_may_help,
            text(&self.why),
            basis(self.basis),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let note = match (self.outcome, &self.failure.error) {
            ("online", _) => text(&self.why),
            ("not_online", _) => t!("not online").into(),
            ("no_match", _) => t!("no device matches").into(),
            (outcome, error) => format!("{}: {}", outcome.replace('_', " "), text(error)),
        };
        vec![
            self.user.clone(),
            text(&self.platform),
            text(&self.device),
            text(&self.name),
            short(self.signed_in_at.as_deref()),
            note,
        ]
    }
}

impl RunRow for DeviceRow {
    fn failure(&self) -> Option<String> {
        self.failure.line(self.line, &self.user)
    }

    fn line(&self) -> Option<u64> {
        Some(self.line)
    }
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &ListArgs) -> Result<Exit, CommandError> {
    let list = args.users.read(context)?;
    let tasks = items(args.users.stream(&list)?).map(|item| item.map(Task::fresh));
    let selection = args.selection.selection(context, &args.users.users)?;
    let unmatched = without_a_user(context, &selection.exempt, args.users.names(&list)?)?;
    let run = Run {
        context,
        session,
        command: "devices list",
        verb: "reading",
        words: words(&selection),
        acts: false,
        summary: summary_of(&list).with_unmatched(unmatched),
    };
    let work = async |task: Task| read(session, &task, &selection).await;
    let cut_off = |task: &Task| vec![DeviceRow::new(&task.item, "unknown")];
    let reading = args.reading.reading(session);
    let forecast = Forecast::reading(list.users, reading);
    drive_status_first(run, reading, forecast, tasks, work, cut_off).await
}

/// A user without a listed device may be online with other devices.
fn words(selection: &Selection) -> Words {
    if selection.is_everything() {
        Words {
            done: "online",
            nothing: t!("not online"),
            devices: Some("online"),
        }
    } else {
        Words {
            done: t!("with devices that match"),
            nothing: "without",
            devices: Some("listed"),
        }
    }
}

async fn read(session: &Session, task: &Task, selection: &Selection) -> Done<DeviceRow> {
    let item = &task.item;
    let mut done = Done::default();
    let devices = if task.known.is_without_devices() {
        Ok((Vec::new(), Vec::new()))
    } else {
        session.server.read_devices(&item.user).await
    };
    match devices {
        Err(error) => {
            done.tally.count(Settled::of_error(&error));
            done.reports.push(DeviceRow::failed(item, &error));
            done.failures.push(error);
        }
        Ok((devices, unreadable)) => {
            let selected = select_victims(&item.user, &devices, selection);
            done.tally.devices = selected.victims.len() as u64;
            let meant = selected.victims.into_iter();
            done.reports
                .extend(meant.map(|choice| DeviceRow::online(item, choice, !selection.is_everything())));
            // A device whose entry is unreadable may be one of those selected.
            let failed = unreadable.iter().map(|error| DeviceRow::failed(item, error));
            done.reports.extend(failed);
            done.tally.count(match unreadable.first() {
                Some(error) => Settled::of_error(error),
                None if done.reports.is_empty() => Settled::NothingToDo,
                None => Settled::Done,
            });
            done.failures = unreadable;
            if done.reports.is_empty() {
                let outcome = if devices.is_empty() {
                    "not_online"
                } else {
                    "no_match"
                };
                done.reports.push(DeviceRow::new(item, outcome));
            }
            for row in &mut done.reports {
                row.basis = Some(task.known.basis());
            }
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_some_devices_is_not_told_who_is_online() {
        assert_eq!(words(&Selection::default()).nothing, "not online");
        let some = Selection {
            platforms: vec!["ios".parse().unwrap()],
            ..Selection::default()
        };
        let Words {
            done,
            nothing,
            devices,
        } = words(&some);
        assert!(![done, nothing, devices.unwrap()].concat().contains("online"));
    }
}
