//! What the HTTP handlers and the handle share.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use tokio::sync::{Notify, broadcast, mpsc};

use crate::realtime::hub::Hub;
use crate::realtime::letter::{Letter, Meant};
use crate::realtime::notices;
use crate::rules::App;
use crate::rules::clock::SandboxClock;
use crate::rules::ended::{Cause, Ended};
use crate::rules::habits::Habits;
use crate::rules::history::Kept;
use crate::rules::live_event::{Happened, LiveEvent};
use crate::rules::notes::Notes;
use crate::rules::notices::News;
use crate::rules::stored_callbacks::Again;
use crate::server::calls::Calls;
use crate::server::faults::Faults;
use crate::server::held::Held;
use crate::server::jwt::JwtKeys;
use crate::server::rate::RateLimiter;
use crate::state_file::{StateFile, StateFileError, encode};

/// How many events a watcher may be behind before it misses some.
const WATCHED: usize = 4_096;

/// Changes are gathered this long before they are written.
const SAVE_DELAY: Duration = Duration::from_millis(200);

/// What could not be written is tried again after this long: a full disk is emptied.
const SAVE_AGAIN: Duration = Duration::from_secs(2);

/// The choices of the builder that hold for the sandbox's whole life.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) max_users: Option<usize>,
    pub(crate) server_managed_limits: bool,
    pub(crate) open_registration: bool,
    pub(crate) callback_storage: bool,
    pub(crate) expires_in_millis: bool,
    pub(crate) token_ttl: Duration,
    pub(crate) max_body: usize,
    pub(crate) control_from_anywhere: bool,
    pub(crate) status_lag: Duration,
    pub(crate) sign_out_lag: Duration,
    pub(crate) habits: Habits,
}

/// One running sandbox.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
    pub(crate) clock: SandboxClock,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) held: Held,
    pub(crate) calls: Mutex<Calls>,
    pub(crate) rates: Mutex<RateLimiter>,
    pub(crate) jwt_keys: Mutex<JwtKeys>,
    pub(crate) hub: Hub,
    pub(crate) live: broadcast::Sender<Happened>,
    app: Mutex<App>,
    store: Mutex<Option<StateFile>>,
    /// Why the last change is not on disk, if it could not be written.
    unsaved: Mutex<Option<String>>,
    changed: Notify,
    /// What webhooks are to post again, and the end of it until somebody takes that.
    again: mpsc::UnboundedSender<Again>,
    asked_again: Mutex<Option<mpsc::UnboundedReceiver<Again>>>,
}

impl Service {
    pub(crate) fn new(
        settings: Settings,
        address: SocketAddr,
        clock: SandboxClock,
        rates: RateLimiter,
        jwt_keys: JwtKeys,
        app: App,
        store: Option<StateFile>,
    ) -> Self {
        let (again, asked_again) = mpsc::unbounded_channel();
        Self {
            settings,
            address,
            clock,
            faults: Mutex::default(),
            held: Held::default(),
            calls: Mutex::default(),
            rates: Mutex::new(rates),
            jwt_keys: Mutex::new(jwt_keys),
            hub: Hub::new(app.ids.clone()),
            live: broadcast::Sender::new(WATCHED),
            app: Mutex::new(app),
            store: Mutex::new(store),
            unsaved: Mutex::default(),
            changed: Notify::new(),
            again,
            asked_again: Mutex::new(Some(asked_again)),
        }
    }

    /// Returns what is to be posted again, once.
    pub(crate) fn asked_again(&self) -> Option<mpsc::UnboundedReceiver<Again>> {
        lock(&self.asked_again).take()
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&App) -> T) -> T {
        look(&lock(&self.app))
    }

    /// Changes the state; it will be saved soon.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut App, u64) -> T) -> T {
        self.act(true, change)
    }

    /// Runs an action on the state, which is saved only if that may have `changed` it.
    pub(crate) fn act<T>(&self, changed: bool, action: impl FnOnce(&mut App, u64) -> T) -> T {
        let mut app = lock(&self.app);
        let now_ms = self.clock.now_ms();
        app.leave_rooms_of_absent(now_ms);
        let result = action(&mut app, now_ms);
        if !self.settings.sign_out_lag.is_zero() {
            app.note_departures(now_ms);
        }
        for user in app.came_and_went() {
            app.tell_presence(&user, now_ms);
            app.note_absence(&user, now_ms);
        }
        // Before anybody else can change the state, so that nobody is dismissed who has just come back.
        let ended = std::mem::take(&mut app.ended);
        if !ended.is_empty() {
            self.hub.dismiss(&app.key, &ended, now_ms);
        }
        for Ended {
            user,
            resource,
            cause,
            ..
        } in ended
        {
            // Who left is among the comings and goings.
            if cause != Cause::Left {
                let cause = cause.word();
                self.announce(LiveEvent::Ended {
                    user,
                    resource,
                    cause,
                });
            }
        }
        for event in std::mem::take(&mut app.happened) {
            self.announce(event);
        }
        for told in std::mem::take(&mut app.told) {
            if told.online_only && !self.hub.is_connected(&told.user) {
                continue;
            }
            let id = self.hub.new_id(now_ms);
            let (queue, meta) = notices::meta(&app.key, &told.user, &told.news, id, now_ms);
            if let News::Message { from, to, .. } = &told.news {
                let kept = Kept {
                    id: meta.id,
                    at_ms: now_ms,
                    sender: from.clone(),
                    message: meta.encode_to_vec().into(),
                    notes: Notes::default(),
                };
                let owner = app.keeper(&told.user, to).to_owned();
                app.history.keep(&owner, &queue.name, &kept);
            }
            let meant = Meant {
                only: None,
                but: told.but,
            };
            let devices = self.hub.deliver(&told.user, Letter { queue, meta, meant });
            self.announce(LiveEvent::Told {
                what: told.news.word(),
                user: told.user,
                devices,
            });
        }
        for again in std::mem::take(&mut app.callbacks_again) {
            // Nobody may be posting.
            let _ = self.again.send(again);
        }
        for user in std::mem::take(&mut app.forgotten) {
            self.hub.forget(&user);
        }
        drop(app);
        if changed {
            self.changed.notify_one();
        }
        result
    }

    /// Tells whoever watches.
    pub(crate) fn announce(&self, event: LiveEvent) {
        let at_ms = self.clock.now_ms();
        if let LiveEvent::RefusedFrame { reason, .. } = &event {
            lock(&self.calls).record_frame(reason);
        }
        // Nobody may be watching.
        let _ = self.live.send(Happened { at_ms, event });
    }

    /// Moves the clock; the new time outlives a restart.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.change(|app, _| app.clock_offset_ms = self.clock.offset_ms());
    }

    /// Forgets all users, faults and recorded calls.
    pub(crate) fn reset(&self) {
        self.change(|app, _| {
            app.reset();
            self.hub.reset();
        });
        lock(&self.faults).clear();
        lock(&self.calls).clear();
    }

    pub(crate) fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}/websocket", self.address)
    }

    pub(crate) fn app_root(&self) -> String {
        self.read(|app| {
            let (org, name) = app.names();
            format!("{}/{org}/{name}", self.rest_url())
        })
    }

    /// The root of Agora's kind; everything below it is the same.
    pub(crate) fn app_id_root(&self) -> String {
        self.read(|app| format!("{}/app-id/{}", self.rest_url(), app.agora_id))
    }

    /// Saves after every burst of changes, until cancelled.
    pub(crate) async fn save_changes(self: std::sync::Arc<Self>) {
        loop {
            self.changed.notified().await;
            tokio::time::sleep(SAVE_DELAY).await;
            loop {
                let service = std::sync::Arc::clone(&self);
                let saved = tokio::task::spawn_blocking(move || service.save()).await;
                let Ok(Err(error)) = saved else {
                    break;
                };
                self.tell_unsaved(&error);
                tokio::time::sleep(SAVE_AGAIN).await;
            }
            *lock(&self.unsaved) = None;
        }
    }

    /// Reports that the state was not saved, once until it is.
    fn tell_unsaved(&self, error: &StateFileError) {
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        let reason = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        tracing::error!(reason, "cannot save the state");
        if lock(&self.unsaved).replace(reason.clone()).is_none() {
            self.announce(LiveEvent::NotSaved { reason });
        }
    }

    /// Returns why the last change is not on disk, if it could not be written.
    pub(crate) fn unsaved(&self) -> Option<String> {
        lock(&self.unsaved).clone()
    }

    /// Writes the state file, if there is one.
    pub(crate) fn save(&self) -> Result<(), StateFileError> {
        // The store is locked first, so that a later save cannot be overtaken by an earlier text.
        let store = lock(&self.store);
        store
            .as_ref()
            .map_or(Ok(()), |file| file.save(&self.read(encode)))
    }

    /// Saves for the last time and gives the file free for others.
    pub(crate) fn close(&self) -> Result<(), StateFileError> {
        let saved = self.save();
        *lock(&self.store) = None;
        saved
    }
}

/// Locks what a panicking test or handler may have left locked: the state behind is still whole enough.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
