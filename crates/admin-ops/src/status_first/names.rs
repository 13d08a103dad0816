//! Which names exist: looked up in the list of all users of the app, as long as that takes fewer calls than
//! reading each name.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::{Mutex, PoisonError};

use easemob_admin_api::{Cursor, CursorTrail, UserId};

use crate::run::item::Item;
use crate::schedule::run_loop::{Batch, Done, Observer, RunLoop};
use crate::server::calls::ListingCalls;

/// The names of users, and how far the list of all users has been read. Twenty-four bytes per name.
pub(super) struct Listing {
    hasher: RandomState,
    /// Hash, number of the item, and whether the name was found, by hash.
    names: Vec<(u64, u64, bool)>,
    progress: Progress,
}

#[derive(Default)]
struct Progress {
    /// The page to read next; `None` for the first.
    cursor: Option<String>,
    trail: Option<CursorTrail>,
    in_flight: bool,
    pages: u64,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The list was read.
    Read,
    /// It is too long, or cannot be read.
    GivenUp,
}

/// Reads one page.
#[derive(Debug, Clone)]
struct Page(Option<String>);

impl Batch for Page {
    fn line(&self) -> u64 {
        u64::MAX
    }

    fn users(&self) -> u64 {
        0
    }
}

impl Listing {
    /// Collects names.
    pub(super) fn of(items: impl Iterator<Item = io::Result<Item>>) -> io::Result<Self> {
        let hasher = RandomState::new();
        let entry = |item: Item| (hasher.hash_one(item.user.folded()), item.number, false);
        let mut names: Vec<_> = items.map(|item| item.map(entry)).collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(Self {
            hasher,
            names,
            progress: Progress::default(),
        })
    }

    /// Reads the list of all users, unless the run has stopped.
    pub(super) async fn read<R>(
        &mut self,
        server: &(impl ListingCalls + Sync),
        run_loop: &mut RunLoop,
        observer: &mut impl Observer<R>,
    ) {
        let state = &Mutex::new(self);
        let lock = move || state.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = std::iter::from_fn(|| {
            let progress = &mut lock().progress;
            if progress.in_flight || progress.end.is_some() {
                return None;
            }
            progress.in_flight = true;
            Some(Ok(Page(progress.cursor.clone())))
        });
        let work = |Page(cursor): Page| async move {
            let page = server.users_page(cursor.as_deref()).await;
            let mut state = lock();
            state.progress.in_flight = false;
            match page {
                Ok((users, next)) => state.take(&users, next),
                Err(error) => {
                    state.progress.end = Some(End::GivenUp);
                    if error.given_up {
                        return Done {
                            failures: vec![error],
                            ..Done::default()
                        };
                    }
                }
            }
            Done::default()
        };
        run_loop
            .growing_phase(pages, work, |_| Vec::new(), observer)
            .await;
    }

    /// Takes a page.
    fn take(&mut self, users: &[UserId], next: Option<String>) {
        for user in users {
            let hash = self.hasher.hash_one(user.folded());
            let first = self.names.partition_point(|(other, ..)| *other < hash);
            for (_, _, found) in self.names[first..]
                .iter_mut()
                .take_while(|(other, ..)| *other == hash)
            {
                *found = true;
            }
        }
        let progress = &mut self.progress;
        progress.pages += 1;
        let cursor = next.as_ref().map(Cursor::new);
        let trail = progress.trail.get_or_insert_with(|| CursorTrail::from(None));
        let endless = trail.follow(users.is_empty(), cursor.as_ref()).is_err();
        progress.end = match next {
            None => Some(End::Read),
            Some(_) if endless || progress.pages >= (self.names.len() as u64 / 2).max(1) => {
                Some(End::GivenUp)
            }
            Some(_) => None,
        };
        progress.cursor = next;
    }

    /// Returns the numbers of the names that the app does not list, or `None` if its list was not read.
    pub(super) fn missing(&self) -> Option<HashSet<u64>> {
        let missing = self.names.iter().filter(|(.., found)| !found);
        (self.progress.end == Some(End::Read)).then(|| missing.map(|(_, number, _)| *number).collect())
    }
}
