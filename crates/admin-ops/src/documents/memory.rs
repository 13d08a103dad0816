//! Documents in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Document, DocumentStore, Put};
use crate::store_error::StoreError;

/// By kind and id, with revision and body.
type Documents = BTreeMap<(String, String), (u64, String)>;

/// Documents in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryDocuments(Arc<Mutex<Documents>>);

impl MemoryDocuments {
    fn kept(&self) -> MutexGuard<'_, Documents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DocumentStore for MemoryDocuments {
    fn get(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let kept = self.kept();
        let found = kept.get(&(kind.to_owned(), id.to_owned()));
        Ok(found.map(|(revision, body)| Document {
            id: id.to_owned(),
            revision: *revision,
            body: body.clone(),
        }))
    }

    fn page(&self, kind: &str, after: Option<&str>, most: u32) -> Result<Vec<Document>, StoreError> {
        let kept = self.kept();
        let of_kind = kept
            .iter()
            .filter(|((other, id), _)| other == kind && after.is_none_or(|after| id.as_str() > after));
        let documents = of_kind.map(|((_, id), (revision, body))| Document {
            id: id.clone(),
            revision: *revision,
            body: body.clone(),
        });
        Ok(documents.take(most as usize).collect())
    }

    fn put(&self, kind: &str, id: &str, body: &str, read: Option<u64>) -> Result<Put, StoreError> {
        let mut kept = self.kept();
        let key = (kind.to_owned(), id.to_owned());
        if kept.get(&key).map(|(revision, _)| *revision) != read {
            return Ok(Put::Changed);
        }
        let revision = read.unwrap_or_default() + 1;
        kept.insert(key, (revision, body.to_owned()));
        Ok(Put::Done(revision))
    }

    fn remove(&self, kind: &str, id: &str, read: u64) -> Result<Put, StoreError> {
        let mut kept = self.kept();
        let key = (kind.to_owned(), id.to_owned());
        if kept.get(&key).is_none_or(|(revision, _)| *revision != read) {
            return Ok(Put::Changed);
        }
        kept.remove(&key);
        Ok(Put::Done(read))
    }

    fn now_ms(&self) -> Result<i64, StoreError> {
        Ok(Timestamp::now().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::conformance::try_all;

    #[test]
    fn follows_the_rules() {
        try_all(&|| {
            let documents = MemoryDocuments::default();
            [Arc::new(documents.clone()), Arc::new(documents)]
        });
    }
}
