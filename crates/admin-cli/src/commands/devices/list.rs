//! `devices list`: which devices of which users are online.

use clap::Args;
use easemob_admin_api::Platform;
use serde::Serialize;

use crate::bulk::calls::{CallError, SeenDevice, SessionCalls};
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::CommandError;
use crate::commands::sessions::platform;
use crate::commands::times::{rfc3339, short};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, RunRow, drive, summary_of};
use crate::exit::{self, Exit};
use crate::input::spool::Entry;
use crate::render::report::Row;
use crate::summary::Words;

/// Arguments of `devices list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin devices list ann bob
  easemob-admin devices list --from users.txt --platform web -o csv > web.csv
  easemob-admin users list -o csv | cut -d, -f1 | tail -n +2 | easemob-admin devices list --from - -o jsonl

Every user gives at least one row: `online` per device, `not_online`, or `failed`.")]
pub struct ListArgs {
    #[command(flatten)]
    users: UserSource,
    /// List only devices of this platform: android, ios, web, custom5, or as the server writes it
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    platform: Option<Platform>,
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
    call: Option<&'static str>,
    error: Option<String>,
    retry_may_help: Option<bool>,
}

impl DeviceRow {
    fn new(entry: &Entry, outcome: &'static str) -> Self {
        Self {
            line: entry.line,
            user: entry.user.to_string(),
            outcome,
            device: None,
            platform: None,
            name: None,
            uuid: None,
            signed_in_at: None,
            call: None,
            error: None,
            retry_may_help: None,
        }
    }

    fn online(entry: &Entry, device: SeenDevice) -> Self {
        Self {
            device: Some(device.id.to_string()),
            platform: Some(device.id.platform().to_string()),
            signed_in_at: device.id.signed_in_at().and_then(rfc3339),
            name: device.name,
            uuid: device.uuid,
            ..Self::new(entry, "online")
        }
    }

    fn failed(entry: &Entry, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            retry_may_help: Some(error.retry_may_help),
            ..Self::new(entry, "failed")
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
    ];
    const TABLE: &'static [&'static str] = &["user", "platform", "device", "name", "signed_in", "note"];

    fn cells(&self) -> Vec<String> {
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
            self.call.unwrap_or_default().into(),
            text(&self.error),
            self.retry_may_help.map(|may| may.to_string()).unwrap_or_default(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let note = match (self.outcome, &self.error) {
            ("online", _) => String::new(),
            ("not_online", _) => "not online".into(),
            (_, error) => format!("failed: {}", text(error)),
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
        self.error
            .as_ref()
            .map(|error| format!("line {}, {}: {error}", self.line, self.user))
    }
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &ListArgs) -> Result<Exit, CommandError> {
    let list = args.users.read(context)?;
    let source = list.stream().map_err(|error| {
        CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
    })?;
    if let Some(wanted) = &args.platform {
        crate::commands::sessions::warn_of_rare(context, wanted);
    }
    let run = Run {
        context,
        session,
        command: "devices list",
        verb: "reading",
        words: Words {
            done: "online",
            nothing: "not online",
            devices: Some("online"),
        },
        acts: false,
        summary: summary_of(&list),
    };
    let wanted = args.platform.as_ref();
    let work = async |entry: Entry| read(session, &entry, wanted).await;
    drive(run, source, work, |entry| vec![DeviceRow::new(&entry, "unknown")]).await
}

async fn read(session: &Session, entry: &Entry, wanted: Option<&Platform>) -> Done<DeviceRow> {
    let mut tally = Tally::default();
    match session.server.list_devices(&entry.user).await {
        Err(error) => {
            tally.count(Settled::of_error(&error));
            Done {
                rows: vec![DeviceRow::failed(entry, &error)],
                tally,
                failures: vec![error],
                cap_hit: false,
            }
        }
        Ok(devices) => {
            let matches =
                |device: &SeenDevice| wanted.is_none_or(|platform| device.id.platform() == *platform);
            let mut rows: Vec<DeviceRow> = devices
                .into_iter()
                .filter(matches)
                .map(|device| DeviceRow::online(entry, device))
                .collect();
            tally.devices = rows.len() as u64;
            tally.count(if rows.is_empty() {
                Settled::NothingToDo
            } else {
                Settled::Done
            });
            if rows.is_empty() {
                rows.push(DeviceRow::new(entry, "not_online"));
            }
            Done {
                rows,
                tally,
                failures: Vec::new(),
                cap_hit: false,
            }
        }
    }
}
