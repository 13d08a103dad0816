//! Users who signed in and still have to be compared with a policy, and when. Pure.

use std::collections::BTreeMap;

/// Users, each with the earliest time to check it, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Waiting(pub(super) BTreeMap<String, i64>);

impl Waiting {
    /// Adds users; a user who is already waiting keeps the earlier time.
    pub(super) fn add(&mut self, users: impl IntoIterator<Item = String>, due_ms: i64) {
        for user in users {
            let due = self.0.entry(user).or_insert(due_ms);
            *due = due_ms.min(*due);
        }
    }

    /// Removes and returns at most `most` users whose time has come, longest waiting first.
    pub(super) fn take(&mut self, most: usize, now_ms: i64) -> Vec<String> {
        let mut due: Vec<(i64, String)> = self
            .0
            .iter()
            .filter(|(_, due)| **due <= now_ms)
            .map(|(user, due)| (*due, user.clone()))
            .collect();
        due.sort();
        due.truncate(most);
        due.into_iter()
            .map(|(_, user)| {
                self.0.remove(&user);
                user
            })
            .collect()
    }

    /// Returns the number of users waiting.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_looked_at_too_early_or_forgotten() {
        let mut waiting = Waiting::default();
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        waiting.add(names(&["bob"]), 20);
        waiting.add(names(&["ann", "eve"]), 30);
        waiting.add(names(&["kim"]), 90);
        assert_eq!(waiting.take(9, 10), names(&[]));
        assert_eq!(waiting.take(2, 40), ["bob", "ann"]);
        waiting.add(names(&["kim"]), 50);
        waiting.add(names(&["kim", "eve"]), 99);
        assert_eq!((waiting.take(9, 60), waiting.len()), (names(&["eve", "kim"]), 0));
    }
}
