//! What the devices of all users have not received yet, whether they are connected or not. Pure.
//!
//! A device that was here before has a mailbox of its own, into which messages go while it is away. What came while
//! no device was connected, and what a device left behind, also waits for devices that were never here.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::frames::Jid;
use super::letter::Letter;
use super::mailbox::{Mailbox, Pull};

/// So many mailboxes of devices that are gone are kept for each user: some SDKs make a new device at every sign-in.
const MOST_GONE: usize = 8;

/// So many messages of a user wait for new devices; beyond it the oldest goes.
const LONGEST_UNCLAIMED: usize = 1_000;

/// So many messages of a user are known not to have been received; beyond it the oldest counts as received.
const MOST_UNDELIVERED: usize = 10_000;

/// They wait a week, as long as the service keeps messages.
const PATIENCE_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// All that waits takes no more bytes than this, more or less; beyond it, whoever has most waiting loses the older
/// half.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The mail of all users.
#[derive(Debug, Default)]
pub(crate) struct Post {
    of: HashMap<String, Mail>,
    bytes: usize,
}

/// The mail of one user.
#[derive(Debug, Default)]
struct Mail {
    /// By the resource.
    boxes: BTreeMap<String, Mailbox>,
    /// The devices that are gone, longest ago first.
    gone: VecDeque<String>,
    /// What waits for new devices, in the order of the ids.
    unclaimed: VecDeque<Arc<Letter>>,
    /// The ids of messages that no device has received yet. What was dropped since may still be among them.
    undelivered: BTreeSet<u64>,
}

impl Mail {
    fn bytes(&self) -> usize {
        let boxes: usize = self.boxes.values().map(Mailbox::bytes).sum();
        boxes + self.unclaimed.iter().map(|letter| letter.weight()).sum::<usize>()
    }

    fn leave_for_new_devices(&mut self, letter: Arc<Letter>) {
        let place = self
            .unclaimed
            .partition_point(|other| other.meta.id < letter.meta.id);
        let there = self.unclaimed.get(place);
        if there.is_some_and(|other| other.meta.id == letter.meta.id && other.queue == letter.queue) {
            return;
        }
        self.unclaimed.insert(place, letter);
        if self.unclaimed.len() > LONGEST_UNCLAIMED {
            self.unclaimed.pop_front();
        }
    }

    fn expect(&mut self, id: u64) {
        self.undelivered.insert(id);
        if self.undelivered.len() > MOST_UNDELIVERED {
            self.undelivered.pop_first();
        }
    }

    /// Returns the ids of the messages that wait and that no device has received.
    fn waiting_messages(&self, now_ms: u64) -> BTreeSet<u64> {
        let fresh = |letter: &&Arc<Letter>| now_ms.saturating_sub(letter.meta.timestamp) <= PATIENCE_MS;
        let in_boxes = self
            .boxes
            .values()
            .flat_map(Mailbox::unreceived)
            .map(|letter| letter.meta.id);
        let unclaimed = self.unclaimed.iter().filter(fresh).map(|letter| letter.meta.id);
        unclaimed
            .chain(in_boxes)
            .filter(|id| self.undelivered.contains(id))
            .collect()
    }

    fn take_back(&mut self, id: u64) {
        self.undelivered.remove(&id);
        self.unclaimed.retain(|letter| letter.meta.id != id);
        self.boxes.values_mut().for_each(|mailbox| mailbox.take_back(id));
    }

    fn drop_older_half(&mut self) {
        self.unclaimed.drain(..self.unclaimed.len().div_ceil(2));
        self.boxes.values_mut().for_each(Mailbox::drop_older_half);
    }
}

impl Post {
    /// Opens the mailbox of a device that has come; a new one gets what waits for new devices.
    pub(crate) fn open(&mut self, user: &str, resource: &str, now_ms: u64) {
        self.change(user, |mail| {
            mail.gone.retain(|gone| gone != resource);
            mail.unclaimed
                .retain(|letter| now_ms.saturating_sub(letter.meta.timestamp) <= PATIENCE_MS);
            if let Some(mailbox) = mail.boxes.get_mut(resource) {
                mailbox.forget_told();
                return;
            }
            let mut mailbox = Mailbox::default();
            for letter in mail
                .unclaimed
                .iter()
                .filter(|letter| letter.meant.is_for(resource))
            {
                mailbox.push(Arc::clone(letter));
            }
            mailbox.forget_told();
            mail.boxes.insert(resource.to_owned(), mailbox);
        });
    }

    /// Keeps the mailbox of a device that has gone for when it comes back.
    pub(crate) fn shut(&mut self, user: &str, resource: &str) {
        self.change(user, |mail| {
            let Some(mailbox) = mail.boxes.get(resource) else {
                return;
            };
            for letter in mailbox.unreceived() {
                mail.leave_for_new_devices(letter);
            }
            mail.gone.push_back(resource.to_owned());
            if mail.gone.len() > MOST_GONE
                && let Some(longest) = mail.gone.pop_front()
            {
                mail.boxes.remove(&longest);
            }
        });
    }

    /// Puts a message into the mailboxes that it is for, and returns their resources, each with whether that device
    /// has to be told. It waits for new devices if nobody is `connected`, or if the device that it names was never here.
    pub(crate) fn put(&mut self, user: &str, letter: &Arc<Letter>, connected: bool) -> Vec<(String, bool)> {
        let reached = self.change(user, |mail| {
            if letter.is_message_to(user) {
                mail.expect(letter.meta.id);
            }
            let mut reached = Vec::new();
            for (resource, mailbox) in &mut mail.boxes {
                if letter.meant.is_for(resource) {
                    let tell = mailbox.push(Arc::clone(letter));
                    reached.push((resource.clone(), tell));
                }
            }
            let stranger = letter.meant.only.as_ref();
            if !connected || stranger.is_some_and(|only| !mail.boxes.contains_key(only)) {
                mail.leave_for_new_devices(Arc::clone(letter));
            }
            reached
        });
        self.make_room(MOST_BYTES);
        reached
    }

    /// Hands out what waits in a queue of a device.
    pub(crate) fn pull(&mut self, user: &str, resource: &str, queue: &str, key: u64) -> Pull {
        self.change(user, |mail| {
            let Some(mailbox) = mail.boxes.get_mut(resource) else {
                return Pull::Empty(key);
            };
            mailbox.pull(queue, key, |id| {
                mail.undelivered.remove(&id);
            })
        })
    }

    /// Returns the ids of the messages to a user that no device of the user has received, and that still wait.
    pub(crate) fn waiting_messages(&self, user: &str, now_ms: u64) -> BTreeSet<u64> {
        let mail = self.of.get(user);
        mail.map(|mail| mail.waiting_messages(now_ms)).unwrap_or_default()
    }

    /// Takes back a message that was not received yet.
    pub(crate) fn take_back(&mut self, user: &str, id: u64) {
        self.change(user, |mail| mail.take_back(id));
    }

    /// Returns the queues of a device that are not empty, with how many messages wait there.
    pub(crate) fn waiting(&self, user: &str, resource: &str) -> Vec<(Jid, u32)> {
        let mailbox = self.of.get(user).and_then(|mail| mail.boxes.get(resource));
        mailbox.map(Mailbox::waiting).unwrap_or_default()
    }

    /// Forgets what waits for a user.
    pub(crate) fn forget(&mut self, user: &str) {
        let forgotten = self.of.remove(user);
        self.bytes -= forgotten.map_or(0, |mail| mail.bytes());
    }

    /// Changes the mail of a user, and keeps count of what all of it takes.
    fn change<T>(&mut self, user: &str, change: impl FnOnce(&mut Mail) -> T) -> T {
        let mail = self.of.entry(user.to_owned()).or_default();
        let before = mail.bytes();
        let result = change(mail);
        self.bytes = self.bytes - before + mail.bytes();
        result
    }

    /// Drops old letters once there are too many, and some more, so that the next letter finds room without a search.
    fn make_room(&mut self, most: usize) {
        if self.bytes <= most {
            return;
        }
        while self.bytes > most / 8 * 7 {
            let fullest = self.of.iter().max_by_key(|(_, mail)| mail.bytes());
            let Some(user) = fullest.map(|(user, _)| user.clone()) else {
                return;
            };
            self.change(&user, Mail::drop_older_half);
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::realtime::frames::{MessageBody, Meta, namespace};
    use crate::realtime::letter::Meant;

    const NOTHING: [u64; 0] = [];

    fn letter(id: u64, meant: Meant) -> Arc<Letter> {
        let queue = Jid {
            name: "bob".into(),
            ..Jid::default()
        };
        let meta = Meta {
            id,
            timestamp: id,
            ..Meta::default()
        };
        Arc::new(Letter { queue, meta, meant })
    }

    fn to_all(id: u64) -> Arc<Letter> {
        letter(id, Meant::default())
    }

    fn only(id: u64, resource: &str) -> Arc<Letter> {
        let meant = Meant {
            only: Some(resource.into()),
            ..Meant::default()
        };
        letter(id, meant)
    }

    /// Pulls and acknowledges all that waits for a device.
    fn received(post: &mut Post, resource: &str) -> Vec<u64> {
        match post.pull("ann", resource, "bob", 0) {
            Pull::Empty(_) => Vec::new(),
            Pull::Batch(metas, key) => {
                post.pull("ann", resource, "bob", key);
                metas.into_iter().map(|meta| meta.id).collect()
            }
        }
    }

    #[test]
    fn every_device_that_comes_gets_what_came_while_nobody_was_there() {
        let mut post = Post::default();
        post.put("ann", &to_all(1), false);
        for resource in ["ios_1", "web_1"] {
            post.open("ann", resource, 5);
            assert_eq!(received(&mut post, resource), [1], "{resource}");
            assert_eq!(received(&mut post, resource), NOTHING, "{resource}");
        }
        post.open("ann", "web_late", PATIENCE_MS + 2);
        assert_eq!(received(&mut post, "web_late"), NOTHING, "a week is long enough");
    }

    #[test]
    fn a_device_that_comes_back_gets_what_it_did_not_receive_and_what_it_missed() {
        let mut post = Post::default();
        post.open("ann", "ios_1", 1);
        post.open("ann", "web_1", 1);
        post.put("ann", &to_all(1), true);
        assert_eq!(received(&mut post, "web_1"), [1]);
        post.shut("ann", "ios_1");
        post.put("ann", &to_all(2), true);
        post.open("ann", "ios_1", 3);
        assert_eq!(received(&mut post, "ios_1"), [1, 2]);
        assert_eq!(received(&mut post, "web_1"), [2]);
    }

    #[test]
    fn what_a_device_left_behind_waits_for_new_devices_too() {
        let mut post = Post::default();
        post.open("ann", "web_1", 1);
        post.put("ann", &to_all(1), true);
        post.shut("ann", "web_1");
        post.open("ann", "web_2", 2);
        assert_eq!(received(&mut post, "web_2"), [1]);
    }

    #[test]
    fn what_is_for_one_device_waits_for_that_one() {
        let mut post = Post::default();
        post.put("ann", &only(1, "ios_1"), false);
        post.open("ann", "web_1", 2);
        assert_eq!(received(&mut post, "web_1"), NOTHING);
        post.put("ann", &only(2, "ios_1"), true);
        post.open("ann", "ios_1", 3);
        assert_eq!(received(&mut post, "ios_1"), [1, 2]);
    }

    /// A letter of the kind of messages or receipts.
    fn chat(id: u64, from: &str, kind: i32) -> Arc<Letter> {
        let mut letter = Letter::clone(&to_all(id));
        letter.meta.ns = namespace::CHAT;
        letter.meta.from = Some(Jid {
            name: from.into(),
            ..Jid::default()
        });
        let body = MessageBody {
            kind,
            ..MessageBody::default()
        };
        letter.meta.payload = body.encode_to_vec();
        Arc::new(letter)
    }

    #[test]
    fn a_message_counts_as_waiting_until_one_device_has_received_it() {
        let mut post = Post::default();
        post.put("ann", &chat(1, "bob", 1), false);
        post.put("ann", &chat(2, "bob", 2), false);
        // A receipt, an event, and a copy of what the user said somewhere else.
        post.put("ann", &chat(3, "bob", 5), false);
        post.put("ann", &to_all(4), false);
        post.put("ann", &chat(5, "ann", 1), false);
        let waiting = |post: &Post, now_ms| {
            post.waiting_messages("ann", now_ms)
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(waiting(&post, 6), [1, 2]);
        assert_eq!(waiting(&post, PATIENCE_MS + 2), [2], "the first is too old");
        post.open("ann", "ios_1", 6);
        post.open("ann", "web_1", 6);
        assert_eq!(waiting(&post, 6), [1, 2], "handed out to nobody yet");
        assert_eq!(received(&mut post, "ios_1"), [1, 2, 3, 4, 5]);
        assert_eq!(waiting(&post, 6), NOTHING, "the other device has still to look");
        post.shut("ann", "ios_1");
        post.shut("ann", "web_1");
        post.put("ann", &chat(7, "bob", 1), false);
        assert_eq!(waiting(&post, 8), [7]);
        post.take_back("ann", 7);
        assert_eq!(waiting(&post, 8), NOTHING);
        post.open("ann", "ios_1", 8);
        assert_eq!(received(&mut post, "ios_1"), NOTHING);
        assert_eq!(waiting(&post, 8), NOTHING);
        assert!(post.waiting_messages("nobody", 8).is_empty());
    }

    #[test]
    fn only_so_many_devices_are_remembered() {
        let mut post = Post::default();
        for number in 0..20 {
            let resource = format!("webim_random_web_{number}");
            post.open("ann", &resource, 1);
            post.shut("ann", &resource);
        }
        assert_eq!(post.of["ann"].boxes.len(), MOST_GONE);
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_the_oldest_goes() {
        let mut post = Post::default();
        post.put("eve", &to_all(1), false);
        for id in 1..=100 {
            post.put("ann", &to_all(id), false);
        }
        let weight = to_all(1).weight();
        assert_eq!(post.bytes, 101 * weight);
        post.make_room(60 * weight);
        assert_eq!(post.bytes, 51 * weight);
        assert_eq!(post.of["ann"].unclaimed[0].meta.id, 51);
        assert_eq!(post.of["eve"].unclaimed.len(), 1);
        post.forget("ann");
        assert_eq!(post.bytes, weight);
    }
}
