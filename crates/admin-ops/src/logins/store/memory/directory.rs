//! Who is known, in memory.

use std::collections::BTreeMap;

use super::Kept;
use crate::logins::store::directory::{Directory, UserRecord};
use crate::logins::store::{KnownUser, LoginEvent, Shape, UserOrder, UserPlace, UserState, WhichUsers};

impl Kept {
    fn change(&mut self, change: impl FnOnce(&mut Directory, i64)) {
        let mut directory = Directory::default();
        for (user, record) in &self.users {
            directory.take(user.clone(), record.clone(), record.shape());
        }
        let complete = self.scans.values().map(|scan| &scan.snapshot).rev();
        let mut complete =
            complete.filter(|snapshot| snapshot.source == "all" && snapshot.finished_ms.is_some());
        let began_ms = complete.next().map_or(0, |snapshot| snapshot.started_ms);
        change(&mut directory, began_ms);
        let written = directory.written().0.into_iter();
        self.users = written
            .map(|row| {
                (
                    row.user,
                    UserRecord::of(row.read_ms, row.last_seen_ms, &row.sessions),
                )
            })
            .collect();
    }

    pub(super) fn read(&mut self, users: &[(String, UserState)], now_ms: i64) {
        self.change(|directory, _| directory.read(users, now_ms));
    }

    pub(super) fn happened<'a>(&mut self, events: impl Iterator<Item = &'a LoginEvent>) {
        self.change(|directory, began_ms| directory.happened(events, began_ms));
    }

    pub(super) fn forget_users(&mut self, before_ms: i64) {
        let mut newest_first = self.scans.values().map(|scan| &scan.snapshot).rev();
        let newest = newest_first.find(|snapshot| snapshot.finished_ms.is_some());
        let before_ms = newest.map_or(before_ms, |snapshot| before_ms.min(snapshot.started_ms));
        self.users
            .retain(|_, record| record.last_seen_ms >= Some(before_ms));
    }

    pub(super) fn shapes(&self) -> Vec<Shape> {
        let mut users = BTreeMap::<_, u64>::new();
        for record in self.users.values() {
            *users.entry(record.platforms()).or_default() += 1;
        }
        let shapes = users.into_iter();
        shapes
            .map(|(platforms, users)| Shape { platforms, users })
            .collect()
    }

    pub(super) fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Vec<KnownUser> {
        let known = self.users.iter().map(|(user, record)| KnownUser {
            user: user.clone(),
            platforms: record.platforms(),
            last_seen_ms: record.last_seen_ms.unwrap_or_default(),
        });
        let has_shape = |user: &KnownUser| {
            which
                .shapes
                .as_ref()
                .is_none_or(|shapes| shapes.iter().any(|shape| shape.platforms == user.platforms))
        };
        let begins = |user: &str| {
            which
                .begins_with
                .as_deref()
                .is_none_or(|text| user.starts_with(text))
        };
        let contains = |user: &str| which.contains.as_deref().is_none_or(|text| user.contains(text));
        let mut users: Vec<KnownUser> = known
            .filter(|user| has_shape(user) && begins(&user.user) && contains(&user.user))
            .filter(|user| which.seen_since_ms.is_none_or(|since| user.last_seen_ms >= since))
            .filter(|user| after.is_none_or(|after| user.place().compare(after, order).is_gt()))
            .collect();
        users.sort_by(|one, other| one.place().compare(&other.place(), order));
        users.truncate(most);
        users
    }
}
