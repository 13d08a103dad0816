//! One connection: frames in, frames out, and the device's session in between.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use easemob_admin_listener::Connection;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use prost::Message;
use serde_json::json;
use tokio::sync::mpsc;

use super::delivery::{Sender, deliver};
use super::frames::{
    DOMAIN, Jid, Logout, MSync, Meta, Provision, Status, SyncDown, SyncUp, UnreadDown, command, frame,
    namespace,
};
use super::hub::{Link, Newcomer, OUTBOX, Order};
use super::mailbox::Pull;
use super::provision::{check, refusal};
use super::rooms;
use crate::rules::live_event::LiveEvent;
use crate::server::connection::Peer;
use crate::service::Service;

/// No frame is larger; the service's own limit of a message is 5 KiB.
const LARGEST_FRAME: usize = 256 * 1024;

/// Most connections are idle most of the time, and there may be ten thousand.
const READ_BUFFER: usize = 4 * 1024;

/// A connection without a frame for so long is closed: three heartbeats of the SDK.
const IDLE: Duration = Duration::from_secs(100);

/// A connection that does not ask to be let in for so long is closed; the SDK waits ten seconds for the answer.
const NEWCOMER: Duration = Duration::from_secs(20);

/// How long the last frames of a connection may take.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// How long a device has to read why it has to go. The SDK takes frames from a queue of its own, and a close that
/// overtakes the frame there looks like a lost connection, after which it comes back.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The connection was closed from this side.
const DISMISSED: Reason = "dismissed";

/// The other side does not speak the protocol.
const TEXT_FRAME: Reason = "a text frame";
const GARBAGE: Reason = "not a frame of the protocol";
const NO_PROVISION: Reason = "not a PROVISION";
const SECOND_PROVISION: Reason = "a second PROVISION";
const NO_SYNC: Reason = "not a SYNC";
const NOT_LET_IN: Reason = "a frame before PROVISION";

/// Why a connection ends, in words for the close frame.
type Reason = &'static str;

/// Answers `GET /websocket`.
pub(crate) async fn upgrade(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    peer.connection.begin();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(LARGEST_FRAME)
        .max_frame_size(LARGEST_FRAME)
        .on_upgrade(move |socket| serve(service, peer.connection, socket))
}

/// A device that was let in.
struct Device {
    user: String,
    resource: String,
    serial: u64,
}

async fn serve(service: Arc<Service>, connection: Connection, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (orders, taken) = mpsc::channel(OUTBOX);
    let link = Link {
        orders,
        cut: Arc::default(),
    };
    let mut writer = tokio::spawn(write(sink, taken));
    let mut device = None;
    let reason = read(&service, &connection, &mut stream, &link, &mut device).await;
    if matches!(
        reason,
        TEXT_FRAME | GARBAGE | NO_PROVISION | SECOND_PROVISION | NO_SYNC | NOT_LET_IN
    ) {
        refused(&service, device.as_ref(), reason);
    }
    if let Some(device) = device {
        leave(&service, &device);
    }
    tracing::debug!(reason, "connection ended");
    drop(link);
    if reason == DISMISSED {
        // Closed with frames unread, the connection would be reset, and the last words might be lost with it.
        let drained = async { while stream.next().await.is_some_and(|message| message.is_ok()) {} };
        let _ = tokio::time::timeout(LAST_WRITE, drained).await;
    }
    // The writer ends when nobody can give it orders any more, unless the other side does not read.
    if tokio::time::timeout(LAST_WRITE, &mut writer).await.is_err() {
        writer.abort();
    }
}

/// Takes a device off, unless it has another connection by now.
fn leave(service: &Service, device: &Device) {
    // In one go: a sign-in of the same device in between would have a connection and not be listed.
    service.change(|app, _| {
        if service.hub.part(&device.user, &device.resource, device.serial) {
            app.leave(&device.user, &device.resource);
        }
    });
}

async fn write(mut sink: SplitSink<WebSocket, WsMessage>, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        let sent = match order {
            Order::Send(frame) => sink.send(WsMessage::Binary(frame.into())).await,
            Order::Dismiss(frame) => {
                let sent = sink.send(WsMessage::Binary(frame.into())).await;
                tokio::time::sleep(LAST_WORDS).await;
                if sent.is_err() {
                    return;
                }
                break;
            }
            Order::Close => break,
        };
        if sent.is_err() {
            return;
        }
    }
    let farewell = CloseFrame {
        code: close_code::NORMAL,
        reason: "".into(),
    };
    // The other side may be gone already.
    let _ = sink.send(WsMessage::Close(Some(farewell))).await;
    let _ = sink.close().await;
}

async fn read(
    service: &Service,
    connection: &Connection,
    stream: &mut SplitStream<WebSocket>,
    link: &Link,
    device: &mut Option<Device>,
) -> Reason {
    loop {
        let patience = if device.is_some() { IDLE } else { NEWCOMER };
        // A dismissed device's connection is closed by the writer; then nothing more is read either.
        let message = tokio::select! {
            message = tokio::time::timeout(patience, stream.next()) => message,
            () = link.orders.closed() => return DISMISSED,
            () = link.cut.notified() => return "does not read",
        };
        let bytes = match message {
            Err(_) => return "idle",
            Ok(None | Some(Ok(WsMessage::Close(_)))) => return "left",
            Ok(Some(Err(_))) => return "broken",
            Ok(Some(Ok(WsMessage::Binary(bytes)))) => bytes,
            Ok(Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_)))) => continue,
            Ok(Some(Ok(WsMessage::Text(_)))) => return TEXT_FRAME,
        };
        let Ok(msync) = MSync::decode(bytes) else {
            return GARBAGE;
        };
        // Between its last words and its end, a device has no say.
        if device
            .as_ref()
            .is_some_and(|device| !service.hub.holds(&device.user, &device.resource, device.serial))
        {
            return DISMISSED;
        }
        let answer = match (msync.command, device.as_ref()) {
            (command::PROVISION, None) => match provision(service, &msync, link, device) {
                Ok(answer) => {
                    // A device stays as long as it likes; one that is refused does not.
                    if device.is_some() {
                        connection.keep();
                    }
                    answer
                }
                Err(reason) => return reason,
            },
            (command::PROVISION, Some(_)) => return SECOND_PROVISION,
            (_, None) => return NOT_LET_IN,
            (command::UNREAD, Some(device)) => Some(unread(service, device)),
            (command::SYNC, Some(device)) => match sync(service, device, &msync) {
                Ok(answer) => answer,
                Err(reason) => return reason,
            },
            (command::LOGOUT, Some(known)) => {
                leave(service, known);
                Some(logged_out(&msync))
            }
            // A newer SDK may know more.
            (other, Some(known)) => {
                refused(service, Some(known), &format!("unknown command {other}"));
                None
            }
        };
        if let Some(answer) = answer {
            link.order(Order::Send(answer));
        }
    }
}

fn provision(
    service: &Service,
    msync: &MSync,
    link: &Link,
    device: &mut Option<Device>,
) -> Result<Option<Vec<u8>>, Reason> {
    let asked = Provision::decode(msync.payload.as_slice()).map_err(|_| NO_PROVISION)?;
    let refuse = |status: Status| {
        let refused = Provision {
            status: Some(status),
            resource: asked.resource.clone(),
            session_id: asked.session_id.clone(),
            ..Provision::default()
        };
        Ok(Some(frame(command::PROVISION, &refused)))
    };
    // The connection has its place before anybody is evicted, so that list and connections agree.
    let entered: Result<_, Status> = service.change(|app, now_ms| {
        let candidate = check(app, msync, &asked, now_ms)?;
        let signed_in = app
            .sign_in(&candidate.user, candidate.request, now_ms)
            .map_err(|error| refusal(&error))?;
        let expires = candidate.expires_ms.map(|end| json!({ "expires_in": end }));
        let welcome = Provision {
            status: Some(Status::default()),
            resource: signed_in.resource.clone(),
            session_id: asked.session_id.clone(),
            auth_token: expires.map_or_else(String::new, |json| json.to_string()),
            ..Provision::default()
        };
        let newcomer = Newcomer {
            app_key: &app.key,
            user: &candidate.user,
            resource: &signed_in.resource,
            ext: Some(asked.reason.as_str()).filter(|reason| !reason.is_empty()),
            link: link.clone(),
            welcome: frame(command::PROVISION, &welcome),
        };
        let serial = service.hub.join(newcomer, now_ms);
        Ok(Device {
            user: candidate.user,
            resource: signed_in.resource,
            serial,
        })
    });
    match entered {
        Ok(entered) => {
            *device = Some(entered);
            Ok(None)
        }
        Err(status) => {
            let guid = msync.guid.clone().unwrap_or_default();
            service.announce(LiveEvent::RefusedFrame {
                user: guid.name,
                resource: asked.resource.clone(),
                reason: format!("sign-in: {}", status.reason),
            });
            refuse(status)
        }
    }
}

/// Shows to whoever watches that a frame was refused, or is not known.
fn refused(service: &Service, device: Option<&Device>, reason: &str) {
    service.announce(LiveEvent::RefusedFrame {
        user: device.map_or_else(String::new, |device| device.user.clone()),
        resource: device.map_or_else(String::new, |device| device.resource.clone()),
        reason: reason.to_owned(),
    });
}

fn unread(service: &Service, device: &Device) -> Vec<u8> {
    let answer = UnreadDown {
        status: Some(Status::default()),
        unread: service.hub.waiting(&device.user, &device.resource),
        timestamp: service.clock.now_ms(),
    };
    frame(command::UNREAD, &answer)
}

fn sync(service: &Service, device: &Device, msync: &MSync) -> Result<Option<Vec<u8>>, Reason> {
    let up = SyncUp::decode(msync.payload.as_slice()).map_err(|_| NO_SYNC)?;
    if let Some(meta) = up.meta {
        return Ok(Some(frame(command::SYNC, &take(service, device, meta))));
    }
    let Some(queue) = up.queue else {
        return Ok(None);
    };
    let asked = (queue.name.as_str(), up.key);
    let now_ms = service.clock.now_ms();
    let answer = |pull| frame(command::SYNC, &handed_out(pull, queue.clone(), now_ms));
    let pulled = service
        .hub
        .pull(&device.user, &device.resource, device.serial, asked, answer);
    if pulled { Ok(None) } else { Err(DISMISSED) }
}

/// Takes what a device sends.
fn take(service: &Service, device: &Device, meta: Meta) -> SyncDown {
    let sender = Sender {
        user: &device.user,
        resource: &device.resource,
    };
    if meta.ns == namespace::CHAT {
        return deliver(service, sender, meta);
    }
    if meta.ns == namespace::MUC {
        match rooms::take(service, sender, &meta) {
            Ok(answer) => return answer,
            Err(unknown) => refused(service, Some(device), &unknown),
        }
    } else if meta.ns != namespace::STATISTIC {
        refused(service, Some(device), &format!("unknown namespace {}", meta.ns));
    }
    // Statistics and the like are taken note of, and that is all.
    let now_ms = service.clock.now_ms();
    SyncDown {
        status: Some(Status::default()),
        meta_id: meta.id,
        server_id: service.hub.new_id(now_ms),
        timestamp: now_ms,
        ..SyncDown::default()
    }
}

/// Answers a device that asked for what waits in a queue.
fn handed_out(pull: Pull, queue: Jid, now_ms: u64) -> SyncDown {
    let queue = Some(Jid {
        domain: if queue.domain.is_empty() {
            DOMAIN.into()
        } else {
            queue.domain
        },
        client_resource: String::new(),
        ..queue
    });
    // Metas and the end of a queue never go together, or the SDK asks again without end.
    let (metas, next_key, is_last) = match pull {
        Pull::Batch(metas, next_key) => (metas, next_key, false),
        Pull::Empty(key) => (Vec::new(), key, true),
    };
    SyncDown {
        status: Some(Status::default()),
        metas,
        next_key,
        queue,
        is_last,
        timestamp: now_ms,
        ..SyncDown::default()
    }
}

fn logged_out(msync: &MSync) -> Vec<u8> {
    let asked = Logout::decode(msync.payload.as_slice()).unwrap_or_default();
    let answer = Logout {
        session_id: asked.session_id,
        status: Some(Status::default()),
    };
    frame(command::LOGOUT, &answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;

    #[tokio::test]
    async fn a_device_leaves_the_list_and_the_connections_in_one_go() {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.register("ann");
        sandbox.sign_in_as("ann", "ios_1").unwrap();
        let service = sandbox.service();
        let (orders, _taken) = mpsc::channel(OUTBOX);
        let newcomer = Newcomer {
            app_key: "o#a",
            user: "ann",
            resource: "ios_1",
            ext: None,
            link: Link {
                orders,
                cut: Arc::default(),
            },
            welcome: Vec::new(),
        };
        let device = Device {
            user: "ann".into(),
            resource: "ios_1".into(),
            serial: service.hub.join(newcomer, 0),
        };
        let serial = device.serial;
        let leaving = service.read(|_| {
            let own = Arc::clone(&service);
            let leaving = std::thread::spawn(move || leave(&own, &device));
            std::thread::sleep(Duration::from_millis(50));
            assert!(service.hub.holds("ann", "ios_1", serial), "it is still listed");
            leaving
        });
        leaving.join().unwrap();
        assert!(sandbox.devices("ann").is_empty() && !service.hub.holds("ann", "ios_1", serial));
    }
}
