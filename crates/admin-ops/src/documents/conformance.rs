//! What every store of documents promises, as tests.
#![allow(clippy::unwrap_used, reason = "a rule that is broken is a panic")]

use std::sync::Arc;
use std::thread;

use super::{Document, DocumentStore, Kept, Put};

/// Returns two handles of one new, empty store.
pub type New<'a> = &'a dyn Fn() -> [Arc<dyn DocumentStore>; 2];

/// Checks every rule with a store of its own.
///
/// # Panics
/// When the store breaks a rule.
pub fn try_all(new: New<'_>) {
    for rule in [
        what_one_writes_the_other_reads,
        an_older_revision_changes_nothing,
        pages_are_in_order,
        no_change_is_lost,
    ] {
        rule(new());
    }
}

fn document(id: &str, revision: u64, body: &str) -> Document {
    Document {
        id: id.into(),
        revision,
        body: body.into(),
    }
}

fn what_one_writes_the_other_reads([one, other]: [Arc<dyn DocumentStore>; 2]) {
    assert_eq!(one.get("key", "a").unwrap(), None);
    let odd = "\"\u{0}'; DROP TABLE documents; --\u{202e}\"";
    assert_eq!(one.put("key", "a", odd, None).unwrap(), Put::Done(1));
    assert_eq!(other.get("key", "a").unwrap(), Some(document("a", 1, odd)));
    assert_eq!(other.get("schedule", "a").unwrap(), None);
    assert_eq!(other.put("key", "a", "2", Some(1)).unwrap(), Put::Done(2));
    assert_eq!(one.get("key", "a").unwrap(), Some(document("a", 2, "2")));
    assert_eq!(one.remove("key", "a", 2).unwrap(), Put::Done(2));
    assert_eq!(other.get("key", "a").unwrap(), None);
}

fn an_older_revision_changes_nothing([one, other]: [Arc<dyn DocumentStore>; 2]) {
    assert_eq!(
        one.put("key", "a", "1", Some(1)).unwrap(),
        Put::Changed,
        "not there"
    );
    assert_eq!(one.put("key", "a", "1", None).unwrap(), Put::Done(1));
    assert_eq!(
        other.put("key", "a", "0", None).unwrap(),
        Put::Changed,
        "there already"
    );
    assert_eq!(other.put("key", "a", "2", Some(1)).unwrap(), Put::Done(2));
    assert_eq!(one.put("key", "a", "3", Some(1)).unwrap(), Put::Changed);
    assert_eq!(one.remove("key", "a", 1).unwrap(), Put::Changed);
    assert_eq!(one.get("key", "a").unwrap(), Some(document("a", 2, "2")));
}

fn pages_are_in_order([one, other]: [Arc<dyn DocumentStore>; 2]) {
    for id in ["b", "a", "é", "c"] {
        assert_eq!(one.put("key", id, "0", None).unwrap(), Put::Done(1));
    }
    assert_eq!(one.put("other", "bb", "0", None).unwrap(), Put::Done(1));
    let ids = |after, most| {
        let page = other.page("key", after, most).unwrap();
        page.into_iter().map(|found| found.id).collect::<String>()
    };
    assert_eq!(ids(None, 9), "abcé");
    assert_eq!(ids(None, 2), "ab");
    assert_eq!(ids(Some("b"), 2), "cé");
    assert_eq!(ids(Some("bb"), 1), "c");
    assert_eq!(ids(Some("é"), 9), "");
    let all: Vec<(String, u64)> = Kept::of(&*one, "key").all().unwrap();
    assert_eq!(all.len(), 4);
}

fn no_change_is_lost([one, other]: [Arc<dyn DocumentStore>; 2]) {
    /// How often each thread adds one.
    const TIMES: u64 = 25;
    let handles = [one, other];
    assert_eq!(handles[0].put("count", "a", "0", None).unwrap(), Put::Done(1));
    thread::scope(|scope| {
        for store in &handles {
            scope.spawn(move || {
                for _ in 0..TIMES {
                    let added = Kept::of(&**store, "count").change("a", |count: u64| count + 1);
                    assert!(added.unwrap().is_some());
                }
            });
        }
    });
    let count = handles[0].get("count", "a").unwrap().unwrap();
    assert_eq!(count.body, (2 * TIMES).to_string());
}
