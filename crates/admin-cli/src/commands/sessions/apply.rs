//! `sessions apply`: carries out a plan.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use easemob_admin_ops::plan::document::PlanHeader;
use easemob_admin_ops::plan::read::{Plan, PlanError};
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::drift_check::refuse_drift;
use crate::acts::dry_run::dry_run;
use crate::acts::perform::{Attempted, perform};
use crate::cli::duration;
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, devices, users};
use crate::commands::allowance::exceeded;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::forecast;
use crate::summary::Summary;

/// Plans of a machine whose clock runs ahead are taken up to this much.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Arguments of `sessions apply`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions apply plan.json --dry-run
  easemob-admin sessions apply plan.json --reason \"leak\" --ticket INC-7
  easemob-admin sessions apply plan.json --on-drift stop --max-age 1h --yes

Signs out the devices that the plan names and no others, one call per device. Signs out fewer if the plan keeps the \
newest devices or a minimum, and devices that were to stay have left since then. Refuses a plan of another app, an \
edited plan, and one that is too old. Each user's devices are read again before any is signed out; with --on-drift stop, \
all users are also read once before the first sign-out, so that the run makes two reads per user and signs nobody out \
if any user differs.")]
pub struct ApplyArgs {
    /// The plan file that `sessions plan` wrote
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// What to do about users whose devices have changed since the plan
    #[arg(long, value_name = "WHAT", default_value = "skip")]
    on_drift: DriftArg,
    /// Refuse a plan that is older than this
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    max_age: Duration,
    /// Stop before more than N devices, or P% of those online at the time of the plan, are signed out
    #[arg(long, value_name = "N|P%")]
    max_logouts: Option<CapSpec>,
    /// Read the devices again afterwards, and report what is gone, still online, or signed in again
    #[arg(long, conflicts_with = "detach")]
    verify: bool,
    #[command(flatten)]
    acting: Acting,
}

/// The values of `--on-drift`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DriftArg {
    /// Sign out planned devices that are still online and still selected, and leave new ones alone
    Skip,
    /// Read all users first, and sign nobody out if a device is new or one that was to stay is gone; stop at
    /// a user that changes later
    Stop,
    /// Select again, so that new devices count too
    Include,
}

/// Runs the command.
///
/// # Errors
/// When the plan cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &ApplyArgs) -> Result<Exit, CommandError> {
    let plan = Plan::open(&args.plan).map_err(|error| unusable(args, error))?;
    fits(&plan.header, session, args.max_age, Timestamp::now())?;
    if plan.totals.devices_to_end == 0 {
        return Err(CommandError::new(
            exit::USAGE,
            t!("the plan signs out no devices, so there is nothing to do"),
        ));
    }
    let mut acting = args.acting.clone();
    acting.reason = acting.reason.or_else(|| plan.header.reason.clone());
    acting.ticket = acting.ticket.or_else(|| plan.header.ticket.clone());
    acting.require_record(context, session)?;
    let totals = &plan.totals;
    let act = t!(
        "log out {} of {}, as planned by {} on {:.0}",
        devices(totals.devices_to_end),
        users(totals.users_to_log_out),
        plan.header.operator.person(),
        plan.header.created
    );
    let allowance = args.max_logouts.map(|spec| spec.allowance(totals.devices_online));
    if let Some(allowed) = allowance.filter(|allowed| totals.devices_to_end > *allowed) {
        return Err(exceeded(totals.devices_to_end, totals.devices_online, allowed));
    }
    if totals.users_unread > 0 {
        context.ui.warn(t!(
            "skipping {} who could not be read when the plan was made",
            users(totals.users_unread)
        ));
    }
    forecast::say_of_act(
        context,
        session,
        totals.users_to_log_out,
        Forecast::exactly(totals.users_to_log_out + totals.devices_to_end),
        acting.dry_run,
    );
    acting.confirm(context, session, totals.users_to_log_out, &act)?;
    let order = Order {
        selection: plan.header.selection.clone(),
        on_drift: match args.on_drift {
            DriftArg::Skip => OnDrift::Skip,
            DriftArg::Stop => OnDrift::Stop,
            DriftArg::Include => OnDrift::Include,
        },
    };
    let mut summary = Summary::of_users(totals.users_to_log_out);
    let tasks = items(args, &plan)?.map(|item| item.map(Task::fresh));
    refuse_drift(context, session, totals.users_to_log_out, tasks, &order).await?;
    if acting.dry_run {
        acting.record(&mut summary);
        let tasks = items(args, &plan)?.map(|item| item.map(Task::fresh));
        return dry_run(
            context,
            session,
            "sessions apply",
            Reading::EVERY_USER,
            tasks,
            &order,
            allowance,
            summary,
        )
        .await;
    }
    let new = begin::Order {
        acting: &acting,
        action: Action::Apply {
            plan_sha256: plan.sha256.clone(),
            on_drift: order.on_drift,
            selection: order.selection,
        },
        source: args.plan.display().to_string(),
        allowance,
        reading: Reading::EVERY_USER,
    };
    let open = begin(context, session, new, items(args, &plan)?)?;
    let attempted = Attempted {
        verify: args.verify,
        ..Attempted::first(summary, &args.acting)
    };
    perform(context, session, open, attempted).await
}

fn items(
    args: &ApplyArgs,
    plan: &Plan,
) -> Result<impl Iterator<Item = io::Result<Item>> + Send + use<>, CommandError> {
    let users = plan.users().map_err(|error| unusable(args, error.into()))?;
    let mut number = 0;
    Ok(users.filter_map(move |user| match user {
        Err(error) => Some(Err(error)),
        Ok(user) => {
            let item = user.into_item(number)?;
            number += 1;
            Some(Ok(item))
        }
    }))
}

/// Checks that the plan belongs to this server, and is recent enough.
fn fits(plan: &PlanHeader, session: &Session, max_age: Duration, now: Timestamp) -> Result<(), CommandError> {
    let same = plan.sandbox == session.is_sandbox() && (plan.sandbox || plan.app_root == session.app_root);
    if !same {
        let place = |sandbox: bool| if sandbox { t!(" (sandbox)") } else { "" };
        let what = t!(
            "the plan belongs to {}{}, not to {}{}; it was made by {}",
            plan.app_root,
            place(plan.sandbox),
            session.app_root,
            place(session.is_sandbox()),
            made_by(plan)
        );
        return Err(CommandError::new(exit::USAGE, what)
            .hint(t!("nothing was sent; use the plan's server, or make a new plan")));
    }
    let age = now.duration_since(plan.created);
    match Duration::try_from(age) {
        Ok(age) if age <= max_age => Ok(()),
        Err(_) if age.unsigned_abs() <= CLOCK_SKEW => Ok(()),
        Ok(_) => Err(CommandError::new(
            exit::USAGE,
            t!(
                "the plan was made on {:.0} by {}, which is longer ago than --max-age allows",
                plan.created,
                made_by(plan)
            ),
        )
        .hint(t!("make a new plan: who is online changes by the minute"))),
        Err(_) => Err(CommandError::new(
            exit::USAGE,
            t!(
                "the plan was made on {:.0} by {}, which is in the future",
                plan.created,
                made_by(plan)
            ),
        )
        .hint(t!("check the clock of this machine"))),
    }
}

/// Returns the version that made a plan.
fn made_by(plan: &PlanHeader) -> String {
    t!("easemob-admin {} (format {})", plan.tool, plan.format)
}

fn unusable(args: &ApplyArgs, error: PlanError) -> CommandError {
    let what = t!("cannot use the plan {}", args.plan.display());
    let hint = match &error {
        PlanError::Edited { .. } => t!("nothing was sent; to leave users out, make a new plan with --exempt"),
        PlanError::Name(_) => t!("nothing was sent; make a new plan, which checks exemptions and names"),
        _ => t!("nothing was sent; make a plan with: easemob-admin sessions plan --out FILE"),
    };
    CommandError::new(exit::USAGE, what).because(error).hint(hint)
}
