//! What waits for one device: a queue per sender, each with a position that only grows. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::frames::{Jid, Meta};
use super::letter::Letter;

/// No queue holds more; beyond it the oldest message goes, as in a service that keeps so many.
const LONGEST_QUEUE: usize = 1_000;

/// How many messages are handed out at a time.
const BATCH: usize = 50;

/// The queues of one device, by name.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    queues: BTreeMap<String, Queue>,
    last_key: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Queue {
    jid: Jid,
    waiting: VecDeque<(u64, Arc<Letter>)>,
    /// Whether the device was told that something is here, and has not looked since.
    told: bool,
}

/// What a pull gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pull {
    /// Messages, and the key that acknowledges them.
    Batch(Vec<Meta>, u64),
    /// Nothing waits; the key of the last message that was handed out, or the one that was asked with.
    Empty(u64),
}

impl Mailbox {
    /// Returns how many bytes all that waits takes, more or less.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a message into the queue that it names. Returns true if the device has to be told: once is enough until it
    /// looks there.
    pub(crate) fn push(&mut self, letter: Arc<Letter>) -> bool {
        self.last_key += 1;
        self.bytes += letter.weight();
        let jid = &letter.queue;
        let queue = self.queues.entry(jid.name.clone()).or_insert_with(|| Queue {
            jid: jid.clone(),
            waiting: VecDeque::new(),
            told: false,
        });
        queue.waiting.push_back((self.last_key, letter));
        if queue.waiting.len() > LONGEST_QUEUE {
            self.bytes -= queue.drop_oldest(1);
        }
        !std::mem::replace(&mut queue.told, true)
    }

    /// Takes back what the device was told: it has come anew, and asks for everything.
    pub(crate) fn forget_told(&mut self) {
        for queue in self.queues.values_mut() {
            queue.told = false;
        }
    }

    /// Takes what was handed out up to `key` as received, whose ids go to `received`, and hands out what comes next.
    pub(crate) fn pull(&mut self, name: &str, key: u64, mut received: impl FnMut(u64)) -> Pull {
        let Some(queue) = self.queues.get_mut(name) else {
            return Pull::Empty(key);
        };
        queue.told = false;
        let acknowledged = queue.waiting.partition_point(|(position, _)| *position <= key);
        queue
            .waiting
            .range(..acknowledged)
            .for_each(|(_, letter)| received(letter.meta.id));
        self.bytes -= queue.drop_oldest(acknowledged);
        let batch = || queue.waiting.iter().take(BATCH);
        match batch().next_back() {
            None => Pull::Empty(key),
            Some((next, _)) => Pull::Batch(batch().map(|(_, letter)| letter.meta.clone()).collect(), *next),
        }
    }

    /// Drops the older half of every queue.
    pub(crate) fn drop_older_half(&mut self) {
        for queue in self.queues.values_mut() {
            self.bytes -= queue.drop_oldest(queue.waiting.len().div_ceil(2));
        }
    }

    /// Returns the queues that are not empty, with how many messages wait there.
    pub(crate) fn waiting(&self) -> Vec<(Jid, u32)> {
        let full = self.queues.values().filter(|queue| !queue.waiting.is_empty());
        full.map(|queue| {
            (
                queue.jid.clone(),
                u32::try_from(queue.waiting.len()).unwrap_or(u32::MAX),
            )
        })
        .collect()
    }

    /// Takes back a message, wherever it waits.
    pub(crate) fn take_back(&mut self, id: u64) {
        for queue in self.queues.values_mut() {
            let before: usize = queue.waiting.iter().map(|(_, letter)| letter.weight()).sum();
            queue.waiting.retain(|(_, letter)| letter.meta.id != id);
            let after: usize = queue.waiting.iter().map(|(_, letter)| letter.weight()).sum();
            self.bytes -= before - after;
        }
    }

    /// Returns everything that was never acknowledged.
    pub(crate) fn unreceived(&self) -> Vec<Arc<Letter>> {
        let waiting = self.queues.values().flat_map(|queue| &queue.waiting);
        waiting.map(|(_, letter)| Arc::clone(letter)).collect()
    }
}

impl Queue {
    /// Drops so many messages, and returns how many bytes they took.
    fn drop_oldest(&mut self, count: usize) -> usize {
        self.waiting
            .drain(..count)
            .map(|(_, letter)| letter.weight())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::realtime::letter::Meant;

    fn queue(name: &str) -> Jid {
        Jid {
            name: name.into(),
            ..Jid::default()
        }
    }

    fn letter(id: u64) -> Arc<Letter> {
        Arc::new(Letter {
            queue: queue("bob"),
            meta: meta(id),
            meant: Meant::default(),
        })
    }

    fn pull(mailbox: &mut Mailbox, name: &str, key: u64) -> Pull {
        mailbox.pull(name, key, |_| {})
    }

    fn meta(id: u64) -> Meta {
        Meta {
            id,
            ..Meta::default()
        }
    }

    #[test]
    fn what_was_not_acknowledged_is_handed_out_again() {
        let mut mailbox = Mailbox::default();
        mailbox.push(letter(1));
        mailbox.push(letter(2));
        let Pull::Batch(metas, key) = pull(&mut mailbox, "bob", 0) else {
            panic!("nothing waits");
        };
        assert_eq!(metas, [meta(1), meta(2)]);
        assert_eq!(
            pull(&mut mailbox, "bob", 0),
            Pull::Batch(metas, key),
            "the answer may have been lost"
        );
        assert_eq!(mailbox.waiting(), [(queue("bob"), 2)]);
        let mut received = Vec::new();
        let empty = mailbox.pull("bob", key, |id| received.push(id));
        assert_eq!((empty, received), (Pull::Empty(key), vec![1, 2]));
        assert!(mailbox.waiting().is_empty());
        assert_eq!(pull(&mut mailbox, "nobody", 7), Pull::Empty(7));
    }

    #[test]
    fn a_queue_is_bounded() {
        let mut mailbox = Mailbox::default();
        for id in 0..2_000 {
            mailbox.push(letter(id));
        }
        assert_eq!(mailbox.waiting(), [(queue("bob"), 1_000)]);
        let Pull::Batch(metas, _) = pull(&mut mailbox, "bob", 0) else {
            panic!("nothing waits");
        };
        assert_eq!(metas[0], meta(1_000), "the oldest went");
        assert_eq!(mailbox.bytes(), 1_000 * letter(1).weight());
        mailbox.drop_older_half();
        assert_eq!(mailbox.bytes(), 500 * letter(1).weight());
        pull(&mut mailbox, "bob", 2_000);
        assert_eq!(mailbox.bytes(), 0);
    }

    #[test]
    fn a_device_is_told_of_a_queue_once_until_it_looks_there() {
        let mut mailbox = Mailbox::default();
        assert!(mailbox.push(letter(1)) && !mailbox.push(letter(2)));
        pull(&mut mailbox, "bob", 0);
        assert!(mailbox.push(letter(3)), "it may have looked before");
        mailbox.forget_told();
        assert!(mailbox.push(letter(4)));
    }

    proptest! {
        /// Whatever is pushed between pulls, a device that acknowledges gets each message once and in order.
        #[test]
        fn order_is_kept_and_nothing_is_lost(pushes in proptest::collection::vec(0_u64..4, 0..30)) {
            let mut mailbox = Mailbox::default();
            let (mut sent, mut received, mut key) = (0, Vec::new(), 0);
            for count in pushes {
                for _ in 0..count {
                    sent += 1;
                    mailbox.push(letter(sent));
                }
                if let Pull::Batch(metas, next) = pull(&mut mailbox, "bob", key) {
                    prop_assert!(next > key, "keys must grow");
                    key = next;
                    received.extend(metas.into_iter().map(|meta| meta.id));
                }
            }
            prop_assert_eq!(received, (1..=sent).collect::<Vec<_>>());
        }
    }
}
