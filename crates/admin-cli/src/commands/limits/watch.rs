//! `limits enforce --watch`: enforces a policy while users sign in.

use std::time::Duration;

use easemob_admin_api::UserId;
use easemob_admin_ops::jobs::enforce::choose::Choosing;
use easemob_admin_ops::jobs::enforce::position::Position;
use easemob_admin_ops::jobs::enforce::watch::{AGAIN_MS, Next, Watch};
use easemob_admin_ops::logins::store::LoginStore;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::store::{ListedRun, RunError};
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::{t, told_later, translated};

use super::enforce::Enforcement;
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users as counted_users};
use crate::commands::times::now_ms;
use crate::drive::summary_of;
use crate::exit::{self, Exit};
use crate::input::user_list::{ServerList, UserList};
use crate::interrupt;

/// How often to look for new sign-ins.
const EVERY: Duration = Duration::from_secs(1);

/// Enforces a policy on each user who signs in, until a signal or `--max-duration`.
///
/// # Errors
/// When no events are collected, or the server refuses.
pub(super) async fn watch(enforcement: &Enforcement<'_>) -> Result<Exit, CommandError> {
    let Enforcement { context, args, .. } = *enforcement;
    let Some(CapSpec::Devices(most)) = args.max_logouts else {
        return Err(CommandError::new(
            exit::USAGE,
            t!("--watch requires --max-logouts N, the most logouts per hour"),
        ));
    };
    let store = context.kept_logins()?.ok_or_else(|| {
        CommandError::new(
            exit::USAGE,
            t!("nothing is collected about logins of this server"),
        )
        .hint(t!(
            "begin with: {}",
            context.command("logins collect --listen ADDR --secret-file FILE")
        ))
    })?;
    let end = interrupt::until_told(context.deadline());
    let delay_ms = i64::try_from(args.delay.as_millis()).unwrap_or(i64::MAX);
    let mut watching = Watching::begin(enforcement, store, most, delay_ms)?;
    context.ui.note(t!(
        "watching sign-ins until Ctrl-C; keep `logins collect` running beside this command"
    ));
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = &mut end => return Ok(exit::OK),
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Some(decision) = decided(enforcement)? {
            context.ui.say(t!(
                "somebody has {} the run, so the watch ends; start it again to continue at its position",
                translated(decision.word())
            ));
            return Ok(exit::INTERRUPTED);
        }
        let now = now_ms();
        watching.hear(now)?;
        let (users, at_most) = match watching.watch.next(now) {
            Next::Wait => continue,
            Next::CapReached { most, waiting } => {
                context.ui.warn(t!(
                    "reached the cap of {} per hour; {} waiting",
                    counted(most, "logout"),
                    counted_users(waiting)
                ));
                continue;
            }
            Next::LookAt { users, at_most } => (users, at_most),
        };
        match pass(enforcement, &users, at_most, &mut watching).await {
            // The position that was kept still has these users.
            Ok(end @ (exit::INTERRUPTED | exit::ABORTED)) => return Ok(end),
            Ok(exit::OK | exit::FINDINGS | exit::FAILED_FINAL) => {}
            Ok(_) => watching.watch.again(users, now),
            // The server may be reachable again later; check these users then.
            Err(error) if error.exit() == exit::UNREACHABLE => {
                context.ui.warn(&error);
                watching.watch.again(users, now);
            }
            Err(error) => return Err(error),
        }
        watching.watch.looked_at();
        watching.keep()?;
    }
}

/// Returns what somebody has decided about the first batch, if nobody may work on it any more: that means the watch.
fn decided(enforcement: &Enforcement<'_>) -> Result<Option<RunState>, CommandError> {
    let records = enforcement.context.records()?;
    // Runs in files are not directed.
    let Some(first) = enforcement.first.get().filter(|_| !records.in_files) else {
        return Ok(None);
    };
    match records.stores.runs().glance(first) {
        Ok(ListedRun { state, .. }) => {
            Ok(matches!(state, RunState::Paused | RunState::Stopped).then_some(state))
        }
        // Old batches may be removed while the watch goes on.
        Err(RunError::NoSuchRun(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A watch whose position outlives this process.
struct Watching {
    watch: Watch,
    store: Box<dyn LoginStore>,
    /// The policy: watches for different policies have positions of their own.
    name: String,
}

impl Watching {
    /// Continues where the last watch for the policy stopped, or starts now.
    fn begin(
        enforcement: &Enforcement<'_>,
        mut store: Box<dyn LoginStore>,
        most: u64,
        delay_ms: i64,
    ) -> Result<Self, CommandError> {
        let policy = &enforcement.args.policy.policy;
        let name = policy.canonicalize().unwrap_or_else(|_| policy.clone());
        let name = name.display().to_string();
        let ui = &enforcement.context.ui;
        let now = now_ms();
        let watch = match store.own_watch(&name)?.map(|kept| Position::read(&kept)) {
            None => Watch::new(most, delay_ms, now),
            Some(Ok(position)) => {
                ui.note(t!(
                    "continuing at the position of the last watch for {name}: {} waiting",
                    counted_users(position.waiting.len() as u64)
                ));
                Watch::resume(position, most, delay_ms, now)
            }
            Some(Err(error)) => {
                // To forget a sign-in would be worse than to check it again.
                ui.warn(t!(
                    "cannot use the position of the last watch for {name}: {error}; checking everybody who signed in since \
                     events are collected"
                ));
                Watch::resume(Position::beginning(), most, delay_ms, now)
            }
        };
        let mut this = Self { watch, store, name };
        this.keep()?;
        Ok(this)
    }

    /// Asks for new sign-ins.
    fn hear(&mut self, now: i64) -> Result<(), CommandError> {
        let unheard = self.watch.unheard(now);
        if self.watch.hear(unheard, self.store.sign_ins(unheard)?, now) {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), CommandError> {
        let position = self.watch.position().text();
        Ok(self.store.set_watch_position(&self.name, &position)?)
    }
}

/// Compares some users with the policy, and signs out what the policy and the cap allow.
async fn pass(
    enforcement: &Enforcement<'_>,
    users: &[String],
    at_most: u64,
    watching: &mut Watching,
) -> Result<Exit, CommandError> {
    let list = list_of(users)?;
    let choosing = Choosing::at_most(enforcement.selection, at_most);
    let chosen = enforcement.choose(&list, Reading::EVERY_USER, choosing).await?;
    let choosing = &chosen.choosing;
    watching.watch.chosen(choosing, now_ms());
    // What is about to be signed out counts for the next process, too.
    watching.keep()?;
    let ui = &enforcement.context.ui;
    if choosing.unread > 0 {
        ui.warn(t!(
            "{} could not be read; retrying in {} minutes",
            counted_users(choosing.unread),
            AGAIN_MS / 60_000
        ));
    }
    if chosen.is_nothing() {
        // Most sign-ins exceed no limit, and a message about each would be noise.
        return Ok(exit::OK);
    }
    enforcement.tell(choosing);
    let source = told_later!("sign-ins that were collected").to_owned();
    enforcement
        .carry_out(chosen, summary_of(&list), source, Some(at_most))
        .await
}

fn list_of(users: &[String]) -> Result<UserList, CommandError> {
    let mut list = ServerList::begin();
    for user in users {
        // Names of the service are valid; an invalid name is not a user.
        if let Ok(user) = UserId::parse(user.as_str()) {
            list.push(&user)?;
        }
    }
    Ok(UserList::of(list)?)
}
