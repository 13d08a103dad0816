//! `limits set`: changes the limits of the app, or of users.
//!
//! Limits that are not named keep their values: the command reads, changes, shows and writes back the limits.

use clap::{Args, ValueEnum};
use easemob_admin_api::{DeviceLimits, LimitMode, Platform, UserId};
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::set_limits::LimitChange;
use easemob_admin_ops::names::user;
use easemob_admin_ops::report::Outcome;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use super::reading::limits_of;
use crate::acts::begin::{self, begin};
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::forecast;
use crate::present::limits::in_one_line;
use crate::present::words::words;
use crate::render::report::unwritten_rows;
use crate::summary::{LimitCounts, Summary};

/// Arguments of `limits set`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin limits set --platform web=2 --reason \"policy 12\"
  easemob-admin limits set --user ann --mode single --reason \"kiosk account\"
  easemob-admin limits set --user ann --clear --reason \"back to the app's limits\"

Lowering a limit signs nobody out; the new limit applies at the next sign-in. Each change is a recorded run, which \
`runs resume` and `runs retry-failed` continue. The public cloud has no call for limits: \
set them in the console (功能配置 → 多端多设备在线).")]
pub struct SetArgs {
    /// Change the limits of this user instead of the app's; may be repeated
    #[arg(long = "user", value_name = "USER", value_parser = user)]
    users: Vec<UserId>,
    /// Whether a user may be online on several devices
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Devices per platform, for platforms without a limit of their own
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
    /// One device; a new sign-in signs out the device online before
    Single,
}

fn pair(text: &str) -> Result<(Platform, u32), String> {
    let wrong = || t!("`{text}` is not of the form web=2");
    let (platform, limit) = text.split_once('=').ok_or_else(wrong)?;
    let platform = crate::commands::selection::platform(platform)?;
    Ok((platform, limit.parse().map_err(|_| wrong())?))
}

impl SetArgs {
    /// Returns the change; `None` if the arguments name no limit.
    fn change(&self) -> Option<LimitChange> {
        if self.clear {
            return Some(LimitChange::Clear);
        }
        let mut set = DeviceLimits::default();
        set.mode = self.mode.map(|mode| match mode {
            Mode::Multi => LimitMode::Multi,
            Mode::Single => LimitMode::Single,
        });
        set.default = self.default;
        set.platforms.extend(self.platforms.iter().cloned());
        (set != DeviceLimits::default()).then_some(LimitChange::Set(set))
    }

    /// Describes the new limits, for the record.
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
}

/// Runs the command.
///
/// # Errors
/// When limits cannot be read, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &SetArgs) -> Result<Exit, CommandError> {
    let Some(change) = args.change() else {
        return Err(
            CommandError::new(exit::USAGE, t!("no limit to set was given")).hint(t!(
                "give at least one of --mode, --default, --platform, or --clear with --user"
            )),
        );
    };
    args.acting.require_record(context, session)?;
    let planned = plan(session, args, &change).await?;
    let to_change = would_change(&planned);
    for report in planned
        .iter()
        .filter(|report| report.outcome == Outcome::WouldSet)
    {
        let whose = report
            .user
            .as_deref()
            .map_or_else(|| session.app.clone(), |user| format!("user {user}"));
        context.ui.note(t!(
            "limits of {whose}: {} -> {}",
            in_one_line(report.before.as_ref()),
            in_one_line(report.after.as_ref())
        ));
    }
    // The limits are read again before each change.
    let calls = Forecast::exactly(2 * to_change);
    forecast::say_of_act(context, session, to_change, calls, args.acting.dry_run);
    if args.acting.dry_run || to_change == 0 {
        return tell(context, session, args, &planned, &Job::SetLimits(change));
    }
    if args.users.is_empty() {
        let act = t!("change the device limits of all users");
        args.acting.confirm_whole_app(context, session, act)?;
    } else {
        let act = t!("change the device limits of {}", users(to_change));
        args.acting.confirm(context, session, to_change, &act)?;
    }
    let order = begin::Order {
        acting: &args.acting,
        action: Action::SetLimits {
            limits: args.in_words(),
            change: Some(change),
        },
        source: "the command line".into(),
        allowance: None,
        reading: Reading::EVERY_USER,
    };
    let items = (0..).zip(&args.users);
    let items = items.map(|(number, user)| Ok(Item::new(number, number + 1, user.clone())));
    let open = begin(context, session, order, items)?;
    perform(
        context,
        session,
        open,
        Attempted::first(Summary::of_users(0), &args.acting),
    )
    .await
}

/// Reads the current limits, and returns what the change would do.
async fn plan(
    session: &Session,
    args: &SetArgs,
    change: &LimitChange,
) -> Result<Vec<LimitsReport>, CommandError> {
    if args.users.is_empty() {
        let before = limits_of(&session.server, None).await?;
        return Ok(vec![change.preview(None, &before)]);
    }
    let mut planned = Vec::new();
    for user in &args.users {
        let before = limits_of(&session.server, Some(user)).await?;
        planned.push(change.preview(Some(user), &before));
    }
    Ok(planned)
}

fn would_change(planned: &[LimitsReport]) -> u64 {
    let changed = planned
        .iter()
        .filter(|report| report.outcome == Outcome::WouldSet);
    changed.count() as u64
}

/// Reports what would be done. Nothing is recorded, because nothing changes.
fn tell(
    context: &Context,
    session: &Session,
    args: &SetArgs,
    planned: &[LimitsReport],
    job: &Job,
) -> Result<Exit, CommandError> {
    let mut report = context.report::<LimitsReport>(session, "limits set", None)?;
    for planned in planned {
        report.row(planned).map_err(unwritten_rows)?;
    }
    let would_change = would_change(planned);
    let all = planned.len() as u64;
    let mut summary = Summary {
        requests: session.server.client().requests_sent(),
        limits: Some(LimitCounts {
            of_the_app: args.users.is_empty(),
            ..LimitCounts::default()
        }),
        ..Summary::of_users(all)
    };
    summary.count(&Tally {
        done: would_change,
        nothing_to_do: all - would_change,
        ..Tally::default()
    });
    args.acting.record(&mut summary);
    report.finish(&summary).map_err(unwritten_rows)?;
    let prefix = if session.is_sandbox() { t!("sandbox: ") } else { "" };
    let text = summary.text(words(job, args.acting.dry_run));
    context.ui.say(format_args!("{prefix}{text}"));
    Ok(exit::OK)
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
