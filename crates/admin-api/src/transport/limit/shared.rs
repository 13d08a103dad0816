//! Paces all processes of one user on one machine that work on the same app.
//!
//! The schedule is one small file per app root and bucket: when the next request may be sent, by the clock of the
//! machine that counts since it was started and never jumps. Whoever wants to send takes the file's lock,
//! moves that time on by one interval of its own rate, gives the lock back, and sleeps until its turn. The lock
//! is the kernel's, so a process that dies gives it back too, and loses at most the one turn it had taken; a file
//! is enough, and no process has to stay for the others. Processes with different rates share the time, so that
//! none exceeds its own rate and all together do not exceed the highest.
//!
//! A file that is damaged, or holds times that no schedule of this machine could (after a restart of it), counts
//! as new.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::adaptive::Reduction;
use super::{HEADROOM, LONGEST_PAUSE, SLACK};
use crate::transport::clock::Clock;

/// No turn is further away than this: even a million processes at 1/s would have been told to go away.
const FURTHEST_TURN: Duration = Duration::from_mins(5);

/// How long to wait before trying again when another process has the lock, which it has for microseconds.
const LOCK_RETRY: Duration = Duration::from_micros(200);

/// What the file holds. Times are nanoseconds of the machine's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Schedule {
    next_ns: u64,
    paused_until_ns: u64,
    factor: f64,
    factor_at_ns: u64,
}

/// One turn, taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Send at this time.
    At(Duration),
    /// The server asked for a pause: ask again at this time.
    AskAgain(Duration),
}

impl Schedule {
    fn reduction(self) -> Reduction {
        Reduction::restore(self.factor, Duration::from_nanos(self.factor_at_ns))
    }

    /// Forgets what no schedule of this machine could hold.
    fn plausible(self, now: Duration) -> Self {
        let next = Duration::from_nanos(self.next_ns);
        let paused = Duration::from_nanos(self.paused_until_ns);
        let reduced_at = Duration::from_nanos(self.factor_at_ns);
        if next > now + FURTHEST_TURN || paused > now + LONGEST_PAUSE || reduced_at > now {
            Self::default()
        } else {
            self
        }
    }

    /// Takes the next turn at `rate` calls a second.
    fn take(&mut self, now: Duration, rate: f64) -> Turn {
        let paused = Duration::from_nanos(self.paused_until_ns);
        if paused > now {
            return Turn::AskAgain(paused);
        }
        let interval = Duration::from_secs_f64(HEADROOM / (rate * self.reduction().factor_at(now)));
        let turn = Duration::from_nanos(self.next_ns).max(now.saturating_sub(SLACK));
        self.next_ns = nanos(turn + interval);
        Turn::At(turn)
    }

    /// Takes note that the server found the rate too high.
    fn limited(&mut self, now: Duration, delay: Duration) {
        let until = nanos(now + delay);
        self.paused_until_ns = self.paused_until_ns.max(until);
        let (factor, at) = self.reduction().on_limit(now).parts();
        (self.factor, self.factor_at_ns) = (factor, nanos(at));
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Hands out permits in turn with other processes.
#[derive(Debug)]
pub(super) struct SharedPacer {
    rate: f64,
    clock: Arc<dyn Clock>,
    file: Mutex<File>,
    /// Held while waiting, which makes the order of this process's tasks fair.
    turn: tokio::sync::Mutex<()>,
    /// What was read last, for those who only ask.
    last: Mutex<Schedule>,
}

impl SharedPacer {
    pub(super) fn open(calls: u32, directory: &Path, name: &str, clock: Arc<dyn Clock>) -> io::Result<Self> {
        make_private(directory)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let this = Self {
            rate: f64::from(calls),
            clock,
            file: Mutex::new(options.open(directory.join(name))?),
            turn: tokio::sync::Mutex::new(()),
            last: Mutex::default(),
        };
        machine_time()?;
        this.with_schedule(|_, _| ())?;
        Ok(this)
    }

    pub(super) async fn permit(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let taken = match self.with_schedule(|schedule, now| (schedule.take(now, self.rate), now)) {
                Ok(Some((Turn::At(turn), now))) if turn <= now => return,
                Ok(Some(taken)) => taken,
                Ok(None) => {
                    self.clock.sleep_until(self.clock.now() + LOCK_RETRY).await;
                    continue;
                }
                Err(error) => {
                    // Without a schedule nobody knows whose turn it is; at a call a second nothing is broken.
                    warn!(%error, "the shared rate budget cannot be used; going on at one call a second");
                    self.clock
                        .sleep_until(self.clock.now() + Duration::from_secs(1))
                        .await;
                    return;
                }
            };
            let (Turn::At(at) | Turn::AskAgain(at), now) = taken;
            self.clock
                .sleep_until(self.clock.now() + at.saturating_sub(now))
                .await;
            // A turn that was slept through is gone: sent now, it would come on top of others' turns.
            let in_time = machine_time().is_ok_and(|woken| woken <= at + SLACK);
            if in_time && matches!(taken.0, Turn::At(_)) {
                return;
            }
        }
    }

    pub(super) fn limited(&self, delay: Duration) {
        for _ in 0..50 {
            match self.with_schedule(|schedule, now| schedule.limited(now, delay)) {
                Ok(None) => std::thread::sleep(LOCK_RETRY),
                // What cannot be written is told by the next permit.
                Ok(Some(())) | Err(_) => return,
            }
        }
    }

    pub(super) fn effective_rate(&self) -> f64 {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.rate * machine_time().map_or(1.0, |now| last.reduction().factor_at(now))
    }

    /// Changes the schedule under its lock; nothing if another process has the lock.
    fn with_schedule<T>(&self, change: impl FnOnce(&mut Schedule, Duration) -> T) -> io::Result<Option<T>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let changed = machine_time().and_then(|now| {
            let mut schedule = read(&mut file).plausible(now);
            let result = change(&mut schedule, now);
            write(&mut file, &schedule)?;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = schedule;
            Ok(Some(result))
        });
        file.unlock()?;
        changed
    }
}

/// Reads the schedule; a damaged one counts as new.
fn read(file: &mut File) -> Schedule {
    let mut text = Vec::with_capacity(256);
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(4096).read_to_end(&mut text));
    match read {
        Ok(_) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(_) => Schedule::default(),
    }
}

fn write(file: &mut File, schedule: &Schedule) -> io::Result<()> {
    let mut text = serde_json::to_vec(schedule)?;
    text.push(b'\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
}

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.recursive(true).create(directory)
}

/// The time since the machine was started, which all its processes agree on.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such clock")]
fn machine_time() -> io::Result<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Ok(Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec)))
}

#[cfg(not(unix))]
fn machine_time() -> io::Result<Duration> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "a budget can be shared on Unix only",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::clock::SystemClock;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn pacer(directory: &Path, rate: u32) -> SharedPacer {
        SharedPacer::open(rate, directory, "app.accounts", Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn a_schedule_of_another_boot_counts_as_new() {
        let stale = Schedule {
            next_ns: nanos(Duration::from_hours(9)),
            ..Schedule::default()
        };
        assert_eq!(stale.plausible(ms(5)), Schedule::default());
        let good = Schedule {
            next_ns: nanos(ms(7)),
            ..Schedule::default()
        };
        assert_eq!(good.plausible(ms(5)), good);
    }

    #[test]
    fn a_pause_is_for_everybody() {
        let mut schedule = Schedule::default();
        schedule.limited(ms(1000), ms(500));
        assert_eq!(schedule.take(ms(1100), 100.0), Turn::AskAgain(ms(1500)));
        assert!(matches!(schedule.take(ms(1500), 100.0), Turn::At(_)));
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        for damage in ["", "{", "[1,2]", "{\"next_ns\":\"soon\"}", "\u{0}\u{0}"] {
            fs::write(home.path().join("app.accounts"), damage).unwrap();
            let pacer = pacer(home.path(), 10);
            assert!(pacer.with_schedule(|_, _| ()).unwrap().is_some());
            let text = fs::read(home.path().join("app.accounts")).unwrap();
            assert!(serde_json::from_slice::<Schedule>(&text).is_ok());
        }
    }

    #[test]
    fn an_unusable_directory_is_an_error_when_the_client_is_built() {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        assert!(SharedPacer::open(10, &in_the_way, "app", Arc::new(SystemClock)).is_err());
    }

    #[tokio::test]
    async fn two_pacers_of_one_file_share_its_rate() {
        let home = tempfile::tempdir().unwrap();
        let pacers = [pacer(home.path(), 200), pacer(home.path(), 200)];
        let started = machine_time().unwrap();
        let sent = futures_util::future::join_all(pacers.iter().map(async |pacer| {
            let mut times = Vec::new();
            while machine_time().unwrap() < started + Duration::from_secs(2) {
                pacer.permit().await;
                times.push(machine_time().unwrap());
            }
            times
        }))
        .await;
        let mut times: Vec<Duration> = sent.into_iter().flatten().collect();
        times.sort_unstable();
        let most = (0..times.len())
            .map(|first| {
                times[first..]
                    .iter()
                    .take_while(|time| **time < times[first] + ms(1000))
                    .count()
            })
            .max()
            .unwrap();
        assert!(most <= 200, "{most} in a rolling second");
        assert!(times.len() >= 300, "only {} of 400", times.len());
    }

    proptest! {
        /// Whoever asks, at whatever times and rates up to N, the turns handed out never crowd a second.
        #[test]
        fn turns_never_crowd(asks in proptest::collection::vec((0_u64..40, 1_u32..=100), 1..300)) {
            let mut schedule = Schedule::default();
            let mut now = ms(10_000);
            let mut sent = Vec::new();
            for (wait, rate) in asks {
                now += ms(wait);
                if let Turn::At(turn) = schedule.take(now, f64::from(rate)) {
                    sent.push(turn.max(now));
                }
            }
            sent.sort_unstable();
            for (first, time) in sent.iter().enumerate() {
                let crowd = sent[first..].iter().take_while(|other| **other < *time + ms(1000)).count();
                prop_assert!(crowd <= 100, "{crowd}");
            }
        }
    }
}
