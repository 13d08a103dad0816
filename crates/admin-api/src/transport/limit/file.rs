//! Paces all processes of one user on one machine that work on the same app.
//!
//! The schedule is one small file per app root and bucket: when the next request may be sent, by the clock of the
//! machine that counts since it was started and never jumps. Whoever wants to send, and may by its own rate, takes the
//! file's lock, moves that time on by one interval of the common rate, gives the lock back, and sleeps until its turn.
//! The lock is the kernel's, so a process that dies gives it back too, and loses at most the one turn it had taken; a
//! file is enough, and no process has to stay for the others.
//!
//! Processes with different rates share the time: each keeps to its own, and all together to the highest of those that
//! sent lately, which is the common rate. A slow process takes no more of the schedule than any other, so that it
//! holds nobody up.
//!
//! A file that is damaged, or holds times that no schedule of this machine could (after a restart of it), counts
//! as new.

use std::fs::{File, OpenOptions, TryLockError};
use std::future::ready;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::adaptive::Reduction;
use super::schedule::{Answer, Schedule, SharedBudget, Slots, Wish};
use super::{HEADROOM, LONGEST_PAUSE, RateLimit, SLACK};
use crate::app_root::AppRoot;
use crate::private_files::{self, private};

/// No turn is further away than this: even a million processes at 1/s would have been told to go away.
const FURTHEST_TURN: Duration = Duration::from_secs(5 * 60);

/// How long to wait before trying again when another process has the lock, which it has for microseconds.
const LOCK_RETRY: Duration = Duration::from_micros(200);

/// How much lateness a turn makes up for: the rest of the slack is for using it.
const MADE_UP_FOR: Duration = SLACK.saturating_sub(Duration::from_millis(1));

/// For how long a process that sends nothing counts for the common rate.
const LATELY: Duration = Duration::from_secs(60);

/// What the file holds. Times are nanoseconds of the machine's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    next_ns: u64,
    paused_until_ns: u64,
    factor: f64,
    factor_at_ns: u64,
    /// The highest rate of those that sent lately, in calls a second; 0 in files that had no such field.
    rate: f64,
    rate_until_ns: u64,
}

/// One turn, taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Send at this time.
    At(Duration),
    /// The server asked for a pause: ask again at this time.
    AskAgain(Duration),
}

impl Contents {
    fn reduction(self) -> Reduction {
        Reduction::restore(self.factor, Duration::from_nanos(self.factor_at_ns))
    }

    /// Forgets what no schedule of this machine could hold.
    fn plausible(self, now: Duration) -> Self {
        let next = Duration::from_nanos(self.next_ns);
        let paused = Duration::from_nanos(self.paused_until_ns);
        let reduced_at = Duration::from_nanos(self.factor_at_ns);
        let rate_until = Duration::from_nanos(self.rate_until_ns);
        if next > now + FURTHEST_TURN
            || paused > now + LONGEST_PAUSE
            || reduced_at > now
            || rate_until > now + LATELY
            || !(0.0..=1e6).contains(&self.rate)
        {
            Self::default()
        } else {
            self
        }
    }

    /// Takes the next turn for a process that may send `rate` calls a second.
    fn take(&mut self, now: Duration, rate: f64) -> Turn {
        let paused = Duration::from_nanos(self.paused_until_ns);
        if paused > now {
            return Turn::AskAgain(paused);
        }
        if rate >= self.rate || self.rate_until_ns <= nanos(now) {
            self.rate = rate;
            self.rate_until_ns = nanos(now + LATELY);
        }
        let turn = Duration::from_nanos(self.next_ns).max(now.saturating_sub(MADE_UP_FOR));
        self.next_ns = nanos(turn + self.interval(now, self.rate));
        Turn::At(turn)
    }

    /// The time from one request to the next at `rate` calls a second, or what is left of it.
    fn interval(self, now: Duration, rate: f64) -> Duration {
        Duration::from_secs_f64(HEADROOM / (rate * self.reduction().factor_at(now)))
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

/// The budgets in the files of a directory.
#[derive(Debug)]
pub(crate) struct FileBudget {
    pub(crate) directory: PathBuf,
}

impl SharedBudget for FileBudget {
    fn schedule(&self, app: &AppRoot, pool: &str, rate: RateLimit) -> io::Result<Option<Arc<dyn Schedule>>> {
        let Some(calls) = rate.0 else { return Ok(None) };
        let app = utf8_percent_encode(&app.to_string(), NON_ALPHANUMERIC).to_string();
        let opened = FileSchedule::open(calls, &self.directory, &format!("{app}.{pool}"));
        let opened = opened.map_err(|error| {
            let directory = self.directory.display();
            io::Error::new(error.kind(), format!("{directory}: {error}"))
        });
        Ok(Some(Arc::new(opened?)))
    }
}

/// A schedule that other processes use as well.
#[derive(Debug)]
struct FileSchedule {
    rate: f64,
    file: Mutex<File>,
    /// What was read last, for those who only ask.
    last: Mutex<Contents>,
}

impl FileSchedule {
    fn open(calls: u32, directory: &Path, name: &str) -> io::Result<Self> {
        private_files::make_directory(directory)?;
        let mut options = OpenOptions::new();
        private(options.read(true).write(true).create(true).truncate(false));
        let this = Self {
            rate: f64::from(calls),
            file: Mutex::new(options.open(directory.join(name))?),
            last: Mutex::default(),
        };
        machine_time()?;
        this.change(|_, _| ())?;
        Ok(this)
    }

    fn take(&self) -> Answer {
        let taken = self.change(|contents, now| {
            let turn = contents.take(now, self.rate);
            (turn, contents.interval(now, contents.rate))
        });
        match taken {
            Ok(Some((Turn::At(first), every))) => Answer::Reserved(one(first, every)),
            Ok(Some((Turn::AskAgain(at), _))) => Answer::Later(at),
            Ok(None) => Answer::Later(self.now() + LOCK_RETRY),
            Err(error) => {
                // Without a schedule nobody knows whose turn it is; at a call a second nothing is broken.
                warn!(%error, "the shared rate budget cannot be used; going on at one call a second");
                let second = Duration::from_secs(1);
                Answer::Reserved(one(self.now() + second, second))
            }
        }
    }

    /// Changes the contents of the file under its lock; nothing if another process has the lock.
    fn change<T>(&self, change: impl FnOnce(&mut Contents, Duration) -> T) -> io::Result<Option<T>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let changed = machine_time().and_then(|now| {
            let mut contents = read(&mut file).plausible(now);
            let result = change(&mut contents, now);
            write(&mut file, &contents)?;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = contents;
            Ok(Some(result))
        });
        file.unlock()?;
        changed
    }
}

fn one(first: Duration, every: Duration) -> Slots {
    Slots {
        first,
        every,
        count: 1,
        end: first + every,
    }
}

impl Schedule for FileSchedule {
    fn now(&self) -> Duration {
        machine_time().unwrap_or_default()
    }

    /// One at a time: a turn that is taken before it can be used would be kept from others.
    fn reserve(&self, _: Wish) -> BoxFuture<'static, Answer> {
        ready(self.take()).boxed()
    }

    /// Turns are not taken long before their time.
    fn give_back(&self, _: Slots) {}

    fn limited(&self, pause: Duration) {
        for _ in 0..50 {
            match self.change(|contents, now| contents.limited(now, pause)) {
                Ok(None) => std::thread::sleep(LOCK_RETRY),
                // What cannot be written is told by the next permit.
                Ok(Some(())) | Err(_) => return,
            }
        }
    }

    /// Whoever was asked for it.
    fn pause(&self) -> Duration {
        let now = self.now();
        let contents = {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            // It may be half written while another process has the lock: then it counts as new, for once.
            read(&mut file).plausible(now)
        };
        Duration::from_nanos(contents.paused_until_ns).saturating_sub(now)
    }

    fn effective_rate(&self) -> f64 {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.rate * last.reduction().factor_at(self.now())
    }
}

/// Reads the schedule; a damaged one counts as new.
fn read(file: &mut File) -> Contents {
    let mut text = Vec::with_capacity(256);
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(4096).read_to_end(&mut text));
    match read {
        Ok(_) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(_) => Contents::default(),
    }
}

fn write(file: &mut File, schedule: &Contents) -> io::Result<()> {
    let mut text = serde_json::to_vec(schedule)?;
    text.push(b'\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
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
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::transport::clock::SystemClock;
    use crate::transport::limit::{Lane, Pacer};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn schedule(directory: &Path, rate: u32) -> FileSchedule {
        FileSchedule::open(rate, directory, "app.accounts").unwrap()
    }

    fn pacer(directory: &Path, rate: u32) -> Pacer {
        Pacer::new(Arc::new(schedule(directory, rate)), Arc::new(SystemClock))
    }

    #[test]
    fn a_schedule_of_another_boot_counts_as_new() {
        let stale = Contents {
            next_ns: nanos(Duration::from_secs(9 * 60 * 60)),
            ..Contents::default()
        };
        assert_eq!(stale.plausible(ms(5)), Contents::default());
        let good = Contents {
            next_ns: nanos(ms(7)),
            ..Contents::default()
        };
        assert_eq!(good.plausible(ms(5)), good);
    }

    #[test]
    fn a_pause_is_for_everybody() {
        let mut schedule = Contents::default();
        schedule.limited(ms(1000), ms(500));
        assert_eq!(schedule.take(ms(1100), 100.0), Turn::AskAgain(ms(1500)));
        assert!(matches!(schedule.take(ms(1500), 100.0), Turn::At(_)));
    }

    #[test]
    fn the_common_rate_is_the_highest_of_those_that_sent_lately() {
        let mut schedule = Contents::default();
        let mut next_after = |now: u64, rate| {
            assert!(matches!(schedule.take(ms(now), rate), Turn::At(_)));
            Duration::from_nanos(schedule.next_ns).saturating_sub(ms(now))
        };
        assert!(next_after(10_000, 100.0) < ms(11));
        assert!(next_after(11_000, 5.0) < ms(11));
        assert!(next_after(69_000, 5.0) < ms(11));
        let alone = next_after(72_000, 5.0);
        assert!(ms(190) < alone && alone < ms(210), "{alone:?}");
        assert!(next_after(73_000, 100.0) < ms(11));
    }

    #[test]
    fn a_turn_of_an_idle_schedule_can_be_used() {
        let mut contents = Contents::default();
        for (now, rate) in [(10_000, 100.0), (10_400, 5.0), (11_000, 5.0)] {
            let Turn::At(turn) = contents.take(ms(now), rate) else {
                panic!("there is no pause");
            };
            let mut slot = one(turn, ms(10));
            assert_eq!(
                slot.next(ms(now) + Duration::from_micros(900)),
                Some(turn),
                "at {now}"
            );
        }
    }

    #[test]
    fn a_file_without_a_common_rate_is_read() {
        let text = r#"{"next_ns":7,"paused_until_ns":0,"factor":0.0,"factor_at_ns":0}"#;
        let mut schedule: Contents = serde_json::from_str(text).unwrap();
        assert_eq!((schedule.next_ns, schedule.plausible(ms(5))), (7, schedule));
        schedule.take(ms(5), 20.0);
        assert!((schedule.rate - 20.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        for damage in ["", "{", "[1,2]", "{\"next_ns\":\"soon\"}", "\u{0}\u{0}"] {
            fs::write(home.path().join("app.accounts"), damage).unwrap();
            let schedule = schedule(home.path(), 10);
            assert!(schedule.change(|_, _| ()).unwrap().is_some());
            let text = fs::read(home.path().join("app.accounts")).unwrap();
            assert!(serde_json::from_slice::<Contents>(&text).is_ok());
        }
    }

    #[test]
    fn an_unusable_directory_is_an_error_when_the_client_is_built() {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        assert!(FileSchedule::open(10, &in_the_way, "app").is_err());
    }

    /// Uses pacers as fast as they let, and returns when each was used, and the most uses in a rolling second.
    async fn use_for(time: Duration, pacers: &[Pacer]) -> (Vec<usize>, usize) {
        let started = machine_time().unwrap();
        let sent = futures_util::future::join_all(pacers.iter().map(async |pacer| {
            let mut times = Vec::new();
            while machine_time().unwrap() < started + time {
                pacer.permit(Lane::Bulk).await.unwrap();
                times.push(machine_time().unwrap());
            }
            times
        }))
        .await;
        let counts = sent.iter().map(Vec::len).collect();
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
        (counts, most)
    }

    #[tokio::test]
    async fn two_pacers_of_one_file_share_its_rate() {
        let home = tempfile::tempdir().unwrap();
        let pacers = [pacer(home.path(), 200), pacer(home.path(), 200)];
        let (counts, most) = use_for(ms(2000), &pacers).await;
        assert!(most <= 200, "{most} in a rolling second");
        assert!(counts.iter().sum::<usize>() >= 300, "only {counts:?} of 400");
    }

    #[tokio::test]
    async fn an_interactive_call_waits_for_one_turn_of_another_process() {
        let home = tempfile::tempdir().unwrap();
        let (busy, other) = (Arc::new(pacer(home.path(), 50)), pacer(home.path(), 50));
        let turns = Arc::new(AtomicUsize::new(0));
        let mut job = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let (busy, turns) = (Arc::clone(&busy), Arc::clone(&turns));
            job.spawn(async move {
                busy.permit(Lane::Bulk).await.unwrap();
                turns.fetch_add(1, Ordering::SeqCst);
            });
        }
        while turns.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
        other.permit(Lane::Interactive).await.unwrap();
        let between = turns.load(Ordering::SeqCst) - 5;
        assert!(between <= 2, "{between} of 1000");
    }

    #[tokio::test]
    async fn a_slow_pacer_keeps_its_rate_and_holds_nobody_up() {
        let home = tempfile::tempdir().unwrap();
        let pacers = [pacer(home.path(), 100), pacer(home.path(), 5)];
        let (counts, most) = use_for(ms(2000), &pacers).await;
        assert!(most <= 100, "{most} in a rolling second");
        assert!(counts[0] >= 150, "{counts:?}");
        assert!((8..=11).contains(&counts[1]), "{counts:?}");
    }

    proptest! {
        /// Whoever asks, at whatever times and rates up to N, the turns handed out never crowd a second.
        #[test]
        fn turns_never_crowd(asks in proptest::collection::vec((0_u64..40, 1_u32..=100), 1..300)) {
            let mut schedule = Contents::default();
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
