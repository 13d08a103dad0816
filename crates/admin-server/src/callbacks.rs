//! Receives the posts with which the vendor's servers tell that devices sign in and out. Every process does: the records drop what
//! comes twice.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use easemob_admin_ops::collector::gaps::downtime;
use easemob_admin_ops::collector::recorder::Recorder;
use easemob_admin_ops::collector::server::Collector;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::service::Service;

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Who receives the posts about each app.
#[derive(Debug)]
pub(crate) struct Callbacks(BTreeMap<String, Receiving>);

#[derive(Debug)]
struct Receiving {
    collector: Arc<Collector>,
    alive: JoinHandle<()>,
}

impl Callbacks {
    /// Opens the records of the apps whose servers may post. Call it on a runtime.
    pub(crate) fn open(service: &Service) -> io::Result<Self> {
        let mut open = BTreeMap::new();
        for (name, secrets) in &service.settings().callbacks {
            let app = service.apps().get(name).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("the service has no app `{name}`"),
                )
            })?;
            let logins = service.stores().logins();
            let mut store = logins.of(&app.target.name()).map_err(io::Error::other)?;
            // Another process may have been there meanwhile: then nothing is missing.
            let alive = store.alive().map_err(io::Error::other)?;
            if let Some(gap) = downtime(alive, now_ms()) {
                store.record_gap(&gap).map_err(io::Error::other)?;
            }
            let of = name.clone();
            // It ends after the last handle, when everything that was acknowledged is on disk.
            let (recorder, _) = Recorder::start(store, now_ms, move |error| {
                tracing::warn!(
                    app = of,
                    error = error.to_string(),
                    "events of logins cannot be kept"
                );
            });
            let of = name.clone();
            let warn = Box::new(move |text: &str| tracing::warn!(app = of, "{text}"));
            let secrets = Some(secrets.clone());
            let collector = Collector::new(app.target.app.clone(), secrets, recorder, now_ms, warn);
            let collector = Arc::new(collector);
            let staying = Arc::clone(&collector);
            let alive = tokio::spawn(async move { staying.stay().await });
            open.insert(name.clone(), Receiving { collector, alive });
        }
        Ok(Self(open))
    }

    /// Returns who receives posts about an app.
    pub(crate) fn of(&self, app: &str) -> Option<Arc<Collector>> {
        let receiving = self.0.get(app)?;
        Some(Arc::clone(&receiving.collector))
    }

    /// Notes that nobody receives from now on, as far as this process knows.
    pub(crate) async fn end(&self) {
        for receiving in self.0.values() {
            receiving.alive.abort();
            receiving.collector.recorder.alive(now_ms()).await;
        }
    }
}
