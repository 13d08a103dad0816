//! What is said of a database that cannot be used.

use std::error::Error;
use std::fs;

use easemob_admin_store_pg::address::{DatabaseAddress, Encryption};
use easemob_admin_store_pg::database::{Database, DatabaseError};
use easemob_admin_store_pg::password::PasswordSource;

use crate::cluster::TestDatabase;

fn words(error: &DatabaseError) -> String {
    let mut words = format!("{error:?}\n{error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[test]
fn a_password_is_never_shown() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("password");
    fs::write(&file, "s3cret").unwrap();
    let password = PasswordSource::File(file);
    let here = database.address();
    for (address, expected) in [
        // Nobody listens there.
        (
            DatabaseAddress {
                host: home.path().to_str().unwrap().into(),
                ..here.clone()
            },
            "error connecting to server",
        ),
        (
            DatabaseAddress {
                database: "none".into(),
                ..here.clone()
            },
            "database \"none\" does not exist",
        ),
        (
            DatabaseAddress {
                user: "nobody-of-ours".into(),
                ..here.clone()
            },
            "nobody-of-ours",
        ),
        (
            DatabaseAddress {
                encryption: Encryption::Verified {
                    roots: Some(home.path().join("none.pem")),
                },
                ..here.clone()
            },
            "cannot set up TLS",
        ),
        (here.clone(), "Run the migration first"),
    ] {
        let error = Database::open(&address, &password).unwrap_err();
        let words = words(&error);
        assert!(words.contains(expected), "{words}");
        assert!(!words.contains("s3cret"), "{words}");
    }
    Database::migrate(&here, &password).unwrap();
    let opened = Database::open(&here, &password).unwrap();
    assert!(!format!("{opened:?}").contains("s3cret"));
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_wanted() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    if database.run("SHOW ssl") == ["on"] {
        return;
    }
    let address = DatabaseAddress {
        encryption: Encryption::Verified { roots: None },
        ..database.address()
    };
    let error = Database::migrate(&address, &PasswordSource::Nothing).unwrap_err();
    assert!(words(&error).contains("TLS"), "{}", words(&error));
    let made = database.run("SELECT to_regnamespace('easemob_admin') IS NOT NULL");
    assert_eq!(made, ["f"]);
}
