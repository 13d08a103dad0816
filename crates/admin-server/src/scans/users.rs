//! The users of a scan of a list. A short list is in the scan itself; a long one is in documents of its own, which whoever continues
//! the scan reads one by one.

use std::collections::VecDeque;
use std::io;

use easemob_admin_api::UserId;
use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::store_error::StoreError;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::kept::{ScanJob, find_job};
use crate::service::Service;

/// How many names one document has.
const NAMES: usize = 5_000;

/// After how long documents whose scan was never recorded belong to a process that died.
const DEAD: SignedDuration = SignedDuration::from_hours(24);

/// The users of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Listed {
    /// So many, in documents of their own.
    Apart(u64),
    /// These.
    Here(Vec<UserId>),
}

impl Listed {
    /// Keeps the users of a scan that is about to be recorded. Blocks.
    pub(super) fn keep(
        service: &Service,
        key: &str,
        count: u64,
        names: impl Iterator<Item = io::Result<UserId>>,
    ) -> Result<Self, StoreError> {
        let mut names = names.map(|name| name.map_err(|error| StoreError::Failed(error.into())));
        if count <= NAMES as u64 {
            return Ok(Self::Here(names.collect::<Result<_, _>>()?));
        }
        for number in 0.. {
            let part: Vec<UserId> = names.by_ref().take(NAMES).collect::<Result<_, _>>()?;
            if part.is_empty() {
                break;
            }
            let put = kept(service).put(&part_of(key, number), &part, None)?;
            debug_assert_ne!(put, Put::Changed, "the id of a scan is its own");
        }
        Ok(Self::Apart(count))
    }

    /// Returns how many they are.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Here(names) => names.len() as u64,
            Self::Apart(count) => *count,
        }
    }
}

/// The users of one scan, wherever they are kept.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    service: Service,
    key: String,
    listed: Listed,
}

impl Users {
    pub(super) fn of(service: &Service, job: &ScanJob, listed: Listed) -> Self {
        Self {
            service: service.clone(),
            key: job.key(),
            listed,
        }
    }

    /// Streams the names. Blocks.
    pub(super) fn names(&self) -> Names {
        let (here, left) = match &self.listed {
            Listed::Here(names) => (names.iter().cloned().collect(), 0),
            Listed::Apart(count) => (VecDeque::new(), *count),
        };
        Names {
            of: self.clone(),
            here,
            left,
            next: 0,
        }
    }
}

/// Names that are read document by document.
pub(super) struct Names {
    of: Users,
    here: VecDeque<UserId>,
    /// How many are in documents that were not read yet.
    left: u64,
    next: u64,
}

impl Iterator for Names {
    type Item = io::Result<UserId>;

    fn next(&mut self) -> Option<io::Result<UserId>> {
        if let Some(name) = self.here.pop_front() {
            return Some(Ok(name));
        }
        if self.left == 0 {
            return None;
        }
        let read = kept(&self.of.service).get::<VecDeque<UserId>>(&part_of(&self.of.key, self.next));
        let part = match read {
            Ok(Some((part, _))) => part,
            // A part must not be taken for the whole.
            Ok(None) => {
                return Some(Err(io::Error::other(
                    "the users of the scan are not kept any more",
                )));
            }
            Err(error) => return Some(Err(io::Error::other(error))),
        };
        self.next += 1;
        self.left = self.left.saturating_sub(part.len() as u64);
        self.here = part;
        self.here.pop_front().map(Ok)
    }
}

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "scan-users")
}

fn part_of(key: &str, number: u64) -> String {
    format!("{key}/{number:08}")
}

/// Removes the documents of a scan that needs them no more. Blocks.
pub(super) fn forget(service: &Service, key: &str) -> Result<(), StoreError> {
    for number in 0.. {
        let id = part_of(key, number);
        let Some(found) = service.documents().get("scan-users", &id)? else {
            return Ok(());
        };
        // Nobody changes them; somebody else may have removed one.
        let _ = kept(service).remove(&id, found.revision)?;
    }
    Ok(())
}

/// Removes what processes left behind that died before their scan was recorded. Blocks.
pub(super) fn forget_those_of_the_dead(service: &Service) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    let before = RunId::new(service.now() - DEAD, 0);
    loop {
        let page = service.documents().page("scan-users", after.as_deref(), 1)?;
        let Some((key, _)) = page.first().and_then(|first| first.id.rsplit_once('/')) else {
            return Ok(());
        };
        let id = key.rsplit_once('/').and_then(|(_, id)| RunId::parse(id));
        if id.is_none_or(|id| id < before) && find_job(service, key)?.is_none() {
            forget(service, key)?;
        }
        // Behind all parts of this one: their numbers are digits.
        after = Some(format!("{key}/~"));
    }
}
