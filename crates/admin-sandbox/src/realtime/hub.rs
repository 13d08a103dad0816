//! Which devices are connected, and what waits for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use super::answered::Answered;
use super::frames::{Jid, Meta, Notice, Waiting, command, frame};
use super::kick::kick;
use super::mailbox::{Mailbox, Pull};
use crate::rules::ended::Ended;
use crate::rules::ids::Ids;
use crate::service::lock;

/// How many frames may wait for a connection to take them. A device that is slower is cut off, and gets what it
/// did not acknowledge when it comes back.
pub(crate) const OUTBOX: usize = 256;

/// How many messages are kept for a user who is not connected at all.
const LONGEST_OFFLINE: usize = 1_000;

/// What a connection is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this frame.
    Send(Vec<u8>),
    /// Send this frame, and close once the device has had time to read it.
    Dismiss(Vec<u8>),
    /// Close, after what was ordered before.
    Close,
}

/// The way to a connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Orders, in their order.
    pub(crate) orders: mpsc::Sender<Order>,
    /// Told when the connection does not keep up.
    pub(crate) cut: Arc<Notify>,
}

impl Link {
    /// Hands an order to the connection, and has it cut off if it does not keep up.
    pub(crate) fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            self.cut.notify_one();
        }
    }
}

/// All connections of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    /// What was sent and acknowledged lately.
    pub(crate) answered: Mutex<Answered>,
    state: Mutex<State>,
    ids: Ids,
}

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<(String, String), Session>,
    offline: HashMap<String, Vec<(Jid, Meta)>>,
    last_serial: u64,
}

impl State {
    /// The connections of one user, by the resource.
    fn of(&mut self, user: &str) -> impl Iterator<Item = (&str, &mut Session)> {
        self.sessions
            .range_mut((user.to_owned(), String::new())..)
            .take_while(move |((name, _), _)| name == user)
            .map(|((_, resource), session)| (resource.as_str(), session))
    }
}

#[derive(Debug)]
struct Session {
    serial: u64,
    link: Link,
    mailbox: Mailbox,
}

impl Hub {
    /// Creates a hub without connections, which takes its ids from the source of the app.
    pub(crate) fn new(ids: Ids) -> Self {
        Self {
            ids,
            ..Self::default()
        }
    }

    /// Returns an id that no message had before.
    pub(crate) fn new_id(&self, now_ms: u64) -> u64 {
        self.ids.next(now_ms)
    }

    /// Takes in a connection of a device. An earlier one of the same device is closed without a word, and what
    /// waits for the device goes over.
    pub(crate) fn join(&self, user: &str, resource: &str, link: Link) -> u64 {
        let mut state = lock(&self.state);
        state.last_serial += 1;
        let serial = state.last_serial;
        let key = (user.to_owned(), resource.to_owned());
        let mut mailbox = Mailbox::default();
        if let Some(earlier) = state.sessions.remove(&key) {
            earlier.link.order(Order::Close);
            mailbox = earlier.mailbox;
        }
        for (queue, meta) in state.offline.remove(user).unwrap_or_default() {
            mailbox.push(&queue, meta);
        }
        let session = Session {
            serial,
            link,
            mailbox,
        };
        state.sessions.insert(key, session);
        serial
    }

    /// Takes off a connection that has ended; false if the device has another one by now.
    ///
    /// What it did not acknowledge is kept if the user has no other connection.
    pub(crate) fn part(&self, user: &str, resource: &str, serial: u64) -> bool {
        let mut state = lock(&self.state);
        let key = (user.to_owned(), resource.to_owned());
        if state
            .sessions
            .get(&key)
            .is_none_or(|session| session.serial != serial)
        {
            return false;
        }
        let Some(session) = state.sessions.remove(&key) else {
            return false;
        };
        if state.of(user).next().is_none() {
            let kept = state.offline.entry(user.to_owned()).or_default();
            kept.extend(session.mailbox.unreceived());
            let surplus = kept.len().saturating_sub(LONGEST_OFFLINE);
            kept.drain(..surplus);
        }
        true
    }

    /// Tells devices why they have to go, and closes their connections.
    pub(crate) fn dismiss(&self, app_key: &str, ended: &[Ended], now_ms: u64) {
        for Ended {
            user,
            resource,
            cause,
            ext,
        } in ended
        {
            let id = self.new_id(now_ms);
            let mut state = lock(&self.state);
            let Some(session) = state.sessions.remove(&(user.clone(), resource.clone())) else {
                continue;
            };
            let farewell = kick(app_key, user, resource, *cause, ext.as_deref(), id, now_ms);
            session.link.order(farewell.map_or(Order::Close, Order::Dismiss));
        }
    }

    /// Puts a message into the queues of the devices that `meant` accepts and tells them; kept for later if the
    /// user has no connection at all. Returns how many devices got it.
    pub(crate) fn deliver(
        &self,
        user: &str,
        queue: &Jid,
        meta: &Meta,
        meant: impl Fn(&str) -> bool,
    ) -> usize {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let notice = Notice {
            queue: Some(queue.clone()),
        };
        let notice = frame(command::NOTICE, &notice);
        let mut connected = false;
        let mut reached = 0;
        for (resource, session) in state.of(user) {
            connected = true;
            if meant(resource) {
                session.mailbox.push(queue, meta.clone());
                session.link.order(Order::Send(notice.clone()));
                reached += 1;
            }
        }
        if !connected {
            let kept = state.offline.entry(user.to_owned()).or_default();
            kept.push((queue.clone(), meta.clone()));
            let surplus = kept.len().saturating_sub(LONGEST_OFFLINE);
            kept.drain(..surplus);
        }
        reached
    }

    /// Returns true if the device's connection is the one of this serial.
    pub(crate) fn holds(&self, user: &str, resource: &str, serial: u64) -> bool {
        let state = lock(&self.state);
        let session = state.sessions.get(&(user.to_owned(), resource.to_owned()));
        session.is_some_and(|session| session.serial == serial)
    }

    /// Hands out what waits in a queue of a device; nothing if its connection is not the one of this serial.
    pub(crate) fn pull(
        &self,
        user: &str,
        resource: &str,
        serial: u64,
        queue: &str,
        key: u64,
    ) -> Option<Pull> {
        let mut state = lock(&self.state);
        let session = state.sessions.get_mut(&(user.to_owned(), resource.to_owned()))?;
        (session.serial == serial).then(|| session.mailbox.pull(queue, key))
    }

    /// Returns the queues of a device that are not empty.
    pub(crate) fn waiting(&self, user: &str, resource: &str) -> Vec<Waiting> {
        let state = lock(&self.state);
        let session = state.sessions.get(&(user.to_owned(), resource.to_owned()));
        let waiting = session
            .map(|session| session.mailbox.waiting())
            .unwrap_or_default();
        waiting
            .into_iter()
            .map(|(queue, count)| Waiting {
                queue: Some(queue),
                count,
            })
            .collect()
    }

    /// Closes all connections.
    pub(crate) fn close_all(&self) {
        for session in std::mem::take(&mut lock(&self.state).sessions).into_values() {
            session.link.order(Order::Close);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ended::Cause;

    fn joined(hub: &Hub, user: &str, resource: &str) -> (u64, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(OUTBOX);
        let cut = Arc::default();
        (hub.join(user, resource, Link { orders, cut }), taken)
    }

    fn meta(id: u64) -> Meta {
        Meta {
            id,
            ..Meta::default()
        }
    }

    fn queue() -> Jid {
        Jid {
            name: "bob".into(),
            ..Jid::default()
        }
    }

    #[test]
    fn a_device_that_comes_again_takes_its_own_place() {
        let hub = Hub::default();
        let (first, mut orders) = joined(&hub, "ann", "ios_1");
        hub.deliver("ann", &queue(), &meta(1), |_| true);
        let (second, _orders) = joined(&hub, "ann", "ios_1");
        assert!(matches!(orders.try_recv(), Ok(Order::Send(_))));
        assert!(matches!(orders.try_recv(), Ok(Order::Close)));
        assert!(
            !hub.part("ann", "ios_1", first),
            "the place is the other connection's"
        );
        assert_eq!(hub.waiting("ann", "ios_1").len(), 1, "what waits goes over");
        assert!(hub.part("ann", "ios_1", second));
    }

    #[test]
    fn what_nobody_received_waits_for_the_next_device() {
        let hub = Hub::default();
        hub.deliver("ann", &queue(), &meta(1), |_| true);
        let (serial, _orders) = joined(&hub, "ann", "ios_1");
        assert!(matches!(
            hub.pull("ann", "ios_1", serial, "bob", 0),
            Some(Pull::Batch(..))
        ));
        hub.part("ann", "ios_1", serial);
        let (_, _orders) = joined(&hub, "ann", "web_1");
        assert_eq!(hub.waiting("ann", "web_1")[0].count, 1);
    }

    #[tokio::test]
    async fn a_connection_that_does_not_read_is_cut_off_and_keeps_its_messages() {
        let hub = Hub::default();
        let (orders, _never_read) = mpsc::channel(2);
        let cut: Arc<Notify> = Arc::default();
        let link = Link {
            orders,
            cut: Arc::clone(&cut),
        };
        let serial = hub.join("ann", "ios_1", link);
        for id in 0..3 {
            hub.deliver("ann", &queue(), &meta(id), |_| true);
        }
        cut.notified().await;
        hub.part("ann", "ios_1", serial);
        let (_, _orders) = joined(&hub, "ann", "ios_1");
        assert_eq!(hub.waiting("ann", "ios_1")[0].count, 3);
    }

    #[test]
    fn a_dismissed_device_is_told_and_closed_and_no_other() {
        let hub = Hub::default();
        let (_, mut ios) = joined(&hub, "ann", "ios_1");
        let (_, mut web) = joined(&hub, "ann", "web_1");
        let ended = Ended {
            user: "ann".into(),
            resource: "ios_1".into(),
            cause: Cause::Operator,
            ext: None,
        };
        hub.dismiss("o#a", &[ended], 1);
        assert!(matches!(ios.try_recv(), Ok(Order::Dismiss(_))));
        assert!(web.try_recv().is_err());
    }
}
