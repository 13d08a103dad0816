//! Which devices are connected, and what waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use super::answered::Answered;
use super::frames::{Notice, Waiting, command, frame};
use super::kick::kick;
use super::letter::Letter;
use super::mailbox::Pull;
use super::post::Post;
use crate::rules::ended::{Cause, Ended};
use crate::rules::ids::Ids;
use crate::service::lock;

/// How many frames may wait for a connection to take them. A device that is slower is cut off, and gets what it
/// did not acknowledge when it comes back. One call can have something for a thousand queues of one device.
pub(crate) const OUTBOX: usize = 2_048;

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

/// A device that was let in.
#[derive(Debug)]
pub(crate) struct Newcomer<'a> {
    pub(crate) app_key: &'a str,
    pub(crate) user: &'a str,
    pub(crate) resource: &'a str,
    /// What it says to whoever it displaces.
    pub(crate) ext: Option<&'a str>,
    pub(crate) link: Link,
    /// The frame that lets it in.
    pub(crate) welcome: Vec<u8>,
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
    post: Post,
    last_serial: u64,
}

impl State {
    /// Returns whether any device of a user is connected.
    fn connected(&self, user: &str) -> bool {
        let mut from = self.sessions.range((user.to_owned(), String::new())..);
        from.next().is_some_and(|((name, _), _)| name == user)
    }

    /// Takes off a connection; what the device did not receive is kept for it.
    fn part(&mut self, user: &str, resource: &str) -> Option<Session> {
        let session = self.sessions.remove(&(user.to_owned(), resource.to_owned()))?;
        self.post.shut(user, resource);
        Some(session)
    }
}

#[derive(Debug)]
struct Session {
    serial: u64,
    link: Link,
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

    /// Takes in a connection of a device. An earlier one of the same device is told that a newcomer took its place,
    /// as for an eviction: without a word its SDK would come back, and both would fight for ever.
    pub(crate) fn join(&self, newcomer: Newcomer<'_>, now_ms: u64) -> u64 {
        let Newcomer {
            app_key,
            user,
            resource,
            ext,
            link,
            welcome,
        } = newcomer;
        let mut state = lock(&self.state);
        state.last_serial += 1;
        let serial = state.last_serial;
        let key = (user.to_owned(), resource.to_owned());
        // Before anybody can send it anything: SDKs expect this frame first.
        link.order(Order::Send(welcome));
        if let Some(earlier) = state.sessions.insert(key, Session { serial, link }) {
            let id = self.new_id(now_ms);
            let farewell = kick(app_key, user, resource, Cause::Displaced, ext, id, now_ms);
            earlier.link.order(farewell.map_or(Order::Close, Order::Dismiss));
        }
        state.post.open(user, resource, now_ms);
        serial
    }

    /// Takes off a connection that has ended; false if the device has another one by now.
    pub(crate) fn part(&self, user: &str, resource: &str, serial: u64) -> bool {
        let mut state = lock(&self.state);
        let session = state.sessions.get(&(user.to_owned(), resource.to_owned()));
        if session.is_none_or(|session| session.serial != serial) {
            return false;
        }
        state.part(user, resource).is_some()
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
            let Some(session) = state.part(user, resource) else {
                continue;
            };
            let farewell = kick(app_key, user, resource, *cause, ext.as_deref(), id, now_ms);
            session.link.order(farewell.map_or(Order::Close, Order::Dismiss));
        }
    }

    /// Puts a message into the mailboxes of the devices that it is for, and tells those that are connected. Returns
    /// how many these are.
    pub(crate) fn deliver(&self, user: &str, letter: Letter) -> usize {
        let mut state = lock(&self.state);
        let notice = Notice {
            queue: Some(letter.queue.clone()),
        };
        let notice = frame(command::NOTICE, &notice);
        let connected = state.connected(user);
        let reached = state.post.put(user, &Arc::new(letter), connected);
        let mut devices = 0;
        for (resource, tell) in reached {
            let Some(session) = state.sessions.get(&(user.to_owned(), resource)) else {
                continue;
            };
            devices += 1;
            if tell {
                session.link.order(Order::Send(notice.clone()));
            }
        }
        devices
    }

    /// Returns true if the device's connection is the one of this serial.
    pub(crate) fn holds(&self, user: &str, resource: &str, serial: u64) -> bool {
        let state = lock(&self.state);
        let session = state.sessions.get(&(user.to_owned(), resource.to_owned()));
        session.is_some_and(|session| session.serial == serial)
    }

    /// Hands out what waits in a queue of a device, in the frame that `answer` makes of it; false if the device's
    /// connection is not the one of this serial.
    pub(crate) fn pull(
        &self,
        user: &str,
        resource: &str,
        serial: u64,
        asked: (&str, u64),
        answer: impl FnOnce(Pull) -> Vec<u8>,
    ) -> bool {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let session = state.sessions.get(&(user.to_owned(), resource.to_owned()));
        let Some(session) = session.filter(|session| session.serial == serial) else {
            return false;
        };
        let (queue, key) = asked;
        let pull = state.post.pull(user, resource, queue, key);
        // Before anybody can put something new there: a device that is told of it first still waits for this answer,
        // does not listen, and would not be told again.
        session.link.order(Order::Send(answer(pull)));
        true
    }

    /// Returns the queues of a device that are not empty.
    pub(crate) fn waiting(&self, user: &str, resource: &str) -> Vec<Waiting> {
        let waiting = lock(&self.state).post.waiting(user, resource);
        waiting
            .into_iter()
            .map(|(queue, count)| Waiting {
                queue: Some(queue),
                count,
            })
            .collect()
    }

    /// Returns whether any device of a user is connected.
    pub(crate) fn is_connected(&self, user: &str) -> bool {
        lock(&self.state).connected(user)
    }

    /// Returns the ids of the messages to a user that no device of the user has received.
    pub(crate) fn waiting_messages(&self, user: &str, now_ms: u64) -> BTreeSet<u64> {
        lock(&self.state).post.waiting_messages(user, now_ms)
    }

    /// Takes back a message to a user, where it was not received yet.
    pub(crate) fn take_back(&self, user: &str, id: u64) {
        lock(&self.state).post.take_back(user, id);
    }

    /// Forgets what waits for a user who is gone, and what the user sent.
    pub(crate) fn forget(&self, user: &str) {
        lock(&self.answered).forget(user);
        lock(&self.state).post.forget(user);
    }

    /// Closes all connections, and forgets all that waits and all that was sent.
    pub(crate) fn reset(&self) {
        self.close_all();
        *lock(&self.answered) = Answered::default();
        lock(&self.state).post = Post::default();
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
    use crate::realtime::frames::{Jid, Meta};
    use crate::realtime::letter::Meant;

    fn join(hub: &Hub, user: &str, resource: &str, link: Link) -> u64 {
        let newcomer = Newcomer {
            app_key: "o#a",
            user,
            resource,
            ext: Some("from the second tab"),
            link,
            welcome: b"welcome".to_vec(),
        };
        hub.join(newcomer, 0)
    }

    fn joined(hub: &Hub, user: &str, resource: &str) -> (u64, mpsc::Receiver<Order>) {
        let (orders, mut taken) = mpsc::channel(OUTBOX);
        let cut = Arc::default();
        let serial = join(hub, user, resource, Link { orders, cut });
        let first = taken.try_recv();
        assert!(
            matches!(&first, Ok(Order::Send(frame)) if frame == b"welcome"),
            "{first:?}"
        );
        (serial, taken)
    }

    fn letter(id: u64) -> Letter {
        Letter {
            queue: Jid {
                name: "bob".into(),
                ..Jid::default()
            },
            meta: Meta {
                id,
                ..Meta::default()
            },
            meant: Meant::default(),
        }
    }

    fn ended(resource: &str) -> Ended {
        Ended {
            user: "ann".into(),
            resource: resource.into(),
            cause: Cause::Operator,
            ext: None,
        }
    }

    #[test]
    fn a_device_that_comes_again_takes_its_own_place() {
        let hub = Hub::default();
        let (first, mut orders) = joined(&hub, "ann", "ios_1");
        hub.deliver("ann", letter(1));
        let (second, _orders) = joined(&hub, "ann", "ios_1");
        assert!(matches!(orders.try_recv(), Ok(Order::Send(_))));
        let farewell = orders.try_recv();
        assert!(
            matches!(&farewell, Ok(Order::Dismiss(frame)) if String::from_utf8_lossy(frame).contains("second tab")),
            "{farewell:?}"
        );
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
        hub.deliver("ann", letter(1));
        let (serial, _orders) = joined(&hub, "ann", "ios_1");
        assert!(hub.pull("ann", "ios_1", serial, ("bob", 0), |pull| {
            assert!(matches!(pull, Pull::Batch(..)));
            Vec::new()
        }));
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
        let serial = join(&hub, "ann", "ios_1", link);
        for id in 0..3 {
            let mut letter = letter(id);
            letter.queue.name = id.to_string();
            hub.deliver("ann", letter);
        }
        cut.notified().await;
        hub.part("ann", "ios_1", serial);
        let (_, _orders) = joined(&hub, "ann", "ios_1");
        assert_eq!(hub.waiting("ann", "ios_1").len(), 3);
    }

    #[test]
    fn a_dismissed_device_is_told_and_closed_and_no_other() {
        let hub = Hub::default();
        let (_, mut ios) = joined(&hub, "ann", "ios_1");
        let (_, mut web) = joined(&hub, "ann", "web_1");
        hub.dismiss("o#a", &[ended("ios_1")], 1);
        assert!(matches!(ios.try_recv(), Ok(Order::Dismiss(_))));
        assert!(web.try_recv().is_err());
    }

    #[test]
    fn nothing_waits_after_a_reset_or_for_somebody_who_is_gone() {
        let hub = Hub::default();
        for forget in [Hub::reset, |hub: &Hub| hub.forget("ann")] {
            hub.deliver("ann", letter(1));
            lock(&hub.answered).remember("ann", "ios_1", 7, 1);
            forget(&hub);
            let (_, _orders) = joined(&hub, "ann", "ios_1");
            assert!(hub.waiting("ann", "ios_1").is_empty());
            assert_eq!(lock(&hub.answered).before("ann", "ios_1", 7), None);
        }
    }

    #[test]
    fn a_device_is_told_of_a_queue_once_until_it_looks_there() {
        let hub = Hub::default();
        let (serial, mut orders) = joined(&hub, "ann", "ios_1");
        for id in 0..5_000 {
            assert_eq!(hub.deliver("ann", letter(id)), 1);
        }
        assert!(matches!(orders.try_recv(), Ok(Order::Send(_))));
        assert!(orders.try_recv().is_err());
        hub.pull("ann", "ios_1", serial, ("bob", 0), |_| b"answer".to_vec());
        hub.deliver("ann", letter(5_001));
        assert!(matches!(orders.try_recv(), Ok(Order::Send(frame)) if frame == b"answer"));
        assert!(matches!(orders.try_recv(), Ok(Order::Send(_))));
    }

    #[test]
    fn a_dismissed_device_gets_what_it_did_not_receive_when_it_comes_back() {
        let hub = Hub::default();
        let (_, _ios) = joined(&hub, "ann", "ios_1");
        let (_, _web) = joined(&hub, "ann", "web_1");
        assert_eq!(hub.deliver("ann", letter(1)), 2);
        hub.dismiss("o#a", &[ended("ios_1")], 1);
        assert_eq!(hub.deliver("ann", letter(2)), 1, "it waits for the other one");
        let (_, _ios) = joined(&hub, "ann", "ios_1");
        assert_eq!(hub.waiting("ann", "ios_1")[0].count, 2);
    }
}
