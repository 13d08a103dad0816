//! Turns signals and `--max-duration` into stop requests for a run.

use std::io;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use easemob_admin_api::Client;
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use easemob_admin_words::t;
use tokio::sync::watch;

use crate::exit;
use crate::ui::Ui;

/// How long the program may take to exit after the second signal.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// Starts to listen; from now on a signal no longer ends the process.
///
/// The first Ctrl-C, SIGTERM or SIGHUP asks the run to finish cleanly, and cancels requests that `client` has not
/// sent yet; the second one asks it to stop at once. Both are handled even while the run is blocked on
/// writing rows that nobody reads, because listening has its own thread.
#[must_use]
pub fn listen(ui: &Arc<Ui>, deadline: Option<Instant>, client: &Client) -> watch::Receiver<Wish> {
    let (sender, receiver) = watch::channel(Wish::Run);
    listen_into(sender, ui, deadline, client);
    receiver
}

/// Listens as [`listen`] does, for somebody who may have other reasons to stop.
pub fn listen_into(sender: watch::Sender<Wish>, ui: &Arc<Ui>, deadline: Option<Instant>, client: &Client) {
    let client = client.clone();
    let (ready, installed) = mpsc::sync_channel(1);
    let speaker = Arc::clone(ui);
    let thread = std::thread::Builder::new().name("signals".into());
    let started = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let signals = Signals::install();
            let _ = ready.send(());
            hear(signals, &sender, &speaker, deadline, &client).await;
        });
        Ok::<(), io::Error>(())
    });
    // No signal may be missed from now on; a thread that could not start has dropped its sender.
    if started.is_err() || installed.recv().is_err() {
        ui.warn(t!("cannot listen for signals: they will end the program at once"));
    }
}

/// Waits until `deadline`, or for ever if there is none.
pub async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

async fn hear(
    mut signals: Signals,
    sender: &watch::Sender<Wish>,
    ui: &Ui,
    deadline: Option<Instant>,
    client: &Client,
) {
    let drain = |cause| {
        sender.send_replace(Wish::Drain(cause));
        client.stop_waiting();
    };
    tokio::select! {
        () = sender.closed() => return,
        () = signals.next() => {
            drain(Cause::Signal);
            ui.say(t!("stopping: finishing the users in progress; press Ctrl-C again to stop at once"));
        }
        () = over(deadline) => {
            drain(Cause::Deadline);
            ui.say(t!("--max-duration has ended: finishing the users in progress"));
            signals.next().await;
            sender.send_replace(Wish::Drain(Cause::Signal));
        }
    }
    signals.next().await;
    sender.send_replace(Wish::Abort);
    tokio::time::sleep(LAST_GRACE).await;
    std::process::exit(i32::from(exit::ABORTED.code()));
}

/// What ended a command that runs until it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Ctrl-C, SIGTERM or SIGHUP.
    BySignal,
    /// The end of `--max-duration`.
    ByDeadline,
}

/// Listens from the call on, and returns what waits for the first Ctrl-C, SIGTERM or SIGHUP, or until `deadline`.
///
/// A command calls this before it says that it is ready: a signal that follows at once would end the process otherwise.
pub fn until_told(deadline: Option<Instant>) -> impl Future<Output = Ended> {
    let mut signals = Signals::install();
    async move {
        tokio::select! {
            () = signals.next() => Ended::BySignal,
            () = over(deadline) => Ended::ByDeadline,
        }
    }
}

/// As [`until_told`], for a command that goes on when it hears SIGHUP; the second value tells each time.
#[cfg(unix)]
pub fn until_told_but_not_by_hangup(
    deadline: Option<Instant>,
) -> (impl Future<Output = Ended>, tokio::sync::mpsc::Receiver<()>) {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signals = Signals::of([SignalKind::interrupt(), SignalKind::terminate()]);
    let (told, hangups) = tokio::sync::mpsc::channel(1);
    if let Ok(mut hangup) = signal(SignalKind::hangup()) {
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                // One that was not heard yet says the same.
                let _ = told.try_send(());
            }
        });
    }
    let end = async move {
        tokio::select! {
            () = signals.next() => Ended::BySignal,
            () = over(deadline) => Ended::ByDeadline,
        }
    };
    (end, hangups)
}

/// As [`until_told`]: there is no SIGHUP.
#[cfg(not(unix))]
pub fn until_told_but_not_by_hangup(
    deadline: Option<Instant>,
) -> (impl Future<Output = Ended>, tokio::sync::mpsc::Receiver<()>) {
    (until_told(deadline), tokio::sync::mpsc::channel(1).1)
}

#[cfg(unix)]
struct Signals {
    sources: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn install() -> Self {
        use tokio::signal::unix::SignalKind;
        // Under nohup, the end of the terminal is not the end of the program.
        let hangup = ends_on_hangup().then_some(SignalKind::hangup());
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self::of(kinds.into_iter().chain(hangup))
    }

    fn of(kinds: impl IntoIterator<Item = tokio::signal::unix::SignalKind>) -> Self {
        let sources = kinds
            .into_iter()
            .filter_map(|kind| tokio::signal::unix::signal(kind).ok());
        Self {
            sources: sources.collect(),
        }
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let any = self
                .sources
                .iter_mut()
                .any(|source| source.poll_recv(context).is_ready());
            if any {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

/// Returns whether SIGHUP was not ignored when the process started, where the system shows that: elsewhere it keeps its
/// meaning, which is to end the process at once.
#[cfg(unix)]
fn ends_on_hangup() -> bool {
    // Once there is a handler, the signal counts as handled.
    static AT_START: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *AT_START.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status");
        status.is_ok_and(|status| !is_ignored(&status, 1))
    })
}

/// Returns whether a signal is in the mask of ignored signals of a `/proc/PID/status`, or the mask cannot be read.
#[cfg(unix)]
fn is_ignored(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Makes a write beyond the limit on the size of files fail, as on a full disk, instead of ending the process.
///
/// Call it inside a runtime. The handler stays for the life of the process.
#[cfg(unix)]
pub(crate) fn survive_size_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // Without the handler, the limit ends the process, which can be resumed.
    let _ = signal(too_large);
}

#[cfg(not(unix))]
pub(crate) fn survive_size_limits() {}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_in_the_mask() {
        for (mask, ignored) in [
            ("0000000000000000", false),
            ("0000000000000001", true),
            ("0000000000001000", false),
            ("0000000001001001", true),
            ("no mask", true),
        ] {
            let status = format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0\n");
            assert_eq!(is_ignored(&status, 1), ignored, "{mask}");
        }
        assert!(is_ignored("", 1));
    }
}
