//! Who gets a message, and what the sender is told.

use prost::Message;

use super::about::About;
use super::frames::{CONFERENCE, DOMAIN, Jid, MessageBody, Meta, Status, SyncDown};
use super::letter::{Letter, Meant};
use super::provision::code;
use crate::rules::App;
use crate::rules::groups::Silence;
use crate::rules::live_event::LiveEvent;
use crate::rules::mutes::MuteKind;
use crate::service::{Service, lock};

/// No message says more, in bytes; well above the 5 KiB of the service, so that tests of its limit can have their own.
const LARGEST: usize = 16 * 1024;

/// The sender asks for devices that are connected now, and for no others.
const ROUTE_ONLINE: i32 = 1;

/// The device that sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) user: &'a str,
    pub(crate) resource: &'a str,
}

/// Whom a message reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    /// One user, with all devices or the one that is named.
    User { name: String, resource: String },
    /// The members of a group.
    Group { id: String, members: Vec<String> },
}

/// Decides whom a message reaches.
///
/// # Errors
/// With the status that refuses it; SDKs compare its text.
fn audience(app: &App, sender: &str, to: &Jid, now_ms: u64) -> Result<Audience, Status> {
    let muted = |kind| {
        let sender = app.users.find(sender);
        sender.is_some_and(|user| user.mutes.holds(kind, now_ms))
    };
    if to.domain == CONFERENCE {
        let members = app.listeners(sender, &to.name, now_ms);
        let kind = if app.groups.rooms.contains_key(&to.name) {
            MuteKind::ChatRoom
        } else {
            MuteKind::GroupChat
        };
        return match members {
            Ok(_) if muted(kind) => Err(mute()),
            Ok(members) => Ok(Audience::Group {
                id: to.name.clone(),
                members,
            }),
            Err(Silence::NoGroup) => Err(Status::error(code::FAIL, "group not found")),
            Err(Silence::NoMember) => Err(Status::error(code::FAIL, "not in group or chatroom")),
            Err(Silence::Muted) => Err(mute()),
        };
    }
    let Some(user) = app.users.find(&to.name) else {
        let reason = format!("username {} doesn't exist!", to.name);
        return Err(Status::error(code::FAIL, reason));
    };
    if muted(MuteKind::Chat) {
        return Err(mute());
    }
    if app.contacts.blocks(&user.name, sender) {
        return Err(Status::error(code::FAIL, "blocked"));
    }
    Ok(Audience::User {
        name: user.name.clone(),
        resource: to.client_resource.clone(),
    })
}

/// What somebody is told who may not speak, in one group or at all: SDKs make 219 of it.
fn mute() -> Status {
    Status::error(code::PERMISSION_DENIED, "user is mute")
}

/// Delivers a message and returns the acknowledgement; what it says is passed on unread.
///
/// It goes to every device of the recipient, or to the one that the recipient's login id names, and to the other
/// devices of the sender, into the queue named after the other side; or to the devices of all members of a group,
/// into the queue of the group. One that was sent before is acknowledged again, and that is all.
pub(crate) fn deliver(service: &Service, sender: Sender<'_>, meta: Meta) -> SyncDown {
    let now_ms = service.clock.now_ms();
    let client_id = meta.id;
    let answer = |status, server_id| SyncDown {
        status: Some(status),
        meta_id: client_id,
        server_id,
        timestamp: now_ms,
        ..SyncDown::default()
    };
    let before = lock(&service.hub.answered).before(sender.user, sender.resource, client_id);
    if let Some(server_id) = before {
        return answer(Status::default(), server_id);
    }
    if meta.payload.len() > LARGEST {
        return answer(Status::error(code::FAIL, "message is too large"), 0);
    }
    // In one go, so that messages are kept and handed out in the order of their ids.
    let taken: Result<_, Status> = service.act(false, |app, now_ms| {
        let to = meta.to.clone().unwrap_or_default();
        let mut audience = audience(app, sender.user, &to, now_ms)?;
        if let Audience::Group { members, .. } = &mut audience
            && !meta.directed_users.is_empty()
        {
            members.retain(|member| *member == sender.user || meta.directed_users.contains(member));
        }
        // What is said in a chat room waits for nobody.
        let online_only = meta.route == ROUTE_ONLINE || app.groups.rooms.contains_key(&to.name);
        let body = MessageBody::decode(meta.payload.as_slice()).unwrap_or_default();
        let delivered = Meta {
            id: app.ids.next(now_ms),
            from: Some(Jid {
                app_key: app.key.clone(),
                name: sender.user.into(),
                domain: DOMAIN.into(),
                client_resource: sender.resource.into(),
            }),
            timestamp: now_ms,
            directed_users: Vec::new(),
            ..meta
        };
        let mut said = About::of(&body, sender.user, delivered, audience).apply(service, app, now_ms)?;
        said.devices = copies(&said.audience, sender, &app.key)
            .into_iter()
            .filter(|(user, ..)| !online_only || service.hub.is_connected(user))
            .map(|(user, queue, meant)| {
                let meta = said.delivered.clone();
                service.hub.deliver(&user, Letter { queue, meta, meant })
            })
            .sum();
        Ok(said)
    });
    let said = match taken {
        Ok(said) => said,
        Err(status) => {
            service.announce(LiveEvent::RefusedFrame {
                user: sender.user.into(),
                resource: sender.resource.into(),
                reason: format!("a message: {}", status.reason),
            });
            return answer(status, 0);
        }
    };
    let server_id = said.delivered.id;
    lock(&service.hub.answered).remember(sender.user, sender.resource, client_id, server_id);
    service.announce(LiveEvent::Message {
        from: sender.user.into(),
        resource: sender.resource.into(),
        to: match said.audience {
            Audience::User { name, resource } if resource.is_empty() => name,
            Audience::User { name, resource } => format!("{name}/{resource}"),
            Audience::Group { id, .. } => format!("group {id}"),
        },
        devices: said.devices,
    });
    SyncDown {
        metas: said.more,
        ..answer(Status::default(), server_id)
    }
}

/// Whose devices get a message, in which queue, and which of them.
fn copies(audience: &Audience, sender: Sender<'_>, app_key: &str) -> Vec<(String, Jid, Meant)> {
    let copy = |user: &str, queue: &str, domain: &str, only: Option<&str>| {
        let queue = Jid {
            app_key: app_key.to_owned(),
            name: queue.into(),
            domain: domain.into(),
            ..Jid::default()
        };
        let meant = Meant {
            only: only.map(str::to_owned),
            but: (user == sender.user).then(|| sender.resource.to_owned()),
        };
        (user.to_owned(), queue, meant)
    };
    match audience {
        Audience::User { name, resource } => {
            let named = (!resource.is_empty()).then_some(resource.as_str());
            let mut copies = vec![copy(name, sender.user, DOMAIN, named)];
            if name != sender.user {
                copies.push(copy(sender.user, name, DOMAIN, None));
            }
            copies
        }
        Audience::Group { id, members } => members
            .iter()
            .map(|member| copy(member, id, CONFERENCE, None))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::contacts::ContactAct;
    use crate::rules::groups::{Actor, NewGroup};

    fn app() -> App {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.register_for_test("bob");
        app
    }

    fn to(name: &str, domain: &str) -> Jid {
        Jid {
            name: name.into(),
            domain: domain.into(),
            ..Jid::default()
        }
    }

    #[test]
    fn refusals_have_the_texts_that_sdks_know() {
        let mut app = app();
        let refused = |app: &App, to: Jid| {
            let status = audience(app, "ann", &to, 5).unwrap_err();
            (status.error_code, status.reason)
        };
        let nobody = refused(&app, to("nobody", DOMAIN));
        assert_eq!(nobody, (code::FAIL, "username nobody doesn't exist!".into()));
        let nowhere = refused(&app, to("7", CONFERENCE));
        assert_eq!(nowhere, (code::FAIL, "group not found".into()));
        app.change_contact("bob", None, ContactAct::Block, "ann", "")
            .unwrap();
        let blocked = refused(&app, to("BOB", DOMAIN));
        assert_eq!(blocked, (code::FAIL, "blocked".into()));
    }

    #[test]
    fn a_mute_by_the_app_holds_for_one_kind_of_conversation_until_it_ends() {
        let mut app = app();
        let mutes = &mut app.users.find_mut("ann").unwrap().mutes;
        mutes.set(MuteKind::Chat, 10, 0);
        let bob = to("bob", DOMAIN);
        let refused = audience(&app, "ann", &bob, 5).unwrap_err();
        assert_eq!(
            (refused.error_code, refused.reason.as_str()),
            (code::PERMISSION_DENIED, "user is mute")
        );
        assert!(audience(&app, "bob", &to("ann", DOMAIN), 5).is_ok());
        assert!(audience(&app, "ann", &bob, 10_000).is_ok());
        let new = NewGroup::default();
        let actor = Actor {
            user: "ann",
            device: "",
        };
        let group = to(&app.create_group(actor, new, 5), CONFERENCE);
        assert!(audience(&app, "ann", &group, 5).is_ok());
        let mutes = &mut app.users.find_mut("ann").unwrap().mutes;
        mutes.set(MuteKind::GroupChat, -1, 0);
        assert_eq!(audience(&app, "ann", &group, 5).unwrap_err(), mute());
    }

    #[test]
    fn a_copy_goes_to_the_senders_own_devices_once() {
        let to_bob = Audience::User {
            name: "bob".into(),
            resource: String::new(),
        };
        let ann = Sender {
            user: "ann",
            resource: "web_1",
        };
        let users = |audience: &Audience| -> Vec<(String, String)> {
            let copies = copies(audience, ann, "o#a");
            assert!(
                copies
                    .iter()
                    .all(|(user, _, meant)| user != "ann" || !meant.is_for("web_1")),
                "not to the device that sends"
            );
            copies
                .into_iter()
                .map(|(user, queue, _)| (user, queue.name))
                .collect()
        };
        let pair = |user: &str, queue: &str| (user.to_owned(), queue.to_owned());
        assert_eq!(users(&to_bob), [pair("bob", "ann"), pair("ann", "bob")]);
        let to_self = Audience::User {
            name: "ann".into(),
            resource: "ios_1".into(),
        };
        assert_eq!(users(&to_self), [pair("ann", "ann")]);
        let to_group = Audience::Group {
            id: "7".into(),
            members: vec!["ann".into(), "bob".into()],
        };
        assert_eq!(users(&to_group), [pair("ann", "7"), pair("bob", "7")]);
    }
}
