//! `limits enforce`: end the devices that are beyond the limits of a policy.
//!
//! Everybody is read first, so that what is asked about is known in numbers. Then each user is read again, and of
//! the devices that were chosen those are ended that are still beyond the limits: never more than the surplus.

use std::fs::File;
use std::io;
use std::time::Duration;

use clap::Args;
use easemob_admin_ops::jobs::enforce::choose::Choosing;
use easemob_admin_ops::plan::in_order::InOrder;
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::input;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::server::calls::{CallError, SeenDevice, SessionCalls};

use super::policy_file::PolicyArgs;
use super::watch::watch;
use super::whom::Whom;
use crate::acts::begin::{self, begin};
use crate::acts::dry_run::dry_run;
use crate::acts::perform::{Attempted, perform};
use crate::acts::read_first::read_first;
use crate::cli::duration;
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, devices, users};
use crate::commands::allowance::exceeded;
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
  easemob-admin limits enforce limits.toml ann --unknown-age oldest --reason \"policy 12\" --yes --verify

On each platform the newest devices within the limit stay, and the oldest go, as the service itself would choose; \
`limits check` shows the same without touching anything, and a policy to begin with. A device whose age nobody knows \
is never ended unless the policy or --unknown-age oldest says so; where that leaves somebody beyond a limit, the exit \
code is 11. Everybody is read before the question is asked, and each user again before anything is ended: what has \
gone by itself is no surplus any more, and what has come since is left to the next time. Every enforcement is a run \
on record: if it is interrupted, `runs resume` goes on with it.

With --watch the users are those of whom `logins collect`, running beside it, hears a sign-in: the newest sign-in stays, \
as the service itself would choose. Beyond N logouts within an hour the rest waits.")]
pub struct EnforceArgs {
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    whom: Whom,
    /// Do nothing if more than N devices, or P% of those online, would be ended; with --watch, N within an hour
    #[arg(long, value_name = "N|P%")]
    pub(super) max_logouts: Option<CapSpec>,
    /// Go on until Ctrl-C: look at whoever signs in, as `logins collect` hears of it
    #[arg(long, requires_all = ["max_logouts", "yes"], conflicts_with_all = ["users", "from", "all", "dry_run"])]
    watch: bool,
    /// With --watch, wait so long after a sign-in, so that a device that changes networks is not two
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(super) delay: Duration,
    /// Read the devices again afterwards, and report what is gone, still online, or signed in again
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Runs the command.
///
/// # Errors
/// When the policy or the list cannot be used, more would be ended than allowed, the operator does not agree, or
/// the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &EnforceArgs) -> Result<Exit, CommandError> {
    let on_disk = args.policy.load(context)?;
    args.acting.require_record(context, session)?;
    context.require_ages(&on_disk.policy.selection())?;
    if args.watch {
        // A future of its own: it holds a whole enforcement, as this one does.
        return Box::pin(watch(context, session, args, &on_disk)).await;
    }
    let (list, unnamed) = args.whom.read(context, session).await?;
    let unmatched = without_a_user(context, &on_disk.policy.exempt, args.whom.names(&list)?)?;
    let enforcement = Enforcement {
        context,
        session,
        args,
        on_disk: &on_disk,
    };
    let selection = on_disk.policy.selection();
    let chosen = enforcement
        .choose(&list, &mut Choosing::everything(&selection))
        .await?;
    enforcement.tell(&chosen);
    let online = chosen.totals.online;
    let allowance = args.max_logouts.map(|spec| spec.allowance(online));
    if let Some(allowed) = allowance.filter(|allowed| chosen.totals.victims > *allowed) {
        return Err(exceeded(chosen.totals.victims, online, allowed));
    }
    let exit = enforcement
        .carry_out(
            chosen,
            summary_of(&list).with_unmatched(unmatched),
            args.whom.describe(),
            allowance,
        )
        .await?;
    // Not everybody was compared.
    Ok(if exit == exit::OK && unnamed > 0 {
        exit::FAILED_FINAL
    } else {
        exit
    })
}

/// A policy that is enforced; the two steps are apart, because all is known between them and nothing has been done.
pub(super) struct Enforcement<'a> {
    pub(super) context: &'a Context,
    pub(super) session: &'a Session,
    pub(super) args: &'a EnforceArgs,
    pub(super) on_disk: &'a PolicyOnDisk,
}

/// What is to be done, as far as the first reading tells.
pub(super) struct Chosen {
    /// One item for each user who exceeds with devices that may go, or could not be read.
    file: File,
    items: u64,
    users_to_log_out: u64,
    unread: u64,
    totals: Totals,
}

impl Chosen {
    /// Returns whether nobody exceeds anything, as far as was read.
    pub(super) fn is_nothing(&self) -> bool {
        self.items == 0 && self.totals.undecided == 0
    }
}

impl Enforcement<'_> {
    /// Reads everybody of a list and lets `choosing` choose.
    ///
    /// # Errors
    /// When going on is pointless; nothing was done then.
    pub(super) async fn choose(
        &self,
        list: &UserList,
        choosing: &mut Choosing<'_>,
    ) -> Result<Chosen, CommandError> {
        let Self {
            context,
            session,
            args,
            ..
        } = *self;
        let mut writer = input::Writer::new(tempfile::tempfile().map_err(lost)?);
        let mut order = InOrder::default();
        let tasks = begin::items(args.whom.stream(list)?).map(|item| item.map(Task::fresh));
        let read = async |task: &Task| session.server.list_devices(&task.item.user).await;
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
        read_first(
            context,
            &session.server,
            "comparing",
            list.users,
            tasks,
            read,
            note,
        )
        .await?;
        let (file, items, _) = writer.finish().map_err(lost)?;
        Ok(Chosen {
            file,
            items,
            users_to_log_out: choosing.users_to_log_out,
            unread: choosing.unread,
            totals: choosing.totals,
        })
    }

    /// Says what was chosen.
    pub(super) fn tell(&self, chosen: &Chosen) {
        tell(self.context, &chosen.totals, chosen.unread);
    }

    /// Ends what was chosen, once the operator has agreed: a run on record. `listed` is the summary of the whole list.
    ///
    /// # Errors
    /// When the operator does not agree, or the run was stopped.
    pub(super) async fn carry_out(
        &self,
        chosen: Chosen,
        listed: Summary,
        source: String,
        allowance: Option<u64>,
    ) -> Result<Exit, CommandError> {
        let Self {
            context,
            session,
            args,
            on_disk,
        } = *self;
        let policy = args.policy.policy.display().to_string();
        let totals = &chosen.totals;
        if totals.victims > 0 {
            let (digest, _) = on_disk.sha256.split_at(12);
            let act = format!(
                "log out {} of {}, those beyond the limits of {policy} (sha256 {digest}…),",
                devices(totals.victims),
                users(chosen.users_to_log_out)
            );
            args.acting
                .confirm(context, session, chosen.users_to_log_out, &act)?;
        }
        let mut summary = Summary {
            users: chosen.items,
            not_started: chosen.items,
            ..listed
        };
        summary.over_limit_and_stay = Some(totals.undecided);
        let left = Left {
            undecided: totals.undecided,
            unread: chosen.unread,
        };
        let selection = on_disk.policy.selection();
        let items = input::items(chosen.file).map_err(lost)?;
        if args.acting.dry_run || chosen.items == 0 {
            args.acting.record(&mut summary);
            let order = Order {
                selection,
                on_drift: OnDrift::StillMeant,
            };
            let tasks = items.map(|item| item.map(Task::fresh));
            let exit = dry_run(context, session, "limits enforce", tasks, &order, None, summary).await?;
            return Ok(left.after(args.acting.dry_run, exit));
        }
        let new = begin::Order {
            acting: &args.acting,
            action: Action::Enforce {
                policy,
                policy_sha256: on_disk.sha256.clone(),
                selection,
            },
            source,
            allowance,
        };
        let open = begin(context, session, new, items)?;
        let attempted = Attempted {
            verify: args.verify,
            ..Attempted::first(summary)
        };
        let exit = perform(context, session, open, attempted).await?;
        Ok(left.after(false, exit))
    }
}

/// What is left after everything that was chosen is done.
struct Left {
    /// Devices beyond a limit that may not be chosen.
    undecided: u64,
    /// Users of whom nothing was chosen, because they could not be read at first.
    unread: u64,
}

impl Left {
    /// Returns the exit code: whoever is still beyond a limit is a finding, and whoever was not compared may be.
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
        "the temporary copy of what was chosen cannot be written or read, so nothing was done",
    )
    .because(error)
}

fn tell(context: &Context, totals: &Totals, unread: u64) {
    let Totals {
        over,
        victims,
        victims_of_unknown_age,
        undecided,
        ..
    } = totals;
    let ui = &context.ui;
    let (read, exceed) = (users(totals.users), users(totals.users_over));
    ui.note(format_args!(
        "{read} read: {exceed} beyond the limits by {}",
        devices(*over)
    ));
    if *over > 0 {
        let of_unknown_age = match victims_of_unknown_age {
            0 => String::new(),
            count => format!(" ({count} of unknown age)"),
        };
        ui.note(format_args!(
            "{} to be ended{of_unknown_age}, {undecided} beyond a limit may not be chosen",
            devices(*victims)
        ));
    }
    if unread > 0 {
        ui.warn(format_args!(
            "{} could not be read; nothing is ended of theirs until the command is run again",
            users(unread)
        ));
    }
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
