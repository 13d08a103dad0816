//! What is kept about logins, for front ends that answer questions about it as if it were theirs.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use easemob_admin_ops::logins::store::{LoginStore, Snapshot, SnapshotId, StoreError};
use easemob_admin_remote::api::{LoginQuestion, Problem, Scope};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa_axum::routes;

use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Sent;
use crate::pieces::LINES;
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// How many pieces wait for a reader that is behind.
const AHEAD: usize = 4;

/// How many bytes make a piece.
const PIECE: usize = 64 * 1024;

pub(super) fn routes() -> Routes {
    Routes::new().add(Rule::HasForApp(&[Scope::DevicesRead]), routes!(read))
}

/// Reads what is kept about logins: one line of JSON for each thing that is found.
#[utoipa::path(post, path = "/v1/apps/{app}/logins/kept", tag = "records", params(("app" = String, Path)),
    request_body(content = Object, example = json!({"gaps": {"range": {"since_ms": 0, "until_ms": 4_102_444_800_000_u64}}})),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn read(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Sent(question): Sent<LoginQuestion>,
) -> Result<Response, Refusal> {
    let kept = blocking(move || service.stores().logins().kept(&app.target.name())).await?;
    let kept = kept.ok_or_else(|| {
        Refusal::of(Kind::NothingKept).detail("nothing is kept about the logins of this app")
    })?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut lines = Sending {
            sender,
            piece: Vec::new(),
        };
        let answered = answer(&*kept, question, &mut lines);
        lines.end(answered.map_err(std::io::Error::other));
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        Some((receiver.recv().await?, receiver))
    });
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(pieces)).into_response())
}

/// Sends lines in pieces. The stores pass what they find to a function, which cannot wait for a reader on a runtime.
struct Sending {
    sender: mpsc::Sender<std::io::Result<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Sending {
    fn push(&mut self, value: &impl Serialize) {
        if self.sender.is_closed() {
            return;
        }
        match serde_json::to_vec(value) {
            Ok(line) => self.piece.extend_from_slice(&line),
            Err(error) => {
                let _ = self.sender.blocking_send(Err(error.into()));
            }
        }
        self.piece.push(b'\n');
        if self.piece.len() >= PIECE {
            self.flush();
        }
    }

    fn each<T: Serialize>(&mut self, values: impl IntoIterator<Item = T>) {
        values.into_iter().for_each(|value| self.push(&value));
    }

    fn flush(&mut self) {
        // A reader that is gone needs nothing.
        let _ = self.sender.blocking_send(Ok(std::mem::take(&mut self.piece)));
    }

    /// A failure breaks the answer off, so the reader does not take a part for the whole.
    fn end(mut self, answered: std::io::Result<()>) {
        self.flush();
        if let Err(error) = answered {
            let _ = self.sender.blocking_send(Err(error));
        }
    }
}

fn answer(kept: &dyn LoginStore, question: LoginQuestion, lines: &mut Sending) -> Result<(), StoreError> {
    match question {
        LoginQuestion::Snapshots => lines.each(kept.snapshots()?),
        LoginQuestion::Devices { snapshot } => {
            kept.each_device(snapshot, &mut |user, device| lines.push(&(user, device)))?;
        }
        LoginQuestion::NotKnown { snapshot } => {
            kept.each_not_known(snapshot, &mut |user| lines.push(&user))?;
        }
        LoginQuestion::Changes { from, to } => {
            let snapshots = kept.snapshots()?;
            let (from, to) = (find(&snapshots, from)?, find(&snapshots, to)?);
            kept.each_change(from, to, &mut |change| lines.push(&change))?;
        }
        LoginQuestion::KnownDevices { user } => lines.each(kept.known_devices(&user)?),
        LoginQuestion::Events { range, user } => {
            kept.each_event(range, user.as_deref(), &mut |event| lines.push(&event))?;
        }
        LoginQuestion::MostEvents { kind, range, most } => lines.each(kept.most_events(kind, range, most)?),
        LoginQuestion::SignIns { received } => lines.each(kept.sign_ins(received)?),
        LoginQuestion::LastEvent { user, resource } => lines.each(kept.last_event(&user, &resource)?),
        LoginQuestion::Alive => lines.each(kept.alive()?),
        LoginQuestion::Gaps { range } => lines.each(kept.gaps(range)?),
        LoginQuestion::AskedAgain => lines.each(kept.asked_again()?),
        LoginQuestion::Shapes => lines.each(kept.shapes()?),
        LoginQuestion::Users {
            which,
            order,
            after,
            most,
        } => lines.each(kept.users(&which, order, after.as_ref(), most)?),
        LoginQuestion::CountUsers { which, up_to } => lines.push(&kept.count_users(&which, up_to)?),
        LoginQuestion::EventsByHour { range } => lines.each(kept.events_by_hour(range)?),
        LoginQuestion::Arrived { since_ms } => lines.each(kept.arrived_since(since_ms)?),
    }
    Ok(())
}

fn find(snapshots: &[Snapshot], id: SnapshotId) -> Result<&Snapshot, StoreError> {
    let found = snapshots.iter().find(|snapshot| snapshot.id == id);
    found.ok_or(StoreError::NotOpen(id))
}
