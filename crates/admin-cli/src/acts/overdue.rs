//! Expired pending locks: decides what happens to each, and which need an operator.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use easemob_admin_api::UserId;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::settling::{Traces, Verdict, is_banned};
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use crate::acts::read_first::ReadFirst;
use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::commands::aim::aim;
use crate::context::{Context, Session};

/// How many users are named; the rest are counted.
const NAMED: usize = 5;

/// What happens to each expired pending lock.
#[derive(Debug, Default)]
pub struct Overdue {
    /// By user name in lower case; users who could not be read are missing.
    verdicts: HashMap<String, Verdict>,
}

impl Overdue {
    /// Reads the runs and users of `locks`, the expired pending locks of the server with this root.
    ///
    /// # Errors
    /// When continuing is pointless, for example without a token.
    pub async fn look(
        context: &Context,
        session: &Session,
        app_root: Option<&str>,
        locks: &[&Lock],
    ) -> Result<Self, CommandError> {
        let mut this = Self::default();
        if locks.is_empty() {
            return Ok(this);
        }
        let stores = context.stores()?;
        let traces = Traces::read(stores.runs(), app_root, locks.iter().copied());
        let of_user: HashMap<String, &Lock> = locks.iter().map(|lock| (lock.user.folded(), *lock)).collect();
        let task =
            |(number, lock): (u64, &&Lock)| Ok(Task::fresh(Item::new(number, number + 1, lock.user.clone())));
        let first = ReadFirst {
            context,
            session,
            verb: t!("looking for bans"),
            users: locks.len() as u64,
            reading: Reading::EVERY_USER,
        };
        first
            .run(
                (0..).zip(locks).map(task),
                async |task: Task| {
                    let banned = is_banned(&session.server, &task.item.user).await;
                    (task, banned)
                },
                |task, banned| {
                    let user = task.item.user.folded();
                    // A user that cannot be read now is read again in turn, and fails then.
                    if let (Ok(banned), Some(lock)) = (banned, of_user.get(&user)) {
                        this.verdicts.insert(user, traces.judge(lock, banned));
                    }
                    Ok(())
                },
            )
            .await?;
        Ok(this)
    }

    /// Returns what happens to a user's lock, or `None` if it is not pending and expired or could not be
    /// read.
    #[must_use]
    pub fn verdict(&self, user: &UserId) -> Option<Verdict> {
        self.verdicts.get(&user.folded()).copied()
    }

    /// Returns true if the lock should be removed, or if removal should at least be tried.
    #[must_use]
    pub fn can_end(&self, lock: &Lock) -> bool {
        self.verdict(&lock.user).is_none_or(Verdict::ends)
    }

    /// Warns about the locks in `left` that only an operator can resolve, and prints the commands for it.
    pub fn warn(&self, context: &Context, session: &Session, left: &[&Lock]) {
        let command = format!(
            "easemob-admin {}",
            aim(session.is_sandbox(), session.profile.as_deref())
        );
        for text in said(left, |lock| self.verdict(&lock.user), &command) {
            context.ui.warn(text);
        }
    }
}

/// Returns the pending locks.
#[must_use]
pub fn pending(due: &[Lock]) -> Vec<&Lock> {
    due.iter().filter(|lock| lock.is_pending()).collect()
}

/// Returns one warning per reason why locks are left.
fn said(left: &[&Lock], verdict: impl Fn(&Lock) -> Option<Verdict>, command: &str) -> Vec<String> {
    let mut by_reason: BTreeMap<bool, Vec<&Lock>> = BTreeMap::new();
    for lock in left {
        // A user that could not be read is a failed row already.
        if let Some(verdict) = verdict(lock) {
            by_reason
                .entry(verdict == Verdict::Working)
                .or_default()
                .push(lock);
        }
    }
    let warning = |(working, locks): (bool, Vec<&Lock>)| {
        let count = users(locks.len() as u64);
        let first: Vec<&str> = locks.iter().take(NAMED).map(|lock| lock.user.as_str()).collect();
        let names = first.join(" ");
        let more = locks.len() - first.len();
        let rest = if more == 0 {
            String::new()
        } else {
            t!(" and {more} more (see {command}sessions locks --overdue)")
        };
        let runs: BTreeSet<&str> = locks.iter().flat_map(|lock| lock.runs()).take(NAMED).collect();
        let runs: Vec<&str> = runs.into_iter().collect();
        let runs = runs.join(" ");
        if working {
            t!(
                "{count} should be unlocked by now, but a process is still working on the locks: {names}{rest}; \
                 check the run: easemob-admin runs show {runs}"
            )
        } else {
            t!(
                "{count} should be unlocked by now, but cannot be: the run of the lock cannot be read ({runs}), so it is \
                 unknown who set the ban: {names}{rest}\n  \
                 to lift the ban: {command}users unban {names} --reason \"the lock has expired\"\n  \
                 to keep the ban and remove the lock: {command}users ban {names} --reason TEXT"
            )
        }
    };
    by_reason.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::locks::lock::LockState;
    use jiff::Timestamp;

    use super::*;

    fn lock(name: &str, run: &str, state: LockState) -> Lock {
        Lock {
            user: UserId::parse(name).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            state,
            run: run.into(),
            earlier: Vec::new(),
            changed: None,
            app_root: None,
            operator: "o".into(),
            reason: Some("test".into()),
            ticket: None,
        }
    }

    #[test]
    fn those_that_are_left_are_named_with_what_to_type() {
        let names = ["ann", "bob", "cat", "dan", "eve", "fay", "gil"];
        let locks: Vec<Lock> = names
            .iter()
            .map(|name| lock(name, "20260101-000000-000001", LockState::Pending))
            .collect();
        let left: Vec<&Lock> = locks.iter().collect();
        let command = "easemob-admin --profile prod ";

        let unreadable = said(&left[..2], |_| Some(Verdict::Lost), command);
        assert_eq!(unreadable.len(), 1);
        assert!(unreadable[0].starts_with("2 users should"), "{unreadable:?}");
        for part in [
            "(20260101-000000-000001)",
            "easemob-admin --profile prod users unban ann bob --reason",
            "easemob-admin --profile prod users ban ann bob --reason",
        ] {
            assert!(unreadable[0].contains(part), "{part}: {unreadable:?}");
        }

        let many = said(&left, |_| Some(Verdict::Working), command);
        assert!(
            many[0].contains("ann bob cat dan eve and 2 more") && many[0].contains("runs show 2026"),
            "{many:?}"
        );

        let mixed = |lock: &Lock| match lock.user.as_str() {
            "ann" => Some(Verdict::Lost),
            "bob" => Some(Verdict::Working),
            _ => None,
        };
        assert_eq!(said(&left, mixed, command).len(), 2);
        assert!(said(&left[2..], mixed, command).is_empty());
        assert!(said(&[], mixed, command).is_empty());
    }
}
