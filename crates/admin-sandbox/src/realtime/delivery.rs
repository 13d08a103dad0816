//! Who gets a message, and what the sender is told.

use super::frames::{DOMAIN, Jid, Meta, Status, SyncDown};
use super::provision::code;
use crate::rules::live_event::LiveEvent;
use crate::service::Service;

/// The device that sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) user: &'a str,
    pub(crate) resource: &'a str,
}

/// Delivers a message between users and returns the acknowledgement; the payload is passed on unread.
///
/// It goes to every device of the recipient, or to the one that the recipient's login id names, and to the other
/// devices of the sender, into the queue named after the other side.
pub(crate) fn deliver(service: &Service, sender: Sender<'_>, meta: Meta) -> SyncDown {
    let now_ms = service.clock.now_ms();
    let refuse = |meta_id, reason: String| SyncDown {
        status: Some(Status::error(code::FAIL, reason)),
        meta_id,
        timestamp: now_ms,
        ..SyncDown::default()
    };
    let to = meta.to.clone().unwrap_or_default();
    let found = service.read(|app| {
        let user = app.users.find(&to.name).map(|user| user.name.clone());
        (user, app.key.clone())
    });
    let (Some(recipient), app_key) = found else {
        return refuse(meta.id, format!("username {} doesn't exist!", to.name));
    };
    let server_id = service.hub.new_id(now_ms);
    let client_id = meta.id;
    let delivered = Meta {
        id: server_id,
        from: Some(Jid {
            app_key: app_key.clone(),
            name: sender.user.into(),
            domain: DOMAIN.into(),
            client_resource: sender.resource.into(),
        }),
        timestamp: now_ms,
        ..meta
    };
    let queue_of = |name: &str| Jid {
        app_key: app_key.clone(),
        name: name.into(),
        domain: DOMAIN.into(),
        ..Jid::default()
    };
    let is_sender = |user: &str, resource: &str| user == sender.user && resource == sender.resource;
    let mut devices = service
        .hub
        .deliver(&recipient, &queue_of(sender.user), &delivered, |resource| {
            let named = to.client_resource.is_empty() || resource == to.client_resource;
            named && !is_sender(&recipient, resource)
        });
    if recipient != sender.user {
        devices += service
            .hub
            .deliver(sender.user, &queue_of(&recipient), &delivered, |resource| {
                !is_sender(sender.user, resource)
            });
    }
    service.announce(LiveEvent::Message {
        from: sender.user.into(),
        resource: sender.resource.into(),
        to: if to.client_resource.is_empty() {
            recipient
        } else {
            format!("{recipient}/{}", to.client_resource)
        },
        devices,
    });
    SyncDown {
        status: Some(Status::default()),
        meta_id: client_id,
        server_id,
        timestamp: now_ms,
        ..SyncDown::default()
    }
}
