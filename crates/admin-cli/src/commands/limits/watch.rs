//! `limits enforce --watch`: a policy is kept while people sign in.

use std::collections::VecDeque;
use std::time::Duration;

use easemob_admin_api::UserId;
use easemob_admin_ops::logins::store::Range;
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::schedule::cap::CapSpec;

use super::enforce::{EnforceArgs, Enforcement};
use super::room::Room;
use super::waiting::Waiting;
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users};
use crate::commands::times::now_ms;
use crate::context::{Context, Session};
use crate::drive::summary_of;
use crate::exit::{self, Exit};
use crate::input::user_list::{ServerList, UserList};
use crate::interrupt;

/// How often is looked for sign-ins.
const EVERY: Duration = Duration::from_secs(1);

const HOUR_MS: i64 = 3_600_000;

/// How many users are looked at in one pass at least, if so many wait.
const BATCH: usize = 100;

/// After how many milliseconds somebody is looked at again where something failed: a failure that lasts takes little of
/// the hour's logouts then.
const AGAIN_MS: i64 = 5 * 60_000;

/// How many logouts are left within any hour.
#[derive(Debug)]
struct Hourly {
    most: u64,
    spent: VecDeque<(i64, u64)>,
}

impl Hourly {
    fn new(most: u64) -> Self {
        Self {
            most,
            spent: VecDeque::new(),
        }
    }

    fn spend(&mut self, logouts: u64, now_ms: i64) {
        if logouts > 0 {
            self.spent.push_back((now_ms, logouts));
        }
    }

    fn left(&mut self, now_ms: i64) -> u64 {
        while self.spent.front().is_some_and(|(at, _)| now_ms - at >= HOUR_MS) {
            self.spent.pop_front();
        }
        let spent: u64 = self.spent.iter().map(|(_, logouts)| logouts).sum();
        self.most.saturating_sub(spent)
    }
}

/// Whether it was told that users wait because the cap is reached.
#[derive(Debug, Default)]
struct Told(bool);

impl Told {
    /// Returns true when users begin to wait, and not again before there was room.
    fn is_news(&mut self, left: u64, waiting: usize) -> bool {
        let news = left == 0 && waiting > 0 && !self.0;
        self.0 = left == 0 && (self.0 || news);
        news
    }
}

/// Enforces a policy on whoever signs in, until a signal or `--max-duration`.
///
/// # Errors
/// When nothing is collected, or the server refuses.
pub(super) async fn watch(
    context: &Context,
    session: &Session,
    args: &EnforceArgs,
    on_disk: &PolicyOnDisk,
) -> Result<Exit, CommandError> {
    let Some(CapSpec::Devices(most)) = args.max_logouts else {
        return Err(CommandError::new(
            exit::USAGE,
            "--watch needs a number of devices in --max-logouts, which is then that of an hour",
        ));
    };
    let store = context.kept_logins()?.ok_or_else(|| {
        CommandError::new(exit::USAGE, "nothing is collected about logins of this server")
            .hint("begin with: easemob-admin logins collect --listen ADDR --secret-file FILE")
    })?;
    context
        .ui
        .note("watching sign-ins until Ctrl-C; `logins collect` has to run beside this");
    let delay_ms = i64::try_from(args.delay.as_millis()).unwrap_or(i64::MAX);
    let enforcement = Enforcement {
        context,
        session,
        args,
        on_disk,
    };
    let (mut hourly, mut waiting, mut told) = (Hourly::new(most), Waiting::default(), Told::default());
    let mut since_ms = now_ms().saturating_sub(delay_ms);
    let end = interrupt::until_told(context.deadline());
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = &mut end => return Ok(exit::OK),
            () = tokio::time::sleep(EVERY) => {}
        }
        let now = now_ms();
        let until_ms = now.saturating_sub(delay_ms);
        waiting.add(store.users_signed_in(Range { since_ms, until_ms })?, now);
        since_ms = until_ms;
        let left = hourly.left(now);
        if told.is_news(left, waiting.len()) {
            context.ui.warn(format_args!(
                "the cap of {} within an hour is reached; still waiting for room: {}",
                counted(most, "logout"),
                users(waiting.len() as u64)
            ));
        }
        if left == 0 {
            continue;
        }
        let batch = waiting.take(BATCH.max(usize::try_from(left).unwrap_or(BATCH)), now);
        if batch.is_empty() {
            continue;
        }
        let mut room = Room::of(left);
        let passed = pass(&enforcement, &batch, &mut room, &mut hourly).await;
        if !room.unread.is_empty() {
            context.ui.warn(format_args!(
                "{} could not be read and are looked at again in {} minutes",
                users(room.unread.len() as u64),
                AGAIN_MS / 60_000
            ));
        }
        waiting.add(room.deferred, now);
        waiting.add(room.unread, now + AGAIN_MS);
        match passed {
            Ok(end @ (exit::INTERRUPTED | exit::ABORTED)) => return Ok(end),
            Ok(exit::OK | exit::FINDINGS | exit::FAILED_FINAL) => {}
            Ok(_) => waiting.add(batch, now + AGAIN_MS),
            // What cannot be reached now may be later, and whoever signed in is looked at then.
            Err(error) if error.exit() == exit::UNREACHABLE => {
                context.ui.warn(&error);
                waiting.add(batch, now + AGAIN_MS);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Compares some users with the policy, and ends what there is room for.
async fn pass(
    enforcement: &Enforcement<'_>,
    batch: &[String],
    room: &mut Room,
    hourly: &mut Hourly,
) -> Result<Exit, CommandError> {
    let list = list_of(batch)?;
    let left = hourly.left(now_ms());
    let chosen = enforcement.choose(&list, Some(room)).await?;
    if chosen.is_nothing() {
        // Most sign-ins exceed nothing, which nobody wants to read about.
        return Ok(exit::OK);
    }
    enforcement.tell(&chosen);
    // Before anything is ended: after an error nobody can say how much of it was.
    hourly.spend(chosen.victims(), now_ms());
    let source = "sign-ins that were collected".to_owned();
    enforcement
        .carry_out(chosen, summary_of(&list), source, Some(left))
        .await
}

fn list_of(users: &[String]) -> Result<UserList, CommandError> {
    let mut list = ServerList::begin()?;
    for user in users {
        // Names of the service are names; one that is not is nobody's.
        if let Ok(user) = UserId::parse(user.as_str()) {
            list.push(&user)?;
        }
    }
    Ok(UserList::of(list)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_cap_is_spent_within_any_hour() {
        let mut hourly = Hourly::new(10);
        assert_eq!(hourly.left(0), 10);
        hourly.spend(4, 0);
        hourly.spend(6, 1_000);
        assert_eq!(hourly.left(2_000), 0);
        assert_eq!(hourly.left(HOUR_MS), 4);
        assert_eq!(hourly.left(HOUR_MS + 1_000), 10);
        hourly.spend(99, HOUR_MS + 2_000);
        assert_eq!(hourly.left(HOUR_MS + 2_000), 0);
    }

    #[test]
    fn who_waits_is_told_once_until_there_is_room_again() {
        let mut told = Told::default();
        let looks = [(0, 0), (0, 1), (0, 1), (0, 0), (0, 2), (3, 2), (0, 0), (0, 1)];
        let news = looks.map(|(left, waiting)| told.is_news(left, waiting));
        assert_eq!(news, [false, true, false, false, false, false, false, true]);
    }
}
