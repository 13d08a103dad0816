//! Which sent messages were acknowledged already, so that one that is sent again is not delivered twice. Pure.

use std::collections::{HashMap, VecDeque};

/// So many are remembered, over all devices; SDKs send again within seconds.
const MOST: usize = 4_096;

/// A message as its sender knows it: user, device, and the device's own id for it.
type Sent = (String, String, u64);

/// The messages that were acknowledged last, with the ids they got.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    ids: HashMap<Sent, u64>,
    order: VecDeque<Sent>,
}

impl Answered {
    /// Returns the id that a message got, if it was sent before.
    pub(crate) fn before(&self, user: &str, resource: &str, client_id: u64) -> Option<u64> {
        self.ids
            .get(&(user.to_owned(), resource.to_owned(), client_id))
            .copied()
    }

    /// Forgets the messages of a user who is gone.
    pub(crate) fn forget(&mut self, user: &str) {
        self.ids.retain(|(sender, ..), _| sender != user);
        self.order.retain(|(sender, ..)| sender != user);
    }

    /// Remembers the id that a message got.
    pub(crate) fn remember(&mut self, user: &str, resource: &str, client_id: u64, id: u64) {
        let sent = (user.to_owned(), resource.to_owned(), client_id);
        if self.ids.insert(sent.clone(), id).is_none() {
            self.order.push_back(sent);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again_by_its_device_and_id_for_a_while() {
        let mut answered = Answered::default();
        answered.remember("ann", "ios_1", 7, 100);
        assert_eq!(answered.before("ann", "ios_1", 7), Some(100));
        assert_eq!(answered.before("ann", "ios_2", 7), None);
        answered.remember("eve", "ios_1", 7, 101);
        answered.forget("eve");
        assert_eq!(answered.before("eve", "ios_1", 7), None);
        for id in 0..5_000 {
            answered.remember("bob", "web_1", id, id);
        }
        assert_eq!(answered.before("ann", "ios_1", 7), None);
        assert_eq!(answered.before("bob", "web_1", 4_999), Some(4_999));
        assert_eq!((answered.ids.len(), answered.order.len()), (MOST, MOST));
    }
}
