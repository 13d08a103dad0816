//! The audit trail of an app, kept by a service: searched there, and verified here.

use std::collections::VecDeque;
use std::fs;
use std::ops::Range;

use easemob_admin_audit::{Against, AuditError, Entry, Filter, PublicKey, Verification, Verifier};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::trails::{Found, Lines, Place, Trail, TrailError, Trails};
use serde::Deserialize;

use super::app::ServiceApp;
use super::error::ServiceError;
use super::service::{Asking, part};
use crate::api::{AuditHeads, AuditKey, AuditPage};

/// How many entries are read at once.
const PAGE: u64 = 1_000;

/// The audit trail of one app of a service.
#[derive(Debug, Clone)]
pub struct RemoteTrails(ServiceApp);

/// The trail itself.
#[derive(Debug, Clone)]
struct RemoteTrail(ServiceApp);

/// Which entries of a page come first.
#[derive(Clone, Copy)]
enum Order {
    Oldest,
    Newest,
}

impl RemoteTrails {
    /// Uses the trail of an app.
    #[must_use]
    pub fn of(app: ServiceApp) -> Self {
        Self(app)
    }
}

impl Trails for RemoteTrails {
    fn names(&self) -> Result<Vec<String>, TrailError> {
        Ok(vec![self.0.view().name.clone()])
    }

    fn of(&self, _: &str) -> Result<Box<dyn Trail>, TrailError> {
        Ok(Box::new(RemoteTrail(self.0.clone())))
    }

    fn place(&self) -> Place {
        Place::Database {
            trail: None,
            database: database(&self.0),
        }
    }
}

/// Names the service where a database is named otherwise.
fn database(app: &ServiceApp) -> String {
    format!("service at {}", app.service().url())
}

impl RemoteTrail {
    fn failed(&self, error: ServiceError) -> TrailError {
        if error.kind() == Some("nothing-kept") {
            return TrailError::Missing(Trail::place(self));
        }
        self.unusable(error.into())
    }

    fn unusable(&self, source: StoreError) -> TrailError {
        TrailError::Store {
            place: database(&self.0),
            source,
        }
    }

    fn get<T: serde::de::DeserializeOwned + Send>(&self, below: &str) -> Result<T, TrailError> {
        let found = self.0.service.json(&Asking::get(self.0.path(below)));
        found.map_err(|error| self.failed(error))
    }

    fn page(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<u64>,
        limit: u64,
    ) -> Result<AuditPage, TrailError> {
        let mut query = format!(
            "audit?all={}&decisions={}&limit={limit}",
            !filter.acts_only, filter.decisions
        );
        if matches!(order, Order::Newest) {
            query.push_str("&order=newest");
        }
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.extend(["&", name, "=", &part(&value)]);
            }
        };
        add("after", after.map(|after| after.to_string()));
        add("user", filter.user.clone());
        add("operator", filter.operator.clone());
        add("run", filter.run.clone());
        add("ticket", filter.ticket.clone());
        add("since", filter.since.map(|time| time.to_string()));
        add("until", filter.until.map(|time| time.to_string()));
        add(
            "outcome",
            filter.outcome.as_ref().map(|outcome| outcome.as_str().to_owned()),
        );
        self.get(&query)
    }

    /// Finds the newest entries before a number, the oldest of them first.
    fn newest(&self, filter: &Filter, before: u64, most: u64) -> Result<VecDeque<Entry>, TrailError> {
        let (mut found, mut after) = (VecDeque::new(), Some(before).filter(|before| *before < u64::MAX));
        while (found.len() as u64) < most {
            let left = most - found.len() as u64;
            let page = self.page(filter, Order::Newest, after, left.clamp(1, PAGE))?;
            let Some(last) = page.items.last().map(|entry| entry.seq) else {
                break;
            };
            page.items.into_iter().for_each(|entry| found.push_front(entry));
            if page.next.is_none() {
                break;
            }
            after = Some(last);
        }
        Ok(found)
    }

    fn key_of(&self, key: &AuditKey) -> Result<PublicKey, TrailError> {
        let read = PublicKey::from_pem(&key.pem);
        read.map_err(|why| self.unusable(StoreError::ServiceAway(why.into())))
    }

    /// Returns the key that signed last, or the one with an id, and the heads that it signed.
    fn heads_of(&self, id: Option<&str>) -> Result<(PublicKey, AuditHeads), TrailError> {
        let which = id.map(|id| format!("?key={}", part(id))).unwrap_or_default();
        let heads: AuditHeads = self.get(&format!("audit/heads{which}"))?;
        Ok((self.key_of(&heads.key)?, heads))
    }

    /// Returns the heads that a key signed, which was stored elsewhere.
    fn heads_by(&self, key: &PublicKey, place: &str) -> Result<AuditHeads, TrailError> {
        let path = self.0.path(&format!("audit/heads?key={}", part(&key.id())));
        match self.0.service.json(&Asking::get(path)) {
            Ok(heads) => Ok(heads),
            // Whoever watches for a trail that was rewritten must hear of that.
            Err(error) if error.kind() == Some("no-such-key") => {
                Err(TrailError::Audit(AuditError::OtherKey {
                    path: place.into(),
                    signer: self.key()?.id(),
                }))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns the name of the trail, as the header of its first line says.
    fn origin(&self) -> Result<String, TrailError> {
        #[derive(Deserialize)]
        struct Named {
            origin: String,
        }
        let first = self
            .lines(self.first_entry()?)?
            .next()
            .transpose()?
            .unwrap_or_default();
        let named = serde_json::from_slice::<Named>(&first);
        named
            .map(|named| named.origin)
            .map_err(|error| self.unusable(StoreError::ServiceAway(error.into())))
    }
}

fn text_of(heads: &AuditHeads) -> String {
    heads
        .heads
        .iter()
        .flat_map(|head| [head.as_str(), "\n"])
        .collect()
}

impl Trail for RemoteTrail {
    fn place(&self) -> Place {
        Place::Database {
            trail: Some(self.0.view().name.clone()),
            database: database(&self.0),
        }
    }

    /// If that cannot be found out, reading it says why.
    fn is_there(&self) -> bool {
        !matches!(self.get::<AuditKey>("audit/key"), Err(TrailError::Missing(_)))
    }

    fn search(&self, filter: Filter, newest: Option<u64>) -> Result<Box<dyn Found>, TrailError> {
        self.search_between(filter, 0..u64::MAX, newest)
    }

    fn search_between(
        &self,
        filter: Filter,
        numbers: Range<u64>,
        newest: Option<u64>,
    ) -> Result<Box<dyn Found>, TrailError> {
        let found = match newest {
            Some(most) => self.newest(&filter, numbers.end, most)?,
            None => VecDeque::new(),
        };
        let after = match newest {
            Some(_) => Some(self.end()?.saturating_sub(1)),
            None => numbers.start.checked_sub(1),
        };
        Ok(Box::new(Search {
            origin: self.origin()?,
            trail: self.clone(),
            filter,
            found,
            after,
            until: numbers.end,
            start: numbers.start,
            at_end: newest.is_some(),
        }))
    }

    fn end(&self) -> Result<u64, TrailError> {
        let last = self.page(&Filter::default(), Order::Newest, None, 1)?;
        Ok(last.items.first().map_or(0, |last| last.seq + 1))
    }

    fn lines(&self, from: u64) -> Result<Lines, TrailError> {
        let lines = self
            .0
            .service
            .lines(Asking::get(self.0.path(&format!("audit/lines?from={from}"))));
        let this = self.clone();
        let lines = lines.map_err(|error| self.failed(error))?;
        Ok(Box::new(lines.map(move |line| {
            line.map(|line| line.to_vec())
                .map_err(|error| this.failed(this.0.service.unusable(error)))
        })))
    }

    fn heads(&self, key: &PublicKey) -> Result<Vec<u8>, TrailError> {
        let (_, heads) = self.heads_of(Some(&key.id()))?;
        Ok(text_of(&heads).into_bytes())
    }

    fn keys(&self) -> Result<Vec<PublicKey>, TrailError> {
        let (first, heads) = self.heads_of(None)?;
        let mut keys = vec![first];
        for id in heads.keys.iter().filter(|id| **id != heads.key.id) {
            keys.push(self.heads_of(Some(id))?.0);
        }
        Ok(keys)
    }

    /// Verifies the lines here, as they are stored there. Without a key that was stored elsewhere, it is the one that the service
    /// names, which proves the least: whoever has the service could have made another.
    fn verify(&self, against: &Against) -> Result<Verification, TrailError> {
        let place = self.origin()?;
        // Read before the lines, so that every head of them has its lines.
        let (key, heads) = match &against.key {
            Some(key) => (key.clone(), self.heads_by(key, &place)?),
            None => self.heads_of(None)?,
        };
        let mut verifier = if against.key.is_some() {
            Verifier::with_kept_key(&place, &key, text_of(&heads))?
        } else {
            Verifier::new(&place, &key, text_of(&heads))
        };
        if let Some(path) = &against.checkpoints {
            let kept = fs::read(path).map_err(|source| AuditError::Io {
                doing: "read",
                path: path.clone(),
                source,
            })?;
            verifier = verifier.with_heads_of_signers(path, kept, &place, &self.keys()?)?;
        }
        let mut segment = 0;
        for line in self.lines(self.first_entry()?)? {
            let line = line?;
            segment = first_of(&line).unwrap_or(segment);
            if verifier.line(segment, &line).is_break() {
                break;
            }
        }
        Ok(verifier.finish())
    }

    fn first_entry(&self) -> Result<u64, TrailError> {
        Ok(self.page(&Filter::default(), Order::Newest, None, 1)?.first_entry)
    }

    fn key(&self) -> Result<PublicKey, TrailError> {
        let key: AuditKey = self.get("audit/key")?;
        self.key_of(&key)
    }
}

/// Returns the number of the first entry of a segment, if the line is its header.
fn first_of(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Header {
        first: u64,
    }
    serde_json::from_slice::<Header>(line)
        .ok()
        .map(|header| header.first)
}

/// The entries that a service finds.
struct Search {
    trail: RemoteTrail,
    origin: String,
    filter: Filter,
    found: VecDeque<Entry>,
    /// The number of the last entry that was looked at.
    after: Option<u64>,
    start: u64,
    until: u64,
    /// Whether there is nothing more until [`Found::read_on`].
    at_end: bool,
}

impl Iterator for Search {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.found.pop_front() {
                if entry.seq >= self.until {
                    self.at_end = true;
                    return None;
                }
                return (entry.seq >= self.start)
                    .then_some(Ok(entry))
                    .or_else(|| self.next());
            }
            if self.at_end {
                return None;
            }
            match self.trail.page(&self.filter, Order::Oldest, self.after, PAGE) {
                Ok(page) => {
                    self.at_end = page.next.is_none();
                    self.after = page.items.last().map(|entry| entry.seq).or(self.after);
                    self.found = page.items.into();
                }
                Err(error) => {
                    self.at_end = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Found for Search {
    fn id_of(&self, entry: &Entry) -> String {
        entry.id(&self.origin)
    }

    fn read_on(&mut self) -> Result<(), TrailError> {
        self.at_end = false;
        Ok(())
    }

    fn is_torn(&self) -> bool {
        false
    }
}
