//! `sessions plan`: writes what a logout would do to a file.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;
use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::jobs::end_devices::done_with;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::logout::{Fate, UserResult, choose, concluded};
use easemob_admin_ops::plan::document::{FORMAT, PlanHeader, PlanTotals, PlannedUser};
use easemob_admin_ops::plan::in_order::InOrder;
use easemob_admin_ops::plan::write::PlanWriter;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::cap::{Cap, CapSpec};
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::select::decide::{Decision, Order};
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;
use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::acts::begin::items;
use crate::acts::dry_run::cut_off;
use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::acting::{devices, users};
use crate::commands::allowance::exceeded;
use crate::commands::reading::ReadingArgs;
use crate::commands::selection::{SelectionArgs, without_a_user};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Driven, Run, summary_of};
use crate::exit::{self, Exit};
use crate::present::words::words;

/// Arguments of `sessions plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions plan --from users.txt --keep-newest 1 --out plan.json
  easemob-admin sessions plan ann bob --platform web --reason \"leak\" --ticket INC-7 --out plan.json
  easemob-admin sessions apply plan.json

Changes nothing. The file is one JSON document: users and devices, why each was selected, and when it was seen. The \
rows show the same. `sessions apply` refuses an edited plan: to leave users out, make a new plan with --exempt.")]
pub struct PlanArgs {
    #[command(flatten)]
    users: UserSource,
    /// Where to write the plan; the file must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write no plan if more than N devices, or P% of those online, would be signed out
    #[arg(long, value_name = "N|P%")]
    max_logouts: Option<CapSpec>,
    /// Why this will be done
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The ticket that this belongs to
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the plan cannot be written, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &PlanArgs) -> Result<Exit, CommandError> {
    if args.out.exists() {
        let what = t!("{} exists", args.out.display());
        return Err(
            CommandError::new(exit::USAGE, what).hint(t!("a plan is never overwritten; choose another file"))
        );
    }
    let list = args.users.read(context)?;
    let order = Order {
        selection: args.selection.selection(context, &args.users.users)?,
        ..Order::default()
    };
    context.require_ages(&order.selection)?;
    let header = header(context, session, args, &order);
    let cannot = |error: io::Error| cannot_write(&args.out, error);
    let reading = args.reading.reading(session);
    let mut draft = Draft::begin(&args.out, &header).map_err(cannot)?;
    if reading.asks_first(list.users) {
        draft.order = InOrder::as_they_come();
    }
    let exempt = &order.selection.exempt;
    let unmatched = without_a_user(context, exempt, args.users.names(&list)?)?;
    let mut summary = summary_of(&list).with_unmatched(unmatched);
    summary.dry_run = true;
    let mut driven = Driven::<DeviceReport>::begin(Run {
        context,
        session,
        command: "sessions plan",
        verb: t!("planning"),
        words: words(&Job::EndDevices(Box::default()), true),
        acts: false,
        summary,
    })?;
    let draft = Mutex::new(draft);
    let cap = match args.max_logouts {
        Some(CapSpec::Devices(devices)) => Cap::new(Some(devices)),
        Some(CapSpec::Percent(_)) | None => Cap::new(None),
    };
    let work = async |task: Task| {
        let chosen = choose(&session.server, &task, &order).await;
        let within = chosen
            .as_ref()
            .map_or(true, |decision| cap.take(decision.victims.len() as u64));
        let written = draft
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(&task, &chosen);
        let result = match chosen {
            Ok(decision) => {
                let fate = if within { Fate::WouldEnd } else { Fate::NotTried };
                let fates = vec![fate; decision.victims.len()];
                concluded(decision, fates, task.known.basis())
            }
            Err(error) => UserResult::Unread(error),
        };
        let done = done_with(&task.item, &result, &order);
        Done {
            stop: written.err().map(Stop::Output).or(done.stop),
            ..done
        }
    };
    let tasks = items(args.users.stream(&list)?).map(|item| item.map(Task::fresh));
    let forecast = Forecast::reading(list.users, reading);
    driven.status_first(reading, forecast, tasks, work, cut_off).await;
    let whole = driven.stop().is_none();
    let exit = driven.finish()?;
    if !whole {
        context
            .ui
            .say(t!("the plan is incomplete, so it was not written"));
        return Ok(exit);
    }
    let totals = draft
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish(&args.out, args.max_logouts)?;
    tell(context, &args.out, &totals);
    Ok(exit)
}

fn header(context: &Context, session: &Session, args: &PlanArgs, order: &Order) -> PlanHeader {
    PlanHeader {
        format: FORMAT,
        created: Timestamp::now(),
        tool: env!("CARGO_PKG_VERSION").into(),
        app: session.app.clone(),
        app_root: session.app_root.clone(),
        sandbox: session.is_sandbox(),
        operator: operator(session.subject.clone(), context.environment.get("SUDO_USER")),
        reason: args.reason.clone(),
        ticket: args.ticket.clone(),
        selection: order.selection.clone(),
        source: args.users.describe(),
    }
}

fn cannot_write(path: &Path, error: io::Error) -> CommandError {
    CommandError::new(exit::INTERNAL, t!("cannot write the plan {}", path.display())).because(error)
}

fn tell(context: &Context, path: &Path, totals: &PlanTotals) {
    context.ui.say(t!(
        "{} of {} planned in {}",
        devices(totals.devices_to_end),
        users(totals.users_to_log_out),
        path.display()
    ));
    if totals.users_unread > 0 {
        context.ui.warn(t!(
            "{} could not be read; `sessions apply` will skip them",
            users(totals.users_unread)
        ));
    }
    if totals.devices_to_end > 0 {
        let apply = format!("sessions apply {}", quoted(path));
        context.ui.say(t!("to apply it: {}", context.command(&apply)));
    }
}

/// A plan in progress, which becomes the file only when it is complete.
struct Draft {
    writer: PlanWriter<BufWriter<NamedTempFile>>,
    order: InOrder<PlannedUser>,
}

impl Draft {
    fn begin(out: &Path, header: &PlanHeader) -> io::Result<Self> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
        Ok(Self {
            writer: PlanWriter::begin(BufWriter::new(file), header)?,
            order: InOrder::default(),
        })
    }

    fn push(&mut self, task: &Task, chosen: &Result<Decision, CallError>) -> io::Result<()> {
        let user = PlannedUser::of(&task.item, chosen, Timestamp::now());
        for user in self.order.push(task.item.number, user) {
            self.writer.push(&user)?;
        }
        Ok(())
    }

    fn finish(self, out: &Path, cap: Option<CapSpec>) -> Result<PlanTotals, CommandError> {
        let (file, totals, _) = self.writer.finish().map_err(|error| cannot_write(out, error))?;
        if let Some(spec @ CapSpec::Percent(_)) = cap {
            let allowed = spec.allowance(totals.devices_online);
            if totals.devices_to_end > allowed {
                return Err(exceeded(totals.devices_to_end, totals.devices_online, allowed));
            }
        }
        let keep = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(out)?;
            Ok(())
        };
        keep().map_err(|error| cannot_write(out, error))?;
        Ok(totals)
    }
}
