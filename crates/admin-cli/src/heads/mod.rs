//! Sends heads of the audit trail out of the database, where nobody who can change it can change them.
//!
//! A thread of its own sends the newest head of each trail: the first one at once, later ones every two minutes, and the last
//! one when the command ends. A newer head proves all that an older one does, so none is queued. A place that cannot be
//! reached is reported, and tried again; it does not stop a run.

mod file;
mod syslog;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use easemob_admin_store_pg::trail::heads::{EVERY, HeadListener, NewHead};

use easemob_admin_words::t;

use crate::config::heads::HeadsTo;
use crate::ui::Ui;

/// How long to wait before a place that could not be reached is tried again.
const AGAIN: Duration = Duration::from_secs(15);

/// How long a command waits at its end for its last heads to be sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a head was not sent.
type Unsent = Box<dyn std::error::Error + Send + Sync>;

/// Sends heads to one place. Clones are the same sender.
#[derive(Clone)]
pub struct HeadSender(Arc<Shared>);

struct Shared {
    to: HeadsTo,
    ui: Arc<Ui>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The newest head of each trail that was not sent yet.
    waiting: BTreeMap<String, NewHead>,
    /// When heads may be sent next; nothing for at once.
    next: Option<Instant>,
    /// Whether some are being sent.
    is_sending: bool,
    /// Whether the command is at its end.
    ends: bool,
    is_started: bool,
    /// When heads were last sent.
    sent: Option<jiff::Timestamp>,
}

impl HeadSender {
    /// Makes a sender, which begins with the first head.
    #[must_use]
    pub fn to(place: HeadsTo, ui: &Arc<Ui>) -> Self {
        Self(Arc::new(Shared {
            to: place,
            ui: Arc::clone(ui),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Returns when this process last sent heads.
    #[must_use]
    pub fn last_sent(&self) -> Option<jiff::Timestamp> {
        self.0.state().sent
    }

    /// Sends what was not sent yet, and waits for it, but not for ever.
    pub fn finish(&self) {
        let mut state = self.0.state();
        state.ends = true;
        self.0.changed.notify_all();
        let is_busy = |state: &mut State| state.is_sending || !state.waiting.is_empty();
        let (state, waited) = self
            .0
            .changed
            .wait_timeout_while(state, PATIENCE, is_busy)
            .unwrap_or_else(PoisonError::into_inner);
        drop(state);
        if waited.timed_out() {
            self.0.cannot_send("it took too long");
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until some heads shall be sent, and takes them; nothing at the end.
    fn take(&self) -> Option<Vec<NewHead>> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let wait = state
                .next
                .map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
            if state.waiting.is_empty() {
                if state.ends {
                    return None;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if wait.is_zero() || state.ends {
                state.is_sending = true;
                return Some(std::mem::take(&mut state.waiting).into_values().collect());
            } else {
                let waited = self.changed.wait_timeout(state, wait);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn send(&self) {
        let mut has_failed = false;
        while let Some(heads) = self.take() {
            let sent = match &self.to {
                HeadsTo::File(path) => file::append(path, &heads),
                HeadsTo::Syslog => syslog::here(&heads),
                HeadsTo::RemoteSyslog { host, port } => syslog::at(host, *port, &heads),
                HeadsTo::Webhook(address) => webhook::post(address, &heads),
            };
            let mut state = self.state();
            let wait = match sent {
                Ok(()) => {
                    has_failed = false;
                    state.sent = Some(jiff::Timestamp::now());
                    EVERY
                }
                Err(error) => {
                    if !has_failed || state.ends {
                        self.cannot_send(&easemob_admin_ops::causes::with_causes(&*error));
                    }
                    has_failed = true;
                    if !state.ends {
                        for head in heads {
                            // Unless a newer one is there by now.
                            state.waiting.entry(head.origin.clone()).or_insert(head);
                        }
                    }
                    AGAIN
                }
            };
            state.next = Some(Instant::now() + wait);
            state.is_sending = false;
            self.changed.notify_all();
        }
    }

    fn cannot_send(&self, why: &str) {
        self.ui.warn(t!(
            "cannot keep a head of the audit trail outside the database, in {}: {why}; the next one covers it too",
            self.to
        ));
    }
}

impl HeadListener for HeadSender {
    fn signed(&self, head: NewHead) {
        let mut state = self.0.state();
        state.waiting.insert(head.origin.clone(), head);
        if !std::mem::replace(&mut state.is_started, true) {
            let shared = Arc::clone(&self.0);
            let started = thread::Builder::new()
                .name("heads".into())
                .spawn(move || shared.send());
            if let Err(error) = started {
                state.waiting.clear();
                self.0.cannot_send(&error.to_string());
            }
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for HeadSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeadSender").field(&self.0.to).finish()
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_audit::SigningKey;

    use super::*;

    pub(super) fn head(origin: &str, size: u64) -> NewHead {
        let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
        NewHead {
            origin: origin.into(),
            size,
            head: format!("head.of.{origin}-{size}"),
            key: key.public().clone(),
        }
    }

    #[test]
    fn the_first_and_the_last_head_are_sent_and_a_newer_one_replaces_an_older_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("heads");
        let ui = Arc::new(Ui::new(Box::new(std::io::sink()), false, false));
        let sender = HeadSender::to(HeadsTo::File(path.clone()), &ui);
        sender.finish();
        let sender = HeadSender::to(HeadsTo::File(path.clone()), &ui);
        sender.signed(head("one", 1));
        while std::fs::read_to_string(&path).unwrap_or_default().is_empty() {
            thread::yield_now();
        }
        for size in 2..9 {
            sender.signed(head("one", size));
        }
        sender.signed(head("two", 5));
        sender.finish();
        let sent = std::fs::read_to_string(&path).unwrap();
        assert_eq!(sent, "head.of.one-1\nhead.of.one-8\nhead.of.two-5\n");
    }

    #[test]
    fn a_place_that_cannot_be_reached_is_reported_and_does_not_hold_the_command_up() {
        #[derive(Clone, Default)]
        struct Written(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Written {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let home = tempfile::tempdir().unwrap();
        let written = Written::default();
        let ui = Arc::new(Ui::new(Box::new(written.clone()), true, false));
        let sender = HeadSender::to(HeadsTo::File(home.path().join("none/heads")), &ui);
        sender.signed(head("one", 1));
        sender.finish();
        let words = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(words.contains("cannot keep a head of the audit trail"), "{words}");
    }
}
