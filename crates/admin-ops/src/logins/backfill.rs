//! Fills gaps with posts that the service stored because no collector took them.
//!
//! [`keys`] knows under which ten minutes the service stores a post, [`proof`] what proves that its events arrived. A gap is
//! closed only where that is proved: an event that is missing without anybody knowing is worse than a gap.

pub mod keys;
pub mod proof;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use easemob_admin_api::Client;
use easemob_admin_api::endpoints::callbacks::RetryCallbacks;
use serde::Serialize;

use crate::logins::backfill::keys::{
    MOST_TIMES, SLICE_MS, Zone, begin_ms, concerns, is_over, possible_zones,
};
use crate::logins::backfill::proof::{Known, Left, Open, Slice, arrived, zone_of};
use crate::logins::store::{AskedAgain, Gap, LoginStore, Range, StoreError};
use crate::server::calls::CallError;

/// How often the store is asked what has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The calls about stored posts.
pub trait StoredPosts {
    /// Lists what is stored.
    fn stored(&self) -> impl Future<Output = Result<Vec<StoredKey>, CallError>>;

    /// Has the posts of a key sent again, to `target` or to where they were to go; they were sent again so many times.
    fn send_again(
        &self,
        date: &str,
        times: u64,
        target: Option<&str>,
    ) -> impl Future<Output = Result<(), CallError>>;
}

/// What the service stores under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key, `yyyyMMddHHmm` in the time zone of the cluster.
    pub date: String,
    /// How many posts there are.
    pub posts: u64,
    /// How often they were sent again.
    pub times: u64,
}

impl StoredPosts for Client {
    async fn stored(&self) -> Result<Vec<StoredKey>, CallError> {
        let stored = self
            .stored_callbacks()
            .await
            .map_err(|error| CallError::from(&error))?;
        Ok(stored
            .into_iter()
            .map(|stored| StoredKey {
                date: stored.date,
                posts: stored.posts,
                times: stored.retries,
            })
            .collect())
    }

    async fn send_again(&self, date: &str, times: u64, target: Option<&str>) -> Result<(), CallError> {
        let mut call = RetryCallbacks::new(date);
        call.target = target.map(str::to_owned);
        call.retries = Some(times);
        self.execute(&call).await.map_err(|error| CallError::from(&error))
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The time zones that the keys may have.
    pub zones: Vec<Zone>,
    /// Where posts are sent instead of where they were to go.
    pub target: Option<String>,
    /// Since when the service stores posts for the app, if the operator knows.
    pub stored_since_ms: Option<i64>,
    /// How long to wait for events after the last one that arrived.
    pub patience: Duration,
    /// Asks for nothing and closes nothing.
    pub dry_run: bool,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It would be asked for.
    WouldAsk,
    /// All of its posts arrived.
    Arrived,
    /// It was asked for, and fewer events arrived than it has posts.
    NotArrived,
    /// The service did not send it again.
    Refused,
    /// Posts may still be added to it.
    NotOver,
    /// It was sent again as often as is allowed.
    UsedUp,
    /// It has no posts any more, and was not asked for from here.
    Empty,
    /// The command was stopped before it was asked for.
    NotAsked,
}

/// What is reported of one key.
#[derive(Debug, Clone)]
pub struct KeyReport {
    /// The key.
    pub key: StoredKey,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused.
    pub error: Option<CallError>,
}

/// What is reported of one gap.
#[derive(Debug, Clone)]
pub struct GapReport {
    /// The gap.
    pub gap: Gap,
    /// The parts that stay open; none if it is closed.
    pub left: Vec<Left>,
}

/// What came of it all.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The keys that concern gaps.
    pub keys: Vec<KeyReport>,
    /// The gaps.
    pub gaps: Vec<GapReport>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
    /// The refusal after which no further key was asked for.
    pub ended_by: Option<CallError>,
}

/// Why nothing could be done.
#[derive(Debug)]
pub enum CannotBackfill {
    /// The stored posts cannot be listed.
    Server(Box<CallError>),
    /// The store cannot be used.
    Store(StoreError),
    /// A key is not the begin of ten minutes, so that no key says of which time posts are stored.
    Key(String),
}

impl From<StoreError> for CannotBackfill {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Asks for the stored posts that concern the gaps of a store, waits for their events, and closes what is proved to be full.
///
/// A request is noted in the store before it is sent, so that a later call counts what arrived in the meantime. `stop` ends
/// it early. `now_ms` is the clock, `progress` hears how many posts were asked for and how many events arrived.
///
/// # Errors
/// When the stored posts cannot be listed, or the store cannot be used.
pub async fn backfill(
    server: &impl StoredPosts,
    store: &mut dyn LoginStore,
    wanted: &Wanted,
    stop: impl Future<Output = ()>,
    now_ms: impl Fn() -> i64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, CannotBackfill> {
    let gaps = store.gaps(Range::ALL)?;
    if gaps.is_empty() {
        return Ok(Report::default());
    }
    let mut stop = std::pin::pin!(stop);
    let listed = tokio::select! {
        biased;
        () = &mut stop => return Ok(untouched(gaps)),
        listed = server.stored() => listed.map_err(|error| CannotBackfill::Server(Box::new(error)))?,
    };
    let listed = read_keys(listed).map_err(CannotBackfill::Key)?;
    let now = now_ms();
    let noted = store.asked_again()?;
    let dates = listed.iter().map(|key| key.date.as_str());
    let zones = possible_zones(&wanted.zones, &dates, now);
    let mut report = Report::default();
    let before = judge(store, &zones, wanted, &noted)?;
    for key in &listed {
        let begins = || zones.iter().filter_map(|zone| begin_ms(&key.date, *zone));
        if !gaps.iter().any(|gap| begins().any(|begin| concerns(gap, begin))) {
            continue;
        }
        let known = noted.iter().find(|asked| asked.date == key.date);
        let times = key.times.max(known.map_or(0, |asked| asked.times));
        let fate = if before.arrived.contains(&key.date) {
            Fate::Arrived
        } else if !begins().all(|begin| is_over(begin, now)) {
            Fate::NotOver
        } else if key.posts == 0 {
            if known.is_some() {
                Fate::NotArrived
            } else {
                Fate::Empty
            }
        } else if times >= MOST_TIMES {
            Fate::UsedUp
        } else if wanted.dry_run {
            Fate::WouldAsk
        } else {
            Fate::NotAsked
        };
        report.keys.push(KeyReport {
            key: StoredKey { times, ..key.clone() },
            fate,
            error: None,
        });
    }
    if !wanted.dry_run {
        ask(server, store, wanted, stop.as_mut(), &now_ms, &mut report).await?;
        wait(store, &zones, wanted, stop.as_mut(), &mut report, &mut progress).await?;
    }
    settle(store, &gaps, &zones, wanted, &listed, now_ms(), &mut report)?;
    Ok(report)
}

/// Returns the keys with the posts of each, or one that is not the begin of ten minutes.
fn read_keys(listed: Vec<StoredKey>) -> Result<Vec<StoredKey>, String> {
    let mut keys: BTreeMap<String, StoredKey> = BTreeMap::new();
    for key in listed {
        if begin_ms(&key.date, Zone::UTC).is_none_or(|begin| begin % SLICE_MS != 0) {
            return Err(key.date);
        }
        let known = keys.entry(key.date.clone()).or_insert_with(|| StoredKey {
            posts: 0,
            times: 0,
            ..key.clone()
        });
        // No store counts further than this, and no gap is closed for fewer posts.
        known.posts = known.posts.saturating_add(key.posts).min(i64::MAX.unsigned_abs());
        known.times = known.times.max(key.times);
    }
    Ok(keys.into_values().collect())
}

fn untouched(gaps: Vec<Gap>) -> Report {
    let left = |gap: &Gap| Left {
        gap: gap.clone(),
        why: BTreeSet::from([Open::NotSent]),
    };
    Report {
        gaps: gaps
            .into_iter()
            .map(|gap| GapReport {
                left: vec![left(&gap)],
                gap,
            })
            .collect(),
        stopped: true,
        ..Report::default()
    }
}

/// Asks for one key after the other.
async fn ask(
    server: &impl StoredPosts,
    store: &mut dyn LoginStore,
    wanted: &Wanted,
    mut stop: Pin<&mut impl Future<Output = ()>>,
    now_ms: &impl Fn() -> i64,
    report: &mut Report,
) -> Result<(), StoreError> {
    for one in report.keys.iter_mut().filter(|one| one.fate == Fate::NotAsked) {
        let StoredKey { date, posts, times } = &one.key;
        let asked = AskedAgain {
            date: date.clone(),
            posts: *posts,
            asked_ms: now_ms(),
            times: 1,
            accepted: false,
        };
        store.note_asked(&asked)?;
        one.fate = Fate::NotArrived;
        let answer = tokio::select! {
            biased;
            () = stop.as_mut() => {
                report.stopped = true;
                return Ok(());
            }
            answer = server.send_again(date, *times, wanted.target.as_deref()) => answer,
        };
        match answer {
            Ok(()) => store.note_asked(&AskedAgain {
                times: 0,
                accepted: true,
                ..asked
            })?,
            Err(error) => {
                one.fate = Fate::Refused;
                let is_last = error.ends_the_run();
                one.error = Some(error.clone());
                if is_last {
                    report.ended_by = Some(error);
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Waits until all that was asked for has arrived, or nothing more comes.
async fn wait(
    store: &mut dyn LoginStore,
    zones: &[Zone],
    wanted: &Wanted,
    mut stop: Pin<&mut impl Future<Output = ()>>,
    report: &mut Report,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(), StoreError> {
    let looks = wanted.patience.as_millis().div_ceil(LOOK_EVERY.as_millis());
    let (mut idle, mut seen) = (0, 0);
    loop {
        let noted = store.asked_again()?;
        let judged = judge(store, zones, wanted, &noted)?;
        let mut waiting = false;
        for one in &mut report.keys {
            if one.fate == Fate::NotArrived && judged.arrived.contains(&one.key.date) {
                one.fate = Fate::Arrived;
            }
            waiting |= one.fate == Fate::NotArrived;
        }
        let posts = noted
            .iter()
            .fold(0, |sum: u64, asked| sum.saturating_add(asked.posts));
        progress(posts, judged.events);
        if judged.events > seen {
            (idle, seen) = (0, judged.events);
        }
        if !waiting || report.stopped || idle >= looks {
            return Ok(());
        }
        idle += 1;
        tokio::select! {
            biased;
            () = stop.as_mut() => report.stopped = true,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What the store proves.
struct Judged {
    zone: Option<Zone>,
    /// The dates of the keys that arrived.
    arrived: BTreeSet<String>,
    /// How many events arrived since the first request.
    events: u64,
}

fn judge(
    store: &dyn LoginStore,
    zones: &[Zone],
    wanted: &Wanted,
    noted: &[AskedAgain],
) -> Result<Judged, StoreError> {
    let first = noted.iter().map(|asked| asked.asked_ms).min();
    let arrivals = first.map_or_else(|| Ok(Vec::new()), |first| store.arrived_since(first))?;
    let zone = match (wanted.zones.as_slice(), zones) {
        // The operator knows it, unless a key would be of the future.
        ([zone], [_]) => Some(*zone),
        _ => zone_of(zones, noted, &arrivals),
    };
    Ok(Judged {
        zone,
        arrived: zone.map_or_else(BTreeSet::new, |zone| arrived(zone, noted, &arrivals)),
        events: u64::try_from(arrivals.len()).unwrap_or(u64::MAX),
    })
}

/// Decides about each gap, and puts what is left of it in its place.
fn settle(
    store: &mut dyn LoginStore,
    gaps: &[Gap],
    zones: &[Zone],
    wanted: &Wanted,
    listed: &[StoredKey],
    now_ms: i64,
    report: &mut Report,
) -> Result<(), StoreError> {
    let noted = store.asked_again()?;
    let judged = judge(store, zones, wanted, &noted)?;
    // Without any key, the time is the same in every zone.
    let no_key = listed.is_empty() && noted.is_empty();
    let zone = judged.zone.or_else(|| no_key.then_some(Zone::UTC));
    for gap in gaps {
        let left = match zone {
            Some(zone) => known(zone, &judged, wanted, listed, &noted, now_ms, report).left_of(gap),
            None => vec![Left {
                gap: gap.clone(),
                why: without_zone(gap, zones, &judged, now_ms, report),
            }],
        };
        if !wanted.dry_run {
            let parts: Vec<Gap> = left.iter().map(|left| left.gap.clone()).collect();
            if parts != [gap.clone()] {
                store.replace_gap(gap, &parts)?;
            }
        }
        report.gaps.push(GapReport {
            gap: gap.clone(),
            left,
        });
    }
    Ok(())
}

/// Returns why a gap stays open, if the time zone of the keys is not known.
fn without_zone(gap: &Gap, zones: &[Zone], judged: &Judged, now_ms: i64, report: &Report) -> BTreeSet<Open> {
    let concerned = report.keys.iter().filter(|one| {
        let mut begins = zones.iter().filter_map(|zone| begin_ms(&one.key.date, *zone));
        begins.any(|begin| concerns(gap, begin))
    });
    let of_key = |fate| match fate {
        Fate::NotOver => Open::NotOver,
        Fate::UsedUp => Open::UsedUp,
        Fate::NotAsked | Fate::WouldAsk | Fate::Refused | Fate::Empty => Open::NotSent,
        Fate::Arrived | Fate::NotArrived if judged.events > 0 => Open::ZoneUnknown,
        Fate::Arrived | Fate::NotArrived => Open::NotArrived,
    };
    let mut why: BTreeSet<Open> = concerned.map(|one| of_key(one.fate)).collect();
    if gap.until_ms < now_ms - keys::STORED_MS {
        why.insert(Open::TooOld);
    } else if !is_over(gap.until_ms, now_ms) {
        why.insert(Open::NotOver);
    } else if zones.is_empty() {
        why.insert(Open::ZoneUnknown);
    } else if why.is_empty() {
        why.insert(Open::NotStored);
    }
    why
}

/// Puts together what is known of all keys, in their time zone.
fn known(
    zone: Zone,
    judged: &Judged,
    wanted: &Wanted,
    listed: &[StoredKey],
    noted: &[AskedAgain],
    now_ms: i64,
    report: &Report,
) -> Known {
    let begin = |date: &str| begin_ms(date, zone);
    // A key that is stored and was not looked at, because it concerns no gap, still shows that posts were stored.
    let stored = listed.iter().map(|key| &key.date);
    let accepted = noted
        .iter()
        .filter(|asked| asked.accepted)
        .map(|asked| &asked.date);
    let first = stored.chain(accepted).filter_map(|date| begin(date)).min();
    let mut slices = BTreeMap::new();
    for asked in noted {
        let slice = if judged.arrived.contains(&asked.date) {
            Slice::Arrived
        } else {
            Slice::Open(Open::NotArrived)
        };
        slices.extend(begin(&asked.date).map(|begin| (begin, slice)));
    }
    for key in listed {
        let fate = report
            .keys
            .iter()
            .find(|one| one.key.date == key.date)
            .map(|one| one.fate);
        let slice = match fate {
            _ if judged.arrived.contains(&key.date) => Slice::Arrived,
            Some(Fate::NotArrived | Fate::Arrived) => Slice::Open(Open::NotArrived),
            Some(Fate::UsedUp) => Slice::Open(Open::UsedUp),
            Some(Fate::NotOver) => Slice::Open(Open::NotOver),
            Some(Fate::WouldAsk | Fate::NotAsked | Fate::Refused | Fate::Empty) | None => {
                Slice::Open(Open::NotSent)
            }
        };
        slices.extend(begin(&key.date).map(|begin| (begin, slice)));
    }
    Known {
        slices,
        zone,
        stored_since_ms: first.into_iter().chain(wanted.stored_since_ms).min(),
        now_ms,
    }
}

#[cfg(test)]
mod tests;
