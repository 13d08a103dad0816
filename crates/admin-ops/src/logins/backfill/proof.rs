//! What proves that the events of a gap arrived. Pure.
//!
//! The service says how many posts it stored under a key, but neither which, nor when it has sent them all again. So a key
//! counts as arrived only if as many distinct events about its time arrived since it was asked for as it had posts. Posts
//! of other kinds count among the stored ones and are not kept here: the gap stays open then.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::logins::backfill::keys::{
    LATE_MS, SLICE_MS, STORED_MS, Zone, begin_ms, concerns, is_over, slice_of,
};
use crate::logins::store::{Arrival, AskedAgain, Gap};

/// Why a part of a gap stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// The service no longer stores posts of that time.
    TooOld,
    /// The time has not passed yet, or posts about it may still fail.
    NotOver,
    /// Nothing shows that the service stored posts at that time.
    NotStored,
    /// Posts were asked for, and not all of them arrived.
    NotArrived,
    /// Posts are stored, and were not asked for or refused.
    NotSent,
    /// Posts were asked for as often as is allowed.
    UsedUp,
    /// The time zone of the keys does not follow from the events that arrived, or a key would be of the future.
    ZoneUnknown,
}

impl Open {
    /// Returns whether running the command again later may help.
    #[must_use]
    pub fn may_end(self) -> bool {
        matches!(self, Self::NotOver | Self::NotArrived | Self::NotSent)
    }
}

/// What is known of the ten minutes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slice {
    /// All of its posts arrived.
    Arrived,
    /// It stays open.
    Open(Open),
}

/// A part of a gap that stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The part.
    pub gap: Gap,
    /// Why.
    pub why: BTreeSet<Open>,
}

/// Returns whether an event came so long after it happened that the service must have stored it.
fn is_late(arrival: &Arrival) -> bool {
    arrival.arrived_ms.saturating_sub(arrival.at_ms) >= LATE_MS
}

/// Returns whether an event may be among the posts of the ten minutes that begin then.
fn may_be_of(begin_ms: i64, at_ms: i64) -> bool {
    (begin_ms - LATE_MS..begin_ms + SLICE_MS + LATE_MS).contains(&at_ms)
}

/// Returns the one zone in which every event that arrived late is from ten minutes that were asked for; nothing if there
/// is none, or several.
#[must_use]
pub fn zone_of(zones: &[Zone], asked: &[AskedAgain], arrivals: &[Arrival]) -> Option<Zone> {
    let first = asked.iter().map(|asked| asked.asked_ms).min()?;
    let late = arrivals
        .iter()
        .filter(|arrival| arrival.arrived_ms >= first && is_late(arrival));
    late.clone().next()?;
    let explains = |zone: &Zone| {
        let begins: Vec<i64> = asked
            .iter()
            .filter_map(|asked| begin_ms(&asked.date, *zone))
            .collect();
        let is_explained = |arrival: &Arrival| begins.iter().any(|begin| may_be_of(*begin, arrival.at_ms));
        late.clone().all(is_explained)
    };
    let mut explaining = zones.iter().filter(|zone| explains(zone));
    let found = explaining.next()?;
    explaining.next().is_none().then_some(*found)
}

/// Returns the dates of the keys whose posts all arrived.
///
/// Keys that follow each other are judged together, because an event near a border may be of either.
#[must_use]
pub fn arrived(zone: Zone, asked: &[AskedAgain], arrivals: &[Arrival]) -> BTreeSet<String> {
    let by_begin: BTreeMap<i64, &AskedAgain> = asked
        .iter()
        .filter_map(|asked| Some((begin_ms(&asked.date, zone)?, asked)))
        .collect();
    let mut groups: Vec<Vec<(i64, &AskedAgain)>> = Vec::new();
    for (begin, asked) in by_begin {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|(last, _)| begin - last <= SLICE_MS) => {
                group.push((begin, asked));
            }
            _ => groups.push(vec![(begin, asked)]),
        }
    }
    let mut dates = BTreeSet::new();
    for group in groups {
        let posts = group
            .iter()
            .fold(0, |sum: u64, (_, asked)| sum.saturating_add(asked.posts));
        let first = group
            .iter()
            .map(|(_, asked)| asked.asked_ms)
            .min()
            .unwrap_or_default();
        let is_of_group = |arrival: &&Arrival| {
            arrival.arrived_ms >= first
                && is_late(arrival)
                && group.iter().any(|(begin, _)| may_be_of(*begin, arrival.at_ms))
        };
        let arrived = arrivals.iter().filter(is_of_group).count();
        if u64::try_from(arrived).is_ok_and(|arrived| arrived >= posts) {
            // Whether the service said that it sends them does not count: a command that was killed never heard it.
            dates.extend(group.iter().map(|(_, asked)| asked.date.clone()));
        }
    }
    dates
}

/// What is known when the parts of gaps are judged.
#[derive(Debug)]
pub struct Known {
    /// The ten minutes of which the service stores or stored posts, by when they begin.
    pub slices: BTreeMap<i64, Slice>,
    /// The time zone of the keys.
    pub zone: Zone,
    /// Since when the service stores posts for the app, as far as that is known: without a key, nothing failed since then.
    pub stored_since_ms: Option<i64>,
    /// The time of this machine.
    pub now_ms: i64,
}

impl Known {
    fn slice(&self, begin_ms: i64) -> Slice {
        if let Some(slice) = self.slices.get(&begin_ms) {
            return slice.clone();
        }
        if !is_over(begin_ms, self.now_ms) {
            Slice::Open(Open::NotOver)
        } else if begin_ms < oldest_ms(self.now_ms) {
            Slice::Open(Open::TooOld)
        } else if self.stored_since_ms.is_none_or(|since| begin_ms < since) {
            Slice::Open(Open::NotStored)
        } else {
            Slice::Arrived
        }
    }

    /// Returns the parts of a gap that stay open, in order.
    #[must_use]
    pub fn left_of(&self, gap: &Gap) -> Vec<Left> {
        let mut begins: BTreeSet<i64> = self
            .slices
            .keys()
            .copied()
            .filter(|begin| concerns(gap, *begin))
            .collect();
        let until = gap.until_ms.saturating_add(LATE_MS);
        // Whatever is older than all that the service stores is one part, however long it is.
        let oldest = oldest_ms(self.now_ms);
        let mut left = Vec::new();
        if gap.since_ms < oldest {
            let too_old = part(gap, gap.since_ms, oldest.saturating_add(LATE_MS), Open::TooOld);
            left.extend(too_old);
        }
        let mut begin = slice_of(gap.since_ms.max(oldest), self.zone);
        // No gap that anybody can fill is longer than the service stores posts.
        let end = until.min(self.now_ms.saturating_add(STORED_MS));
        while begin <= end {
            begins.insert(begin);
            begin += SLICE_MS;
        }
        for begin in begins {
            if let Slice::Open(why) = self.slice(begin) {
                left.extend(part(gap, begin - LATE_MS, begin + SLICE_MS + LATE_MS, why));
            }
        }
        merged(left)
    }
}

/// Returns the time before which the service may have removed posts.
fn oldest_ms(now_ms: i64) -> i64 {
    now_ms - STORED_MS + LATE_MS
}

/// Returns the part of a gap from a time to before another.
fn part(gap: &Gap, since_ms: i64, before_ms: i64, why: Open) -> Option<Left> {
    let gap = Gap {
        since_ms: gap.since_ms.max(since_ms),
        until_ms: gap.until_ms.min(before_ms - 1),
        why: gap.why.clone(),
    };
    (gap.since_ms <= gap.until_ms).then(|| Left {
        gap,
        why: BTreeSet::from([why]),
    })
}

fn merged(mut parts: Vec<Left>) -> Vec<Left> {
    parts.sort_by_key(|part| part.gap.since_ms);
    let mut merged: Vec<Left> = Vec::new();
    for part in parts {
        match merged.last_mut() {
            Some(last) if part.gap.since_ms <= last.gap.until_ms.saturating_add(1) => {
                last.gap.until_ms = last.gap.until_ms.max(part.gap.until_ms);
                last.why.extend(part.why);
            }
            _ => merged.push(part),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
