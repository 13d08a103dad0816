//! The messages that the service keeps for each user, to be read again on another device.
//!
//! They live in memory only, and what a message says is not looked into.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// No conversation of a user keeps more; beyond it the oldest goes.
const LONGEST: usize = 200;

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
    of: HashMap<(String, String), VecDeque<Kept>>,
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
        let side = self.of.entry((user.to_owned(), other.to_owned())).or_default();
        side.push_back(kept);
        if side.len() > LONGEST {
            side.pop_front();
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
        self.of.retain(|(owner, _), _| owner != user);
    }

    fn retain(&mut self, user: &str, other: &str, stays: impl Fn(&Kept) -> bool) {
        if let Some(side) = self.of.get_mut(&(user.to_owned(), other.to_owned())) {
            side.retain(stays);
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
    }
}
