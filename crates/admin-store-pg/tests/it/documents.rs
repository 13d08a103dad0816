//! Documents, by the rules of every store, and over connections that are cut.

use std::sync::Arc;

use easemob_admin_ops::documents::conformance::try_all;
use easemob_admin_ops::documents::{DocumentStore, Put};
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::documents::PgDocuments;
use easemob_admin_store_pg::password::PasswordSource;

use crate::cluster::TestDatabase;
use crate::cut::{Budget, Cut};

fn migrated() -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
    Some(database)
}

fn documents(address: &DatabaseAddress) -> PgDocuments {
    PgDocuments::in_database(Database::open(address, &PasswordSource::Nothing).unwrap())
}

#[test]
fn documents_follow_the_rules() {
    let Some(database) = migrated() else { return };
    try_all(&|| {
        database.run("DELETE FROM easemob_admin.document");
        [0, 1].map(|_| Arc::new(documents(&database.address())) as Arc<dyn DocumentStore>)
    });
}

#[test]
fn an_id_may_have_any_characters() {
    let Some(database) = migrated() else { return };
    let documents = documents(&database.address());
    for id in ["\0", "'; DROP TABLE document; --", "\u{202e}", "%00", ""] {
        assert_eq!(documents.get("key", id).unwrap(), None, "{id:?}");
        assert_eq!(documents.put("key", id, "1", None).unwrap(), Put::Done(1));
        assert_eq!(documents.get("key", id).unwrap().unwrap().id, id);
    }
    assert_eq!(documents.page("key", None, 9).unwrap().len(), 5);
}

#[test]
fn the_time_is_that_of_the_database() {
    let Some(database) = migrated() else { return };
    let documents = documents(&database.address());
    let told = || -> i64 {
        let now = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        database.run(now)[0].parse().unwrap()
    };
    let (before, now, after) = (told(), documents.now_ms().unwrap(), told());
    assert!(before <= now && now <= after, "{before} {now} {after}");
}

/// Whatever is cut, a change that was reported as made is there once, and another one is not.
#[test]
fn what_became_of_a_change_is_known_when_the_connection_is_cut() {
    let Some(database) = migrated() else { return };
    let whole = documents(&database.address());
    let cut = Cut::before(&database.address());
    let (mut done, mut failed) = (0, 0);
    for messages in 0..24 {
        let id = messages.to_string();
        let through = documents(cut.address());
        assert_eq!(through.get("key", &id).unwrap(), None);
        cut.after(Budget::Messages(messages));
        let put = through.put("key", &id, "1", None);
        cut.never();
        let there = whole.get("key", &id).unwrap().is_some();
        match put {
            Ok(put) => {
                assert_eq!((put, there), (Put::Done(1), true), "{messages}");
                done += 1;
            }
            Err(error) => {
                assert!(!there, "{messages}: {error}");
                failed += 1;
            }
        }
    }
    assert!(done > 0 && failed > 0, "{done} {failed}");
}
