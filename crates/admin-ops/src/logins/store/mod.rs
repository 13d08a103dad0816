//! What is kept about logins, and what can be asked of it.
//!
//! [`SqliteLogins`](sqlite::SqliteLogins) is the store that ships, [`MemoryLogins`](memory::MemoryLogins) is for tests. What
//! every store promises is in `conformance`, behind the feature of that name.

mod asked_again;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod directory;
mod event;
pub mod memory;
mod snapshot;
pub mod sqlite;

use std::fmt;

use serde::Serialize;

pub use self::asked_again::{Arrival, AskedAgain};
pub use self::directory::{KnownUser, Shape, UserOrder, UserPlace, WhichUsers};
pub use self::event::{Gap, HOUR_MS, LoginEvent, LoginKind, Range};
pub use self::snapshot::{
    Change, ChangeKind, Counts, KnownDevice, NotKnown, Position, SeenDevice, Snapshot, SnapshotId, UserState,
};
pub use crate::store_error::StoreError;

/// The version that a store notes with each snapshot that it begins.
pub const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Keeps the logins of all targets, each under its [name](crate::target::Target::name).
pub trait LoginStores: fmt::Debug + Send + Sync {
    /// Opens the store of a target, and makes it if there is none.
    ///
    /// # Errors
    /// When it cannot be used.
    fn of(&self, target: &str) -> Result<Box<dyn LoginStore>, StoreError>;

    /// Opens the store of a target, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    fn kept(&self, target: &str) -> Result<Option<Box<dyn LoginStore>>, StoreError>;

    /// Returns the names of the targets that have a store, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn targets(&self) -> Result<Vec<String>, StoreError>;
}

/// Keeps the snapshots and login events of one target.
///
/// Names are kept as they are given, in lower case where the server ignores case, and ordered by their bytes in UTF-8. A
/// snapshot that is not there has nothing in it. A visitor may ask the store further questions.
///
/// Several processes may use the same store at the same time. What was written stays written, whatever becomes of the process
/// or the machine after the call has returned; a call that fails has changed nothing.
pub trait LoginStore: fmt::Debug + Send {
    /// Begins a snapshot of the users of `source` and returns its number, which was never used before. It is by [`PROGRAM`].
    ///
    /// The snapshot belongs to this store until it is finished or the store is dropped.
    ///
    /// # Errors
    /// When it cannot be written.
    fn begin(&mut self, source: &str, now_ms: i64) -> Result<SnapshotId, StoreError>;

    /// Adds users to a snapshot, with the position after them. Of a user or device that is there already the newer state is
    /// kept, and it is counted again.
    ///
    /// # Errors
    /// When they cannot be written, or the snapshot is finished or not there.
    fn add(
        &mut self,
        snapshot: SnapshotId,
        users: &[(String, UserState)],
        after: &Position,
        now_ms: i64,
    ) -> Result<(), StoreError>;

    /// Puts a snapshot back to the beginning of its list, without losing what is kept of users.
    ///
    /// What is only counted (users who were offline or changed meanwhile) is counted anew, and so are reads that failed:
    /// whoever is still named in the snapshot need not be read again.
    ///
    /// # Errors
    /// When it cannot be written, or the snapshot is finished or not there.
    fn restart(&mut self, snapshot: SnapshotId) -> Result<(), StoreError>;

    /// Keeps the limits of the app at the time of a snapshot.
    ///
    /// # Errors
    /// When they cannot be written, or the snapshot is finished or not there.
    fn set_limits(&mut self, snapshot: SnapshotId, limits: &str) -> Result<(), StoreError>;

    /// Finishes a snapshot, which is not changed from then on.
    ///
    /// # Errors
    /// When it cannot be written, or the snapshot is finished or not there.
    fn finish(&mut self, snapshot: SnapshotId, now_ms: i64) -> Result<(), StoreError>;

    /// Makes a snapshot belong to this store, as if the store had begun it. What was read of it before may be outdated.
    ///
    /// # Errors
    /// When it belongs to another store, of this process or another ([`StoreError::Taken`]).
    fn own(&mut self, snapshot: SnapshotId) -> Result<(), StoreError>;

    /// Returns the newest snapshot of this source and how far it came, unless it is finished.
    ///
    /// # Errors
    /// When it cannot be read.
    fn unfinished(&self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError>;

    /// Returns all snapshots in the order in which they were begun.
    ///
    /// # Errors
    /// When they cannot be read.
    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError>;

    /// Visits the devices of a snapshot, by user and resource.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_device(
        &self,
        snapshot: SnapshotId,
        visit: &mut dyn FnMut(&str, SeenDevice),
    ) -> Result<(), StoreError>;

    /// Visits the users of a snapshot whose devices are not known, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_not_known(&self, snapshot: SnapshotId, visit: &mut dyn FnMut(NotKnown))
    -> Result<(), StoreError>;

    /// Visits what differs between two snapshots, by user and resource. A user who was not read in one of them is not known
    /// there.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_change(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        visit: &mut dyn FnMut(Change),
    ) -> Result<(), StoreError>;

    /// Returns the devices that a user was ever seen with by a snapshot, by when they were seen first, then by resource.
    ///
    /// # Errors
    /// When they cannot be read.
    fn known_devices(&self, user: &str) -> Result<Vec<KnownDevice>, StoreError>;

    /// Keeps events and returns of each whether it is new. An event whose call id is known is not kept again.
    ///
    /// # Errors
    /// When they cannot be written.
    fn record_events(&mut self, events: &[LoginEvent], received_ms: i64) -> Result<Vec<bool>, StoreError>;

    /// Visits events in the order in which they happened, then by call id, of all users or of one.
    ///
    /// # Errors
    /// When they cannot be read.
    fn each_event(
        &self,
        range: Range,
        user: Option<&str>,
        visit: &mut dyn FnMut(LoginEvent),
    ) -> Result<(), StoreError>;

    /// Returns the users with the most events of a kind, most first, then by name: at most `most` of them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn most_events(
        &self,
        kind: LoginKind,
        range: Range,
        most: usize,
    ) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns the sign-ins that were received in a time, by the clock of this machine: call id and user, by user, then by
    /// call id.
    ///
    /// An event is only there some time after it was received, when it is on disk.
    ///
    /// # Errors
    /// When they cannot be read.
    fn sign_ins(&self, received: Range) -> Result<Vec<(String, String)>, StoreError>;

    /// Makes a watch of the sign-ins belong to this store until it is dropped, and returns the position that was kept for it.
    ///
    /// # Errors
    /// When it belongs to another store, of this process or another ([`StoreError::Watched`]), or cannot be read.
    fn own_watch(&mut self, watch: &str) -> Result<Option<String>, StoreError>;

    /// Keeps the position of a watch, in words of its own.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set_watch_position(&mut self, watch: &str, position: &str) -> Result<(), StoreError>;

    /// Returns the last event of a device. Of several in one millisecond one that is not a sign-in comes last, else the one
    /// with the greatest call id.
    ///
    /// # Errors
    /// When it cannot be read.
    fn last_event(&self, user: &str, resource: &str) -> Result<Option<LoginEvent>, StoreError>;

    /// Returns when a collector was last there, in milliseconds since 1970.
    ///
    /// # Errors
    /// When it cannot be read.
    fn alive(&self) -> Result<Option<i64>, StoreError>;

    /// Notes that a collector is there.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set_alive(&mut self, now_ms: i64) -> Result<(), StoreError>;

    /// Keeps a time of which events may be missing. The same gap is kept once.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record_gap(&mut self, gap: &Gap) -> Result<(), StoreError>;

    /// Returns the gaps that have a millisecond in the range, by when they begin, then by when they end.
    ///
    /// # Errors
    /// When they cannot be read.
    fn gaps(&self, range: Range) -> Result<Vec<Gap>, StoreError>;

    /// Puts what is left of a gap in its place: nothing if it is closed. Without the gap, nothing is changed.
    ///
    /// # Errors
    /// When it cannot be written.
    fn replace_gap(&mut self, gap: &Gap, left: &[Gap]) -> Result<(), StoreError>;

    /// Notes that the service was asked to send ten minutes of posts again. Of what was noted before, the first time, the
    /// greater number of posts, the sum of times, and that it was accepted stay.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note_asked(&mut self, asked: &AskedAgain) -> Result<(), StoreError>;

    /// Returns what the service was asked to send again, by date.
    ///
    /// # Errors
    /// When it cannot be read.
    fn asked_again(&self) -> Result<Vec<AskedAgain>, StoreError>;

    /// Returns the events that arrived at or after a time, by the clock of this machine, ordered by when they happened. An
    /// event that came twice is one, which arrived when it came last.
    ///
    /// # Errors
    /// When they cannot be read.
    fn arrived_since(&self, since_ms: i64) -> Result<Vec<Arrival>, StoreError>;

    /// Returns what the users who are known have online, by the newest word about each device, and how many users have just that.
    /// In any order.
    ///
    /// # Errors
    /// When it cannot be read.
    fn shapes(&self) -> Result<Vec<Shape>, StoreError>;

    /// Returns at most `most` users who come after a place in an order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn users(
        &self,
        which: &WhichUsers,
        order: UserOrder,
        after: Option<&UserPlace>,
        most: usize,
    ) -> Result<Vec<KnownUser>, StoreError>;

    /// Counts users, up to a number.
    ///
    /// # Errors
    /// When they cannot be read.
    fn count_users(&self, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError>;

    /// Counts the events of a time by kind and by the hour, of UTC, in which they happened: its first millisecond, kind and number,
    /// in this order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events_by_hour(&self, range: Range) -> Result<Vec<(i64, LoginKind, u64)>, StoreError>;

    /// Forgets what is from before a time: snapshots that were begun, events that happened, gaps that ended, posts that the
    /// service was asked for, and devices and users that were last seen before it. The newest finished snapshot stays, and so do
    /// the devices of the snapshots that are kept, and users who were seen since the newest finished one began.
    ///
    /// # Errors
    /// When it cannot be written.
    fn forget(&mut self, before_ms: i64) -> Result<Forgotten, StoreError>;

    /// Gives the space of what was forgotten back, where a store does not do that by itself.
    ///
    /// # Errors
    /// When the store cannot be written anew.
    fn compact(&mut self) -> Result<(), StoreError>;
}

impl dyn LoginStore + '_ {
    /// Returns what [`unfinished`](LoginStore::unfinished) returns, and [owns](LoginStore::own) the snapshot.
    ///
    /// # Errors
    /// When the snapshot belongs to another store, or cannot be read.
    pub fn resume(&mut self, source: &str) -> Result<Option<(Snapshot, Position)>, StoreError> {
        let mut owned = None;
        loop {
            let found = self.unfinished(source)?;
            let id = found.as_ref().map(|(snapshot, _)| snapshot.id);
            if id == owned {
                return Ok(found);
            }
            let Some(id) = id else { return Ok(None) };
            // Its owner may have added to it since it was read, so it is read again.
            self.own(id)?;
            owned = Some(id);
        }
    }
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Forgotten {
    /// How many snapshots.
    pub snapshots: usize,
    /// How many events.
    pub events: usize,
    /// How many devices that no kept snapshot has.
    pub devices: usize,
}

#[cfg(test)]
mod tests;
