//! Reports how long requests wait because the server asked for a pause.
//!
//! A pause belongs to the app, not to a command: another process may have received it long before.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use easemob_admin_api::Client;
use easemob_admin_words::t;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::command_error::CommandError;
use crate::exit;
use crate::outages::Outages;
use crate::ui::Ui;

/// Shorter pauses end before anybody wonders.
const WORTH_TELLING: Duration = Duration::from_secs(3);

/// How often to check the client.
const EVERY: Duration = Duration::from_millis(250);

/// How often a pause that goes on is told again.
const AGAIN: Duration = Duration::from_secs(60);

/// Ends of a pause that are no further apart count as the same.
const SAME: Duration = Duration::from_secs(2);

/// Watches the pauses of a client until it is dropped.
#[derive(Debug)]
pub struct Pauses(#[expect(dead_code, reason = "what counts is when it is dropped")] mpsc::Sender<()>);

impl Pauses {
    /// Starts to watch, also for a server that is away, which is shown in a line that changes if the terminal is `live`. If a pause starts later and ends after `deadline`, `client` gives up its waiting
    /// requests.
    ///
    /// # Errors
    /// When a pause is already in force that ends after `deadline`. Nothing was sent then.
    pub fn watch(
        ui: &Arc<Ui>,
        client: &Client,
        deadline: Option<Instant>,
        live: bool,
    ) -> Result<Self, CommandError> {
        let mut telling = Telling::default();
        if let Some(pause) = pause_of(client) {
            if outlasts(pause, deadline) {
                let until = local(SystemTime::now() + pause);
                let what =
                    t!("the server asked to send nothing until {until}, but --max-duration ends before");
                return Err(CommandError::new(exit::INTERRUPTED, what)
                    .because(t!("nothing was sent"))
                    .hint(t!(
                        "run the command again then, or without --max-duration to wait"
                    )));
            }
            tell(&mut telling, ui, pause);
        }
        let (held, dropped) = mpsc::channel();
        let (ui, client) = (Arc::clone(ui), client.clone());
        let mut outages = Outages::new(live, deadline);
        let watching = move || {
            while dropped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                outages.look(&ui, &client);
                let Some(pause) = pause_of(&client) else { continue };
                tell(&mut telling, &ui, pause);
                if outlasts(pause, deadline) {
                    ui.say(t!(
                        "--max-duration ends before that, so waiting requests are given up"
                    ));
                    client.stop_waiting();
                    return;
                }
            }
        };
        // Without the thread, pauses are not reported, but everything else works.
        let _ = std::thread::Builder::new().name("pauses".into()).spawn(watching);
        Ok(Self(held))
    }
}

fn pause_of(client: &Client) -> Option<Duration> {
    client.paused_until()?.duration_since(SystemTime::now()).ok()
}

fn outlasts(pause: Duration, deadline: Option<Instant>) -> bool {
    let end = Instant::now().checked_add(pause);
    pause >= WORTH_TELLING && deadline.is_some_and(|deadline| end.is_none_or(|end| end > deadline))
}

fn tell(telling: &mut Telling, ui: &Ui, pause: Duration) {
    let now = Instant::now();
    if telling.is_due(now, now + pause) {
        let until = local(SystemTime::now() + pause);
        ui.say(t!(
            "the server asked for a pause: waiting until {until} ({} s); press Ctrl-C to give up",
            pause.as_secs()
        ));
    }
}

/// What was reported last. Pure.
#[derive(Debug, Default)]
struct Telling {
    last: Option<(Instant, Instant)>,
}

impl Telling {
    /// Returns true if a pause that ends at `end` should be reported at `now`, and records that it was.
    fn is_due(&mut self, now: Instant, end: Instant) -> bool {
        let known = self.last.is_some_and(|(told, known)| {
            let apart = end.max(known).duration_since(end.min(known));
            apart <= SAME && now.duration_since(told) < AGAIN
        });
        let due = !known && end.saturating_duration_since(now) >= WORTH_TELLING;
        if due {
            self.last = Some((now, end));
        }
        due
    }
}

/// Formats a time in the local time zone.
fn local(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| t!("a time out of range").into(),
        |time| {
            let here = time.to_zoned(TimeZone::system());
            here.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_once_when_it_changes_and_every_minute() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut telling = Telling::default();
        for (now, end, told) in [
            (0.0, 2.0, false),
            (0.0, 900.0, true),
            (0.25, 900.1, false),
            (30.0, 899.0, false),
            (60.1, 900.0, true),
            (61.0, 1800.0, true),
            (62.0, 1800.0, false),
            (1798.0, 1800.0, false),
        ] {
            assert_eq!(telling.is_due(at(now), at(end)), told, "at {now} until {end}");
        }
    }

    #[test]
    fn a_pause_outlasts_only_what_ends_before() {
        let inside = |seconds| Some(Instant::now() + Duration::from_secs(seconds));
        for (pause, deadline, expected) in [
            (900, None, false),
            (900, inside(5), true),
            (900, inside(1000), false),
            (1, inside(0), false),
        ] {
            assert_eq!(
                outlasts(Duration::from_secs(pause), deadline),
                expected,
                "{pause}"
            );
        }
    }
}
