//! Decides how long each connection may wait, and which one has to go when there are too many. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Limits;
use crate::peer::Peer;

/// The number of a connection.
pub(crate) type Id = u64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Table {
    limits: Limits,
    opened: Id,
    entries: BTreeMap<Id, Entry>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    /// Since when it waits.
    since: Instant,
    deadline: Instant,
    /// How many of its requests are being answered.
    working: usize,
    /// Whether one of its requests was worth an answer.
    useful: bool,
}

/// What happens to a new connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It is open.
    Open(Id),
    /// It is open in place of another one, which has to be closed.
    Instead(Id, Id),
    /// It has to wait, because every connection is being answered.
    Full,
}

impl Table {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            opened: 0,
            entries: BTreeMap::new(),
        }
    }

    /// Returns how long the other side of a connection may leave what was sent to it.
    pub(crate) fn patience(&self) -> Duration {
        self.limits.idle
    }

    /// Adds a connection.
    pub(crate) fn open(&mut self, peer: Peer, now: Instant) -> Opening {
        let of_peer = self.entries.values().filter(|entry| entry.peer == peer).count();
        let evicted = if self.entries.len() >= self.limits.total {
            let evicted = self.evict(None, Some(peer));
            if evicted.is_none() {
                return Opening::Full;
            }
            evicted
        } else if of_peer >= self.limits.per_peer {
            // With all of them at work there is room left for one more.
            self.evict(Some(peer), Some(peer))
        } else {
            None
        };
        self.opened += 1;
        let entry = Entry {
            peer,
            since: now,
            deadline: now + self.limits.arrival,
            working: 0,
            useful: false,
        };
        self.entries.insert(self.opened, entry);
        match evicted {
            Some(evicted) => Opening::Instead(self.opened, evicted),
            None => Opening::Open(self.opened),
        }
    }

    /// Removes and returns the connection that is missed least, of one peer or of all. A newcomer counts as a connection of
    /// its peer.
    pub(crate) fn evict(&mut self, of: Option<Peer>, newcomer: Option<Peer>) -> Option<Id> {
        let waiting = || {
            self.entries
                .iter()
                .filter(|(_, entry)| entry.working == 0 && of.is_none_or(|peer| peer == entry.peer))
        };
        let mut count: BTreeMap<Peer, usize> = newcomer.map(|peer| (peer, 1)).into_iter().collect();
        for (_, entry) in waiting() {
            *count.entry(entry.peer).or_default() += 1;
        }
        let (id, _) = waiting().min_by_key(|(id, entry)| {
            let of_peer = count.get(&entry.peer).copied().unwrap_or_default();
            (entry.useful, usize::MAX - of_peer, entry.since, **id)
        })?;
        let id = *id;
        self.entries.remove(&id);
        Some(id)
    }

    /// Removes a connection.
    pub(crate) fn close(&mut self, id: Id) {
        self.entries.remove(&id);
    }

    /// Notes that the head of a request has arrived.
    pub(crate) fn begin(&mut self, id: Id, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.since = now;
            entry.deadline = now + self.limits.arrival * 2;
        }
    }

    /// Notes that all of a request has arrived, and that it is being answered.
    pub(crate) fn work(&mut self, id: Id) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.working += 1;
        }
    }

    /// Notes that a request is answered.
    pub(crate) fn answered(&mut self, id: Id, useful: bool, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.working = entry.working.saturating_sub(1);
            entry.useful |= useful;
            entry.since = now;
            entry.deadline = now + self.limits.idle;
        }
    }

    /// Returns when to close a connection, or to ask again; `None` if it is not in the table.
    pub(crate) fn deadline(&self, id: Id, now: Instant) -> Option<Instant> {
        let entry = self.entries.get(&id)?;
        Some(if entry.working > 0 {
            now + self.limits.idle
        } else {
            entry.deadline
        })
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn table(per_peer: usize, total: usize) -> Table {
        Table::new(Limits {
            arrival: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            per_peer,
            total,
        })
    }

    fn peer(number: u8) -> Peer {
        IpAddr::from([10, 0, 0, number]).into()
    }

    fn after(seconds: u64) -> Instant {
        thread_local!(static BEGUN: Instant = Instant::now());
        BEGUN.with(|begun| *begun) + Duration::from_secs(seconds)
    }

    #[test]
    fn each_step_of_a_request_has_its_time() {
        let mut table = table(9, 9);
        assert_eq!(table.open(peer(1), after(0)), Opening::Open(1));
        assert_eq!(table.deadline(1, after(0)), Some(after(10)));
        table.begin(1, after(5));
        assert_eq!(table.deadline(1, after(5)), Some(after(25)));
        table.work(1);
        table.work(1);
        assert_eq!(
            table.deadline(1, after(500)),
            Some(after(560)),
            "it is asked again"
        );
        table.answered(1, true, after(600));
        assert_eq!(
            table.deadline(1, after(700)),
            Some(after(760)),
            "there is another one"
        );
        table.answered(1, true, after(700));
        assert_eq!(table.deadline(1, after(700)), Some(after(760)));
        table.close(1);
        assert_eq!(table.deadline(1, after(700)), None);
    }

    #[test]
    fn one_peer_cannot_have_all_connections() {
        let mut table = table(2, 10);
        assert_eq!(table.open(peer(1), after(0)), Opening::Open(1));
        assert_eq!(table.open(peer(1), after(1)), Opening::Open(2));
        assert_eq!(table.open(peer(2), after(2)), Opening::Open(3));
        assert_eq!(table.open(peer(1), after(3)), Opening::Instead(4, 1));
        assert_eq!(table.open(peer(1), after(4)), Opening::Instead(5, 2));
        assert_eq!(table.open(peer(2), after(5)), Opening::Open(6));
        // A proxy that carries many posts at once has them answered.
        table.work(4);
        table.work(5);
        assert_eq!(table.open(peer(1), after(6)), Opening::Open(7));
    }

    #[test]
    fn the_peer_with_most_connections_makes_room_for_others() {
        let mut table = table(3, 4);
        for (number, of) in [(1, 2), (2, 1), (3, 1), (4, 1)] {
            assert_eq!(table.open(peer(of), after(number)), Opening::Open(number));
        }
        assert_eq!(table.open(peer(3), after(5)), Opening::Instead(5, 2));
        table.work(3);
        table.work(4);
        assert_eq!(
            table.open(peer(3), after(6)),
            Opening::Instead(6, 5),
            "most that wait"
        );
    }

    #[test]
    fn connections_that_were_useful_go_last_and_those_at_work_never() {
        let mut table = table(9, 3);
        for number in 1..=3 {
            assert_eq!(table.open(peer(1), after(number)), Opening::Open(number));
        }
        table.work(1);
        table.answered(1, true, after(4));
        table.work(2);
        table.answered(2, false, after(5));
        assert_eq!(table.open(peer(1), after(6)), Opening::Instead(4, 3));
        assert_eq!(table.open(peer(1), after(7)), Opening::Instead(5, 2));
        table.work(4);
        table.work(5);
        assert_eq!(table.open(peer(1), after(8)), Opening::Instead(6, 1));
        table.work(6);
        assert_eq!(table.open(peer(1), after(9)), Opening::Full);
        assert_eq!(table.len(), 3);
        table.answered(6, true, after(10));
        assert_eq!(table.open(peer(2), after(11)), Opening::Instead(7, 6));
    }
}
