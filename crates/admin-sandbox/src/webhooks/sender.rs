//! Posts events to one receiver, with one repeat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Uri;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Webhook;
use super::block::Block;
use super::payload::{body, reason};
use crate::plain_http::PlainHttp;
use crate::rules::live_event::Happened;
use crate::rules::stored_callbacks::{Again, StoredPost};
use crate::service::{Service, lock};

/// How many posts may be under way at a time.
const AT_ONCE: usize = 64;

/// How long an answer to a repeated post is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Posts until the sandbox has ended.
pub(crate) async fn send(service: Arc<Service>, hook: Webhook, mut events: Receiver<Happened>) {
    let Ok(url) = hook.url.parse::<Uri>() else { return };
    let client = PlainHttp::default();
    let (hook, block, started) = (
        Arc::new(hook),
        Arc::new(Mutex::new(Block::default())),
        Instant::now(),
    );
    // The last post of each user.
    let mut last = HashMap::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let app_key = service.read(|app| app.key.clone());
    loop {
        let Happened { at_ms, event } = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "dropped webhooks because events arrived too fast");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let call = Uuid::new_v4().simple().to_string();
        let Some(user) = reason(&event).map(|(_, _, user, _)| user.to_owned()) else {
            continue;
        };
        let Some(body) = body(&app_key, &hook.secret, &event, &call, at_ms) else {
            continue;
        };
        if lock(&block).holds(started.elapsed()) {
            store(&service, &hook.url, body);
            continue;
        }
        let (client, url) = (client.clone(), url.clone());
        let (hook, block) = (Arc::clone(&hook), Arc::clone(&block));
        let (places, service) = (Arc::clone(&places), Arc::clone(&service));
        let before = last.remove(&user);
        let posting = tokio::spawn(async move {
            // What happened to a user is told in its order, and takes no place from others while it waits for that.
            if let Some(before) = before {
                let _ = before.await;
            }
            let Ok(_place) = places.acquire().await else {
                return;
            };
            // At once after an answer that is not 200, and after the silence without one: both are one repeat.
            for _ in 0..2 {
                if client.post(&url, &body, hook.silence).await == Some(200) {
                    return;
                }
                lock(&block).failed(&hook, started.elapsed());
            }
            store(&service, &hook.url, body);
        });
        if last.len() > AT_ONCE {
            last.retain(|_, posting: &mut JoinHandle<()>| !posting.is_finished());
        }
        last.insert(user, posting);
    }
}

/// Keeps what was not taken, or loses it, as the console says.
fn store(service: &Service, url: &str, body: Value) {
    if service.settings.callback_storage {
        let url = url.to_owned();
        service.act(false, |app, now_ms| {
            app.stored_callbacks.keep(StoredPost { url, body }, now_ms);
        });
    }
}

/// Posts again what somebody asks for, one after the other, until the sandbox has ended.
pub(crate) async fn send_again(service: Arc<Service>, mut asked: UnboundedReceiver<Again>) {
    let client = PlainHttp::default();
    while let Some(again) = asked.recv().await {
        for stored in again.posts {
            let url = again.target.as_ref().unwrap_or(&stored.url);
            let status = match url.parse() {
                Ok(url) => client.post(&url, &stored.body, PATIENCE).await,
                Err(_) => None,
            };
            if status != Some(200) {
                service.act(false, |app, _| {
                    app.stored_callbacks.failed_again(&again.date, stored);
                });
            }
        }
        service.act(false, |app, _| app.stored_callbacks.tidy());
    }
}
