//! What a device says and understands. Pure.

use std::collections::HashSet;

use prost::Message;
use serde_json::json;

use super::{DeviceEvent, Frames};
use crate::realtime::frames::{
    DOMAIN, Jid, Logout, MSync, MessageBody, MessageContent, Meta, Notice, Provision, Statistics, SyncDown,
    SyncUp, UnreadDown, command, frame, namespace,
};
use crate::realtime::provision::{EXPIRED, NO_MATCH, NOT_FOUND, code};

/// The protocol state of one device.
#[derive(Debug)]
pub(crate) struct Session {
    own: Jid,
    /// The queues that are being pulled; what is told of them meanwhile comes with the next pull.
    pulling: HashSet<String>,
    last_message: u64,
    pub(crate) frames: Frames,
}

/// The answer to a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    In,
    Refused { code: u16, reason: String },
}

/// What follows from a frame.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) send: Vec<Vec<u8>>,
    pub(crate) events: Vec<DeviceEvent>,
}

impl Session {
    /// `last_message` is where the device's own ids of messages begin: anywhere, as in SDKs, since a service takes an id
    /// that it knows from the device for a message that is sent again.
    pub(crate) fn new(app_key: &str, user: &str, resource: &str, last_message: u64) -> Self {
        Self {
            own: Jid {
                app_key: app_key.to_owned(),
                name: user.to_owned(),
                domain: DOMAIN.to_owned(),
                client_resource: resource.to_owned(),
            },
            pulling: HashSet::new(),
            last_message,
            frames: Frames::default(),
        }
    }

    pub(crate) fn login_id(&self) -> String {
        format!("{}/{}", self.own.name, self.own.client_resource)
    }

    pub(crate) fn provision(&mut self, token: &str, name: &str, ext: &str) -> Vec<u8> {
        const OTHER: i32 = 16;
        let resource = self.own.client_resource.clone();
        let provision = Provision {
            os_type: OTHER,
            device_uuid: resource
                .split_once('_')
                .map_or(&*resource, |(_, tail)| tail)
                .to_owned(),
            device_name: name.to_owned(),
            resource,
            auth_token: json!({"token": format!("$t${token}")}).to_string(),
            reason: ext.to_owned(),
            ..Provision::default()
        };
        self.frames.sent += 1;
        MSync {
            guid: Some(self.own.clone()),
            command: command::PROVISION,
            payload: provision.encode_to_vec(),
            ..MSync::default()
        }
        .encode_to_vec()
    }

    /// Reads the answer to a sign-in, and takes over the resource that it names; nothing if it is none.
    pub(crate) fn admitted(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.frames.received += 1;
        let msync = MSync::decode(bytes).ok()?;
        if msync.command != command::PROVISION {
            return None;
        }
        let answer = Provision::decode(msync.payload.as_slice()).ok()?;
        let status = answer.status?;
        if status.error_code == 0 {
            self.own.client_resource = answer.resource;
            return Some(Answer::In);
        }
        let code = match (status.error_code, status.reason.as_str()) {
            (code::FAIL, NO_MATCH) => 28,
            (code::FAIL, NOT_FOUND) => 204,
            (code::FAIL, EXPIRED) => 56,
            (code::IM_FORBIDDEN, _) => 57,
            (code::TOO_MANY_DEVICES, _) => 214,
            (code::RESOURCE_CHANGED, _) => 220,
            _ => 2,
        };
        let reason = status.reason;
        Some(Answer::Refused { code, reason })
    }

    pub(crate) fn unread(&mut self) -> Vec<u8> {
        self.frames.sent += 1;
        let unread = MSync {
            command: command::UNREAD,
            ..MSync::default()
        };
        unread.encode_to_vec()
    }

    pub(crate) fn logout(&mut self) -> Vec<u8> {
        self.frames.sent += 1;
        frame(command::LOGOUT, &Logout::default())
    }

    pub(crate) fn text(&mut self, to: &str, text: &str) -> (u64, Vec<u8>) {
        self.last_message += 1;
        (self.last_message, self.text_as(self.last_message, to, text))
    }

    pub(crate) fn text_as(&mut self, id: u64, to: &str, text: &str) -> Vec<u8> {
        const CHAT: i32 = 1;
        let (user, resource) = to.split_once('/').unwrap_or((to, ""));
        let to = Jid {
            name: user.to_owned(),
            client_resource: resource.to_owned(),
            ..self.own.clone()
        };
        let name = |name: &str| Jid {
            name: name.to_owned(),
            ..Jid::default()
        };
        let body = MessageBody {
            kind: CHAT,
            from: Some(name(&self.own.name)),
            to: Some(name(user)),
            contents: vec![MessageContent {
                text: text.to_owned(),
                ..MessageContent::default()
            }],
            ..MessageBody::default()
        };
        let meta = Meta {
            id,
            to: Some(to),
            ns: namespace::CHAT,
            payload: body.encode_to_vec(),
            ..Meta::default()
        };
        self.frames.sent += 1;
        let up = SyncUp {
            meta: Some(meta),
            ..SyncUp::default()
        };
        frame(command::SYNC, &up)
    }

    /// Takes a frame of the server; nothing if it is none of the protocol.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<Step> {
        self.frames.received += 1;
        let msync = MSync::decode(bytes).ok()?;
        let payload = msync.payload.as_slice();
        let mut step = Step::default();
        match msync.command {
            command::NOTICE => step.send.extend(
                Notice::decode(payload)
                    .ok()?
                    .queue
                    .and_then(|queue| self.pull(queue)),
            ),
            command::UNREAD => {
                let unread = UnreadDown::decode(payload).ok()?.unread;
                let queues = unread.into_iter().filter_map(|waiting| waiting.queue);
                step.send.extend(queues.filter_map(|queue| self.pull(queue)));
            }
            command::SYNC => self.sync(SyncDown::decode(payload).ok()?, &mut step),
            _ => {}
        }
        Some(step)
    }

    /// Begins to pull a queue, unless that is going on already.
    fn pull(&mut self, queue: Jid) -> Option<Vec<u8>> {
        self.pulling
            .insert(queue.name.clone())
            .then(|| self.ask(queue, 0))
    }

    fn ask(&mut self, queue: Jid, key: u64) -> Vec<u8> {
        self.frames.sent += 1;
        let up = SyncUp {
            key,
            queue: Some(queue),
            ..SyncUp::default()
        };
        frame(command::SYNC, &up)
    }

    fn sync(&mut self, down: SyncDown, step: &mut Step) {
        if down.meta_id != 0 {
            let status = down.status.unwrap_or_default();
            let message = down.meta_id;
            step.events.push(if status.error_code == 0 {
                DeviceEvent::Sent {
                    message,
                    id: down.server_id,
                }
            } else {
                DeviceEvent::NotSent {
                    message,
                    reason: status.reason,
                }
            });
            return;
        }
        step.events.extend(down.metas.iter().filter_map(event));
        if let Some(queue) = down.queue {
            if down.is_last {
                self.pulling.remove(&queue.name);
            } else {
                step.send.push(self.ask(queue, down.next_key));
            }
        }
    }
}

/// Returns what a message of the server tells a device.
fn event(meta: &Meta) -> Option<DeviceEvent> {
    let payload = meta.payload.as_slice();
    Some(match meta.ns {
        namespace::STATISTIC => {
            let told = Statistics::decode(payload).ok()?;
            DeviceEvent::SignedOut {
                code: match told.operation {
                    1 => 207,
                    2 => 206,
                    3 => 216,
                    4 => 217,
                    _ => return None,
                },
                ext: told.reason,
            }
        }
        namespace::CHAT => {
            let from = meta.from.clone().unwrap_or_default();
            let body = MessageBody::decode(payload).ok()?;
            DeviceEvent::Message {
                id: meta.id,
                from: if from.client_resource.is_empty() {
                    from.name
                } else {
                    format!("{}/{}", from.name, from.client_resource)
                },
                text: body.contents.into_iter().next().unwrap_or_default().text,
            }
        }
        namespace::MUC => DeviceEvent::Told { what: "group" },
        namespace::ROSTER => DeviceEvent::Told { what: "contact" },
        namespace::NOTIFY => DeviceEvent::Told { what: "conversation" },
        _ => return None,
    })
}
