//! Logins in memory: for tests of whatever uses a store.

mod directory;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::logins::store::directory::UserRecord;
use crate::logins::store::{
    Arrival, AskedAgain, Change, ChangeKind, Counts, Forgotten, Gap, HOUR_MS, KnownDevice, KnownUser,
    LoginEvent, LoginKind, LoginStore, LoginStores, NotKnown, PROGRAM, Position, Range, SeenDevice, Shape,
    Snapshot, SnapshotId, StoreError, UserOrder, UserPlace, UserState, WhichUsers,
};

/// The logins of all targets in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLoginStores(Arc<Mutex<BTreeMap<String, MemoryLogins>>>);

impl MemoryLoginStores {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, MemoryLogins>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoginStores for MemoryLoginStores {
    fn of(&self, target: &str) -> Result<Box<dyn LoginStore>, StoreError> {
        let logins = self.all().entry(target.to_owned()).or_default().clone();
        Ok(Box::new(logins))
    }

    fn kept(&self, target: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        let logins = self.all().get(target).cloned();
        Ok(logins.map(|logins| Box::new(logins) as Box<dyn LoginStore>))
    }

    fn targets(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.all().keys().cloned().collect())
    }
}

/// Logins in memory. Clones share them, and own their snapshots each for itself.
#[derive(Debug, Default)]
pub struct MemoryLogins {
    kept: Arc<Mutex<Kept>>,
    owner: Arc<()>,
}

impl Clone for MemoryLogins {
    fn clone(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            owner: Arc::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// How many snapshots were ever begun.
    begun: SnapshotId,
    scans: BTreeMap<SnapshotId, Scan>,
    /// By user and resource.
    devices: BTreeMap<(String, String), KnownDevice>,
    /// By call id, and when each was received.
    events: BTreeMap<String, (LoginEvent, i64)>,
    /// When each event that came more than once came last, by call id.
    again: BTreeMap<String, i64>,
    gaps: BTreeSet<Gap>,
    /// By date.
    asked: BTreeMap<String, AskedAgain>,
    alive: Option<i64>,
    /// The owner and the position of each watch.
    watches: BTreeMap<String, (Weak<()>, Option<String>)>,
    users: BTreeMap<String, UserRecord>,
}

#[derive(Debug)]
struct Scan {
    snapshot: Snapshot,
    position: Position,
    found: Found,
    /// Whoever began or resumed it, until that is dropped.
    owner: Weak<()>,
}

/// What a scan found out.
#[derive(Debug, Clone, Default)]
struct Found {
    /// By user and resource.
    devices: BTreeMap<(String, String), SeenDevice>,
    /// By user.
    not_known: BTreeMap<String, NotKnown>,
}

impl Kept {
    fn unfinished(&mut self, id: SnapshotId) -> Result<&mut Scan, StoreError> {
        let scan = self.scans.get_mut(&id);
        scan.filter(|scan| scan.snapshot.finished_ms.is_none())
            .ok_or(StoreError::NotOpen(id))
    }

    fn see(&mut self, user: &str, device: &SeenDevice, now_ms: i64) {
        let key = (user.to_owned(), device.resource.clone());
        let known = self.devices.entry(key).or_insert_with(|| KnownDevice {
            resource: device.resource.clone(),
            platform: device.platform.clone(),
            name: None,
            first_seen_ms: now_ms,
            last_seen_ms: now_ms,
        });
        known.first_seen_ms = known.first_seen_ms.min(now_ms);
        known.last_seen_ms = known.last_seen_ms.max(now_ms);
        known.name = device.name.clone().or_else(|| known.name.take());
    }

    /// The events of a time, in the order in which they happened.
    fn events(&self, range: Range) -> Vec<&LoginEvent> {
        let all = self.events.values().map(|(event, _)| event);
        let mut events: Vec<_> = all.filter(|event| range.contains(event.at_ms)).collect();
        // Stable: those of one millisecond stay in the order of their ids.
        events.sort_by_key(|event| event.at_ms);
        events
    }
}

impl Found {
    fn add(&mut self, user: &str, state: &UserState) {
        let (state, why) = match state {
            UserState::Offline | UserState::Changed => return,
            UserState::Online(devices) => {
                let keyed =
                    |device: &SeenDevice| ((user.to_owned(), device.resource.clone()), device.clone());
                self.devices.extend(devices.iter().map(keyed));
                return;
            }
            UserState::Unknown(why) => ("unknown", why),
            UserState::Failed(why) => ("failed", why),
        };
        let not_known = NotKnown {
            user: user.to_owned(),
            state: state.to_owned(),
            why: why.clone(),
        };
        self.not_known.insert(user.to_owned(), not_known);
    }

    /// Returns whether the devices of a user are known; of a user without any only a scan that `covers` the user knows.
    fn knows(&self, user: &str, covers: bool) -> bool {
        let has_any = || self.devices.keys().any(|(owner, _)| owner == user);
        !self.not_known.contains_key(user) && (covers || has_any())
    }

    /// The devices that `other` does not have: of `kind` if it knows the user, else of `not_known`.
    fn without(&self, other: &Self, covers: bool, kind: ChangeKind, not_known: ChangeKind) -> Vec<Change> {
        let missing = self
            .devices
            .iter()
            .filter(|(key, _)| !other.devices.contains_key(*key));
        missing
            .map(|((user, resource), device)| Change {
                user: user.clone(),
                resource: resource.clone(),
                platform: device.platform.clone(),
                kind: if other.knows(user, covers) {
                    kind
                } else {
                    not_known
                },
            })
            .collect()
    }
}

impl MemoryLogins {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy, so that whoever visits it may ask the store in the meantime.
    fn found(&self, id: SnapshotId) -> Found {
        let kept = self.kept();
        kept.scans
            .get(&id)
            .map(|scan| scan.found.clone())
            .unwrap_or_default()
    }
}

impl LoginStore for MemoryLogins {
    fn begin(&mut self, source: &str, now_ms: i64) -> Result<SnapshotId, StoreError> {
        let mut kept = self.kept();
        kept.begun += 1;
        let id = kept.begun;
        let scan = Scan {
            snapshot: Snapshot {
                id,
                started_ms: now_ms,
                finished_ms: None,
                source: source.to_owned(),
                counts: Counts::default(),
                limits: None,
                program: Some(PROGRAM.to_owned()),
            },
            position: Position::default(),
            found: Found::default(),
            owner: Arc::downgrade(&self.owner),
        };
        kept.scans.insert(id, scan);
        Ok(id)
    }

    fn own(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if let Some(scan) = kept.scans.get_mut(&snapshot) {
            let owner = scan.owner.upgrade();
            if owner.is_some_and(|owner| !Arc::ptr_eq(&owner, &self.owner)) {
                return Err(StoreError::Taken(snapshot));
            }
            scan.owner = Arc::downgrade(&self.owner);
        }
        Ok(())
    }

    fn add(
        &mut self,
        snapshot: SnapshotId,
        users: &[(String, UserState)],
        after: &Position,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let scan = kept.unfinished(snapshot)?;
        scan.position = after.clone();
        for (user, state) in users {
            scan.snapshot.counts.add(state);
            scan.found.add(user, state);
        }
        for (user, state) in users {
            if let UserState::Online(devices) = state {
                for device in devices {
                    kept.see(user, device, now_ms);
                }
            }
        }
        kept.read(users, now_ms);
        Ok(())
    }

    fn restart(&mut self, snapshot: SnapshotId) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let scan = kept.unfinished(snapshot)?;
        scan.position = Position::default();
        scan.found.not_known.retain(|_, user| user.state != "failed");
        let before = scan.snapshot.counts;
        scan.snapshot.counts = Counts {
            users: before.online + before.unknown,
            offline: 0,
            changed: 0,
            failed: 0,
            ..before
        };
        Ok(())
    }

    fn set_limits(&mut self, snapshot: SnapshotId, limits: &str) -> Result<(), StoreError> {
        self.kept().unfinished(snapshot)?.snapshot.limits = Some(limits.to_owned());
        Ok(())
    }

    fn finish(&mut self, snapshot: SnapshotId, now_ms: i64) -> Result<(), StoreError> {
        self.kept().unfinished(snapshot)?.snapshot.finished_ms = Some(now_ms);
        Ok(())
    }

    fn unfinished(&self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError> {
        let kept = self.kept();
        let newest = kept.scans.values().rfind(|scan| scan.snapshot.source == source);
        let unfinished = newest.filter(|scan| scan.snapshot.finished_ms.is_none());
        Ok(unfinished.map(|scan| (scan.snapshot.clone(), scan.position.clone())))
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let kept = self.kept();
        Ok(kept.scans.values().map(|scan| scan.snapshot.clone()).collect())
    }

    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError> {
        for ((user, _), device) in self.found(snapshot).devices {
            visit(&user, device);
        }
        Ok(())
    }

    fn each_not_known(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(NotKnown),
    ) -> Result<(), StoreError> {
        self.found(snapshot).not_known.into_values().for_each(visit);
        Ok(())
    }

    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError> {
        let (earlier, later) = (self.found(from.id), self.found(to.id));
        let (out, not_later) = (ChangeKind::SignedOut, ChangeKind::NotKnownLater);
        let mut changes = earlier.without(&later, to.covers(from), out, not_later);
        let (new, not_earlier) = (ChangeKind::SignedIn, ChangeKind::NotKnownEarlier);
        changes.extend(later.without(&earlier, from.covers(to), new, not_earlier));
        changes.sort_by(|one, other| (&one.user, &one.resource).cmp(&(&other.user, &other.resource)));
        changes.into_iter().for_each(visit);
        Ok(())
    }

    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError> {
        let kept = self.kept();
        let of_user = kept.devices.iter().filter(|((owner, _), _)| owner == user);
        let mut devices: Vec<KnownDevice> = of_user.map(|(_, device)| device.clone()).collect();
        devices.sort_by_key(|device| device.first_seen_ms);
        Ok(devices)
    }

    fn record_events(&mut self, events: &[LoginEvent], received_ms: i64) -> Result<Vec<bool>, StoreError> {
        let mut kept = self.kept();
        let new = events.iter().map(|event| {
            let new = !kept.events.contains_key(&event.call_id);
            if new {
                kept.events
                    .insert(event.call_id.clone(), (event.clone(), received_ms));
            } else {
                kept.again.insert(event.call_id.clone(), received_ms);
            }
            new
        });
        let new: Vec<bool> = new.collect();
        let happened = events.iter().zip(&new).filter(|(_, new)| **new);
        kept.happened(happened.map(|(event, _)| event));
        Ok(new)
    }

    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError> {
        let mut events: Vec<LoginEvent> = self.kept().events(range).into_iter().cloned().collect();
        events.retain(|event| user.is_none_or(|user| event.user == user));
        events.into_iter().for_each(visit);
        Ok(())
    }

    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let mut times: BTreeMap<String, u64> = BTreeMap::new();
        for event in self.kept().events(range) {
            if event.kind == kind {
                *times.entry(event.user.clone()).or_default() += 1;
            }
        }
        let mut users: Vec<_> = times.into_iter().collect();
        users.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        users.truncate(most);
        Ok(users)
    }

    fn sign_ins(&self, received: Range) -> Result<Vec<(String, String)>, StoreError> {
        let kept = self.kept();
        let sign_ins = kept
            .events
            .values()
            .filter(|(event, received_ms)| event.kind == LoginKind::Login && received.contains(*received_ms));
        let mut sign_ins: Vec<_> = sign_ins
            .map(|(event, _)| (event.call_id.clone(), event.user.clone()))
            .collect();
        sign_ins.sort_by(|(_, one), (_, other)| one.cmp(other));
        Ok(sign_ins)
    }

    fn own_watch(&mut self, watch: &str) -> Result<Option<String>, StoreError> {
        let mut kept = self.kept();
        let (owner, position) = kept.watches.entry(watch.to_owned()).or_default();
        let other = owner
            .upgrade()
            .is_some_and(|owner| !Arc::ptr_eq(&owner, &self.owner));
        if other {
            return Err(StoreError::Watched(watch.to_owned()));
        }
        *owner = Arc::downgrade(&self.owner);
        Ok(position.clone())
    }

    fn set_watch_position(&mut self, watch: &str, position: &str) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let (_, kept) = kept.watches.entry(watch.to_owned()).or_default();
        *kept = Some(position.to_owned());
        Ok(())
    }

    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError> {
        let kept = self.kept();
        let events = kept.events.values().map(|(event, _)| event);
        let of_device = events.filter(|event| event.user == user && event.resource == resource);
        let last =
            of_device.max_by_key(|event| (event.at_ms, event.kind != LoginKind::Login, &event.call_id));
        Ok(last.cloned())
    }

    fn alive(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.kept().alive)
    }

    fn set_alive(&mut self, now_ms: i64) -> Result<(), StoreError> {
        self.kept().alive = Some(now_ms);
        Ok(())
    }

    fn record_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        self.kept().gaps.insert(gap.clone());
        Ok(())
    }

    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError> {
        let kept = self.kept();
        let within = |gap: &&Gap| gap.until_ms >= range.since_ms && gap.since_ms < range.until_ms;
        Ok(kept.gaps.iter().filter(within).cloned().collect())
    }

    fn replace_gap(&mut self, gap: &Gap, left: &[Gap]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.gaps.remove(gap) {
            kept.gaps.extend(left.iter().cloned());
        }
        Ok(())
    }

    fn note_asked(&mut self, asked: &AskedAgain) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let known = kept.asked.get(&asked.date).cloned();
        let noted = known.map_or_else(
            || asked.clone(),
            |known| AskedAgain {
                date: known.date,
                posts: known.posts.max(asked.posts),
                asked_ms: known.asked_ms.min(asked.asked_ms),
                times: known.times + asked.times,
                accepted: known.accepted || asked.accepted,
            },
        );
        kept.asked.insert(asked.date.clone(), noted);
        Ok(())
    }

    fn asked_again(&self) -> Result<Vec<AskedAgain>, StoreError> {
        Ok(self.kept().asked.values().cloned().collect())
    }

    fn arrived_since(&self, since_ms: i64) -> Result<Vec<Arrival>, StoreError> {
        let kept = self.kept();
        let arrivals = kept.events.iter().map(|(id, (event, received_ms))| Arrival {
            at_ms: event.at_ms,
            arrived_ms: kept.again.get(id).copied().unwrap_or(*received_ms),
        });
        let mut arrivals: Vec<_> = arrivals.filter(|one| one.arrived_ms >= since_ms).collect();
        arrivals.sort_unstable();
        Ok(arrivals)
    }

    fn shapes(&self) -> Result<Vec<Shape>, StoreError> {
        Ok(self.kept().shapes())
    }

    fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Result<Vec<KnownUser>, StoreError> {
        Ok(self.kept().users(which, order, after, most))
    }

    fn count_users(&self, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError> {
        Ok(self.kept().users(which, UserOrder::User, None, up_to).len())
    }

    fn events_by_hour(&self, range: Range) -> Result<Vec<(i64, LoginKind, u64)>, StoreError> {
        let mut counted: BTreeMap<(i64, &str), (LoginKind, u64)> = BTreeMap::new();
        let kept = self.kept();
        for event in kept.events(range) {
            let hour = event.at_ms - event.at_ms.rem_euclid(HOUR_MS);
            counted
                .entry((hour, event.kind.word()))
                .or_insert((event.kind, 0))
                .1 += 1;
        }
        let counted = counted.into_iter();
        Ok(counted
            .map(|((hour, _), (kind, count))| (hour, kind, count))
            .collect())
    }

    fn forget(&mut self, before_ms: i64) -> Result<Forgotten, StoreError> {
        let mut kept = self.kept();
        kept.forget_users(before_ms);
        let Kept {
            scans,
            devices,
            events,
            again,
            gaps,
            asked,
            ..
        } = &mut *kept;
        let before = (scans.len(), events.len(), devices.len());
        let newest = scans.values().rfind(|scan| scan.snapshot.finished_ms.is_some());
        let newest = newest.map(|scan| scan.snapshot.id);
        scans.retain(|id, scan| scan.snapshot.started_ms >= before_ms || Some(*id) == newest);
        events.retain(|_, (event, _)| event.at_ms >= before_ms);
        again.retain(|id, _| events.contains_key(id));
        gaps.retain(|gap| gap.until_ms >= before_ms);
        asked.retain(|_, asked| asked.asked_ms >= before_ms);
        devices.retain(|key, device| {
            let in_a_scan = || scans.values().any(|scan| scan.found.devices.contains_key(key));
            device.last_seen_ms >= before_ms || in_a_scan()
        });
        Ok(Forgotten {
            snapshots: before.0 - scans.len(),
            events: before.1 - events.len(),
            devices: before.2 - devices.len(),
        })
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> ((), MemoryLoginStores) {
        ((), MemoryLoginStores::default())
    }

    crate::login_store_conformance!(fresh);
}
