//! Receives what the service posts, with axum.
//!
//! `cargo run -p easemob-admin-api --example webhook_receiver --features webhooks-axum` tries it: a local sandbox posts
//! two sign-ins and an eviction.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use easemob_admin_api::webhooks::{Event, MessageBody, Secrets, SignedPost, Stage, Verdict};
use easemob_admin_sandbox::{DeviceLimits, Sandbox, Webhook};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[derive(Clone)]
struct Receiver {
    secrets: Secrets,
    /// Calls that were received. A service that must not act twice keeps them for some minutes in its database.
    seen: Arc<Mutex<HashSet<String>>>,
    events: mpsc::UnboundedSender<String>,
}

impl FromRef<Receiver> for Secrets {
    fn from_ref(receiver: &Receiver) -> Self {
        receiver.secrets.clone()
    }
}

/// Answers at once, because the service waits for 200 ms only before it delivers a message.
async fn receive(State(receiver): State<Receiver>, SignedPost(post): SignedPost) -> Response {
    let repeated = post.call_id.is_some_and(|id| {
        let mut seen = receiver.seen.lock().unwrap_or_else(PoisonError::into_inner);
        !seen.insert(id)
    });
    match post.event {
        Event::Session(session) if !repeated => {
            let line = format!("{}: {} on {}", session.user, session.change, session.device);
            // The other end is gone only when the program ends.
            let _ = receiver.events.send(line);
        }
        Event::Message(message) if message.stage == Stage::BeforeDelivery => {
            let has_link =
                |body: &MessageBody| matches!(body, MessageBody::Text(text) if text.contains("://"));
            let verdict = if message.bodies.iter().any(has_link) {
                Verdict::refuse().code("no links, please")
            } else {
                Verdict::deliver()
            };
            return Json(verdict).into_response();
        }
        _ => {}
    }
    ().into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (events, mut arrived) = mpsc::unbounded_channel();
    let receiver = Receiver {
        secrets: Secrets::new(["the secret of the rule"]),
        seen: Arc::default(),
        events,
    };
    let app = Router::new().route("/hook", post(receive)).with_state(receiver);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let hook = Webhook::new(url, "the secret of the rule");
    let sandbox = Sandbox::builder().webhook(hook).start().await?;
    sandbox.set_limits(DeviceLimits::multi(1))?;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios")?;
    sandbox.sign_in("ann", "ios")?;
    for _ in 0..3 {
        println!("{}", arrived.recv().await.ok_or("the receiver ended")?);
    }
    Ok(())
}
