//! The common part of `runs resume` and `runs retry-failed`.

use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume::{Left, Which, remaining};
use easemob_admin_ops::run::store::{OpenRun, RunStore};
use easemob_admin_ops::select::exemptions::Unmatched;
use easemob_admin_words::t;

use super::series::Named;
use super::undo::changes_since;
use crate::acts::attempt::{prove_readable, prove_recordable};
use crate::acts::drift_check::refuse_drift;
use crate::acts::perform::{Attempted, job_of, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{devices, users};
use crate::commands::selection::without_a_user;
use crate::confirm::{Question, confirm};
use crate::context::{Context, Session};
use crate::drive::finish_empty;
use crate::exit::{self, Exit};
use crate::next_step::{Rest, next_steps};
use crate::ownership::{require_data, require_run, require_settings};
use crate::summary::{Summary, whether_to_retry};

/// How to continue a run.
pub(super) struct Again<'a> {
    /// The id of the run, or the start of it.
    pub(super) run: &'a str,
    /// Which items to work on.
    pub(super) which: Which,
    /// The most devices to sign out in total, if different from the journal.
    pub(super) allowance: Option<u64>,
    /// Whether to read the devices again afterwards.
    pub(super) verify: bool,
    /// Whether to leave the work to workers.
    pub(super) detach: bool,
    /// Whether to skip the confirmation.
    pub(super) yes: bool,
}

/// Continues a run.
pub(super) async fn go_on(context: &Context, again: Again<'_>) -> Result<Exit, CommandError> {
    require_data(context)?;
    let stores = context.stores()?;
    let runs = stores.runs();
    let named = Named::find(runs, again.run)?;
    let (id, more) = next_of(runs, &named, again.which)?;
    require_run(context, &id)?;
    // Lock the run first, so that the confirmation describes exactly what will be done.
    let open = runs.open(&id)?;
    let counts = open.progress.counts();
    let todo = again.which.count(&counts);
    if todo > 0 || counts.failed() > 0 {
        // Refuse before asking for confirmation.
        job_of(open.header.action.clone())?;
    }
    if todo == 0 {
        let left = again.which.leaves(&counts);
        tell_left(context, &id, again.which, left);
        if again.run == "last" {
            tell_unfinished(context, runs, &id)?;
        }
        return nothing_done(context, &open.header, left);
    }
    if more > 0 {
        context.ui.note(t!(
            "this is the first of {} batches of the watch {} with something left; repeat the command for the others",
            more + 1,
            named.id
        ));
    }
    let context = &context.aimed_at(&open.header)?;
    let session = context.connect().await?;
    let unmatched = unmatched(context, runs, &id, &open.header);
    let result = match unmatched {
        Ok(unmatched) => {
            // Boxed, because it holds the state of every kind of run.
            Box::pin(with_server(context, &session, open, again, (todo, unmatched))).await
        }
        Err(error) => Err(error),
    };
    let closed = session.close().await;
    result.and_then(|exit| closed.map(|()| exit))
}

/// Returns the run to continue, which of a watch is the first batch with something left, and how many more have something
/// left.
fn next_of(runs: &dyn RunStore, named: &Named, which: Which) -> Result<(RunId, usize), CommandError> {
    let mut left = Vec::new();
    if named.is_watch {
        for id in &named.runs {
            let listed = runs.glance(id)?;
            if !listed.running && which.count(&listed.counts) > 0 {
                left.push(id);
            }
        }
    }
    let first = left.first().copied().unwrap_or_else(|| named.newest());
    Ok((first.clone(), left.len().saturating_sub(1)))
}

/// Reports that nothing is left to do, and what failed.
fn tell_left(context: &Context, id: &RunId, which: Which, left: Left) {
    let say = |text: String| context.ui.say(text);
    let failed = left.retry_may_help + left.last;
    say(if failed == 0 {
        t!("run {id}: nothing is left to do")
    } else if which == Which::AndFailed {
        let them = if failed == 1 { "it" } else { "them" };
        t!(
            "run {id}: {} failed permanently; --all retries {them}",
            users(failed)
        )
    } else {
        t!(
            "run {id}: nothing is left to do, but {} failed ({})",
            users(failed),
            whether_to_retry(left.retry_may_help, left.last)
        )
    });
    let rest = Rest {
        retry_may_help: left.retry_may_help,
        last: left.last,
        ..Rest::default()
    };
    for step in next_steps(id.as_str(), rest) {
        step.say(context);
    }
}

/// Points to older unfinished runs, which the user may have meant with `last`.
fn tell_unfinished(context: &Context, runs: &dyn RunStore, last: &RunId) -> Result<(), CommandError> {
    let mut unfinished = 0_u64;
    let mut newest = None;
    for (id, listed) in runs.overview()?.into_iter().filter(|(id, _)| id != last) {
        // `runs list` reports unreadable runs.
        if listed.is_ok_and(|listed| listed.can_be_gone_on_with()) {
            unfinished += 1;
            newest = Some(id);
        }
    }
    if let Some(id) = newest {
        let noun = if unfinished == 1 { "run is" } else { "runs are" };
        context.ui.say(t!(
            "{unfinished} earlier {noun} unfinished; the newest: {}",
            context.command(&format!("runs resume {id}"))
        ));
    }
    Ok(())
}

/// Reports that nothing was left to do, with the rows of the run's command.
fn nothing_done(context: &Context, header: &Header, left: Left) -> Result<Exit, CommandError> {
    let mut summary = Summary {
        run: Some(header.run.clone()),
        ..Summary::of_users(0)
    };
    summary.leave(left);
    let command = header.action.command();
    let report = match &header.action {
        Action::Ban { .. } | Action::Unban { .. } => {
            context.local_report::<BanReport>(command, header.sandbox)
        }
        Action::SetLimits { .. } => context.local_report::<LimitsReport>(command, header.sandbox),
        Action::Lock { .. } | Action::Unlock { .. } => {
            context.local_report::<LockReport>(command, header.sandbox)
        }
        Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. } => {
            context.local_report::<DeviceReport>(command, header.sandbox)
        }
    }?;
    finish_empty(report, &summary)
}

async fn with_server(
    context: &Context,
    session: &Session,
    open: OpenRun,
    again: Again<'_>,
    (todo, unmatched): (u64, Option<Unmatched>),
) -> Result<Exit, CommandError> {
    if session.profile.is_some() {
        require_settings(context)?;
    }
    let header = &open.header;
    same_server(header, session)?;
    prove_recordable(context, session)?;
    prove_readable(context, session, &header.action)?;
    if let Action::Unban { undoes: Some(undone) } = &header.action {
        refuse_changed(context, &open, undone, again.which)?;
    }
    if let Some(allowed) = again.allowance {
        within(allowed, &open.progress.counts())?;
    }
    session.announce(&context.ui);
    let place = if session.is_sandbox() {
        t!(" (sandbox)")
    } else {
        ""
    };
    let (command, app) = (header.action.command(), &session.app);
    let about_the_app = header.is_about_the_app();
    let question = Question {
        app: app.clone(),
        users: if about_the_app { 0 } else { todo },
        whole_app: about_the_app,
        act: if about_the_app {
            t!("resume `{command}`, which changes the device limits of all users of {app}{place}")
        } else {
            t!(
                "resume `{command}` for {todo} of {} of {app}{place}",
                users(header.items)
            )
        },
        can_be_dry: false,
    };
    confirm(&context.ui, again.yes, &question)?;
    if let Job::EndDevices(order) = job_of(open.header.action.clone())? {
        let tasks = remaining(open.held.items()?, open.progress.clone(), again.which);
        refuse_drift(context, session, todo, tasks, &order).await?;
    }
    let attempted = Attempted {
        detach: again.detach,
        which: again.which,
        verify: again.verify,
        summary: Summary::of_users(todo).with_unmatched(unmatched),
        allowance: again.allowance,
    };
    perform(context, session, open, attempted).await
}

/// Finds the exemptions of a run that match none of its users. Plans and policies selected the users
/// themselves.
fn unmatched(
    context: &Context,
    runs: &dyn RunStore,
    id: &RunId,
    header: &Header,
) -> Result<Option<Unmatched>, CommandError> {
    match &header.action {
        Action::Logout { selection } => {
            let users = runs.items(id)?.map(|item| item.map(|item| item.user));
            without_a_user(context, &selection.exempt, users)
        }
        _ => Ok(None),
    }
}

/// Refuses a cap below the number of devices that earlier attempts may have signed out; which of them are
/// gone is not known yet.
fn within(allowed: u64, counts: &Counts) -> Result<(), CommandError> {
    let spent = counts.devices_ended + counts.devices_intended;
    if spent <= allowed {
        return Ok(());
    }
    let what = t!(
        "earlier attempts signed out {} and were about to sign out {} more, but --max-logouts allows {allowed} in total; \
         nothing was done",
        devices(counts.devices_ended),
        counts.devices_intended
    );
    Err(CommandError::new(exit::CAP_HIT, what).hint(t!("to allow those, add --max-logouts {spent}")))
}

/// Refuses to lift a ban that somebody has changed since it was chosen to be lifted.
fn refuse_changed(context: &Context, open: &OpenRun, undone: &str, which: Which) -> Result<(), CommandError> {
    let stores = context.stores()?;
    let unreadable = || CommandError::new(exit::USAGE, t!("the run {undone} that this run undoes is gone"));
    let id = RunId::parse(undone).ok_or_else(unreadable)?;
    let header = stores.runs().glance(&id)?.header;
    let changes = changes_since(context, stores.runs(), &id, &header)?;
    for task in remaining(open.held.items()?, open.progress.clone(), which) {
        let task = task.map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot read the users of the run")).because(error)
        })?;
        if changes.has(&task.item.user) {
            let what = t!(
                "the ban of {} was changed since this run was begun, so nothing was lifted",
                task.item.user
            );
            return Err(CommandError::new(exit::USAGE, what).hint(t!(
                "undo the run anew: {}",
                context.command(&format!("runs undo {id}"))
            )));
        }
    }
    Ok(())
}

pub(super) fn same_server(header: &Header, session: &Session) -> Result<(), CommandError> {
    // The embedded sandbox uses a different port each time.
    let same =
        header.sandbox == session.is_sandbox() && (header.sandbox || header.app_root == session.app_root);
    if same {
        return Ok(());
    }
    let what = t!(
        "the run belongs to {}, not to {}",
        header.app_root,
        session.app_root
    );
    Err(CommandError::new(exit::USAGE, what)
        .hint(t!("remove the options that name a server: the run has its own")))
}
