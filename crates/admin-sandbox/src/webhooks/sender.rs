//! Posts events to one receiver, with one repeat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Webhook;
use super::block::Block;
use super::payload::{body, reason};
use crate::rules::live_event::Happened;
use crate::service::{Service, lock};

/// How many posts may be under way at a time.
const AT_ONCE: usize = 64;

/// Posts until the sandbox has ended.
pub(crate) async fn send(service: Arc<Service>, hook: Webhook, mut events: Receiver<Happened>) {
    let client = match reqwest::Client::builder()
        .no_proxy()
        .timeout(hook.silence)
        .build()
    {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "cannot post webhooks");
            return;
        }
    };
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
            // Events of that time are lost, as they are at the service.
            continue;
        }
        let (client, hook, block) = (client.clone(), Arc::clone(&hook), Arc::clone(&block));
        let places = Arc::clone(&places);
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
                if post(&client, &hook, &body).await {
                    break;
                }
                lock(&block).failed(&hook, started.elapsed());
            }
        });
        if last.len() > AT_ONCE {
            last.retain(|_, posting: &mut JoinHandle<()>| !posting.is_finished());
        }
        last.insert(user, posting);
    }
}

async fn post(client: &reqwest::Client, hook: &Webhook, body: &Value) -> bool {
    let sent = client
        .post(&hook.url)
        .header("content-type", "application/json;charset=UTF-8")
        .body(body.to_string())
        .send()
        .await;
    sent.is_ok_and(|answer| answer.status() == 200)
}
