//! The turns of a phase that asks for the status first: calls for the statuses of many users, and users to read.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::io;
use std::iter::Fuse;
use std::sync::Mutex;

use easemob_admin_api::UserId;

use super::passed::Passed;
use super::sample::Sample;
use super::{StatusReport, lock};
use crate::jobs::verify::USERS_PER_REQUEST;
use crate::run::basis::Known;
use crate::run::item::{Item, Task};
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::{Batch, Done};
use crate::server::calls::{Scope, SessionCalls};

/// With fewer users than this waiting to be read, the next statuses are asked for, so that there is always
/// something to do.
const AHEAD: usize = 64;

/// One job of the phase.
#[derive(Debug, Clone)]
pub(super) enum Turn {
    /// Ask for the status of these users.
    Ask(Vec<Task>),
    /// Work on this user.
    Read(Task),
    /// Read this user, who is reported as offline, and work on the user.
    Sample(Task),
}

impl Batch for Turn {
    fn line(&self) -> u64 {
        match self {
            Self::Ask(tasks) => tasks.line(),
            Self::Read(task) | Self::Sample(task) => task.line(),
        }
    }

    fn users(&self) -> u64 {
        match self {
            // Nothing was done about them.
            Self::Ask(_) => 0,
            Self::Read(_) | Self::Sample(_) => 1,
        }
    }
}

/// What is known so far.
#[derive(Debug)]
pub(super) struct State {
    /// Users whose turn is next.
    ready: VecDeque<Turn>,
    /// How many calls for statuses are in flight.
    asking: usize,
    mode: Mode,
    pub(super) sample: Sample<Item>,
    pub(super) passed: Passed,
    /// Whether a user of the sample does not exist.
    pub(super) unknown: bool,
    pub(super) report: StatusReport,
    /// The first line among the users whose status was asked for when the run was aborted.
    lost: Option<u64>,
}

/// What is done with a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Users who are offline wait for the end of the run.
    Ask,
    /// Users who are offline are done.
    AskAgain,
    /// Statuses are not asked for any more.
    ReadEverybody,
}

impl State {
    pub(super) fn new(sample: Sample<Item>) -> Self {
        Self {
            ready: VecDeque::new(),
            asking: 0,
            mode: Mode::Ask,
            sample,
            passed: Passed::default(),
            unknown: false,
            report: StatusReport::default(),
            lost: None,
        }
    }

    /// Returns true unless the status proved to be wrong.
    pub(super) fn is_trusted(&self) -> bool {
        self.report.wrong_about.is_none()
    }

    /// From now on, users who are offline are done, and all others have appeared. Returns false if the server
    /// cannot be asked.
    pub(super) fn ask_again(&mut self) -> bool {
        let available = self.report.unavailable.is_none();
        if available {
            self.mode = Mode::AskAgain;
        }
        available
    }

    /// Records that the calls for the status of these users were dropped.
    pub(super) fn lost(&mut self, tasks: &[Task]) {
        self.lost = self.lost.into_iter().chain(tasks.first().map(Batch::line)).min();
    }

    /// Returns the first line among the users who were not worked on.
    pub(super) fn first_line_left(&self) -> Option<u64> {
        self.ready.iter().map(Batch::line).chain(self.lost).min()
    }

    fn distrust(&mut self, user: &UserId) {
        self.mode = Mode::ReadEverybody;
        self.report.wrong_about.get_or_insert_with(|| user.to_string());
    }

    /// Takes the status of one user.
    fn take(&mut self, task: Task, offline: bool) -> io::Result<()> {
        let turn = match (self.mode, offline) {
            (Mode::ReadEverybody, _) | (Mode::Ask, false) => Turn::Read(task),
            (Mode::AskAgain, true) => Turn::Read(task.knowing(Known::Offline)),
            (Mode::AskAgain, false) => {
                self.report.appeared += 1;
                Turn::Read(task.knowing(Known::Appeared))
            }
            (Mode::Ask, true) => match self.sample.take(task.item.clone()) {
                Some(_) => Turn::Sample(task),
                None => return self.passed.push(&task.item),
            },
        };
        self.ready.push_back(turn);
        Ok(())
    }
}

/// Gives out the turns.
pub(super) struct Source<'a, I: Iterator> {
    tasks: Fuse<I>,
    state: &'a Mutex<State>,
}

impl<'a, I: Iterator<Item = io::Result<Task>>> Source<'a, I> {
    pub(super) fn new(tasks: I, state: &'a Mutex<State>) -> Self {
        Self {
            tasks: tasks.fuse(),
            state,
        }
    }
}

impl<I: Iterator<Item = io::Result<Task>>> Iterator for Source<'_, I> {
    type Item = io::Result<Turn>;

    fn next(&mut self) -> Option<io::Result<Turn>> {
        let mut state = lock(self.state);
        if state.mode == Mode::ReadEverybody {
            let ready = state.ready.pop_front().map(Ok);
            return ready.or_else(|| Some(self.tasks.next()?.map(Turn::Read)));
        }
        let few = state.ready.len() < AHEAD && state.asking == 0;
        if state.ready.is_empty() || few {
            let mut batch = Vec::new();
            while batch.len() < USERS_PER_REQUEST && state.ready.len() < AHEAD {
                match self.tasks.next() {
                    None => break,
                    Some(Err(error)) => {
                        state.lost(&batch);
                        return Some(Err(error));
                    }
                    Some(Ok(task)) if task.names_no_device() => batch.push(task),
                    // Named devices are looked up, whatever the status says.
                    Some(Ok(task)) => state.ready.push_back(Turn::Read(task)),
                }
            }
            if !batch.is_empty() {
                state.asking += 1;
                return Some(Ok(Turn::Ask(batch)));
            }
        }
        state.ready.pop_front().map(Ok)
    }
}

/// Takes the turns.
pub(super) struct Work<'a, S, W> {
    pub(super) server: &'a S,
    pub(super) state: &'a Mutex<State>,
    /// The work on a user.
    pub(super) on_user: W,
}

impl<S, W, R, Fut> Work<'_, S, W>
where
    S: SessionCalls,
    W: Fn(Task) -> Fut,
    Fut: Future<Output = Done<R>>,
{
    pub(super) async fn turn(&self, turn: Turn) -> Done<R> {
        match turn {
            Turn::Ask(tasks) => self.ask(tasks).await,
            Turn::Read(task) => (self.on_user)(task).await,
            Turn::Sample(task) => {
                let known = self.read(&task.item.user).await;
                (self.on_user)(task.knowing(known)).await
            }
        }
    }

    async fn ask(&self, tasks: Vec<Task>) -> Done<R> {
        let users: Vec<UserId> = tasks.iter().map(|task| task.item.user.clone()).collect();
        let answer = self.server.offline(&users).await;
        let mut state = lock(self.state);
        state.asking -= 1;
        let mut done = Done::default();
        let offline = answer.unwrap_or_else(|error| {
            if error.is_of_every_such_call() {
                state.mode = Mode::ReadEverybody;
                state.report.unavailable.get_or_insert_with(|| error.to_string());
            } else if error.scope != Scope::Item {
                done.failures.push(error);
            }
            // Without their status, all of them are read.
            BTreeSet::default()
        });
        let passed = state.passed.len();
        for task in tasks {
            let is_offline = offline.contains(&task.item.user);
            if let Err(error) = state.take(task, is_offline) {
                done.stop = Some(Stop::Input(error));
            }
        }
        done.advanced = Some(state.passed.len() - passed);
        done
    }

    /// Reads a user who is reported as offline, and judges the report.
    async fn read(&self, user: &UserId) -> Known {
        match self.server.list_devices(user).await {
            Ok(devices) if devices.is_empty() => return Known::NoDevices,
            // The user may have signed in since then, which the status shows by now.
            Ok(_) => match self.server.offline(std::slice::from_ref(user)).await {
                Ok(offline) if !offline.contains(user) => {}
                _ => lock(self.state).distrust(user),
            },
            Err(error) if error.not_found => lock(self.state).unknown = true,
            Err(_) => {}
        }
        Known::Nothing
    }
}
