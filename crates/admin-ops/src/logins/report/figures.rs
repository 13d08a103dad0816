//! The figures of a report, with all names made safe to show to people.

use std::collections::BTreeMap;

use crate::logins::questions::count::{By, Counting};
use crate::logins::questions::top::{Holder, Ranking};
use crate::logins::store::{Gap, LoginKind, LoginStore, NotKnown, Range, Snapshot, StoreError};
use crate::names::harmless::harmless;

/// How many snapshots to compare.
const SNAPSHOTS: usize = 30;

/// How many users a list names.
const NAMED: usize = 100;

/// How many users with the most devices are named: a table that is not collapsed.
const TOP: usize = 10;

const HOUR_MS: i64 = 3_600_000;

/// Devices by platform.
pub type ByPlatform = BTreeMap<String, u64>;

/// What a report should show.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name of the app.
    pub app: String,
    /// The time of the report, in milliseconds since 1970.
    pub now_ms: i64,
    /// The time of the oldest events shown, in milliseconds since 1970.
    pub since_ms: i64,
    /// The most devices allowed on one platform, if given.
    pub over: Option<u64>,
}

/// The content of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The name of the app.
    pub app: String,
    /// The time of the report, in milliseconds since 1970.
    pub now_ms: i64,
    /// The snapshot that most of the report is about.
    pub snapshot: Snapshot,
    /// The number of accounts for each number of devices, including none.
    pub accounts_by_devices: Vec<(u64, u64)>,
    /// The accounts with the most devices; only the first if there are many.
    pub most: Vec<Holder>,
    /// Devices by platform at the time of each snapshot, oldest first.
    pub platforms: Vec<(i64, ByPlatform)>,
    /// The events of each hour, including hours without events.
    pub hours: Vec<Hour>,
    /// Accounts with too many devices on a platform, if requested.
    pub exceeding: Option<Exceeding>,
    /// Users whose devices are not known; only the first if there are many.
    pub not_known: Vec<NotKnown>,
    /// Periods from which events may be missing.
    pub gaps: Vec<Gap>,
}

/// The events of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hour {
    /// The start of the hour, in milliseconds since 1970.
    pub start_ms: i64,
    /// Sign-ins.
    pub sign_ins: u64,
    /// Devices that were signed out by another sign-in or by an operator: the service does not distinguish
    /// them.
    pub evictions: u64,
}

/// Accounts with too many devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeding {
    /// The most devices allowed on one platform.
    pub over: u64,
    /// The number of combinations of account and platform.
    pub count: u64,
    /// Account, platform and number of devices, the most first; only the first if there are many.
    pub first: Vec<(String, String, u64)>,
}

/// Computes the figures about a snapshot.
///
/// # Errors
/// When the store cannot be read.
pub fn gather(store: &dyn LoginStore, snapshot: Snapshot, wanted: &Wanted) -> Result<Figures, StoreError> {
    let mut counting = Counting::new(By::Devices, None);
    let mut ranking = Ranking::new(TOP, 0);
    let mut own: BTreeMap<(String, String), u64> = BTreeMap::new();
    store.each_device(snapshot.id, &mut |user, device| {
        if wanted.over.is_some() {
            *own.entry((user.to_owned(), device.platform.clone())).or_default() += 1;
        }
        ranking.add(user, &device);
        counting.add(user, &device);
    })?;
    let none = snapshot.counts.offline + snapshot.counts.changed;
    let (groups, _) = counting.finish();
    let groups = groups.iter();
    let counted = groups.filter_map(|(devices, group)| Some((devices.parse().ok()?, group.users)));
    let mut not_known = Vec::new();
    store.each_not_known(snapshot.id, &mut |user| {
        if not_known.len() < NAMED {
            not_known.push(NotKnown {
                user: shown(&user.user),
                state: user.state,
                why: shown(&user.why),
            });
        }
    })?;
    let range = Range {
        since_ms: wanted.since_ms,
        until_ms: wanted.now_ms,
    };
    let mut gaps = store.gaps(range)?;
    for gap in &mut gaps {
        gap.why = shown(&gap.why);
    }
    Ok(Figures {
        accounts_by_devices: std::iter::once((0, none)).chain(counted).collect(),
        most: ranking.finish().into_iter().map(harmless_holder).collect(),
        platforms: platforms(store, &snapshot)?,
        hours: hours(store, range)?,
        exceeding: wanted.over.map(|over| exceeding(own, over)),
        not_known,
        gaps,
        app: shown(&wanted.app),
        now_ms: wanted.now_ms,
        snapshot,
    })
}

/// Writes invisible characters out: names come from devices, and so from anybody.
fn shown(name: &str) -> String {
    harmless(name).into_owned()
}

fn harmless_holder(holder: Holder) -> Holder {
    Holder {
        user: shown(&holder.user),
        devices: holder.devices,
        platforms: holder
            .platforms
            .into_iter()
            .map(|(platform, devices)| (shown(&platform), devices))
            .collect(),
    }
}

/// Counts the devices of the snapshots of the same users.
fn platforms(store: &dyn LoginStore, latest: &Snapshot) -> Result<Vec<(i64, ByPlatform)>, StoreError> {
    let mut alike = store.snapshots()?;
    alike.retain(|one| one.source == latest.source && one.finished_ms.is_some() && one.id <= latest.id);
    alike.drain(..alike.len().saturating_sub(SNAPSHOTS));
    let mut all = Vec::with_capacity(alike.len());
    for snapshot in alike {
        let mut devices = ByPlatform::new();
        store.each_device(snapshot.id, &mut |_, device| {
            *devices.entry(shown(&device.platform)).or_default() += 1;
        })?;
        all.push((snapshot.started_ms, devices));
    }
    Ok(all)
}

/// Counts events per hour, from the first to the last hour with an event.
fn hours(store: &dyn LoginStore, range: Range) -> Result<Vec<Hour>, StoreError> {
    let mut hours: Vec<Hour> = Vec::new();
    store.each_event(range, None, &mut |event| {
        let start_ms = event.at_ms.div_euclid(HOUR_MS) * HOUR_MS;
        while hours.last().is_some_and(|hour| hour.start_ms < start_ms) || hours.is_empty() {
            let next = hours.last().map_or(start_ms, |hour| hour.start_ms + HOUR_MS);
            hours.push(Hour {
                start_ms: next,
                ..Hour::default()
            });
        }
        if let Some(hour) = hours.last_mut() {
            match event.kind {
                LoginKind::Login => hour.sign_ins += 1,
                LoginKind::Replaced => hour.evictions += 1,
                LoginKind::Logout => {}
            }
        }
    })?;
    Ok(hours)
}

fn exceeding(own: BTreeMap<(String, String), u64>, over: u64) -> Exceeding {
    let mut first: Vec<(String, String, u64)> = own
        .into_iter()
        .filter(|(_, devices)| *devices > over)
        .map(|((user, platform), devices)| (shown(&user), shown(&platform), devices))
        .collect();
    let count = u64::try_from(first.len()).unwrap_or(u64::MAX);
    // Stable: accounts with equally many devices stay sorted by name.
    first.sort_by_key(|(_, _, devices)| std::cmp::Reverse(*devices));
    first.truncate(NAMED);
    Exceeding { over, count, first }
}
