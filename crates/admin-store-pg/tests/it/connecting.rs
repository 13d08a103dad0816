//! What is said of a database that cannot be used.

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use easemob_admin_store_pg::address::{DatabaseAddress, Encryption};
use easemob_admin_store_pg::database::{Database, DatabaseCause, DatabaseError};
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::schema::SchemaRefusal;

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
        (here.clone(), "has no tables of easemob-admin yet"),
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

/// Returns a message that begins a session, without the settings of that session.
fn without_settings(begin: &[u8]) -> Vec<u8> {
    // The length and the version of the protocol; then names and values, each with a zero at its end.
    let mut words = begin[8..].split(|byte| *byte == 0);
    let mut rest = Vec::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if name != b"options" && !name.is_empty() {
            rest.extend([name, b"\0", value, b"\0"].concat());
        }
    }
    rest.push(0);
    let length = u32::try_from(rest.len() + 8).unwrap().to_be_bytes();
    [&length, &begin[4..8], &rest].concat()
}

/// Listens in a directory, and passes sessions on without their settings, as some pools do.
fn pool(home: &Path, database: &DatabaseAddress) -> DatabaseAddress {
    let listener = UnixListener::bind(home.join(".s.PGSQL.5432")).unwrap();
    let path = format!("{}/.s.PGSQL.{}", database.host, database.port);
    // It ends with the program.
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), UnixStream::connect(&path).unwrap());
            let mut begin = [0; 4096];
            let read = client.read(&mut begin).unwrap();
            server.write_all(&without_settings(&begin[..read])).unwrap();
            let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            thread::spawn(move || std::io::copy(&mut client, &mut server));
        }
    });
    DatabaseAddress {
        host: home.to_str().unwrap().into(),
        port: 5432,
        ..database.clone()
    }
}

#[test]
fn a_pool_that_drops_the_settings_of_sessions_is_refused() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let address = database.address();
    if !address.host.starts_with('/') {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let pool = pool(home.path(), &address);
    Database::migrate(&address, &PasswordSource::Nothing).unwrap();
    let refused = Database::open(&pool, &PasswordSource::Nothing).unwrap_err();
    assert!(
        matches!(refused.cause, DatabaseCause::Schema(SchemaRefusal::Pooled)),
        "{}",
        words(&refused)
    );
    Database::open(&address, &PasswordSource::Nothing).unwrap();
}
