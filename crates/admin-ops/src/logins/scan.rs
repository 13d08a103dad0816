//! Reads who is online with which devices, and stores it as a snapshot.
//!
//! One call reads the status of a hundred users; devices are read only of users who are online, and of a sample of
//! those reported as offline, because a status may be wrong. Batches are
//! read in parallel and stored in order, so the stored part is always a prefix of the whole, and an
//! interrupted scan can be resumed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::pin::pin;

use easemob_admin_api::{Cursor, CursorTrail, EndlessListing, UserId};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::watch;

use self::places::Places;
use crate::files::digest::Sha256;
use crate::logins::store::{Counts, LoginStore, Position, SeenDevice, SnapshotId, StoreError, UserState};
use crate::schedule::breaker::{Breaker, Fatal};
use crate::schedule::concurrency::{Concurrency, Traffic};
use crate::schedule::pipeline::{Cause, Wish};
use crate::server::calls::{CallError, Scope};
use crate::server::listed::Odd;
use crate::status_first::sample::Sample;

mod places;

/// The word for the users of a list in a store, which is the same for the same list.
#[derive(Debug, Default)]
pub struct ListSource(Sha256);

impl ListSource {
    /// Adds the next user.
    pub fn add(&mut self, user: &UserId) {
        self.0.add(user.to_string().as_bytes());
        self.0.add(b"\n");
    }

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> String {
        format!("list:{}", &self.0.hex()[..16])
    }
}

/// How many users one status call accepts.
pub const BATCH: usize = 100;

/// What the server reports as a user's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// At least one device is online.
    Online,
    /// No device is online, or the user does not exist.
    Offline,
    /// Another status.
    Other(String),
    /// The call for this user and some others failed, with this reason.
    Failed(String),
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the server's order.
    pub users: Vec<UserId>,
    /// The entries that are not valid user names.
    pub odd: Vec<Odd>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<String>,
}

/// The calls of a scan.
pub trait ScanCalls {
    /// Returns what was sent so far.
    fn traffic(&self) -> Traffic;
    /// Reads the page of users at a cursor, or the first page.
    fn users(&self, cursor: Option<&str>) -> impl Future<Output = Result<UserPage, CallError>>;
    /// Reads the status of at most [`BATCH`] users, by name in lower case; some may be missing.
    fn statuses(&self, users: &[UserId])
    -> impl Future<Output = Result<BTreeMap<String, Status>, CallError>>;
    /// Reads the devices of a user that are online.
    fn devices(&self, user: &UserId) -> impl Future<Output = Result<Vec<SeenDevice>, CallError>>;
}

/// Users to read, and the position of the scan after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// At most [`BATCH`] users.
    pub users: Vec<UserId>,
    /// Entries of their page that are not users, by position.
    pub odd: Vec<String>,
    /// The position after them.
    pub after: Position,
}

impl Batch {
    /// Removes users that the snapshot already contains, given by name in lower case.
    #[must_use]
    pub fn without(mut self, known: &HashSet<String>) -> Self {
        self.users.retain(|user| !known.contains(&user.folded()));
        self
    }
}

/// Returns the users that a snapshot contains, who need not be read again when its listing is restarted.
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

/// Returns true if the server permanently refused the position at which a listing was to continue.
#[must_use]
pub fn is_refused_place(error: &SourceError) -> bool {
    matches!(error, SourceError::Call(error) if error.scope == Scope::Item)
}

/// Why no more users can be read.
#[derive(Debug)]
pub enum SourceError {
    /// The server refused to list them.
    Call(CallError),
    /// The server's list would never end.
    Endless(EndlessListing),
    /// The temporary copy of a list cannot be read.
    List(std::io::Error),
}

/// How a scan ended.
#[derive(Debug)]
pub enum End {
    /// All users were read.
    Complete,
    /// All valid users were read, but the server listed entries that are not users, so the snapshot stays
    /// incomplete.
    Odd {
        /// The number of such entries.
        entries: u64,
        /// The positions of the first ones.
        places: Vec<String>,
    },
    /// A user with devices is reported as offline, before and after they were read: the statuses are wrong, and so is
    /// the snapshot, which stays incomplete.
    StatusWrong(UserId),
    /// The caller asked for an earlier end.
    Wished(Wish),
    /// Continuing is pointless.
    Fatal(Fatal),
    /// The rest of the users cannot be read.
    Source(SourceError),
}

/// Streams all users of the app, starting at a position.
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

/// The prefix of the position of an entry that is not a user; no user name starts with it.
const ODD: &str = "(no user: ";

/// How many such positions are reported.
const PLACES_TOLD: usize = 10;

/// Returns true if an entry that a snapshot stores as a user is not a user.
#[must_use]
pub fn is_odd(user: &str) -> bool {
    user.starts_with(ODD)
}

/// Splits a page into batches, without the first `skip` users, and returns the cursor of the next page.
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
    // Stored with the first batch of their page, so with an earlier part of this scan if that batch was
    // stored.
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
    // After the last user of a page, a scan is at the start of the next page.
    if let (Some(last), Some((cursor, done))) = (batches.last_mut(), next.clone()) {
        last.after = Position { cursor, done };
    }
    (batches, next)
}

/// Streams the users of a list, starting at a position.
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

/// How fast a scan reads, and when it stops.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How many calls are in flight at once.
    pub concurrency: Concurrency,
    /// The stop request of the caller.
    pub wish: watch::Receiver<Wish>,
    /// Which users who are reported as offline are read all the same.
    pub statuses: Statuses,
}

/// How far statuses are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// A random sample of the users reported as offline is read; the seed decides who is in it.
    Checked(u64),
    /// The status is not asked for, and every user is read.
    NotAsked,
    /// Everything is believed: for tests of something else.
    #[cfg(test)]
    Believed,
}

/// Reads users in batches and stores the results, until all are read or the caller asks for an end.
///
/// `seen` receives the counts so far after every batch; `now_ms` is the time in milliseconds since 1970.
///
/// # Errors
/// When the results cannot be stored.
pub async fn scan(
    calls: &impl ScanCalls,
    store: &mut dyn LoginStore,
    snapshot: SnapshotId,
    batches: impl Stream<Item = Result<Batch, SourceError>>,
    pace: Pace,
    now_ms: impl Fn() -> i64,
    mut seen: impl FnMut(Counts),
) -> Result<End, StoreError> {
    let places = Places::new(pace.concurrency, || calls.traffic());
    let mut wish = pace.wish;
    let sample = match pace.statuses {
        Statuses::Checked(choice) => Some(RefCell::new(Sample::new(u64::MAX, choice))),
        Statuses::NotAsked => None,
        #[cfg(test)]
        Statuses::Believed => None,
    };
    let reader = Reader {
        asks: pace.statuses != Statuses::NotAsked,
        calls,
        places: &places,
        sample: sample.as_ref(),
    };
    let read = batches.map(async |batch| match batch {
        Ok(batch) => Ok((Box::pin(reader.read(&batch)).await, batch.after)),
        Err(error) => Err(error),
    });
    let mut read = pin!(read.buffered(pace.concurrency.highest()));
    let (mut counts, mut breaker) = (Counts::default(), Breaker::default());
    // Batches of an unresponsive server: stored if it answers again, and read again by the next scan if not.
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
        // Not read, so the next scan starts with them.
        if found.errors.iter().any(|error| error.given_up) {
            return Ok(End::Wished(Wish::Drain(Cause::Deadline)));
        }
        if found.answered {
            breaker.succeeded();
        }
        if let Some(user) = found.wrong_about {
            return Ok(End::StatusWrong(user));
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
    // If the server never answered, nothing was scanned, however few the users are.
    if let (false, Some(error)) = (heard, silence) {
        return Ok(End::Fatal(Fatal::Unreachable(error)));
    }
    let missing = sample.as_ref().map(|sample| sample.borrow_mut().complete());
    let refuted = stream::iter(missing.unwrap_or_default())
        .map(async |user| reader.refutes_the_status(&user).await.then_some(user))
        .buffer_unordered(pace.concurrency.highest())
        .filter_map(std::future::ready);
    if let Some(user) = Box::pin(refuted).next().await {
        return Ok(End::StatusWrong(user));
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
    // If the sender is gone, no more stop requests can come.
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

/// The results of the calls for a batch.
struct Found {
    users: Vec<(String, UserState)>,
    /// The number of entries that are not users.
    odd: u64,
    /// Whether at least one call was answered.
    answered: bool,
    /// One for each call that failed.
    errors: Vec<CallError>,
    /// A user with devices whom the server reports as offline.
    wrong_about: Option<UserId>,
}

/// Reads batches.
struct Reader<'a, C, T> {
    calls: &'a C,
    places: &'a Places<T>,
    /// Whether the status is asked for.
    asks: bool,
    /// The sample of the users reported as offline.
    sample: Option<&'a RefCell<Sample<UserId>>>,
}

impl<C: ScanCalls, T: Fn() -> Traffic> Reader<'_, C, T> {
    /// Reads the status of users, and the devices of users who are online.
    async fn read(&self, batch: &Batch) -> Found {
        let Self { calls, places, .. } = *self;
        let users = &batch.users;
        // Stored as failed reads, because they may be any user.
        let why = "the server listed an entry that is not a valid user name";
        let odd = batch
            .odd
            .iter()
            .map(|place| (place.clone(), UserState::Failed(why.into())));
        let odd_entries = u64::try_from(batch.odd.len()).unwrap_or(u64::MAX);
        if users.is_empty() {
            return Found {
                users: odd.collect(),
                odd: odd_entries,
                // Without odd entries, all of them are known already.
                answered: odd_entries > 0,
                errors: Vec::new(),
                wrong_about: None,
            };
        }
        let asked = if self.asks {
            places.call(calls.statuses(users)).await
        } else {
            Ok(users.iter().map(|user| (user.folded(), Status::Online)).collect())
        };
        let statuses = match asked {
            Ok(statuses) => statuses,
            Err(error) => {
                let failed = |user: &UserId| (user.folded(), state_of(&error));
                return Found {
                    users: users.iter().map(failed).chain(odd).collect(),
                    odd: odd_entries,
                    answered: false,
                    errors: vec![error],
                    wrong_about: None,
                };
            }
        };
        let wrong_about = RefCell::new(None);
        let read = users.iter().map(async |user| match statuses.get(&user.folded()) {
            Some(Status::Offline) => self.check(user, &wrong_about).await,
            None => Ok(UserState::Unknown("the server did not mention the user".into())),
            Some(Status::Failed(why)) => Ok(UserState::Failed(why.clone())),
            Some(Status::Other(word)) => Ok(UserState::Unknown(format!("the server said `{word}`"))),
            Some(Status::Online) => places.call(calls.devices(user)).await.map(|devices| {
                if devices.is_empty() && !self.asks {
                    UserState::Offline
                } else if devices.is_empty() {
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
            // Names ignore case, and events name users in lower case.
            users: users.iter().map(UserId::folded).zip(states).chain(odd).collect(),
            odd: odd_entries,
            answered: true,
            errors,
            wrong_about: wrong_about.into_inner(),
        }
    }

    /// Reads a user who is reported as offline, if the user is in the sample.
    async fn check(
        &self,
        user: &UserId,
        wrong_about: &RefCell<Option<UserId>>,
    ) -> Result<UserState, CallError> {
        let chosen = self
            .sample
            .and_then(|sample| sample.borrow_mut().take(user.clone()));
        if chosen.is_none() {
            return Ok(UserState::Offline);
        }
        let devices = self.places.call(self.calls.devices(user)).await?;
        if devices.is_empty() {
            return Ok(UserState::Offline);
        }
        if self.is_offline_still(user).await {
            *wrong_about.borrow_mut() = Some(user.clone());
        }
        Ok(UserState::Online(devices))
    }

    /// Returns true if a user who was reported as offline has devices, and is reported as offline still.
    async fn refutes_the_status(&self, user: &UserId) -> bool {
        let devices = self.places.call(self.calls.devices(user)).await;
        devices.is_ok_and(|devices| !devices.is_empty()) && self.is_offline_still(user).await
    }

    /// Returns true unless the server says by now that a user is online.
    async fn is_offline_still(&self, user: &UserId) -> bool {
        let asked = self
            .places
            .call(self.calls.statuses(std::slice::from_ref(user)))
            .await;
        !asked.is_ok_and(|statuses| statuses.get(&user.folded()) == Some(&Status::Online))
    }
}

#[cfg(test)]
mod tests;
