//! The messages that the service keeps for each user, to be read again on another device.
//!
//! They live in memory only, and what a message says is not looked into.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// No conversation of a user keeps more; beyond it the oldest goes.
const LONGEST: usize = 200;

/// All that is kept takes no more bytes than this, more or less; beyond it the oldest goes, whosever it is.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What a message takes in memory besides what it says, more or less.
const ENVELOPE: usize = 256;

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) at_ms: u64,
    /// The message as devices get it. Both sides share it.
    pub(crate) message: Arc<[u8]>,
}

/// What is kept of all users: by the user, and by the other side, which may be a group.
#[derive(Debug, Default)]
pub(crate) struct History {
    of: HashMap<Side, VecDeque<Kept>>,
    /// All messages by their ids, which grow, so that the oldest is found.
    ages: BTreeSet<(u64, Side)>,
    bytes: usize,
}

/// A user, and the other side of a conversation.
pub(crate) type Side = (String, String);

impl Kept {
    fn weight(&self) -> usize {
        self.message.len() + ENVELOPE
    }
}

/// Which messages somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Beyond this message, which is not wanted itself; from the end if none.
    pub(crate) beyond: Option<u64>,
    /// At most so many.
    pub(crate) most: usize,
    /// From old to new, instead of from new to old.
    pub(crate) ascending: bool,
}

impl History {
    /// Keeps a message for one user's side of a conversation.
    pub(crate) fn keep(&mut self, user: &str, other: &str, kept: Kept) {
        let side = (user.to_owned(), other.to_owned());
        self.ages.insert((kept.id, side.clone()));
        self.bytes += kept.weight();
        let all = self.of.entry(side).or_default();
        all.push_back(kept);
        if all.len() > LONGEST
            && let Some(oldest) = all.front().map(|kept| kept.id)
        {
            self.forget(user, other, &[oldest]);
        }
        self.make_room(MOST_BYTES);
    }

    fn make_room(&mut self, most: usize) {
        while self.bytes > most
            && let Some((id, (user, other))) = self.ages.pop_first()
        {
            self.forget(&user, &other, &[id]);
        }
    }

    /// Returns what a user wants of a conversation, and whether there is no more beyond it.
    pub(crate) fn page(&self, user: &str, other: &str, wanted: Wanted) -> (Vec<&Kept>, bool) {
        let side = self.of.get(&(user.to_owned(), other.to_owned()));
        let all = side.into_iter().flatten();
        let beyond = |kept: &&Kept| {
            wanted.beyond.is_none_or(|id| {
                if wanted.ascending {
                    kept.id > id
                } else {
                    kept.id < id
                }
            })
        };
        let mut found: Vec<&Kept> = all.filter(beyond).collect();
        if !wanted.ascending {
            found.reverse();
        }
        let last = found.len() <= wanted.most;
        found.truncate(wanted.most);
        (found, last)
    }

    /// Returns the messages of a time, each once, oldest first.
    pub(crate) fn between(&self, from_ms: u64, until_ms: u64) -> Vec<&Kept> {
        let within = |kept: &&Kept| (from_ms..until_ms).contains(&kept.at_ms);
        let found = self.of.values().flatten().filter(within);
        let by_id: BTreeMap<u64, &Kept> = found.map(|kept| (kept.id, kept)).collect();
        by_id.into_values().collect()
    }

    /// Returns who keeps a message for which conversation, and when it was sent.
    pub(crate) fn sides_of(&self, id: u64) -> Vec<(Side, u64)> {
        let first = (id, Side::default());
        let sides = self.ages.range(first..).take_while(|(other, _)| *other == id);
        sides
            .filter_map(|(_, side)| {
                let kept = self.of.get(side)?.iter().find(|kept| kept.id == id)?;
                Some((side.clone(), kept.at_ms))
            })
            .collect()
    }

    /// Forgets a message of a user, whichever conversation it is in.
    pub(crate) fn forget_everywhere(&mut self, user: &str, id: u64) {
        for ((owner, other), _) in self.sides_of(id) {
            if owner == user {
                self.forget(&owner, &other, &[id]);
            }
        }
    }

    /// Forgets what a user has of a conversation up to a time.
    pub(crate) fn forget_until(&mut self, user: &str, other: &str, until_ms: u64) {
        self.retain(user, other, |kept| kept.at_ms > until_ms);
    }

    /// Forgets messages of a user's side of a conversation.
    pub(crate) fn forget(&mut self, user: &str, other: &str, ids: &[u64]) {
        self.retain(user, other, |kept| !ids.contains(&kept.id));
    }

    /// Forgets all that is kept for a user.
    pub(crate) fn forget_user(&mut self, user: &str) {
        let sides = self.of.keys().filter(|(owner, _)| owner == user);
        let others: Vec<String> = sides.map(|(_, other)| other.clone()).collect();
        for other in others {
            self.retain(user, &other, |_| false);
        }
    }

    fn retain(&mut self, user: &str, other: &str, stays: impl Fn(&Kept) -> bool) {
        let side = (user.to_owned(), other.to_owned());
        let Some(all) = self.of.get_mut(&side) else {
            return;
        };
        let (ages, bytes) = (&mut self.ages, &mut self.bytes);
        all.retain(|kept| {
            let stays = stays(kept);
            if !stays {
                *bytes -= kept.weight();
                ages.remove(&(kept.id, side.clone()));
            }
            stays
        });
        if all.is_empty() {
            self.of.remove(&side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for id in 1..=5 {
            history.keep("ann", "bob", kept(id));
        }
        history
    }

    fn kept(id: u64) -> Kept {
        Kept {
            id,
            at_ms: id * 10,
            message: Arc::from([0_u8].as_slice()),
        }
    }

    fn ids(history: &History, beyond: Option<u64>, ascending: bool) -> (Vec<u64>, bool) {
        let wanted = Wanted {
            beyond,
            most: 2,
            ascending,
        };
        let (page, last) = history.page("ann", "bob", wanted);
        (page.iter().map(|kept| kept.id).collect(), last)
    }

    #[test]
    fn pages_go_both_ways_and_end() {
        let history = history();
        assert_eq!(ids(&history, None, false), (vec![5, 4], false));
        assert_eq!(ids(&history, Some(4), false), (vec![3, 2], false));
        assert_eq!(ids(&history, Some(2), false), (vec![1], true));
        assert_eq!(ids(&history, None, true), (vec![1, 2], false));
        assert_eq!(ids(&history, Some(3), true), (vec![4, 5], true));
        assert_eq!(ids(&history, Some(5), true), (vec![], true));
    }

    #[test]
    fn forgetting_is_one_sides_own_and_by_time_or_id() {
        let mut history = history();
        history.keep("bob", "ann", kept(1));
        history.forget_until("ann", "bob", 20);
        assert_eq!(ids(&history, None, true), (vec![3, 4], false));
        history.forget("ann", "bob", &[4, 99]);
        assert_eq!(ids(&history, None, true), (vec![3, 5], true));
        let wanted = Wanted {
            beyond: None,
            most: 9,
            ascending: true,
        };
        assert_eq!(history.page("bob", "ann", wanted).0.len(), 1);
    }

    #[test]
    fn a_message_that_both_sides_keep_is_found_once_by_its_time_and_twice_by_its_id() {
        let mut history = history();
        history.keep("bob", "ann", kept(2));
        let ids: Vec<u64> = history.between(20, 40).iter().map(|kept| kept.id).collect();
        assert_eq!(ids, [2, 3]);
        let side = |user: &str, other: &str| ((user.to_owned(), other.to_owned()), 20);
        assert_eq!(history.sides_of(2), [side("ann", "bob"), side("bob", "ann")]);
        history.forget_everywhere("ann", 2);
        assert_eq!(history.sides_of(2), [side("bob", "ann")]);
        assert!(history.sides_of(9).is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut history = History::default();
        for id in 0..500 {
            history.keep("ann", "bob", kept(id));
        }
        let wanted = Wanted {
            beyond: None,
            most: 1_000,
            ascending: true,
        };
        let (page, last) = history.page("ann", "bob", wanted);
        assert_eq!((page.len(), page[0].id, last), (LONGEST, 300, true));
        assert_eq!(
            (history.ages.len(), history.bytes),
            (LONGEST, LONGEST * kept(0).weight())
        );
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_the_oldest_of_all_goes() {
        let mut history = history();
        for id in 6..=10 {
            history.keep("eve", "bob", kept(id));
        }
        history.make_room(7 * kept(0).weight());
        assert_eq!(ids(&history, None, true), (vec![4, 5], true));
        history.forget_user("eve");
        assert_eq!((history.of.len(), history.ages.len()), (1, 2));
        history.forget_until("ann", "bob", 1_000);
        assert_eq!((history.of.len(), history.ages.len(), history.bytes), (0, 0, 0));
    }
}
