//! Reads who is online with which devices, and keeps it as a snapshot.
//!
//! Of a hundred users the status is read in one call, and the devices only of those who are online. Batches are read
//! beside each other and kept in their order, so that what is kept is always a beginning of the whole, and an
//! interrupted scan can be gone on with.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::pin::pin;

use easemob_admin_api::{Cursor, CursorTrail, EndlessListing, UserId};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::watch;

use self::places::Places;
use crate::logins::store::{Counts, LoginStore, Position, SeenDevice, SnapshotId, StoreError, UserState};
use crate::schedule::breaker::{Breaker, Fatal};
use crate::schedule::concurrency::Concurrency;
use crate::schedule::pipeline::{Cause, Wish};
use crate::server::calls::{CallError, Scope};
use crate::server::listed::Odd;

mod places;

/// How many users the server takes in one call for their status.
pub const BATCH: usize = 100;

/// What the server says of a user's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// At least one device is online.
    Online,
    /// None is, or there is no such user.
    Offline,
    /// Another word.
    Other(String),
    /// The call about this user and some others failed, and why.
    Failed(String),
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the server's order.
    pub users: Vec<UserId>,
    /// The entries that are no users who can be named.
    pub odd: Vec<Odd>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// The calls of a scan.
pub trait ScanCalls {
    /// Reads the page of users that begins at a cursor, or the first.
    fn users(&self, cursor: Option<&str>) -> impl Future<Output = Result<UserPage, CallError>>;
    /// Reads the status of at most [`BATCH`] users, by their names in lower case; some may be missing.
    fn statuses(&self, users: &[UserId])
    -> impl Future<Output = Result<BTreeMap<String, Status>, CallError>>;
    /// Reads the devices of a user that are online.
    fn devices(&self, user: &UserId) -> impl Future<Output = Result<Vec<SeenDevice>, CallError>>;
}

/// Users to be read, and how far a scan has come once they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// At most [`BATCH`] users.
    pub users: Vec<UserId>,
    /// Entries of their page that are no users, by their place.
    pub odd: Vec<String>,
    /// The position after them.
    pub after: Position,
}

impl Batch {
    /// Leaves out users, by their names in lower case, who are kept in the snapshot already.
    #[must_use]
    pub fn without(mut self, known: &HashSet<String>) -> Self {
        self.users.retain(|user| !known.contains(&user.folded()));
        self
    }
}

/// Returns the users that a snapshot names, who need not be read again when its listing is begun again.
///
/// # Errors
/// When the snapshot cannot be read.
pub fn known_users(store: &dyn LoginStore, snapshot: SnapshotId) -> Result<HashSet<String>, StoreError> {
    let mut known = HashSet::new();
    store.each_device(snapshot, &mut |user, _| {
        if !known.contains(user) {
            known.insert(user.to_owned());
        }
    })?;
    store.each_not_known(snapshot, &mut |not_known| {
        known.insert(not_known.user);
    })?;
    Ok(known)
}

/// Returns true if the server refused the place where a listing was to go on, and would do so for ever.
#[must_use]
pub fn is_refused_place(error: &SourceError) -> bool {
    matches!(error, SourceError::Call(error) if error.scope == Scope::Item)
}

/// Why users cannot be read any further.
#[derive(Debug)]
pub enum SourceError {
    /// The server did not list them.
    Call(CallError),
    /// The server would list them for ever.
    Endless(EndlessListing),
    /// The temporary copy of a list cannot be read.
    List(std::io::Error),
}

/// How a scan ended.
#[derive(Debug)]
pub enum End {
    /// All users were read.
    Complete,
    /// All users who can be named were read, and the server listed entries that cannot be, so the snapshot stays
    /// incomplete.
    Odd {
        /// How many.
        entries: u64,
        /// Where the first of them are.
        places: Vec<String>,
    },
    /// Somebody wished for an end before that.
    Wished(Wish),
    /// Going on is pointless.
    Fatal(Fatal),
    /// The rest of the users cannot be read.
    Source(SourceError),
}

/// Streams all users of the app from a position on.
pub fn all_users(calls: &impl ScanCalls, from: Position) -> impl Stream<Item = Result<Batch, SourceError>> {
    let trail = CursorTrail::from(from.cursor.as_ref().map(Cursor::new).as_ref());
    let start = Some((from.cursor, from.done, trail));
    let pages = stream::try_unfold(start, async move |next| {
        let Some((cursor, skip, mut trail)) = next else {
            return Ok(None);
        };
        let page = calls.users(cursor.as_deref()).await.map_err(SourceError::Call)?;
        let empty = page.users.is_empty() && page.odd.is_empty();
        trail
            .follow(empty, page.next.as_ref().map(Cursor::new).as_ref())
            .map_err(SourceError::Endless)?;
        let (batches, next) = batches_of(page, cursor.as_deref(), skip);
        let next = next.map(|(cursor, skip)| (cursor, skip, trail));
        Ok::<_, SourceError>(Some((stream::iter(batches.into_iter().map(Ok)), next)))
    });
    pages.flat_map(|page| match page {
        Ok(batches) => batches.left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    })
}

/// How the place of an entry begins that is no user: no name of a user does.
const ODD: &str = "(no user: ";

/// How many such places are told.
const PLACES_TOLD: usize = 10;

/// Returns true if what a snapshot keeps as a user is an entry that is none.
#[must_use]
pub fn is_odd(user: &str) -> bool {
    user.starts_with(ODD)
}

/// Cuts a page into batches, without the first `skip` users, and says where the next page begins.
fn batches_of(
    page: UserPage,
    cursor: Option<&str>,
    skip: u64,
) -> (Vec<Batch>, Option<(Option<String>, u64)>) {
    let mut done = skip;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(page.users.len());
    let mut batches: Vec<Batch> = page.users[skip..]
        .chunks(BATCH)
        .map(|users| {
            done += u64::try_from(users.len()).unwrap_or(u64::MAX);
            Batch {
                users: users.to_vec(),
                odd: Vec::new(),
                after: Position {
                    cursor: cursor.map(str::to_owned),
                    done,
                },
            }
        })
        .collect();
    // Kept with the first batch of their page, so with an earlier part of this scan if that was kept.
    if !page.odd.is_empty() && skip == 0 {
        let place = cursor.map_or_else(|| "first page".to_owned(), |cursor| format!("page at {cursor}"));
        let odd = page
            .odd
            .iter()
            .map(|odd| format!("{ODD}{place}, {odd})"))
            .collect();
        match batches.first_mut() {
            Some(first) => first.odd = odd,
            None => batches.push(Batch {
                users: Vec::new(),
                odd,
                after: Position {
                    cursor: cursor.map(str::to_owned),
                    done,
                },
            }),
        }
    }
    let next = page.next.map(|next| (Some(next), 0));
    // After the last user of a page a scan is at the beginning of the next one.
    if let (Some(last), Some((cursor, done))) = (batches.last_mut(), next.clone()) {
        last.after = Position { cursor, done };
    }
    (batches, next)
}

/// Streams the users of a list from a position on.
pub fn listed_users(
    mut users: impl Iterator<Item = std::io::Result<UserId>>,
    from: u64,
) -> impl Stream<Item = Result<Batch, SourceError>> {
    let mut done = 0;
    let batches = std::iter::from_fn(move || {
        while done < from {
            done += 1;
            if let Err(error) = users.next()? {
                return Some(Err(SourceError::List(error)));
            }
        }
        let batch: std::io::Result<Vec<UserId>> = users.by_ref().take(BATCH).collect();
        match batch {
            Ok(batch) if batch.is_empty() => None,
            Ok(users) => {
                done += u64::try_from(users.len()).unwrap_or(u64::MAX);
                let after = Position { cursor: None, done };
                let odd = Vec::new();
                Some(Ok(Batch { users, odd, after }))
            }
            Err(error) => Some(Err(SourceError::List(error))),
        }
    });
    stream::iter(batches)
}

/// How a scan reads.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How many calls are under way at a time.
    pub concurrency: Concurrency,
    /// What the surroundings want.
    pub wish: watch::Receiver<Wish>,
}

/// Reads users in batches and keeps what was found, until all are read or somebody wishes for an end.
///
/// `seen` is told the counts so far after every batch; `now_ms` is the time in milliseconds since 1970.
///
/// # Errors
/// When what was found cannot be kept.
pub async fn scan(
    calls: &impl ScanCalls,
    store: &mut dyn LoginStore,
    snapshot: SnapshotId,
    batches: impl Stream<Item = Result<Batch, SourceError>>,
    pace: Pace,
    now_ms: impl Fn() -> i64,
    mut seen: impl FnMut(Counts),
) -> Result<End, StoreError> {
    let places = Places::new(pace.concurrency);
    let mut wish = pace.wish;
    let read = batches.map(async |batch| match batch {
        Ok(batch) => Ok((read_batch(calls, &places, &batch).await, batch.after)),
        Err(error) => Err(error),
    });
    let mut read = pin!(read.buffered(pace.concurrency.highest()));
    let (mut counts, mut breaker) = (Counts::default(), Breaker::default());
    // Batches of a server that has fallen silent: kept if it speaks again, and read anew by the next scan if not.
    let mut held_back: Vec<(Vec<(String, UserState)>, Position)> = Vec::new();
    let (mut heard, mut silence) = (false, None);
    let (mut odd, mut places) = (0, Vec::new());
    loop {
        let next = tokio::select! {
            next = read.next() => next,
            wished = wished(&mut wish) => return Ok(End::Wished(wished)),
        };
        let (found, after) = match next {
            None => break,
            Some(Err(error)) => return Ok(End::Source(error)),
            Some(Ok(read)) => read,
        };
        // Read by nobody, so that the next scan begins with them.
        if found.errors.iter().any(|error| error.given_up) {
            return Ok(End::Wished(Wish::Drain(Cause::Deadline)));
        }
        if found.answered {
            breaker.succeeded();
        }
        if let Some(fatal) = found.errors.iter().find_map(|error| breaker.failed(error)) {
            return Ok(End::Fatal(fatal));
        }
        heard |= found.answered;
        odd += found.odd;
        let named = found.users.iter().map(|(user, _)| user);
        places.extend(
            named
                .filter(|user| is_odd(user))
                .take(PLACES_TOLD - places.len().min(PLACES_TOLD))
                .cloned(),
        );
        silence = found
            .errors
            .into_iter()
            .find(|error| error.scope == Scope::Network)
            .or(silence);
        held_back.push((found.users, after));
        if found.answered {
            for (users, after) in held_back.drain(..) {
                keep(store, snapshot, &users, &after, now_ms(), &mut counts)?;
            }
            seen(counts);
        }
    }
    // A server that was never heard has not been scanned, however few the users are.
    if let (false, Some(error)) = (heard, silence) {
        return Ok(End::Fatal(Fatal::Unreachable(error)));
    }
    for (users, after) in held_back {
        keep(store, snapshot, &users, &after, now_ms(), &mut counts)?;
    }
    seen(counts);
    if odd > 0 {
        let entries = odd;
        return Ok(End::Odd { entries, places });
    }
    store.finish(snapshot, now_ms())?;
    Ok(End::Complete)
}

fn keep(
    store: &mut dyn LoginStore,
    snapshot: SnapshotId,
    users: &[(String, UserState)],
    after: &Position,
    now_ms: i64,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    store.add(snapshot, users, after, now_ms)?;
    for (_, state) in users {
        counts.add(state);
    }
    Ok(())
}

async fn wished(wish: &mut watch::Receiver<Wish>) -> Wish {
    // Nobody is left to wish for anything if the sender is gone.
    match wish.wait_for(|wish| *wish != Wish::Run).await {
        Ok(wish) => *wish,
        Err(_) => std::future::pending().await,
    }
}

fn state_of(error: &CallError) -> UserState {
    if error.not_found {
        UserState::Unknown("no such user".into())
    } else {
        UserState::Failed(error.to_string())
    }
}

/// What the calls about a batch came to.
struct Found {
    users: Vec<(String, UserState)>,
    /// How many of them are entries that are no users.
    odd: u64,
    /// Whether at least one call was answered.
    answered: bool,
    /// One for each call that failed.
    errors: Vec<CallError>,
}

/// Reads the status of users, and the devices of those who are online.
async fn read_batch(calls: &impl ScanCalls, places: &Places, batch: &Batch) -> Found {
    let users = &batch.users;
    // Kept as failed reads: they may be anybody.
    let why = "the server listed an entry that is no user who can be named";
    let odd = batch
        .odd
        .iter()
        .map(|place| (place.clone(), UserState::Failed(why.into())));
    let odd_entries = u64::try_from(batch.odd.len()).unwrap_or(u64::MAX);
    if users.is_empty() {
        return Found {
            users: odd.collect(),
            odd: odd_entries,
            // Without an odd entry either, all of them are known already.
            answered: odd_entries > 0,
            errors: Vec::new(),
        };
    }
    let statuses = match places.call(calls.statuses(users)).await {
        Ok(statuses) => statuses,
        Err(error) => {
            let failed = |user: &UserId| (user.folded(), state_of(&error));
            return Found {
                users: users.iter().map(failed).chain(odd).collect(),
                odd: odd_entries,
                answered: false,
                errors: vec![error],
            };
        }
    };
    let read = users.iter().map(async |user| match statuses.get(&user.folded()) {
        Some(Status::Offline) => Ok(UserState::Offline),
        None => Ok(UserState::Unknown("the server did not mention the user".into())),
        Some(Status::Failed(why)) => Ok(UserState::Failed(why.clone())),
        Some(Status::Other(word)) => Ok(UserState::Unknown(format!("the server said `{word}`"))),
        Some(Status::Online) => places.call(calls.devices(user)).await.map(|devices| {
            if devices.is_empty() {
                UserState::Changed
            } else {
                UserState::Online(devices)
            }
        }),
    });
    let mut errors = Vec::new();
    let states = futures_util::future::join_all(read)
        .await
        .into_iter()
        .map(|read| {
            read.unwrap_or_else(|error| {
                let state = state_of(&error);
                errors.push(error);
                state
            })
        });
    Found {
        // Names are the same in any case, and events name users in lower case.
        users: users.iter().map(UserId::folded).zip(states).chain(odd).collect(),
        odd: odd_entries,
        answered: true,
        errors,
    }
}

#[cfg(test)]
mod tests;
