//! Locks users and lifts locks: the acts of `sessions lock` and `sessions unlock`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use easemob_admin_api::{Client, UserId};
use jiff::Timestamp;
use serde::Serialize;

use super::attempt::{Attempt, now};
use crate::audit::directory_name;
use crate::bulk::calls::CallError;
use crate::bulk::cap::Cap;
use crate::bulk::decide::Order;
use crate::bulk::item::{Item, Task};
use crate::bulk::journal::header::Header;
use crate::bulk::journal::record::{Outcome, Record, State};
use crate::bulk::logout::{Fate, Mode, UserResult, logout_user};
use crate::bulk::outcome;
use crate::bulk::pipeline::Stop;
use crate::bulk::recorder::{Note, RecordError, Recorder};
use crate::bulk::runs::directory::Runs;
use crate::bulk::runs::id::RunId;
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::{CommandError, call_error};
use crate::context::{Context, Session};
use crate::drive::{Done, RunRow};
use crate::exit::Exit;
use crate::locks::book::LockBook;
use crate::locks::lock::{Lock, LockState, Locks};
use crate::render::report::Row;
use crate::server::Server;
use crate::summary::Words;

const BAN: &str = "users.ban";
const UNBAN: &str = "users.unban";

fn book(
    context: &Context,
    sandbox: bool,
    profile: Option<&str>,
    app_root: &str,
) -> Result<LockBook, CommandError> {
    let name = directory_name(sandbox, profile, app_root);
    Ok(LockBook::at(
        context.places()?.locks().join(format!("{name}.json")),
    ))
}

/// Returns the book of locks of the profile in use.
///
/// # Errors
/// When there is no place for it.
pub fn book_of_session(context: &Context, session: &Session) -> Result<LockBook, CommandError> {
    book(
        context,
        session.is_sandbox(),
        session.profile.as_deref(),
        &session.app_root,
    )
}

fn book_of(context: &Context, header: &Header) -> Result<LockBook, CommandError> {
    book(
        context,
        header.sandbox,
        header.profile.as_deref(),
        &header.app_root,
    )
}

/// Works on the tasks of a run that locks users.
///
/// All users are in the book before the first ban; who turns out to have been banned before is taken out.
pub(super) async fn lock(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
    items: impl Iterator<Item = io::Result<Item>>,
    until: Timestamp,
) -> Result<Exit, CommandError> {
    let book = book_of(attempt.context, &attempt.header)?;
    let known = enter(&book, &attempt.header, items, until)?;
    let server = &attempt.session.server;
    let mut driven = attempt.drive::<LockRow>(
        "locking",
        Words {
            done: "locked",
            nothing: "banned before",
            devices: Some("ended"),
        },
    );
    let work = async |task: Task| {
        let known = known.contains_key(&task.item.user.folded());
        let result = lock_user(server, &attempt.recorder, &task, known).await;
        let recorded = note(&attempt.recorder, &task, &result).await;
        let mut done = done_with(&task, &result);
        done.stop = done.stop.or(recorded.err().map(Stop::Record));
        done
    };
    driven
        .phase(tasks, work, |task| vec![LockRow::new(&task.item, "unknown")])
        .await;
    let context = attempt.context;
    attempt.end(&mut driven).await;
    let reconciled = reconcile(context, &book);
    let exit = driven.finish()?;
    reconciled.map(|_| exit)
}

/// Puts all users of a run into the book, and returns the locks that were there before.
fn enter(
    book: &LockBook,
    header: &Header,
    items: impl Iterator<Item = io::Result<Item>>,
    until: Timestamp,
) -> Result<Locks, CommandError> {
    let items: Vec<Item> = items.collect::<io::Result<_>>().map_err(|error| {
        CommandError::new(crate::exit::INTERNAL, "the users of the run cannot be read").because(error)
    })?;
    let before = book.change(|locks| {
        let before = locks.clone();
        for Item { user, .. } in items {
            let new = Lock {
                user: user.clone(),
                since: header.created,
                until,
                state: LockState::Pending,
                run: header.run.clone(),
                operator: header.operator.os_user.clone(),
                reason: header.reason.clone(),
                ticket: header.ticket.clone(),
            };
            let lock = locks.entry(user.folded()).or_insert(new);
            // A lock is extended, never cut short by accident: that is what unlocking is for.
            lock.until = lock.until.max(until);
        }
        before
    })?;
    Ok(before
        .into_iter()
        .filter(|(_, lock)| lock.state == LockState::Locked)
        .collect())
}

/// Brings pending locks up to what the journals of their runs say, and returns all locks.
///
/// A run may have been killed before it could do so itself.
///
/// # Errors
/// When the book cannot be read or written.
pub fn reconcile(context: &Context, book: &LockBook) -> Result<Locks, CommandError> {
    let locks = book.read()?;
    let pending = locks.values().filter(|lock| lock.state == LockState::Pending);
    let ids: BTreeSet<&str> = pending.map(|lock| lock.run.as_str()).collect();
    if ids.is_empty() {
        return Ok(locks);
    }
    let runs = Runs::at(context.places()?.runs());
    let mut found = Vec::new();
    for id in ids.into_iter().filter_map(RunId::parse) {
        // A run that cannot be read leaves its locks pending, which is told wherever locks are.
        found.extend(bans_of(&runs, &id).unwrap_or_default());
    }
    Ok(book.change(|locks| {
        for (user, run, ban) in found {
            let key = user.folded();
            let pending = |lock: &Lock| lock.run == run && lock.state == LockState::Pending;
            if !locks.get(&key).is_some_and(pending) {
                continue;
            }
            match ban {
                Some(true) => {
                    locks.entry(key).and_modify(|lock| lock.state = LockState::Locked);
                }
                Some(false) => {
                    locks.remove(&key);
                }
                None => {}
            }
        }
        locks.clone()
    })?)
}

/// Returns for each user with an outcome whether the run has banned it; nothing if that is not known yet.
fn bans_of(runs: &Runs, id: &RunId) -> Option<Vec<(UserId, String, Option<bool>)>> {
    let mut outcomes = BTreeMap::new();
    for record in runs.records(id).ok()? {
        if let Record::Outcome(outcome) = record.ok()? {
            outcomes.insert(outcome.n, has_banned(&outcome));
        }
    }
    let items = runs.items(id).ok()?.map_while(Result::ok);
    let bans = items.filter_map(|item| Some((item.user, id.to_string(), *outcomes.get(&item.number)?)));
    Some(bans.collect())
}

fn has_banned(outcome: &Outcome) -> Option<bool> {
    let of_the_ban = outcome
        .failed
        .iter()
        .any(|failure| failure.device.is_none() && failure.call.starts_with("users."));
    match outcome.state {
        State::Done => Some(true),
        State::Nothing => Some(false),
        State::FailedFinal if of_the_ban => Some(false),
        // The ban came first, so what failed came after it.
        State::FailedFinal | State::FailedRetry | State::Unknown if !of_the_ban => Some(true),
        _ => None,
    }
}

/// What became of one user.
enum LockResult {
    /// The ban, or looking for one before it, failed.
    Failed(CallError),
    /// Somebody else's ban is in force; it stays.
    BannedBefore,
    /// Banned; the devices that were still online had these fates.
    Banned { extended: bool, devices: UserResult },
    /// The intent could not be put on record.
    Unrecorded(RecordError),
}

async fn lock_user(server: &Server, recorder: &Recorder, task: &Task, known: bool) -> LockResult {
    let user = &task.item.user;
    // An intent of an earlier attempt tells that the user was not banned then.
    if task.intended.is_none() && !known {
        match server.client().get_user(user).await {
            Err(error) => return LockResult::Failed(call_error(&error)),
            Ok(found) if found.is_banned() => return LockResult::BannedBefore,
            Ok(_) => {}
        }
    }
    if let Err(error) = recorder.intend(&task.item, BAN, Vec::new(), Vec::new()).await {
        return LockResult::Unrecorded(error);
    }
    if let Err(error) = server.client().ban(user).await {
        return LockResult::Failed(call_error(&error));
    }
    // Nobody can sign in any more, so whoever is online is meant.
    let fresh = Task::fresh(task.item.clone());
    let devices = logout_user(
        server,
        &fresh,
        &Order::default(),
        Mode::Act(recorder),
        &Cap::new(None),
    )
    .await;
    LockResult::Banned {
        extended: known,
        devices,
    }
}

async fn note(recorder: &Recorder, task: &Task, result: &LockResult) -> Result<(), RecordError> {
    let item = &task.item;
    let outcome = match result {
        LockResult::Unrecorded(_) => None,
        LockResult::Failed(error) => Some(outcome::of_call(item, &Err(error.clone()), now())),
        LockResult::BannedBefore => Some(Outcome {
            state: State::Nothing,
            ..outcome::of_call(item, &Ok(()), now())
        }),
        LockResult::Banned { devices, .. } => {
            outcome::of_logout(item, devices, now()).map(|outcome| Outcome {
                // Without any device online, the ban itself is what was done.
                state: if outcome.state == State::Nothing {
                    State::Done
                } else {
                    outcome.state
                },
                ..outcome
            })
        }
    };
    match outcome {
        Some(outcome) => {
            recorder
                .record(Note::of_item(item, Record::Outcome(outcome)))
                .await
        }
        None => Ok(()),
    }
}

fn done_with(task: &Task, result: &LockResult) -> Done<LockRow> {
    let mut done = Done {
        rows: Vec::new(),
        tally: Tally::default(),
        failures: Vec::new(),
        stop: None,
    };
    let row = |outcome| LockRow::new(&task.item, outcome);
    match result {
        LockResult::Failed(error) => {
            done.tally.count(Settled::of_error(error));
            done.rows.push(row("failed").failed(error));
            done.failures.push(error.clone());
        }
        LockResult::BannedBefore => {
            done.tally.count(Settled::NothingToDo);
            done.rows.push(row("banned_before"));
        }
        LockResult::Unrecorded(error) => {
            done.tally.count(Settled::NotStarted);
            done.rows.push(row("not_started"));
            done.stop = Some(Stop::Record(error.clone()));
        }
        LockResult::Banned { extended, devices } => {
            let ended = devices
                .devices()
                .iter()
                .filter(|device| matches!(device.fate, Fate::Ended { .. }));
            let ended = ended.count() as u64;
            done.tally.devices = ended;
            done.failures.extend(devices.failures().cloned());
            let outcome = if *extended { "extended" } else { "locked" };
            if let Some(error) = done.failures.first() {
                done.tally.count(Settled::of_error(error));
                done.rows.push(row("failed").failed(error));
            } else {
                done.tally.count(Settled::Done);
                done.rows.push(LockRow {
                    devices_ended: Some(ended),
                    ..row(outcome)
                });
            }
        }
    }
    done
}

/// Works on the tasks of a run that lifts locks.
pub(super) async fn unlock(
    attempt: Attempt<'_>,
    tasks: impl Iterator<Item = io::Result<Task>>,
) -> Result<Exit, CommandError> {
    let book = book_of(attempt.context, &attempt.header)?;
    let client: &Client = attempt.session.server.client();
    let mut driven = attempt.drive::<LockRow>(
        "unlocking",
        Words {
            done: "unlocked",
            nothing: "nothing to do",
            devices: None,
        },
    );
    let lifted: RefCell<Vec<UserId>> = RefCell::new(Vec::new());
    let work = async |task: Task| {
        let (item, recorder) = (&task.item, &attempt.recorder);
        if let Err(error) = recorder.intend(item, UNBAN, Vec::new(), Vec::new()).await {
            return done_with(&task, &LockResult::Unrecorded(error));
        }
        let sent = client.unban(&item.user).await;
        let mut result = sent.map_err(|error| call_error(&error));
        // An account that was deleted meanwhile needs no lock any more.
        if result.as_ref().is_err_and(|error| error.not_found) {
            result = Ok(());
        }
        let outcome = Record::Outcome(outcome::of_call(item, &result, now()));
        let noted = recorder.record(Note::of_item(item, outcome)).await;
        let mut done = if let Err(error) = result {
            done_with(&task, &LockResult::Failed(error))
        } else {
            lifted.borrow_mut().push(item.user.clone());
            let mut tally = Tally::default();
            tally.count(Settled::Done);
            Done {
                rows: vec![LockRow::new(item, "unlocked")],
                tally,
                failures: Vec::new(),
                stop: None,
            }
        };
        done.stop = noted.err().map(Stop::Record);
        done
    };
    driven
        .phase(tasks, work, |task| vec![LockRow::new(&task.item, "unknown")])
        .await;
    attempt.end(&mut driven).await;
    let taken_out = book.change(|locks| {
        for user in lifted.into_inner() {
            locks.remove(&user.folded());
        }
    });
    let exit = driven.finish()?;
    taken_out?;
    Ok(exit)
}

/// One user of a run that locks or unlocks.
#[derive(Debug, Serialize)]
pub struct LockRow {
    line: u64,
    user: String,
    outcome: &'static str,
    devices_ended: Option<u64>,
    call: Option<&'static str>,
    error: Option<String>,
    outcome_unknown: Option<bool>,
    retry_may_help: Option<bool>,
}

impl LockRow {
    /// A row without failure.
    #[must_use]
    pub fn new(item: &Item, outcome: &'static str) -> Self {
        Self {
            line: item.line,
            user: item.user.to_string(),
            outcome,
            devices_ended: None,
            call: None,
            error: None,
            outcome_unknown: None,
            retry_may_help: None,
        }
    }

    /// Makes it the row of a failure.
    #[must_use]
    pub fn failed(self, error: &CallError) -> Self {
        Self {
            call: Some(error.call),
            error: Some(error.message.clone()),
            outcome_unknown: Some(error.outcome_unknown),
            retry_may_help: Some(error.retry_may_help),
            ..self
        }
    }
}

impl Row for LockRow {
    const COLUMNS: &'static [&'static str] = &[
        "line",
        "user",
        "outcome",
        "devices_ended",
        "call",
        "error",
        "outcome_unknown",
        "retry_may_help",
    ];
    const TABLE: &'static [&'static str] = &["user", "outcome", "devices", "note"];

    fn cells(&self) -> Vec<String> {
        let flag = |value: Option<bool>| value.map(|flag| flag.to_string()).unwrap_or_default();
        vec![
            self.line.to_string(),
            self.user.clone(),
            self.outcome.into(),
            self.devices_ended
                .map(|devices| devices.to_string())
                .unwrap_or_default(),
            self.call.unwrap_or_default().into(),
            self.error.clone().unwrap_or_default(),
            flag(self.outcome_unknown),
            flag(self.retry_may_help),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let note = match (&self.error, self.outcome) {
            (Some(error), _) => error.clone(),
            (None, "banned_before") => "somebody else's ban is in force and stays".into(),
            _ => String::new(),
        };
        vec![
            self.user.clone(),
            self.outcome.replace('_', " "),
            self.devices_ended
                .map(|devices| devices.to_string())
                .unwrap_or_default(),
            note,
        ]
    }
}

impl RunRow for LockRow {
    fn failure(&self) -> Option<String> {
        self.error
            .as_ref()
            .map(|error| format!("line {}, {}: {error}", self.line, self.user))
    }
}
