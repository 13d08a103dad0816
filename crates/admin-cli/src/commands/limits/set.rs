//! `limits set`: change the limits of the app, or of users.
//!
//! What is not named stays as it is: the limits are read, changed, shown and written back.

use clap::{Args, ValueEnum};
use easemob_admin_api::{DeviceLimits, LimitMode, Platform, UserId};
use easemob_admin_ops::names::user;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::record::{Intent, Record};
use easemob_admin_ops::run::outcome;
use easemob_admin_ops::run::recorder::{Note, RecordError, Recorder};
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::schedule::breaker::Fatal;
use easemob_admin_ops::server::calls::CallError;
use serde::Serialize;

use super::reading::limits_of;
use super::words::LimitsView;
use crate::acts::attempt::Reported;
use crate::acts::begin::{self, begin};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::render::report::Row;
use crate::summary::{Summary, is_zero};

/// Arguments of `limits set`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin limits set --platform web=2 --reason \"policy 12\"
  easemob-admin limits set --user ann --mode single --reason \"kiosk account\"
  easemob-admin limits set --user ann --clear --reason \"back to the app's limits\"

Lowering a limit ends no session; it counts at the next sign-in. The public cloud has no call for limits: there \
they are set in the console (功能配置 → 多端多设备在线).")]
pub struct SetArgs {
    /// Change the limits of this user instead of the app's; may be repeated
    #[arg(long = "user", value_name = "USER", value_parser = user)]
    users: Vec<UserId>,
    /// Whether a user may be online on several devices
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Devices per platform where the platform has no limit of its own
    #[arg(long, value_name = "N")]
    default: Option<u32>,
    /// Devices on one platform, such as web=2; may be repeated
    #[arg(long = "platform", value_name = "PLATFORM=N", value_parser = pair)]
    platforms: Vec<(Platform, u32)>,
    /// Remove the users' own limits
    #[arg(long, requires = "users", conflicts_with_all = ["mode", "default", "platforms"])]
    clear: bool,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Several devices
    Multi,
    /// One device; a new sign-in ends the one online
    Single,
}

fn pair(text: &str) -> Result<(Platform, u32), String> {
    let wrong = || format!("`{text}` is not of the form web=2");
    let (platform, limit) = text.split_once('=').ok_or_else(wrong)?;
    let platform = crate::commands::selection::platform(platform)?;
    Ok((platform, limit.parse().map_err(|_| wrong())?))
}

#[derive(Debug, Serialize)]
struct ChangeRow {
    scope: &'static str,
    user: Option<String>,
    outcome: &'static str,
    before: LimitsView,
    after: Option<LimitsView>,
    call: Option<&'static str>,
    error: Option<String>,
    retry_may_help: Option<bool>,
}

impl ChangeRow {
    fn after(&self) -> String {
        self.after
            .as_ref()
            .map_or_else(|| "none".into(), LimitsView::line)
    }
}

impl Row for ChangeRow {
    const COLUMNS: &'static [&'static str] = &[
        "scope",
        "user",
        "outcome",
        "before",
        "after",
        "call",
        "error",
        "retry_may_help",
    ];
    const TABLE: &'static [&'static str] = &["scope", "user", "outcome", "before", "after", "note"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.scope.into(),
            text(&self.user),
            self.outcome.into(),
            self.before.line(),
            self.after(),
            self.call.unwrap_or_default().into(),
            text(&self.error),
            self.retry_may_help.map(|may| may.to_string()).unwrap_or_default(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let outcome = self.outcome.replace('_', " ");
        vec![
            self.scope.into(),
            text(&self.user),
            outcome,
            self.before.line(),
            self.after(),
            text(&self.error),
        ]
    }
}

#[derive(Debug, Serialize)]
struct SetSummary {
    changed: u64,
    unchanged: u64,
    failed: u64,
    #[serde(skip_serializing_if = "is_zero")]
    not_started: u64,
    dry_run: bool,
    reason: Option<String>,
    ticket: Option<String>,
}

impl SetSummary {
    fn text(&self) -> String {
        let dry = if self.dry_run {
            "\ndry run: nothing was changed"
        } else {
            ""
        };
        let not_started = if self.not_started > 0 {
            format!(", {} not started", self.not_started)
        } else {
            String::new()
        };
        let (changed, unchanged, failed) = (self.changed, self.unchanged, self.failed);
        format!("{changed} changed, {unchanged} unchanged, {failed} failed{not_started}{dry}")
    }
}

/// The limits of the app or of one user, before and after.
struct Planned {
    user: Option<UserId>,
    before: DeviceLimits,
    /// Nothing stands for "no limits of their own".
    after: Option<DeviceLimits>,
}

impl Planned {
    fn changes(&self) -> bool {
        match &self.after {
            Some(after) => LimitsView::from(after) != LimitsView::from(&self.before),
            None => LimitsView::from(&self.before).line() != "none",
        }
    }

    /// The name of the call that makes the change.
    fn call(&self) -> &'static str {
        match (&self.user, &self.after) {
            (Some(_), None) => "limits.clear",
            (None, _) | (Some(_), Some(_)) => "limits.set",
        }
    }

    fn row(&self, outcome: &'static str) -> ChangeRow {
        ChangeRow {
            scope: if self.user.is_some() { "user" } else { "app" },
            user: self.user.as_ref().map(ToString::to_string),
            outcome,
            before: (&self.before).into(),
            after: self.after.as_ref().map(LimitsView::from),
            call: None,
            error: None,
            retry_may_help: None,
        }
    }
}

impl Planned {
    fn failed(&self, error: &CallError) -> ChangeRow {
        ChangeRow {
            call: Some(error.call),
            error: Some(error.message.clone()),
            retry_may_help: Some(error.retry_may_help),
            ..self.row(error.outcome().as_str())
        }
    }
}

impl SetArgs {
    fn merged(&self, before: &DeviceLimits) -> Option<DeviceLimits> {
        if self.clear {
            return None;
        }
        let mut after = before.clone();
        match self.mode {
            Some(Mode::Multi) => after.mode = Some(LimitMode::Multi),
            Some(Mode::Single) => after.mode = Some(LimitMode::Single),
            None => {}
        }
        after.default = self.default.or(after.default);
        after.platforms.extend(self.platforms.iter().cloned());
        Some(after)
    }

    /// Says what is set, for the record.
    fn in_words(&self) -> String {
        if self.clear {
            return "clear".into();
        }
        let mut words = Vec::new();
        words.extend(self.mode.map(|mode| format!("mode {mode:?}").to_lowercase()));
        words.extend(self.default.map(|default| format!("default {default}")));
        words.extend(
            self.platforms
                .iter()
                .map(|(platform, limit)| format!("{platform} {limit}")),
        );
        words.join(", ")
    }

    fn changes_nothing(&self) -> bool {
        !self.clear && self.mode.is_none() && self.default.is_none() && self.platforms.is_empty()
    }
}

/// Runs the command.
///
/// # Errors
/// When limits cannot be read, or the operator does not agree.
pub async fn run(context: &Context, session: &Session, args: &SetArgs) -> Result<Exit, CommandError> {
    if args.changes_nothing() {
        return Err(CommandError::new(exit::USAGE, "nothing to set is named")
            .hint("name at least one of --mode, --default, --platform, or --clear with --user"));
    }
    args.acting.require_record(context, session)?;
    let planned = plan(session, args).await?;
    let to_change = planned.iter().filter(|planned| planned.changes()).count() as u64;
    for planned in planned.iter().filter(|planned| planned.changes()) {
        let row = planned.row("");
        let whose = row
            .user
            .as_deref()
            .map_or_else(|| session.app.clone(), |user| format!("user {user}"));
        context.ui.note(format_args!(
            "limits of {whose}: {} -> {}",
            row.before.line(),
            row.after()
        ));
    }
    if to_change > 0 {
        if args.users.is_empty() {
            let act = "change the device limits of all users";
            args.acting.confirm_whole_app(context, session, act)?;
        } else {
            let act = format!("change the device limits of {}", users(to_change));
            args.acting.confirm(context, session, to_change, &act)?;
        }
    }
    if args.acting.dry_run || to_change == 0 {
        return write(context, session, args, &planned, None).await;
    }
    let order = begin::Order {
        acting: &args.acting,
        action: Action::SetLimits {
            limits: args.in_words(),
        },
        source: "the command line".into(),
        allowance: None,
    };
    let changing = planned.iter().filter(|planned| planned.changes());
    let items = (0..).zip(changing.filter_map(|planned| planned.user.clone()));
    let items = items.map(|(number, user)| Ok(item(number, user)));
    let open = begin(context, session, order, items)?;
    let (Reported { attempt, .. }, _) =
        Reported::begin(context, session, open, Which::Unfinished, Summary::of_users(0)).await?;
    let exit = write(context, session, args, &planned, Some(&attempt.recorder)).await;
    let stopped = exit.as_ref().err().map(ToString::to_string);
    attempt.close(stopped.as_deref()).await?;
    exit
}

fn item(number: u64, user: UserId) -> Item {
    Item::new(number, number + 1, user)
}

/// A change that is on record: of a user, or of the app, which is no item of the run.
struct Recorded<'a> {
    recorder: &'a Recorder,
    item: Option<Item>,
}

impl Recorded<'_> {
    fn note(&self, record: Record) -> Note {
        match &self.item {
            Some(item) => Note::of_item(item, record),
            None => Note::of_run(record),
        }
    }

    async fn intend(&self, call: &str) -> Result<(), RecordError> {
        let intent = Intent {
            n: self.item.as_ref().map_or(0, |item| item.number),
            at: self.recorder.now(),
            call: call.into(),
            devices: Vec::new(),
            kept: Vec::new(),
        };
        self.recorder.record(self.note(Record::Intent(intent))).await
    }

    async fn settle(&self, result: &Result<(), CallError>) -> Result<(), RecordError> {
        let at = self.recorder.now();
        let outcome = match &self.item {
            Some(item) => outcome::of_call(item, result, at),
            None => outcome::of_number(0, result, at),
        };
        self.recorder.record(self.note(Record::Outcome(outcome))).await
    }
}

async fn plan(session: &Session, args: &SetArgs) -> Result<Vec<Planned>, CommandError> {
    let client = session.server.client();
    let mut planned = Vec::new();
    if args.users.is_empty() {
        let before = client.app_limits().await?;
        planned.push(Planned {
            user: None,
            after: args.merged(&before),
            before,
        });
    }
    for user in &args.users {
        let before = limits_of(client, user).await?;
        planned.push(Planned {
            user: Some(user.clone()),
            after: args.merged(&before),
            before,
        });
    }
    Ok(planned)
}

async fn write(
    context: &Context,
    session: &Session,
    args: &SetArgs,
    planned: &[Planned],
    recorder: Option<&Recorder>,
) -> Result<Exit, CommandError> {
    let mut number = 0;
    let client = session.server.client();
    let output =
        |error| CommandError::new(exit::INTERNAL, "the rows cannot be written to stdout").because(error);
    let mut report = context.report::<ChangeRow>(session, "limits set", None);
    let Acting {
        reason,
        ticket,
        dry_run,
        ..
    } = args.acting.clone();
    let mut summary = SetSummary {
        changed: 0,
        unchanged: 0,
        failed: 0,
        not_started: 0,
        dry_run,
        reason,
        ticket,
    };
    let mut exit = exit::OK;
    let mut unrecorded = None;
    let mut no_token = None;
    for planned in planned {
        if no_token.is_some() && planned.changes() {
            summary.not_started += 1;
            report.row(&planned.row("not_started")).map_err(output)?;
            continue;
        }
        if !planned.changes() {
            summary.unchanged += 1;
            report.row(&planned.row("unchanged")).map_err(output)?;
            continue;
        }
        let change = recorder.map(|recorder| Recorded {
            recorder,
            item: planned.user.clone().map(|user| item(number, user)),
        });
        number += 1;
        if let Some(change) = &change
            && let Err(error) = change.intend(planned.call()).await
        {
            unrecorded = Some(error);
            break;
        }
        let result = match (&planned.user, &planned.after) {
            _ if args.acting.dry_run => Ok(()),
            (None, Some(after)) => client.set_app_limits(after).await.map(drop),
            (Some(user), Some(after)) => client.set_user_limits(user, after).await.map(drop),
            (Some(user), None) => client.clear_user_limits(user).await.map(drop),
            (None, None) => Ok(()),
        };
        let result = result.map_err(|error| CallError::from(&error));
        if let Some(change) = &change {
            unrecorded = change.settle(&result).await.err();
        }
        let row = match result {
            Ok(()) => {
                summary.changed += 1;
                planned.row(if args.acting.dry_run { "would_set" } else { "set" })
            }
            Err(error) if error.was_not_sent() => {
                summary.not_started += 1;
                let row = planned.failed(&error);
                no_token = Some(error);
                row
            }
            Err(error) => {
                summary.failed += 1;
                exit = if error.retry_may_help || exit == exit::FAILED_RETRY {
                    exit::FAILED_RETRY
                } else {
                    exit::FAILED_FINAL
                };
                planned.failed(&error)
            }
        };
        report.row(&row).map_err(output)?;
        if unrecorded.is_some() {
            break;
        }
    }
    report.finish(&summary).map_err(output)?;
    let prefix = if session.is_sandbox() { "sandbox: " } else { "" };
    context.ui.say(format_args!("{prefix}{}", summary.text()));
    match (unrecorded, no_token) {
        (Some(error), _) => Err(error.into()),
        (None, Some(error)) => Err(Fatal::NoToken(error).into()),
        (None, None) => Ok(exit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_limit_is_a_pair() {
        assert_eq!(pair("web=2").unwrap(), ("web".parse().unwrap(), 2));
        assert!(
            ["web", "web=", "=2", "web=-1", "web=x"]
                .iter()
                .all(|text| pair(text).is_err())
        );
    }
}
