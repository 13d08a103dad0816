//! Decides on which users to enforce a policy while users sign in, and when. Pure: the caller reads the
//! sign-ins and the clock.

use std::collections::BTreeSet;

use easemob_admin_api::UserId;

use crate::jobs::enforce::choose::Choosing;
use crate::jobs::enforce::hourly_cap::HourlyCap;
use crate::jobs::enforce::position::Position;
use crate::jobs::enforce::waiting::Waiting;
use crate::logins::store::Range;

/// The minimum size of a full pass, in users.
const BATCH: usize = 100;

/// How long to wait before checking a user again after a failure: five minutes, in milliseconds. A lasting failure then
/// uses few of the hour's logouts.
pub const AGAIN_MS: i64 = 300_000;

/// How long an event may take from its arrival until it is on disk, in milliseconds: longer than a collector waits for the
/// disk.
const ON_DISK_MS: i64 = 30_000;

/// The users who signed in, and the remaining logouts.
#[derive(Debug)]
pub struct Watch {
    cap: HourlyCap,
    waiting: Waiting,
    /// The users who are being checked.
    in_hand: Vec<String>,
    since_ms: i64,
    /// Sign-ins before the first watch are not its concern.
    not_before_ms: i64,
    /// The call ids of the sign-ins that are asked for again because others may still reach the disk.
    heard: BTreeSet<String>,
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
        let since_ms = now_ms.saturating_sub(delay_ms);
        Self {
            not_before_ms: since_ms,
            ..Self::resume(Position::at(since_ms), most, delay_ms, now_ms)
        }
    }

    /// Continues at the position of an earlier watch, as [`new`](Self::new) starts a first one. Some users may be checked
    /// twice, and none is left out.
    #[must_use]
    pub fn resume(position: Position, most: u64, delay_ms: i64, now_ms: i64) -> Self {
        let mut waiting = Waiting::default();
        for (user, due_ms) in position.waiting {
            waiting.add([user], due_ms.min(now_ms.saturating_add(AGAIN_MS)));
        }
        Self {
            cap: HourlyCap::new(most).after(position.spent, now_ms),
            waiting,
            in_hand: Vec::new(),
            since_ms: position.since_ms,
            not_before_ms: i64::MIN,
            heard: BTreeSet::new(),
            delay_ms,
            full: false,
        }
    }

    /// Returns the position at which another process can continue: the users who are being checked still have to be.
    #[must_use]
    pub fn position(&self) -> Position {
        let mut position = Position::at(self.since_ms);
        position.waiting.clone_from(&self.waiting.0);
        position
            .waiting
            .extend(self.in_hand.iter().map(|user| (user.clone(), 0)));
        position.spent = self.cap.spent().collect();
        position
    }

    /// Returns the period whose sign-ins are needed next. It includes a time that was heard before, because an event may
    /// reach the disk after later ones were heard.
    #[must_use]
    pub fn unheard(&self, now_ms: i64) -> Range {
        Range {
            since_ms: self.since_ms.saturating_sub(ON_DISK_MS).max(self.not_before_ms),
            until_ms: now_ms.saturating_sub(self.delay_ms),
        }
    }

    /// Adds the sign-ins within `heard`, given by call id and user, and returns whether any of them is new.
    pub fn hear(&mut self, heard: Range, sign_ins: Vec<(String, String)>, now_ms: i64) -> bool {
        self.since_ms = heard.until_ms;
        let (mut ids, mut users) = (BTreeSet::new(), Vec::new());
        for (call_id, user) in sign_ins {
            if !self.heard.contains(&call_id) {
                users.push(user);
            }
            ids.insert(call_id);
        }
        self.heard = ids;
        let any = !users.is_empty();
        self.waiting.add(users, now_ms);
        any
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
        self.in_hand.clone_from(&users);
        Next::LookAt { users, at_most }
    }

    /// Notes that the users of the last [`Next::LookAt`] are finished, except those that wait again.
    pub fn looked_at(&mut self) {
        self.in_hand.clear();
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
        let sign_in = |user: &&str| (format!("{user} {now_ms}"), (*user).to_owned());
        let sign_ins = users.iter().map(sign_in).collect();
        watch.hear(watch.unheard(now_ms), sign_ins, now_ms);
    }

    fn look_at(users: &[&str], at_most: u64) -> Next {
        let users = users.iter().map(ToString::to_string).collect();
        Next::LookAt { users, at_most }
    }

    #[test]
    fn each_moment_is_asked_about_after_the_delay_and_until_it_is_on_disk() {
        let mut watch = Watch::new(5, 1_000, 100_000);
        let range = |since_ms, until_ms| Range { since_ms, until_ms };
        assert_eq!(watch.unheard(100_500), range(99_000, 99_500));
        assert_eq!(
            watch.unheard(100_700),
            range(99_000, 99_700),
            "nothing was heard in between"
        );
        hear(&mut watch, &[], 100_700);
        assert_eq!(watch.unheard(102_000), range(99_000, 101_000));
        hear(&mut watch, &[], 200_000);
        assert_eq!(watch.unheard(201_000), range(169_000, 200_000));
        assert_eq!(watch.next(201_000), Next::Wait);
    }

    #[test]
    fn a_sign_in_is_heard_once_however_late_it_reaches_the_disk() {
        let mut watch = Watch::new(5, 0, 0);
        let sign_ins = |all: &[(&str, &str)]| {
            let owned = |(id, user): &(&str, &str)| ((*id).to_owned(), (*user).to_owned());
            all.iter().map(owned).collect::<Vec<_>>()
        };
        let mut hear = |all: &[(&str, &str)], now_ms| {
            let range = watch.unheard(now_ms);
            let new = watch.hear(range, sign_ins(all), now_ms);
            (new, watch.next(now_ms))
        };
        assert_eq!(hear(&[("2", "ann")], 10), (true, look_at(&["ann"], 5)));
        assert_eq!(hear(&[("2", "ann")], 20), (false, Next::Wait));
        let late = [("1", "bob"), ("2", "ann"), ("3", "ann")];
        assert_eq!(hear(&late, 30), (true, look_at(&["ann", "bob"], 5)));
        assert_eq!(hear(&late, 40), (false, Next::Wait));
    }

    #[test]
    fn whatever_is_not_finished_is_continued_by_the_next_process() {
        let selection = Selection::default();
        let mut watch = Watch::new(5, 0, 100_000);
        let next = |watch: &Watch, now_ms| Watch::resume(watch.position(), 5, 0, now_ms);
        assert_eq!(
            next(&watch, 200_000).unheard(200_000).since_ms,
            70_000,
            "from where it was"
        );
        hear(&mut watch, &["ann", "bob", "eve"], 100_010);
        assert_eq!(
            next(&watch, 100_020).next(100_020),
            look_at(&["ann", "bob", "eve"], 5)
        );
        let Next::LookAt { users, .. } = watch.next(100_020) else {
            panic!("somebody has to be looked at");
        };
        assert_eq!(
            next(&watch, 100_030).next(100_030),
            look_at(&["ann", "bob", "eve"], 5)
        );
        watch.chosen(&chosen(&selection, 3, &["bob"]), 100_030);
        assert_eq!(
            next(&watch, 100_040).next(100_040),
            look_at(&["ann", "bob", "eve"], 2),
            "what may have been signed out counts"
        );
        watch.looked_at();
        assert_eq!(next(&watch, 100_040).next(100_040), look_at(&["bob"], 2));
        watch.again(users, 100_050);
        let mut later = next(&watch, 100_060);
        assert_eq!(later.next(100_060), look_at(&["bob"], 2));
        assert_eq!(later.next(100_050 + AGAIN_MS), look_at(&["ann", "eve"], 2));
        let after = next(&watch, 100_030 + 3_600_000).cap.left(100_030 + 3_600_000);
        assert_eq!(after, 5);
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nobody_back_for_long() {
        let mut position = Position::at(0);
        position.waiting.insert("ann".into(), i64::MAX);
        position.spent.push((i64::MAX - 1, 5));
        let mut watch = Watch::resume(position, 5, 0, 1_000);
        assert_eq!(watch.cap.left(1_000), 0);
        assert_eq!(watch.next(1_000 + 3_600_000), look_at(&["ann"], 5));
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
