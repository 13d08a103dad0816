//! Decides on which users to enforce a policy while users sign in, and when. Pure: the caller reads the
//! sign-ins and the clock.

use easemob_admin_api::UserId;

use crate::jobs::enforce::choose::Choosing;
use crate::jobs::enforce::hourly_cap::HourlyCap;
use crate::jobs::enforce::waiting::Waiting;
use crate::logins::store::Range;

/// The minimum size of a full pass, in users.
const BATCH: usize = 100;

/// How long to wait before checking a user again after a failure, in milliseconds: a lasting failure then
/// uses few of the hour's logouts.
pub const AGAIN_MS: i64 = 5 * 60_000;

/// The users who signed in, and the remaining logouts.
#[derive(Debug)]
pub struct Watch {
    cap: HourlyCap,
    waiting: Waiting,
    since_ms: i64,
    delay_ms: i64,
    /// Whether the cap was reached at the last check.
    full: bool,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Wait,
    /// Nothing, because the cap has just been reached while users are waiting.
    CapReached {
        /// The logouts allowed per hour.
        most: u64,
        /// How many users are waiting.
        waiting: u64,
    },
    /// Compare these users with the policy, and sign out at most this many devices.
    LookAt {
        /// The users, longest waiting first.
        users: Vec<String>,
        /// The most devices to sign out.
        at_most: u64,
    },
}

impl Watch {
    /// Starts watching now, with at most `most` logouts per hour. Users are checked `delay_ms` after their
    /// sign-in, so that a device that changes networks does not count twice. Times are in milliseconds since
    /// 1970.
    #[must_use]
    pub fn new(most: u64, delay_ms: i64, now_ms: i64) -> Self {
        Self {
            cap: HourlyCap::new(most),
            waiting: Waiting::default(),
            since_ms: now_ms.saturating_sub(delay_ms),
            delay_ms,
            full: false,
        }
    }

    /// Returns the period whose sign-ins are needed next.
    #[must_use]
    pub fn unheard(&self, now_ms: i64) -> Range {
        Range {
            since_ms: self.since_ms,
            until_ms: now_ms.saturating_sub(self.delay_ms),
        }
    }

    /// Adds the users who signed in within `heard`.
    pub fn hear(&mut self, heard: Range, users: Vec<String>, now_ms: i64) {
        self.since_ms = heard.until_ms;
        self.waiting.add(users, now_ms);
    }

    /// Returns what to do now.
    pub fn next(&mut self, now_ms: i64) -> Next {
        let at_most = self.cap.left(now_ms);
        if at_most == 0 {
            let waiting = self.waiting.len() as u64;
            if waiting == 0 || std::mem::replace(&mut self.full, true) {
                return Next::Wait;
            }
            let most = self.cap.most();
            return Next::CapReached { most, waiting };
        }
        self.full = false;
        let users = self
            .waiting
            .take(BATCH.max(usize::try_from(at_most).unwrap_or(BATCH)), now_ms);
        if users.is_empty() {
            return Next::Wait;
        }
        Next::LookAt { users, at_most }
    }

    /// Counts the chosen devices against the cap before any is signed out: after an error, the actual number
    /// is unknown.
    pub fn chosen(&mut self, chosen: &Choosing<'_>, now_ms: i64) {
        self.cap.spend(chosen.totals.victims, now_ms);
        self.waiting.add(names(&chosen.deferred), now_ms);
        self.waiting.add(names(&chosen.read_again), now_ms + AGAIN_MS);
    }

    /// Checks users again later, after a failure.
    pub fn again(&mut self, users: Vec<String>, now_ms: i64) {
        self.waiting.add(users, now_ms + AGAIN_MS);
    }
}

fn names(users: &[UserId]) -> impl Iterator<Item = String> {
    users.iter().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::selection::Selection;
    use crate::server::calls::CallError;

    fn chosen<'a>(selection: &'a Selection, victims: u64, deferred: &[&str]) -> Choosing<'a> {
        let mut choosing = Choosing::at_most(selection, 0);
        choosing.totals.victims = victims;
        choosing.deferred = deferred
            .iter()
            .map(|name| UserId::parse(*name).unwrap())
            .collect();
        choosing
    }

    fn hear(watch: &mut Watch, users: &[&str], now_ms: i64) {
        let users = users.iter().map(ToString::to_string).collect();
        watch.hear(watch.unheard(now_ms), users, now_ms);
    }

    fn look_at(users: &[&str], at_most: u64) -> Next {
        let users = users.iter().map(ToString::to_string).collect();
        Next::LookAt { users, at_most }
    }

    #[test]
    fn each_moment_is_asked_about_once_and_only_after_the_delay() {
        let mut watch = Watch::new(5, 1_000, 10_000);
        let range = |since_ms, until_ms| Range { since_ms, until_ms };
        assert_eq!(watch.unheard(10_500), range(9_000, 9_500));
        assert_eq!(
            watch.unheard(10_700),
            range(9_000, 9_700),
            "nothing was heard in between"
        );
        hear(&mut watch, &[], 10_700);
        assert_eq!(watch.unheard(12_000), range(9_700, 11_000));
        assert_eq!(watch.next(12_000), Next::Wait);
    }

    #[test]
    fn who_signs_in_is_looked_at_until_the_cap_and_after_it() {
        let selection = Selection::default();
        let mut watch = Watch::new(3, 0, 0);
        hear(&mut watch, &["ann", "bob"], 10);
        assert_eq!(watch.next(10), look_at(&["ann", "bob"], 3));
        watch.chosen(&chosen(&selection, 3, &["bob"]), 10);
        let reached = Next::CapReached { most: 3, waiting: 1 };
        assert_eq!(
            (watch.next(20), watch.next(30)),
            (reached, Next::Wait),
            "it is told once"
        );
        assert_eq!(watch.next(3_600_010), look_at(&["bob"], 3), "an hour later");
        watch.chosen(&chosen(&selection, 3, &["bob"]), 3_600_010);
        let reached = Next::CapReached { most: 3, waiting: 1 };
        assert_eq!(
            watch.next(3_600_020),
            reached,
            "and told again when it is reached again"
        );
    }

    #[test]
    fn nobody_waits_for_a_cap_that_nobody_needs() {
        let mut watch = Watch::new(1, 0, 0);
        watch.chosen(&chosen(&Selection::default(), 1, &[]), 0);
        assert_eq!(watch.next(1), Next::Wait);
    }

    #[test]
    fn who_could_not_be_read_or_logged_out_is_looked_at_later() {
        let mut watch = Watch::new(9, 0, 0);
        let selection = Selection::default();
        let mut unread = Choosing::at_most(&selection, 9);
        let ann = UserId::parse("ann").unwrap();
        assert_eq!(
            unread.take(&ann, Err(CallError::new("devices.list", "503"))),
            None
        );
        watch.chosen(&unread, 100);
        watch.again(vec!["bob".into()], 200);
        assert_eq!(watch.next(99 + AGAIN_MS), Next::Wait);
        assert_eq!(watch.next(100 + AGAIN_MS), look_at(&["ann"], 9));
        assert_eq!(watch.next(200 + AGAIN_MS), look_at(&["bob"], 9));
    }

    #[test]
    fn many_are_looked_at_in_one_pass_where_little_may_be_ended() {
        let mut watch = Watch::new(1, 0, 0);
        let names: Vec<String> = (0..150).map(|number| format!("user{number:03}")).collect();
        let users: Vec<&str> = names.iter().map(String::as_str).collect();
        hear(&mut watch, &users, 0);
        assert_eq!(watch.next(0), look_at(&users[..BATCH], 1));
        assert_eq!(watch.next(0), look_at(&users[BATCH..], 1));
        let mut watch = Watch::new(120, 0, 0);
        hear(&mut watch, &users, 0);
        assert_eq!(watch.next(0), look_at(&users[..120], 120));
    }
}
