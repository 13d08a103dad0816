//! TLS to a PostgreSQL that has it, with certificates of an authority of our own.

use std::error::Error as _;
use std::fs;

use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::trail::PgTrails;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::cluster::OwnServer;

/// Returns an authority.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Starts a server with a certificate for these hosts; `None` without PostgreSQL.
fn server_named(hosts: &[&str], authority: &CertifiedIssuer<'static, KeyPair>) -> Option<(OwnServer, u16)> {
    let key = KeyPair::generate().unwrap();
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let certificate = CertificateParams::new(hosts)
        .unwrap()
        .signed_by(&key, authority)
        .unwrap();
    OwnServer::start_with_tls(&certificate.pem(), &key.serialize_pem())
}

/// Opens a database, and returns how many of its connections are encrypted, or why it cannot be opened.
fn opened(server: &OwnServer, url: &str) -> Result<String, String> {
    let address = DatabaseAddress::parse(url).unwrap();
    let opened = Database::migrate(&address, &PasswordSource::Nothing)
        .and_then(|_| Database::open(&address, &PasswordSource::Nothing));
    let database = opened.map_err(|error| {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        words
    })?;
    // Takes a connection from the pool, which keeps it.
    let trails = PgTrails::in_database(database, "keys".into());
    assert!(trails.places().unwrap().is_empty());
    let ssl = "SELECT DISTINCT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = \
               'easemob-admin'";
    Ok(server.run(ssl).join(" "))
}

#[test]
fn only_a_certificate_of_the_authority_for_this_host_is_trusted() {
    let (ours, other) = (authority(), authority());
    let Some((server, port)) = server_named(&["localhost", "127.0.0.1"], &ours) else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: String| {
        let path = home.path().join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let (ours, other) = (file("ours.pem", ours.pem()), file("other.pem", other.pem()));
    let empty = file("empty.pem", String::new());
    let url = |host: &str, mode: &str| format!("postgres://postgres@{host}:{port}/postgres?sslmode={mode}");
    for (url, expected) in [
        (
            format!("{}&sslrootcert={ours}", url("localhost", "verify-full")),
            Ok("true"),
        ),
        (
            format!("{}&sslrootcert={ours}", url("127.0.0.1", "verify-full")),
            Ok("true"),
        ),
        // It verifies as `verify-full` does.
        (
            format!("{}&sslrootcert={ours}", url("localhost", "require")),
            Ok("true"),
        ),
        (
            format!("{}&sslrootcert={other}", url("localhost", "require")),
            Err("certificate"),
        ),
        (
            format!("{}&sslrootcert={other}", url("localhost", "verify-full")),
            Err("certificate"),
        ),
        // The system does not know the authority.
        (url("localhost", "verify-full"), Err("certificate")),
        (
            format!("{}&sslrootcert={empty}", url("localhost", "verify-full")),
            Err("has no certificate"),
        ),
        (url("localhost", "disable"), Ok("false")),
    ] {
        match (opened(&server, &url), expected) {
            (Ok(ssl), Ok(expected)) => assert_eq!(ssl, expected, "{url}"),
            (Err(words), Err(expected)) => assert!(words.contains(expected), "{url}: {words}"),
            (found, expected) => panic!("{url}: {found:?}, not {expected:?}"),
        }
        // Connections of the one before are gone before those of the next are counted.
        while !server
            .run("SELECT 1 FROM pg_stat_activity WHERE application_name = 'easemob-admin'")
            .is_empty()
        {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let ours = authority();
    let Some((server, port)) = server_named(&["db.example.com"], &ours) else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let roots = home.path().join("ours.pem");
    fs::write(&roots, ours.pem()).unwrap();
    let roots = roots.display();
    for mode in ["verify-full", "require"] {
        let url = format!("postgres://postgres@localhost:{port}/postgres?sslmode={mode}&sslrootcert={roots}");
        let words = opened(&server, &url).unwrap_err();
        assert!(
            words.contains("certificate") && words.contains("localhost"),
            "{words}"
        );
    }
}
