//! Small documents that a service keeps and several processes change: keys, schedules, requests for approval.
//!
//! A document has a kind and an id, and a body of JSON. Whoever changes one says which revision was read, and finds out if
//! somebody else was faster.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod lease;
pub mod memory;
pub mod sqlite;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store_error::StoreError;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id, unique among those of its kind.
    pub id: String,
    /// How often it was changed, from 1.
    pub revision: u64,
    /// The body, as JSON.
    pub body: String,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// It was made; the document has this revision now.
    Done(u64),
    /// It was not made: the document has another revision, is gone, or exists already.
    Changed,
}

/// Stores documents. Once a call has returned, its changes survive the end of the process and of the machine.
pub trait DocumentStore: fmt::Debug + Send + Sync {
    /// Reads a document.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Reads the documents of a kind in the order of their ids, from the first one after `after` on, at most `most`.
    ///
    /// # Errors
    /// When they cannot be read.
    fn page(&self, kind: &str, after: Option<&str>, most: u32) -> Result<Vec<Document>, StoreError>;

    /// Writes a document, if its revision is still the one that was read; `None` if there was none.
    ///
    /// # Errors
    /// When it cannot be written. Nothing has changed then.
    fn put(&self, kind: &str, id: &str, body: &str, read: Option<u64>) -> Result<Put, StoreError>;

    /// Removes a document, if its revision is still the one that was read.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, kind: &str, id: &str, read: u64) -> Result<Put, StoreError>;

    /// Returns the time, in milliseconds since 1970, by a clock that all processes share.
    ///
    /// # Errors
    /// When it cannot be read.
    fn now_ms(&self) -> Result<i64, StoreError>;
}

/// The documents of one kind, as values of one type.
#[derive(Debug)]
pub struct Kept<'a> {
    store: &'a dyn DocumentStore,
    kind: &'static str,
}

impl<'a> Kept<'a> {
    /// Uses the documents of this kind.
    #[must_use]
    pub fn of(store: &'a dyn DocumentStore, kind: &'static str) -> Self {
        Self { store, kind }
    }

    /// Reads a value and its revision.
    ///
    /// # Errors
    /// When it cannot be read, or is of a newer version.
    pub fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<(T, u64)>, StoreError> {
        let Some(found) = self.store.get(self.kind, id)? else {
            return Ok(None);
        };
        Ok(Some((read(&found)?, found.revision)))
    }

    /// Reads the values of a page with their ids.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn page<T: DeserializeOwned>(
        &self,
        after: Option<&str>,
        most: u32,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let page = self.store.page(self.kind, after, most)?.into_iter();
        page.map(|found| Ok((found.id.clone(), read(&found)?))).collect()
    }

    /// Reads all values with their ids.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>, StoreError> {
        /// How many are read at once.
        const PAGE: u32 = 500;
        let mut all: Vec<(String, T)> = Vec::new();
        loop {
            let page = self.page(all.last().map(|(id, _)| id.as_str()), PAGE)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Writes a value, if it is still as it was read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, id: &str, value: &impl Serialize, read: Option<u64>) -> Result<Put, StoreError> {
        let body = serde_json::to_string(value).map_err(|error| StoreError::Failed(error.into()))?;
        self.store.put(self.kind, id, &body, read)
    }

    /// Changes a value until nobody else was faster; returns the new value, or `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn change<T: DeserializeOwned + Serialize>(
        &self,
        id: &str,
        change: impl Fn(T) -> T,
    ) -> Result<Option<T>, StoreError> {
        loop {
            let Some((value, revision)) = self.get(id)? else {
                return Ok(None);
            };
            let value = change(value);
            if self.put(id, &value, Some(revision))? != Put::Changed {
                return Ok(Some(value));
            }
        }
    }

    /// Removes a value, if `goes` says so of it as it is now; returns it if it was removed.
    ///
    /// # Errors
    /// When it cannot be read or removed.
    pub fn remove_if<T: DeserializeOwned>(
        &self,
        id: &str,
        goes: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, StoreError> {
        loop {
            let Some((value, revision)) = self.get(id)?.filter(|(value, _)| goes(value)) else {
                return Ok(None);
            };
            if self.remove(id, revision)? != Put::Changed {
                return Ok(Some(value));
            }
        }
    }

    /// Removes a value, if it is still as it was read.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, id: &str, read: u64) -> Result<Put, StoreError> {
        self.store.remove(self.kind, id, read)
    }
}

fn read<T: DeserializeOwned>(document: &Document) -> Result<T, StoreError> {
    serde_json::from_str(&document.body).map_err(|error| StoreError::Failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::memory::MemoryDocuments;
    use super::*;

    #[test]
    fn only_what_is_to_go_is_removed_and_only_once() {
        let store = MemoryDocuments::default();
        let kept = Kept::of(&store, "number");
        assert_eq!(kept.put("one", &1, None).unwrap(), Put::Done(1));
        assert_eq!(kept.remove_if("one", |number: &u32| *number > 1).unwrap(), None);
        assert_eq!(kept.get::<u32>("one").unwrap(), Some((1, 1)));
        assert_eq!(
            kept.remove_if("one", |number: &u32| *number == 1).unwrap(),
            Some(1)
        );
        assert_eq!(kept.remove_if("one", |_: &u32| true).unwrap(), None);
    }
}
