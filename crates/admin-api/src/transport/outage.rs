//! Whether the server is away, how long to wait for it, and when to ask whether it is back. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How many failures in a row, of any calls, show that the server is away, and not that one call is in trouble.
const IN_A_ROW: u32 = 2;

/// How long to wait before the first good answer: until then, a wrong address looks like a server that is away.
pub(crate) const BEFORE_FIRST_ANSWER: Duration = Duration::from_secs(10);

/// The first pause between two probes; it doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two probes: a server that is back is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a probe after the end of the wait may take.
const LAST_PROBE: Duration = Duration::from_secs(1);

/// A wait for a server that is away.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials};
/// use std::time::Duration;
///
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .wait_for_server(Duration::from_secs(60))
///     .build()?;
/// assert_eq!(client.outage(), None);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// How long the server has not answered.
    pub waited: Duration,
    /// How long calls go on waiting; then they fail.
    pub left: Duration,
}

impl Outage {
    /// Makes one, for tests of what is shown of it.
    #[must_use]
    pub fn new(waited: Duration, left: Duration) -> Self {
        Self { waited, left }
    }
}

/// What the calls of a client do about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Calls are sent.
    Open,
    /// Calls wait, and at this time the server is asked whether it is back.
    ProbeAt(Instant),
    /// The wait was in vain: calls are sent, and one that fails is not repeated.
    InVain,
}

/// What the calls of a client have found out about the server.
#[derive(Debug)]
pub(crate) struct ServerWatch {
    longest: Duration,
    heard: bool,
    /// Since the last good answer.
    failures: u32,
    first_failure: Option<Instant>,
    away: Option<Away>,
    /// How often the server turned out to be away, by a probe.
    outages: u64,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    next_probe: Instant,
    failed_probes: u32,
    in_vain: bool,
}

impl ServerWatch {
    /// Waits at most `longest` for a server that has answered before.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            longest,
            heard: false,
            failures: 0,
            first_failure: None,
            away: None,
            outages: 0,
        }
    }

    /// Returns true if the server has ever answered.
    pub(crate) fn heard(&self) -> bool {
        self.heard
    }

    /// Returns how often the server turned out to be away. A call that waited while this changed was not at fault.
    pub(crate) fn outages(&self) -> u64 {
        self.outages
    }

    /// Returns true while the server is known to be away.
    pub(crate) fn is_away(&self) -> bool {
        self.away.as_ref().is_some_and(|away| away.failed_probes > 0)
    }

    /// Notes an answer of the service, whatever it says.
    pub(crate) fn answered(&mut self) {
        self.heard = true;
        self.failures = 0;
        self.first_failure = None;
        self.away = None;
    }

    /// Notes an attempt that found the server away; `retry_after` is what a gateway asked for. After the `last` attempt of a
    /// call, the server is asked in any case.
    pub(crate) fn failed(&mut self, now: Instant, retry_after: Option<Duration>, last: bool) {
        self.failures = self.failures.saturating_add(1);
        let since = *self.first_failure.get_or_insert(now);
        if (last || self.failures >= IN_A_ROW) && self.away.is_none() {
            let end = since + self.longest_wait();
            self.away = Some(Away {
                since,
                next_probe: (now + retry_after.unwrap_or_default()).min(end.max(now)),
                failed_probes: 0,
                in_vain: false,
            });
        }
    }

    /// Notes a probe that found the server away.
    pub(crate) fn probe_failed(&mut self, now: Instant, retry_after: Option<Duration>) {
        let longest = self.longest_wait();
        let Some(away) = &mut self.away else { return };
        if away.failed_probes == 0 {
            self.outages += 1;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << away.failed_probes.min(16));
        let pause = doubled.min(LONGEST_PAUSE).max(retry_after.unwrap_or_default());
        let end = away.since + longest;
        away.failed_probes += 1;
        // The last probe is at the very end.
        away.next_probe = (now + pause).min(end);
        // A wait that is over is not taken up again before the server has answered.
        away.in_vain |= end <= now;
    }

    /// Returns what calls do.
    pub(crate) fn standing(&self) -> Standing {
        match &self.away {
            None => Standing::Open,
            Some(away) if away.in_vain => Standing::InVain,
            Some(away) => Standing::ProbeAt(away.next_probe),
        }
    }

    /// Returns when a probe that is sent at `now` is given up.
    pub(crate) fn end_of_probe(&self, now: Instant) -> Instant {
        let end = self.away.as_ref().map(|away| away.since + self.longest_wait());
        end.filter(|end| *end > now).unwrap_or(now + LAST_PROBE)
    }

    fn longest_wait(&self) -> Duration {
        if self.heard {
            self.longest
        } else {
            self.longest.min(BEFORE_FIRST_ANSWER)
        }
    }

    /// Returns the wait that is under way, once the server is known to be away.
    pub(crate) fn outage(&self, now: Instant) -> Option<Outage> {
        let away = self.away.as_ref()?;
        (away.failed_probes > 0 && !away.in_vain).then(|| {
            let waited = now.saturating_duration_since(away.since);
            Outage::new(waited, self.longest_wait().saturating_sub(waited))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    /// A watch whose server has answered, and is away since `start`.
    fn away(start: Instant) -> ServerWatch {
        let mut watch = ServerWatch::new(FIVE_MINUTES);
        watch.answered();
        watch.failed(start, None, false);
        watch.failed(start, None, false);
        watch
    }

    /// The seconds after `start` of all probes until the wait is in vain.
    fn probes(watch: &mut ServerWatch, start: Instant) -> Vec<f64> {
        let mut at = Vec::new();
        while let Standing::ProbeAt(time) = watch.standing() {
            at.push(time.saturating_duration_since(start).as_secs_f64());
            watch.probe_failed(time, None);
        }
        assert_eq!(watch.standing(), Standing::InVain);
        at
    }

    #[test]
    fn one_failure_is_about_the_call_and_two_in_a_row_are_about_the_server() {
        let now = Instant::now();
        let mut watch = ServerWatch::new(FIVE_MINUTES);
        watch.failed(now, None, false);
        assert_eq!(watch.standing(), Standing::Open);
        watch.answered();
        watch.failed(now, None, false);
        assert_eq!(watch.standing(), Standing::Open);
        watch.failed(now, None, false);
        assert_eq!(watch.standing(), Standing::ProbeAt(now));
        assert_eq!(watch.outage(now), None);
        watch.answered();
        assert_eq!((watch.standing(), watch.outages()), (Standing::Open, 0));
        watch.failed(now, None, true);
        assert_eq!(watch.standing(), Standing::ProbeAt(now));
    }

    #[test]
    fn probes_are_further_and_further_apart_until_the_end() {
        let start = Instant::now();
        let mut new = ServerWatch::new(FIVE_MINUTES);
        new.failed(start, None, false);
        new.failed(start + SECOND, None, false);
        assert_eq!(probes(&mut new, start), [1.0, 1.5, 2.5, 4.5, 8.5, 10.0]);

        let known = probes(&mut away(start), start);
        assert_eq!(known[..7], [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5]);
        assert_eq!(known.last(), Some(&300.0));
        assert!(known.windows(2).all(|pair| pair[1] - pair[0] <= 10.0));
    }

    #[test]
    fn what_a_gateway_asks_for_is_kept_to_within_the_wait() {
        let start = Instant::now();
        let mut watch = away(start);
        watch.probe_failed(start, Some(60 * SECOND));
        assert_eq!(watch.standing(), Standing::ProbeAt(start + 60 * SECOND));
        watch.probe_failed(start + 60 * SECOND, Some(3600 * SECOND));
        assert_eq!(watch.standing(), Standing::ProbeAt(start + FIVE_MINUTES));
        let mut asked_at_once = ServerWatch::new(FIVE_MINUTES);
        asked_at_once.failed(start, Some(4 * SECOND), false);
        asked_at_once.failed(start, Some(4 * SECOND), false);
        assert_eq!(asked_at_once.standing(), Standing::ProbeAt(start + 4 * SECOND));
    }

    #[test]
    fn a_wait_in_vain_ends_with_the_next_answer() {
        let start = Instant::now();
        let mut watch = away(start);
        probes(&mut watch, start);
        watch.failed(start + 400 * SECOND, None, false);
        assert_eq!(watch.standing(), Standing::InVain);
        assert_eq!(watch.outage(start + 400 * SECOND), None);
        watch.answered();
        assert_eq!(watch.standing(), Standing::Open);
        watch.failed(start + 500 * SECOND, None, false);
        watch.failed(start + 500 * SECOND, None, false);
        assert_eq!(watch.standing(), Standing::ProbeAt(start + 500 * SECOND));
    }

    #[test]
    fn a_probe_ends_with_the_wait_and_the_last_one_soon_after() {
        let start = Instant::now();
        let watch = away(start);
        assert_eq!(watch.end_of_probe(start + 7 * SECOND), start + FIVE_MINUTES);
        let late = start + FIVE_MINUTES;
        assert_eq!(watch.end_of_probe(late), late + SECOND);
    }

    #[test]
    fn what_is_told_is_how_long_it_took_and_may_take() {
        let start = Instant::now();
        let mut watch = away(start);
        watch.probe_failed(start, None);
        assert!(watch.is_away());
        let told = watch.outage(start + 12 * SECOND).unwrap();
        assert_eq!((told.waited, told.left), (12 * SECOND, 288 * SECOND));
        assert_eq!(watch.outages(), 1);
    }
}
