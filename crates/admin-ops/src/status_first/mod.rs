//! Reads only the users who are online: one call reads the status of a hundred users.
//!
//! A status may be wrong, and the server reports a name that does not exist as offline as well. So a sample of
//! the users reported as offline is read all the same, and nothing is concluded about any of them before the
//! sample is complete: they are kept until the end of the run. If a user of the sample has devices and
//! the server still reports them as offline, the status is wrong and everybody is read. If a user of the sample
//! does not exist, it is checked which of the names exist.
//!
//! The turns of a run are calls for a hundred statuses, and users to read; both are jobs of one phase, so that
//! they overlap.
//!
//! For N users, of whom S are not reported as offline, this takes at most ⌈N / B⌉ + S + max(50, ⌈(N − S) / 200⌉)
//! calls and those that act, where B is 100, or fewer if 100 names do not fit into 5,000 bytes: names of more
//! than 46 bytes. In runs of up to 10,000 users, the sample may be up to one in each block of N / 50.

mod names;
mod passed;
pub(crate) mod sample;
mod turns;

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};

use self::names::Listing;
use self::passed::Passed;
use self::sample::Sample;
use self::turns::{Source, State, Turn, Work};
use crate::jobs::on_user::OnUser;
use crate::report::Report;
use crate::run::basis::Known;
use crate::run::item::{Item, Task};
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::{Done, Observer, RunLoop};
use crate::server::calls::{ListingCalls, SessionCalls};

/// The longest list whose users are read without asking for their status first: it takes seconds.
pub const SHORT_LIST: u64 = 500;

/// The fewest users in a sample of those reported as offline, if there are so many.
pub const SMALLEST_SAMPLE: u64 = sample::FEWEST;

/// When to ask for the status first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// For more than [`SHORT_LIST`] users.
    #[default]
    LongList,
    /// Always.
    Always,
    /// Never: every user is read.
    Never,
}

/// How to find out who is online.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// When to ask for the status first.
    #[serde(default)]
    pub when: When,
    /// Whether to check that every user reported as offline exists.
    #[serde(default)]
    pub check_names: bool,
    /// Whether to ask at the end for the status of the users reported as offline once more.
    #[serde(default)]
    pub again: bool,
}

impl Reading {
    /// Reads every user.
    pub const EVERY_USER: Self = Self {
        when: When::Never,
        check_names: false,
        again: false,
    };

    /// Returns true if nothing was chosen.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields like this")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if the status of `users` is asked for first.
    #[must_use]
    pub fn asks_first(self, users: u64) -> bool {
        match self.when {
            When::LongList => users > SHORT_LIST,
            When::Always => true,
            When::Never => false,
        }
    }
}

/// What came of asking for the status first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Users that the server reported as offline.
    pub reported_offline: u64,
    /// Those of them that were read all the same.
    pub sample: u64,
    /// Those of them whose existence was not checked.
    pub names_unchecked: u64,
    /// Those of them who were online at the end; see [`Reading::again`].
    pub appeared: u64,
    /// A user with devices whom the server reported as offline before and afterwards; everybody was read because
    /// of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_about: Option<String>,
    /// Why the server could not be asked for statuses, so that everybody was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

impl StatusReport {
    /// Adds what came of another part of the same run.
    pub fn add(&mut self, part: &Self) {
        self.reported_offline += part.reported_offline;
        self.sample += part.sample;
        self.names_unchecked += part.names_unchecked;
        self.appeared += part.appeared;
        self.wrong_about = self.wrong_about.take().or_else(|| part.wrong_about.clone());
        self.unavailable = self.unavailable.take().or_else(|| part.unavailable.clone());
    }
}

/// A phase in which the status is asked for first.
pub struct StatusFirst<'a, S> {
    server: &'a S,
    reading: Reading,
    users: u64,
    seed: u64,
    act_finds_unknown_names: bool,
}

impl<'a, S: SessionCalls + ListingCalls + Sync> StatusFirst<'a, S> {
    /// Prepares to read `users`; `seed` decides who is in the sample.
    #[must_use]
    pub fn new(server: &'a S, reading: Reading, users: u64, seed: u64) -> Self {
        Self {
            server,
            reading,
            users,
            seed,
            act_finds_unknown_names: false,
        }
    }

    /// Leaves it to the work on each user to find out whether the user exists: it makes a call that fails
    /// otherwise, also for users who are offline.
    #[must_use]
    pub fn whose_act_finds_unknown_names(self) -> Self {
        Self {
            act_finds_unknown_names: true,
            ..self
        }
    }

    /// Runs `work` on every task, as [`RunLoop::phase`] does; a task may say that its user
    /// [has no devices](Known::is_without_devices).
    ///
    /// Returns what came of it, unless every user was to be read.
    pub async fn phase<R, Fut>(
        &self,
        run_loop: &mut RunLoop,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        work: impl Fn(Task) -> Fut + Send + Sync,
        dropped: impl Fn(&Task) -> Vec<R> + Send + Sync,
        observer: &mut impl Observer<R>,
    ) -> Option<StatusReport>
    where
        Fut: Future<Output = Done<R>> + Send,
    {
        if !self.reading.asks_first(self.users) {
            run_loop.phase(tasks, work, dropped, observer).await;
            return None;
        }
        let state = Mutex::new(State::new(Sample::new(self.users, self.seed)));
        let running = Running {
            work: Work {
                server: self.server,
                state: &state,
                on_user: work,
            },
            dropped,
        };
        running.ask_first(run_loop, tasks, observer).await;
        let mut passed = std::mem::take(&mut lock(&state).passed);
        let read = running.complete_sample(run_loop, observer).await;
        run_loop.not_started(passed.first_line());
        if run_loop.stop().is_none()
            && let Err(error) = self
                .conclude(&running, &mut passed, &read, run_loop, observer)
                .await
        {
            run_loop.stop_because(Stop::Input(error));
        }
        observer.phase_ended();
        let mut state = lock(&state);
        state.report.reported_offline = state.sample.offline();
        state.report.sample = state.sample.taken();
        Some(state.report.clone())
    }

    /// Runs the work of any job on every task, as [`phase`](Self::phase) does.
    pub(crate) async fn on_users(
        &self,
        run_loop: &mut RunLoop,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        OnUser { work, cut_off }: OnUser<'_>,
        observer: &mut impl Observer<Report>,
    ) -> Option<StatusReport> {
        let tasks: Box<dyn Iterator<Item = io::Result<Task>> + Send + '_> = Box::new(tasks);
        self.phase(run_loop, tasks, work, cut_off, observer).await
    }

    /// Decides about the users that were reported as offline, except those already `read`.
    async fn conclude<R, Fut, W, D>(
        &self,
        running: &Running<'_, S, W, D>,
        passed: &mut Passed,
        read: &HashSet<u64>,
        run_loop: &mut RunLoop,
        observer: &mut impl Observer<R>,
    ) -> io::Result<()>
    where
        W: Fn(Task) -> Fut + Send + Sync,
        D: Fn(&Task) -> Vec<R> + Send + Sync,
        Fut: Future<Output = Done<R>> + Send,
    {
        let left = passed.len().saturating_sub(read.len() as u64);
        let (wrong, unknown) = {
            let state = lock(running.work.state);
            (state.report.wrong_about.clone(), state.unknown)
        };
        if let Some(user) = wrong {
            observer.status_is_wrong(&user, left);
            return running
                .read_after_all(passed, |number| !read.contains(&number), left, run_loop, observer)
                .await;
        }
        let mut missing = HashSet::new();
        if self.act_finds_unknown_names {
            // Nobody is suspected, because everybody is checked.
        } else if unknown || self.reading.check_names {
            let mut listing = Listing::of(passed.items()?)?;
            listing.read(self.server, run_loop, observer).await;
            match listing.missing() {
                Some(names) => missing = names,
                // Reading all of them is cheaper than the rest of the list, and shows who exists.
                None => {
                    return running
                        .read_after_all(passed, |number| !read.contains(&number), left, run_loop, observer)
                        .await;
                }
            }
        } else {
            lock(running.work.state).report.names_unchecked = left;
        }
        let suspect = |number: u64| missing.contains(&number) && !read.contains(&number);
        let suspects = missing.iter().filter(|number| suspect(**number)).count() as u64;
        running
            .read_after_all(passed, suspect, suspects, run_loop, observer)
            .await?;
        let others = |number: u64| !missing.contains(&number) && !read.contains(&number);
        running
            .conclude(passed, others, self.reading.again, run_loop, observer)
            .await
    }
}

/// A phase in progress.
struct Running<'a, S, W, D> {
    work: Work<'a, S, W>,
    dropped: D,
}

impl<S, W, D, R, Fut> Running<'_, S, W, D>
where
    S: SessionCalls + Sync,
    W: Fn(Task) -> Fut + Send + Sync,
    D: Fn(&Task) -> Vec<R> + Send + Sync,
    Fut: Future<Output = Done<R>> + Send,
{
    /// Asks for the status of the users of `tasks`, and works on those who are not reported as offline.
    async fn ask_first(
        &self,
        run_loop: &mut RunLoop,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        observer: &mut impl Observer<R>,
    ) {
        let source = Source::new(tasks, self.work.state);
        let work = |turn| self.work.turn(turn);
        run_loop
            .growing_phase(source, work, |turn| self.cut_off(turn), observer)
            .await;
        let left = lock(self.work.state).first_line_left();
        run_loop.not_started(left);
    }

    /// Reads the users that are missing from the sample, and returns their numbers.
    async fn complete_sample(&self, run_loop: &mut RunLoop, observer: &mut impl Observer<R>) -> HashSet<u64> {
        let missing = {
            let mut state = lock(self.work.state);
            if state.is_trusted() {
                state.sample.complete()
            } else {
                Vec::new()
            }
        };
        let read: HashSet<u64> = missing.iter().map(|item| item.number).collect();
        let turns = missing
            .into_iter()
            .map(|item| Ok(Turn::Sample(Task::fresh(item))))
            .fuse();
        let work = |turn| self.work.turn(turn).map(again);
        run_loop
            .growing_phase(turns, work, |turn| self.cut_off(turn), observer)
            .await;
        read
    }

    /// Works on users that were reported as offline as if nothing were known about them.
    async fn read_after_all(
        &self,
        passed: &mut Passed,
        which: impl Fn(u64) -> bool + Send,
        users: u64,
        run_loop: &mut RunLoop,
        observer: &mut impl Observer<R>,
    ) -> io::Result<()> {
        observer.again(users);
        let tasks = chosen(passed, which)?
            .map(|item| item.map(|item| Turn::Read(Task::fresh(item))))
            .fuse();
        let work = |turn| self.work.turn(turn);
        run_loop
            .growing_phase(tasks, work, |turn| self.cut_off(turn), observer)
            .await;
        Ok(())
    }

    /// Concludes that users are offline; asks for their status once more if that is wanted.
    async fn conclude(
        &self,
        passed: &mut Passed,
        which: impl Fn(u64) -> bool + Send,
        ask: bool,
        run_loop: &mut RunLoop,
        observer: &mut impl Observer<R>,
    ) -> io::Result<()> {
        let items = chosen(passed, which)?;
        let work = |turn| self.work.turn(turn).map(again);
        let cut_off = |turn: &Turn| self.cut_off(turn);
        if ask && lock(self.work.state).ask_again() {
            let tasks = items.map(|item| item.map(Task::fresh));
            let source = Source::new(tasks, self.work.state);
            run_loop.growing_phase(source, work, cut_off, observer).await;
        } else {
            let turns = items
                .map(|item| item.map(|item| Turn::Read(Task::fresh(item).knowing(Known::Offline))))
                .fuse();
            run_loop.growing_phase(turns, work, cut_off, observer).await;
        }
        Ok(())
    }

    fn cut_off(&self, turn: &Turn) -> Vec<R> {
        match turn {
            Turn::Ask(tasks) => {
                lock(self.work.state).lost(tasks);
                Vec::new()
            }
            Turn::Read(task) | Turn::Sample(task) => (self.dropped)(task),
        }
    }
}

/// Streams some of the users that were reported as offline, by their numbers.
fn chosen(
    passed: &mut Passed,
    which: impl Fn(u64) -> bool + Send,
) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send> {
    let items = passed.items()?;
    Ok(items.filter(move |item| item.as_ref().map_or(true, |item| which(item.number))))
}

/// The result of a user who has had a turn already.
fn again<R>(done: Done<R>) -> Done<R> {
    Done {
        advanced: Some(0),
        ..done
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
