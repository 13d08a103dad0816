//! The reading pass of `--on-drift stop`: if any user differs from the plan, nobody is signed out.

use std::fmt::Write as _;
use std::io;

use easemob_admin_ops::jobs::logout::choose;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::OnDrift;
use easemob_admin_ops::select::decide::{Decision, Order};
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use super::read_first::ReadFirst;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::context::{Context, Session};
use crate::exit;

/// How many users an error names; the rest are counted.
const NAMED: usize = 10;

/// Reads the devices of every task if the order stops on drift, and refuses the whole run if any user
/// differs.
///
/// # Errors
/// When a user differs from the plan or cannot be read. Nobody was signed out then.
pub async fn refuse_drift(
    context: &Context,
    session: &Session,
    users: u64,
    tasks: impl Iterator<Item = io::Result<Task>> + Send,
    order: &Order,
) -> Result<(), CommandError> {
    if order.on_drift != OnDrift::Stop {
        return Ok(());
    }
    let mut found = Found::default();
    let read = async |task: Task| {
        let chosen = choose(&session.server, &task, order).await;
        (task, chosen)
    };
    let note = |task: Task, read: Result<Decision, CallError>| {
        found.note(&task, read);
        Ok(())
    };
    let first = ReadFirst {
        context,
        session,
        verb: t!("comparing with the plan"),
        users,
        reading: Reading::EVERY_USER,
    };
    first.run(tasks, read, note).await?;
    found.conclude()
}

/// The findings of the pass; bounded, however long the plan is.
#[derive(Default)]
struct Found {
    differing: u64,
    unread: u64,
    /// The first findings, by line, with a description of each.
    named: Vec<(u64, String)>,
    /// The first failure.
    error: Option<CallError>,
}

impl Found {
    fn note(&mut self, task: &Task, read: Result<Decision, CallError>) {
        let said = match read {
            Ok(decision) if decision.drift.stops() => {
                self.differing += 1;
                decision.drift.to_string()
            }
            Ok(_) => return,
            Err(error) => {
                self.unread += 1;
                let said = t!("could not be read: {error}");
                self.error.get_or_insert(error);
                said
            }
        };
        let user = task.item.user.as_str().escape_debug();
        self.named.push((task.item.line, format!("{user}: {said}")));
        // Results arrive in any order; keep the first by line.
        self.named.sort();
        self.named.truncate(NAMED);
    }

    fn conclude(self) -> Result<(), CommandError> {
        if self.differing + self.unread == 0 {
            return Ok(());
        }
        let mut causes = String::new();
        for (_, said) in &self.named {
            let separator = if causes.is_empty() { "" } else { "; " };
            let _ = write!(causes, "{separator}{said}");
        }
        let more = (self.differing + self.unread).saturating_sub(self.named.len() as u64);
        if more > 0 {
            causes.push_str(&t!("; and {more} more"));
        }
        if self.differing > 0 {
            let one = self.differing == 1;
            let what = t!(
                "{} {} from the plan, so nobody was signed out",
                counted(self.differing, "user"),
                if one { "differs" } else { "differ" }
            );
            return Err(CommandError::new(exit::DRIFT, what).because(causes).hint(t!(
                "make a new plan, or apply this one with --on-drift skip|include"
            )));
        }
        let what = t!(
            "{} could not be compared with the plan, so nobody was signed out",
            counted(self.unread, "user")
        );
        let retry = self.error.is_none_or(|error| error.retry_may_help);
        let exit = if retry {
            exit::FAILED_RETRY
        } else {
            exit::FAILED_FINAL
        };
        Err(CommandError::new(exit, what).because(causes).hint(t!(
            "apply the plan again later, or leave out users that cannot be read with --on-drift skip"
        )))
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{DeviceId, UserId};

    use super::*;
    use easemob_admin_ops::run::item::Item;
    use easemob_admin_ops::select::decide::Drift;

    fn task(line: u64) -> Task {
        Task::fresh(Item::new(
            line,
            line,
            UserId::parse(format!("user{line:02}")).unwrap(),
        ))
    }

    fn drift(gone: &[&str], left: &[&str], new: &[&str]) -> Decision {
        let ids = |ids: &[&str]| ids.iter().map(|id| DeviceId::parse(*id).unwrap()).collect();
        Decision {
            drift: Drift {
                gone: ids(gone),
                left: ids(left),
                new: ids(new),
            },
            ..Decision::default()
        }
    }

    #[test]
    fn one_difference_refuses_everybody_and_a_device_that_has_left_is_none() {
        for (decision, refused) in [
            (drift(&[], &[], &[]), false),
            (drift(&["web_1"], &[], &[]), false),
            (drift(&[], &["web_1"], &[]), true),
            (drift(&[], &[], &["web_1"]), true),
            (drift(&["web_1"], &[], &["web_2"]), true),
        ] {
            let mut found = Found::default();
            for line in 1..50 {
                found.note(&task(line), Ok(Decision::default()));
            }
            found.note(&task(50), Ok(decision.clone()));
            let concluded = found.conclude();
            assert_eq!(concluded.is_err(), refused, "{:?}", decision.drift);
            if let Err(error) = concluded {
                assert_eq!(error.exit(), exit::DRIFT);
            }
        }
    }

    #[test]
    fn who_cannot_be_read_is_not_taken_for_unchanged() {
        for (retry_may_help, expected) in [(true, exit::FAILED_RETRY), (false, exit::FAILED_FINAL)] {
            let mut found = Found::default();
            let error = CallError {
                retry_may_help,
                ..CallError::new("devices.list", "test")
            };
            found.note(&task(1), Err(error));
            assert_eq!(found.conclude().unwrap_err().exit(), expected);
        }
    }

    #[test]
    fn the_first_are_named_and_the_rest_counted() {
        let mut found = Found::default();
        for line in (1..=25).rev() {
            found.note(&task(line), Ok(drift(&[], &[], &["web_1"])));
        }
        let error = found.conclude().unwrap_err();
        let said = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().starts_with("25 users differ"), "{error}");
        assert!(
            said.starts_with("user01: new: web_1") && said.ends_with("; and 15 more"),
            "{said}"
        );
    }
}
