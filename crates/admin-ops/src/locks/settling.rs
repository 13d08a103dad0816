//! Settles expired locks whose run was interrupted, by deciding whether the existing ban belongs to the run.
//!
//! A run sends a ban only after it has read that the user is not banned, or is banned by one of our locks,
//! and after its intent is recorded. So an existing ban belongs to the run if there is an intent, and to
//! somebody else if there is none. An unreadable run proves nothing.

use std::collections::{BTreeSet, HashMap};

use easemob_admin_api::UserId;

use crate::locks::bans::{self, Ban};
use crate::locks::lock::Lock;
use crate::run::id::RunId;
use crate::run::job::Action;
use crate::run::journal::header::Header;
use crate::run::store::RunStore;
use crate::server::calls::{AccountCalls, CallError};

/// What a run's record says about the ban of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// A process is working on the run, and settles the user itself.
    Working,
    /// The run is unreadable, or does not lock users of this server.
    Lost,
    /// The run has sent no ban, or the server refused it permanently.
    Untouched,
    /// The run has sent a ban, or was about to.
    Sent,
}

/// What happens to a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The ban belongs to the lock: lift it.
    Lift,
    /// The user is not banned: remove the lock without a request.
    NotBanned,
    /// The ban does not belong to the lock: keep the ban and remove the lock.
    BannedBefore,
    /// A process is still working on the lock.
    Working,
    /// It is unknown who set the ban: an operator must decide.
    Lost,
}

impl Verdict {
    /// Returns true if the lock can be removed.
    #[must_use]
    pub fn ends(self) -> bool {
        matches!(self, Self::Lift | Self::NotBanned | Self::BannedBefore)
    }
}

/// Judges a lock by what its runs say about the user, and by whether the user is banned now.
#[must_use]
pub fn judge(traces: &[Trace], banned: bool) -> Verdict {
    let any = |trace| traces.contains(&trace);
    if any(Trace::Working) {
        Verdict::Working
    } else if !banned {
        Verdict::NotBanned
    } else if any(Trace::Sent) {
        Verdict::Lift
    } else if any(Trace::Lost) || traces.is_empty() {
        Verdict::Lost
    } else {
        Verdict::BannedBefore
    }
}

/// What the runs of pending locks say.
///
/// Read once, not for each user: no run starts to set a lock that has expired, so the data about locks that
/// were due when this was read can only become more exact, and the verdict stays the same.
#[derive(Debug, Default)]
pub struct Traces {
    runs: HashMap<String, RunTrace>,
}

#[derive(Debug)]
enum RunTrace {
    Working,
    Lost,
    /// By user name in lower case; users that the run has not started are missing.
    Bans(HashMap<String, Ban>),
}

impl Traces {
    /// Reads the runs of `locks`, which belong to the server with this root; `None` is the embedded sandbox.
    #[must_use]
    pub fn read<'a>(
        runs: &dyn RunStore,
        app_root: Option<&str>,
        locks: impl Iterator<Item = &'a Lock>,
    ) -> Self {
        let ids: BTreeSet<&str> = locks.flat_map(Lock::runs).collect();
        let read = |id: &str| (id.to_owned(), RunTrace::read(runs, app_root, id));
        Self {
            runs: ids.into_iter().map(read).collect(),
        }
    }

    /// Judges one of the locks.
    #[must_use]
    pub fn judge(&self, lock: &Lock, banned: bool) -> Verdict {
        let user = lock.user.folded();
        let trace = |run| match self.runs.get(run) {
            None | Some(RunTrace::Lost) => Trace::Lost,
            Some(RunTrace::Working) => Trace::Working,
            Some(RunTrace::Bans(bans)) => match bans.get(&user) {
                None | Some(Ban::Not) => Trace::Untouched,
                Some(Ban::Meant | Ban::Done) => Trace::Sent,
            },
        };
        let traces: Vec<Trace> = lock.runs().map(trace).collect();
        judge(&traces, banned)
    }
}

impl RunTrace {
    fn read(runs: &dyn RunStore, app_root: Option<&str>, id: &str) -> Self {
        let Some(id) = RunId::parse(id) else {
            return Self::Lost;
        };
        match runs.see(&id) {
            Err(_) => Self::Lost,
            Ok(seen) if !locks_users_of(&seen.header, app_root) => Self::Lost,
            Ok(seen) if seen.running => Self::Working,
            Ok(_) => bans::by_user(runs, &id).map_or(Self::Lost, |bans| {
                let folded = bans.into_iter().map(|(user, ban)| (user.folded(), ban));
                Self::Bans(folded.collect())
            }),
        }
    }
}

/// What a run did on another server says nothing about a ban on this one.
fn locks_users_of(header: &Header, app_root: Option<&str>) -> bool {
    let same = match app_root {
        // The embedded sandbox uses a different port each time.
        None => header.sandbox,
        Some(root) => !header.sandbox && header.app_root == root,
    };
    same && matches!(header.action, Action::Lock { .. })
}

/// Reads whether a user is banned; a deleted account is not.
///
/// # Errors
/// When the state cannot be read.
pub async fn is_banned(server: &impl AccountCalls, user: &UserId) -> Result<bool, CallError> {
    match server.is_banned(user).await {
        Err(error) if error.not_found => Ok(false),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::locks::lock::LockState;
    use crate::run::directory::RunDirectories;
    use crate::run::item::Item;
    use crate::run::journal::header::{Durability, FORMAT, Operator};
    use crate::run::journal::record::{Failure, Intent, Outcome, Record, State};
    use crate::run::recorder::Note;
    use crate::run::run_record::Sink;

    #[test]
    fn only_a_ban_that_a_run_of_the_lock_sent_is_lifted() {
        use Trace::{Lost, Sent, Untouched, Working};
        for (traces, if_banned, if_not) in [
            // Killed before the intent: an existing ban is somebody else's.
            (&[Untouched][..], Verdict::BannedBefore, Verdict::NotBanned),
            // Killed after the intent, before or after it was sent, answered or recorded in the lock.
            (&[Sent], Verdict::Lift, Verdict::NotBanned),
            // The run was removed.
            (&[Lost], Verdict::Lost, Verdict::NotBanned),
            (&[], Verdict::Lost, Verdict::NotBanned),
            // A process is working on it.
            (&[Working], Verdict::Working, Verdict::Working),
            // Two runs.
            (&[Untouched, Untouched], Verdict::BannedBefore, Verdict::NotBanned),
            (&[Untouched, Sent], Verdict::Lift, Verdict::NotBanned),
            (&[Sent, Untouched], Verdict::Lift, Verdict::NotBanned),
            (&[Lost, Sent], Verdict::Lift, Verdict::NotBanned),
            (&[Lost, Untouched], Verdict::Lost, Verdict::NotBanned),
            (&[Untouched, Lost], Verdict::Lost, Verdict::NotBanned),
            (&[Sent, Working], Verdict::Working, Verdict::Working),
            (&[Lost, Working], Verdict::Working, Verdict::Working),
        ] {
            assert_eq!(judge(traces, true), if_banned, "{traces:?}, banned");
            assert_eq!(judge(traces, false), if_not, "{traces:?}, not banned");
        }
    }

    #[test]
    fn a_lock_ends_unless_somebody_has_to_look() {
        for (verdict, ends) in [
            (Verdict::Lift, true),
            (Verdict::NotBanned, true),
            (Verdict::BannedBefore, true),
            (Verdict::Working, false),
            (Verdict::Lost, false),
        ] {
            assert_eq!(verdict.ends(), ends, "{verdict:?}");
        }
    }

    const ROOT: &str = "https://one/acme/chat";

    fn header(id: &RunId, action: Action, app_root: &str, sandbox: bool) -> Header {
        Header {
            format: FORMAT,
            run: id.to_string(),
            created: Timestamp::UNIX_EPOCH,
            tool: "0".into(),
            app: "acme#chat".into(),
            app_root: app_root.into(),
            sandbox,
            profile: None,
            operator: Operator::named("o", "h"),
            reason: None,
            ticket: None,
            action,
            source: "arguments".into(),
            items: 0,
            input_sha256: String::new(),
            allowance: None,
            durability: Durability::Batch,
            reading: crate::status_first::Reading::default(),
            priority: crate::run::direction::Priority::Normal,
        }
    }

    fn lock_action() -> Action {
        Action::Lock {
            until: Timestamp::UNIX_EPOCH,
        }
    }

    /// A run about Ann with these records, and its journal still open.
    fn begun(runs: &RunDirectories, id: &RunId, header: Header, records: &[Record]) -> Vec<Box<dyn Sink>> {
        let ann = Item::new(0, 1, UserId::parse("Ann").unwrap());
        drop(runs.create(id, header, &mut std::iter::once(Ok(ann))).unwrap());
        let (header, mut progress, held) = runs.hold(id).unwrap();
        let mut sinks = held.sinks(&header, &mut progress).unwrap();
        let notes: Vec<Note> = records.iter().cloned().map(Note::of_run).collect();
        for sink in &mut sinks {
            sink.append(&notes).unwrap();
        }
        sinks
    }

    fn intent() -> Record {
        Record::Intent(Intent {
            n: 0,
            at: 0,
            call: "users.ban".into(),
            devices: Vec::new(),
            kept: Vec::new(),
        })
    }

    fn outcome(state: State, failed: Option<&str>) -> Record {
        let failure = |call: &str| Failure {
            device: None,
            call: call.into(),
            status: None,
            error: "test".into(),
            unknown: false,
        };
        Record::Outcome(Outcome {
            n: 0,
            at: 0,
            state,
            server_at: None,
            ended: Vec::new(),
            failed: failed.map(failure).into_iter().collect(),
            basis: None,
        })
    }

    #[test]
    fn a_run_is_believed_as_far_as_its_record_goes() {
        let home = tempfile::tempdir().unwrap();
        let runs = RunDirectories::at(home.path().join("runs"), home.path().join("audit"));
        let id = |number: u32| RunId::parse(&format!("20260101-000000-{number:06x}")).unwrap();
        let refused = outcome(State::FailedFinal, Some("users.ban"));
        let silent = outcome(State::FailedRetry, Some("users.ban"));
        let unread = outcome(State::FailedRetry, Some("users.get"));
        for (number, (records, expected)) in (0..).zip([
            (vec![], Verdict::BannedBefore),
            (vec![intent()], Verdict::Lift),
            (vec![intent(), outcome(State::Done, None)], Verdict::Lift),
            (vec![intent(), refused.clone()], Verdict::BannedBefore),
            (vec![intent(), refused, intent()], Verdict::Lift),
            (vec![intent(), silent], Verdict::Lift),
            (vec![unread], Verdict::BannedBefore),
            (vec![outcome(State::Nothing, None)], Verdict::BannedBefore),
            (vec![outcome(State::Skipped, None)], Verdict::BannedBefore),
        ]) {
            let id = id(number);
            let journal = begun(&runs, &id, header(&id, lock_action(), ROOT, false), &records);
            // Names are compared as the server compares them.
            let lock = Lock::for_test("aNN", id.as_str(), LockState::Pending);
            let verdict =
                |banned| Traces::read(&runs, Some(ROOT), std::iter::once(&lock)).judge(&lock, banned);
            assert_eq!(
                verdict(true),
                Verdict::Working,
                "the journal is open: {records:?}"
            );
            drop(journal);
            assert_eq!(verdict(true), expected, "{records:?}");
            assert_eq!(verdict(false), Verdict::NotBanned, "{records:?}");
        }
    }

    #[test]
    fn what_says_nothing_of_this_server_or_cannot_be_read_is_no_evidence() {
        let home = tempfile::tempdir().unwrap();
        let runs = RunDirectories::at(home.path().join("runs"), home.path().join("audit"));
        let id = |number: u32| RunId::parse(&format!("20260101-000000-{number:06x}")).unwrap();
        let other = "https://two/acme/chat";
        for (number, (action, root, sandbox, asked, expected)) in (0..).zip([
            (lock_action(), ROOT, false, Some(ROOT), Verdict::Lift),
            (lock_action(), other, false, Some(ROOT), Verdict::Lost),
            (lock_action(), ROOT, true, Some(ROOT), Verdict::Lost),
            (lock_action(), ROOT, true, None, Verdict::Lift),
            (lock_action(), ROOT, false, None, Verdict::Lost),
            (
                Action::Ban { looks_first: true },
                ROOT,
                false,
                Some(ROOT),
                Verdict::Lost,
            ),
        ]) {
            let id = id(number);
            drop(begun(
                &runs,
                &id,
                header(&id, action.clone(), root, sandbox),
                &[intent()],
            ));
            let lock = Lock::for_test("ann", id.as_str(), LockState::Pending);
            let traces = Traces::read(&runs, asked, std::iter::once(&lock));
            assert_eq!(
                traces.judge(&lock, true),
                expected,
                "{action:?} {root} {sandbox} {asked:?}"
            );
        }
        let judged = |run: &str| {
            let lock = Lock::for_test("ann", run, LockState::Pending);
            Traces::read(&runs, Some(ROOT), std::iter::once(&lock)).judge(&lock, true)
        };
        let damaged = id(100);
        drop(begun(
            &runs,
            &damaged,
            header(&damaged, lock_action(), ROOT, false),
            &[intent()],
        ));
        let directory = home.path().join("runs").join(damaged.as_str());
        // An unreadable list does not prove that the user was not started.
        fs::write(directory.join("input.jsonl"), "{\n").unwrap();
        assert_eq!(judged(damaged.as_str()), Verdict::Lost);
        fs::write(directory.join("journal.jsonl"), "not a journal\n").unwrap();
        assert_eq!(judged(damaged.as_str()), Verdict::Lost);
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(judged(damaged.as_str()), Verdict::Lost);
        assert_eq!(judged("../elsewhere"), Verdict::Lost);

        // Of two runs, one readable run that has sent the ban is enough.
        let sent = id(0);
        let lock = Lock {
            earlier: vec![damaged.to_string()],
            ..Lock::for_test("ann", sent.as_str(), LockState::Pending)
        };
        let traces = Traces::read(&runs, Some(ROOT), std::iter::once(&lock));
        assert_eq!(traces.judge(&lock, true), Verdict::Lift);
    }
}
