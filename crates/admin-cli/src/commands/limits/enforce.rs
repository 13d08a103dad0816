//! `limits enforce`: signs out the devices that exceed the limits of a policy.
//!
//! A first pass reads all users, so that the question to the operator has figures. Then each user is read
//! again, and of the selected devices only those that still exceed the limits are signed out: never more than
//! the surplus.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::time::Duration;

use clap::Args;
use easemob_admin_ops::files::temporary::temporary_file;
use easemob_admin_ops::jobs::enforce::choose::Choosing;
use easemob_admin_ops::plan::in_order::InOrder;
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::input;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::calls::{CallError, SeenDevice, devices_of};
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;
use jiff::Timestamp;

use super::policy_file::PolicyArgs;
use super::watch::watch;
use super::watch_through;
use super::whom::Whom;
use crate::acts::begin::{self, begin};
use crate::acts::dry_run::dry_run;
use crate::acts::perform::{Attempted, perform};
use crate::acts::read_first::ReadFirst;
use crate::cli::duration;
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, devices, users};
use crate::commands::allowance::exceeded;
use crate::commands::reading::ReadingArgs;
use crate::commands::selection::without_a_user;
use crate::context::{Context, Session};
use crate::drive::summary_of;
use crate::exit::{self, Exit};
use crate::input::user_list::UserList;
use crate::summary::Summary;

/// Arguments of `limits enforce`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin limits enforce limits.toml --from users.txt --dry-run
  easemob-admin limits enforce limits.toml --all --reason \"policy 12\" --max-logouts 5%
  easemob-admin limits enforce limits.toml --watch --max-logouts 200 --reason \"policy 12\" --yes
  easemob-admin limits enforce limits.toml --stop-watch --reason \"policy 13 comes\"
  easemob-admin limits enforce limits.toml ann --unknown-age oldest --reason \"policy 12\" --yes --verify

On each platform the newest devices within the limit stay and the oldest are signed out, as the service itself would \
choose. `limits check` shows the same without changing anything, and an example of a policy. A device of unknown age is \
never signed out unless the policy or --unknown-age oldest says so; if a user stays over a limit because of that, the \
exit code is 11. All users are read before you are asked, and each user again before any device is signed out: devices \
that signed out by themselves no longer count, and devices that signed in since then are left for the next run. Every \
enforcement is a recorded run: resume an interrupted one with `runs resume`.

With --watch, the users are those whose sign-ins `logins collect`, running beside it, receives: the newest sign-in stays, \
as the service itself would choose. After N logouts within an hour, further users wait. Its position is kept beside the collected events, one for each \
policy file: a watch that is started again continues where the last one stopped, also after a crash.

Through a service, the service keeps the watch, under the name of the policy file, and collects the events itself. The command \
starts it, or finds it, and follows it: Ctrl-C leaves it to the service, --max-duration ends it, and --stop-watch stops it from \
anywhere.")]
pub struct EnforceArgs {
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    #[command(flatten)]
    whom: Whom,
    /// Do nothing if more than N devices, or P% of those online, would be signed out; with --watch, at most N
    /// per hour
    #[arg(long, value_name = "N|P%")]
    pub(super) max_logouts: Option<CapSpec>,
    /// Keep running until Ctrl-C, and check each user who signs in, as `logins collect` receives the event
    #[arg(long, requires_all = ["max_logouts", "yes"], conflicts_with_all = ["users", "from", "all", "dry_run", "detach"])]
    watch: bool,
    /// Stop the watch that a service keeps for this policy
    #[arg(long, requires = "reason", conflicts_with_all = ["watch", "users", "from", "all", "dry_run", "detach", "verify", "max_logouts"])]
    stop_watch: bool,
    /// With --watch, wait this long after a sign-in, so that a device that changes networks does not count
    /// twice
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(super) delay: Duration,
    /// Read the devices again afterwards, and report which are gone, still online, or signed in again
    #[arg(long, conflicts_with = "detach")]
    verify: bool,
    #[command(flatten)]
    pub(super) acting: Acting,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl EnforceArgs {
    /// Returns how to find out who is online.
    fn reading(&self, session: &Session) -> Reading {
        self.whom.reading(session, self.reading)
    }
}

/// Runs the command.
///
/// # Errors
/// When the policy or the list cannot be used, more devices would be signed out than allowed, the operator
/// does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &EnforceArgs) -> Result<Exit, CommandError> {
    let remote = context.service()?;
    if args.stop_watch {
        let remote = remote.ok_or_else(|| {
            CommandError::new(
                exit::USAGE,
                t!("a watch without a service ends with its command: press Ctrl-C there"),
            )
        })?;
        return watch_through::stop(args, context, &remote);
    }
    let on_disk = args.policy.load(context)?;
    args.acting.require_record(context, session)?;
    let selection = on_disk.policy.selection();
    context.require_ages(&selection)?;
    if let Some(remote) = remote.filter(|_| args.watch) {
        return Box::pin(watch_through::watch(context, session, args, &remote)).await;
    }
    let enforcement = Enforcement {
        context,
        session,
        args,
        on_disk: &on_disk,
        selection: &selection,
        watch: args
            .watch
            .then(|| RunId::new(Timestamp::now(), fastrand::u32(..))),
        first: OnceCell::new(),
    };
    if args.watch {
        // Boxed, because it contains a whole enforcement, as this future does.
        return Box::pin(watch(&enforcement)).await;
    }
    let (list, unnamed) = args.whom.read(context, session).await?;
    let unmatched = without_a_user(context, &on_disk.policy.exempt, args.whom.names(&list)?)?;
    let chosen = enforcement
        .choose(&list, args.reading(session), Choosing::everything(&selection))
        .await?;
    enforcement.tell(&chosen.choosing);
    let Totals { online, victims, .. } = chosen.choosing.totals;
    let allowance = args.max_logouts.map(|spec| spec.allowance(online));
    if let Some(allowed) = allowance.filter(|allowed| victims > *allowed) {
        return Err(exceeded(victims, online, allowed));
    }
    let exit = enforcement
        .carry_out(
            chosen,
            summary_of(&list).with_unmatched(unmatched),
            args.whom.describe(),
            allowance,
        )
        .await?;
    // Some users were not compared.
    Ok(if exit == exit::OK && unnamed > 0 {
        exit::FAILED_FINAL
    } else {
        exit
    })
}

/// A policy being enforced, in two steps: after the first, everything is known and nothing has been changed.
pub(super) struct Enforcement<'a> {
    pub(super) context: &'a Context,
    pub(super) session: &'a Session,
    pub(super) args: &'a EnforceArgs,
    pub(super) on_disk: &'a PolicyOnDisk,
    /// The selection of the policy.
    pub(super) selection: &'a Selection,
    /// The id of the watch, if it is one.
    watch: Option<RunId>,
    /// The first run, once there is one.
    pub(super) first: OnceCell<RunId>,
}

/// What to do, according to the first reading.
pub(super) struct Chosen<'a> {
    /// One item for each user who could not be read, or who exceeds a limit with devices that may be signed
    /// out.
    file: File,
    items: u64,
    pub(super) choosing: Choosing<'a>,
}

impl Chosen<'_> {
    /// Returns whether no user exceeds a limit, as far as users could be read.
    pub(super) fn is_nothing(&self) -> bool {
        self.items == 0 && self.choosing.totals.undecided == 0
    }
}

impl Enforcement<'_> {
    /// Reads all users of a list and passes them to `choosing`.
    ///
    /// # Errors
    /// When continuing is pointless. Nothing was changed then.
    pub(super) async fn choose<'a>(
        &self,
        list: &UserList,
        reading: Reading,
        mut choosing: Choosing<'a>,
    ) -> Result<Chosen<'a>, CommandError> {
        let Self {
            context,
            session,
            args,
            ..
        } = *self;
        let mut writer = input::Writer::new(temporary_file().map_err(lost)?);
        let mut order = if reading.asks_first(list.users) {
            InOrder::as_they_come()
        } else {
            InOrder::default()
        };
        let tasks = begin::items(args.whom.stream(list)?).map(|item| item.map(Task::fresh));
        let read = async |task: Task| {
            let devices = devices_of(&session.server, &task).await;
            (task, devices)
        };
        let note = |task: Task, read: Result<Vec<SeenDevice>, CallError>| {
            let planned = choosing.take(&task.item.user, read);
            let number = task.item.number;
            let item = planned.map(|planned| Item {
                planned: Some(planned),
                ..task.item
            });
            for item in order.push(number, item).into_iter().flatten() {
                writer.push(&item)?;
            }
            Ok(())
        };
        let first = ReadFirst {
            context,
            session,
            verb: t!("comparing"),
            users: list.users,
            reading,
        };
        first.run(tasks, read, note).await?;
        let (file, items, _) = writer.finish().map_err(lost)?;
        Ok(Chosen {
            file,
            items,
            choosing,
        })
    }

    /// Prints the totals of the choice.
    pub(super) fn tell(&self, choosing: &Choosing<'_>) {
        let Totals {
            over,
            victims,
            victims_of_unknown_age,
            undecided,
            ..
        } = choosing.totals;
        let ui = &self.context.ui;
        let (read, exceed) = (users(choosing.totals.users), users(choosing.totals.users_over));
        ui.note(t!("{read} read: {exceed} over the limits by {}", devices(over)));
        if over > 0 {
            let of_unknown_age = match victims_of_unknown_age {
                0 => String::new(),
                count => t!(" ({count} of unknown age)"),
            };
            ui.note(t!(
                "{} to sign out{of_unknown_age}, {undecided} over a limit may not be chosen",
                devices(victims)
            ));
        }
        if choosing.unread > 0 {
            ui.warn(t!(
                "skipped {} who could not be read; run the command again to include them",
                users(choosing.unread)
            ));
        }
    }

    /// Signs out the chosen devices once the operator has agreed, as a recorded run. `listed` is the summary
    /// of the whole list.
    ///
    /// # Errors
    /// When the operator does not agree, or the run was stopped.
    pub(super) async fn carry_out(
        &self,
        chosen: Chosen<'_>,
        listed: Summary,
        source: String,
        allowance: Option<u64>,
    ) -> Result<Exit, CommandError> {
        let Self {
            context,
            session,
            args,
            on_disk,
            selection,
            ..
        } = *self;
        let policy = args.policy.policy.display().to_string();
        let Choosing {
            totals,
            users_to_log_out,
            unread,
            ..
        } = chosen.choosing;
        if totals.victims > 0 {
            let (digest, _) = on_disk.sha256.split_at(12);
            let act = t!(
                "log out {} of {}, those over the limits of {policy} (sha256 {digest}…),",
                devices(totals.victims),
                users(users_to_log_out)
            );
            args.acting.confirm(context, session, users_to_log_out, &act)?;
        }
        let mut summary = Summary {
            users: chosen.items,
            not_started: chosen.items,
            ..listed
        };
        summary.over_limit_and_stay = Some(totals.undecided);
        let left = Left {
            undecided: totals.undecided,
            unread,
        };
        let selection = selection.clone();
        let items = input::items(chosen.file).map_err(lost)?;
        if args.acting.dry_run || chosen.items == 0 {
            args.acting.record(&mut summary);
            let order = Order {
                selection,
                on_drift: OnDrift::StillMeant,
            };
            let tasks = items.map(|item| item.map(Task::fresh));
            let exit = dry_run(
                context,
                session,
                "limits enforce",
                Reading::EVERY_USER,
                tasks,
                &order,
                None,
                summary,
            )
            .await?;
            return Ok(left.after(args.acting.dry_run, exit));
        }
        let new = begin::Order {
            acting: &args.acting,
            action: Action::Enforce {
                policy,
                policy_sha256: on_disk.sha256.clone(),
                selection,
                series: self.watch.as_ref().map(ToString::to_string),
            },
            source,
            allowance,
            reading: Reading::default(),
        };
        let open = begin(context, session, new, items)?;
        if let Some(id) = RunId::parse(&open.header.run) {
            self.first.get_or_init(|| id);
        }
        let attempted = Attempted {
            verify: args.verify,
            ..Attempted::first(summary, &args.acting)
        };
        let exit = Box::pin(perform(context, session, open, attempted)).await?;
        Ok(left.after(false, exit))
    }
}

/// What remains after all chosen devices are signed out.
struct Left {
    /// Devices over a limit that may not be signed out.
    undecided: u64,
    /// Users for whom nothing was chosen, because the first reading failed.
    unread: u64,
}

impl Left {
    /// Returns the exit code: a user who stays over a limit is a finding, and one who was not compared may
    /// be.
    fn after(&self, dry_run: bool, exit: Exit) -> Exit {
        match exit {
            exit::OK if self.undecided > 0 && !dry_run => exit::FINDINGS,
            exit::OK if self.unread > 0 => exit::FAILED_RETRY,
            exit => exit,
        }
    }
}

fn lost(error: io::Error) -> CommandError {
    CommandError::new(
        exit::INTERNAL,
        t!("cannot write or read the temporary copy of the chosen devices, so nothing was done"),
    )
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_still_beyond_a_limit_is_a_finding_and_who_was_not_compared_has_to_be() {
        let after = |undecided, unread, dry_run, exit| Left { undecided, unread }.after(dry_run, exit);
        assert_eq!(after(0, 0, false, exit::OK), exit::OK);
        assert_eq!(after(1, 1, false, exit::OK), exit::FINDINGS);
        assert_eq!(after(1, 0, true, exit::OK), exit::OK);
        assert_eq!(after(1, 0, false, exit::FAILED_RETRY), exit::FAILED_RETRY);
        for dry_run in [false, true] {
            assert_eq!(after(0, 1, dry_run, exit::OK), exit::FAILED_RETRY);
        }
        assert_eq!(after(0, 1, false, exit::INTERRUPTED), exit::INTERRUPTED);
    }
}
