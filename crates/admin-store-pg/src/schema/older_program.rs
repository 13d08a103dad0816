//! Programs that are upgraded one by one: what an older one said to the database is said again while the tables are migrated.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use easemob_admin_ops::documents::DocumentStore as _;
use easemob_admin_ops::logins::store::LoginStores as _;
use tokio_postgres::NoTls;

use super::*;
use crate::address::DatabaseAddress;
use crate::cluster::TestDatabase;
use crate::database::Database;
use crate::documents::PgDocuments;
use crate::logins::PgLoginStores;
use crate::password::PasswordSource;
use crate::trail::PgTrails;

/// What programs said that knew the tables up to a version, as `tests/it/recorded.rs` took it down.
const RECORDED: &[(usize, &str)] = &[
    (5, include_str!("../../tests/fixtures/tables_5.session")),
    (7, include_str!("../../tests/fixtures/tables_7.session")),
];

/// The version from which on services keep documents.
const WITH_DOCUMENTS: usize = 7;

/// Brings the tables to a version, as the program that knew no later one did.
fn migrate_to(address: &DatabaseAddress, version: usize) {
    let config = format!(
        "host={} port={} user={} dbname={}",
        address.host, address.port, address.user, address.database
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut client, connection) = config
            .parse::<tokio_postgres::Config>()
            .unwrap()
            .connect(NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let known = &MIGRATIONS[..version];
        migrate(&mut client, ProgramVersion::this(), known).await.unwrap();
    });
}

/// A connection of the program.
struct Session {
    stream: UnixStream,
    is_begun: bool,
    /// Whether it is within a transaction.
    is_within: bool,
}

impl Session {
    fn of(address: &DatabaseAddress) -> Self {
        let path = format!("{}/.s.PGSQL.{}", address.host, address.port);
        let stream = UnixStream::connect(path).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(30)))
            .unwrap();
        Self {
            stream,
            is_begun: false,
            is_within: false,
        }
    }

    /// Says something, waits for the answers, and returns the errors among them.
    fn say(&mut self, database: &str, bytes: &[u8]) -> Vec<String> {
        let (bytes, mut questions) = if self.is_begun {
            (bytes.to_owned(), questions(bytes))
        } else {
            self.is_begun = true;
            (for_database(bytes, database), 1)
        };
        self.stream.write_all(&bytes).unwrap();
        let mut errors = Vec::new();
        while questions > 0 {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).unwrap();
            let length = u32::from_be_bytes(head[1..].try_into().unwrap());
            let mut body = vec![0; length as usize - 4];
            self.stream.read_exact(&mut body).unwrap();
            match head[0] {
                b'Z' => {
                    questions -= 1;
                    self.is_within = body != b"I";
                }
                // What copies rows in is answered at their end.
                b'G' => questions -= 1,
                b'E' => errors.push(String::from_utf8_lossy(&body).replace('\0', " ")),
                _ => {}
            }
        }
        errors
    }
}

/// Counts the messages that the server answers with its readiness.
fn questions(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let [kind, rest @ ..] = bytes {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        count += usize::from(matches!(kind, b'S' | b'Q'));
        bytes = &rest[length..];
    }
    count
}

/// Returns the first message of a session for another database, as any account.
fn for_database(begin: &[u8], database: &str) -> Vec<u8> {
    let mut words = begin[8..].split(|byte| *byte == 0);
    let mut rest = Vec::new();
    while let (Some(name @ [_, ..]), Some(value)) = (words.next(), words.next()) {
        let value = if name == b"database" {
            database.as_bytes()
        } else {
            value
        };
        rest.extend([name, b"\0", value, b"\0"].concat());
    }
    rest.push(0);
    let length = u32::try_from(rest.len() + 8).unwrap().to_be_bytes();
    [&length, &begin[4..8], &rest].concat()
}

/// Reads what `escape_ascii` wrote.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut letters) = (Vec::new(), text.bytes());
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'\\' => match letters.next().unwrap() {
                b'x' => {
                    let digits = [letters.next().unwrap(), letters.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            },
            other => other,
        });
    }
    bytes
}

#[test]
fn an_older_program_works_on_while_the_tables_are_migrated() {
    for (version, recorded) in RECORDED {
        let lines: Vec<_> = recorded.lines().collect();
        // Before its first word, between any two others, and after the last: some of them.
        for at in [
            0,
            1,
            lines.len() / 4,
            lines.len() / 2,
            3 * lines.len() / 4,
            lines.len(),
        ] {
            let Some(database) = TestDatabase::create() else {
                return;
            };
            let address = database.address();
            if !address.host.starts_with('/') {
                return;
            }
            migrate_to(&address, *version);
            database.run("UPDATE easemob_admin.store SET id = '00000000-0000-4000-8000-000000000000'");
            let mut sessions: Vec<Option<Session>> = Vec::new();
            let mut is_migrated = false;
            for (number, line) in lines.iter().enumerate() {
                // A migration waits for transactions that use the tables.
                let is_between = sessions.iter().flatten().all(|session| !session.is_within);
                if number >= at && !is_migrated && is_between {
                    Database::migrate(&address, &PasswordSource::Nothing).unwrap();
                    is_migrated = true;
                }
                let (connection, bytes) = line.split_once(' ').unwrap_or((line, ""));
                let connection: usize = connection.parse().unwrap();
                while sessions.len() <= connection {
                    sessions.push(Some(Session::of(&address)));
                }
                if bytes.is_empty() {
                    sessions[connection] = None;
                    continue;
                }
                let session = sessions[connection].as_mut().unwrap();
                let errors = session.say(&address.database, &unescaped(bytes));
                assert!(
                    errors.is_empty(),
                    "migrated at {at}, line {number}, {line}: {errors:?}"
                );
            }
            if !is_migrated {
                Database::migrate(&address, &PasswordSource::Nothing).unwrap();
            }
            // What it wrote is all there for this program.
            let states =
                database.run("SELECT DISTINCT state FROM easemob_admin.run_item WHERE run < 3 ORDER BY 1");
            assert_eq!(states, ["done"], "migrated at {at}");
            let counts = database.run("SELECT done || ' ' || state FROM easemob_admin.run ORDER BY number");
            assert_eq!(counts, ["3 alone", "5 alone", "0 stopped"], "migrated at {at}");
            for table in ["lock", "login_snapshot", "budget", "trail_head", "trail_signer"] {
                let rows = database.run(&format!("SELECT count(*) FROM easemob_admin.{table}"));
                assert_ne!(rows, ["0"], "{table}, migrated at {at}");
            }
            let opened = Database::open(&address, &PasswordSource::Nothing).unwrap();
            let logins = PgLoginStores::in_database(opened.clone()).of("prod").unwrap();
            assert_eq!(logins.snapshots().unwrap().len(), 1, "migrated at {at}");
            if *version >= WITH_DOCUMENTS {
                let kept = PgDocuments::in_database(opened.clone())
                    .get("key", "ops")
                    .unwrap();
                let kept = kept.map(|kept| (kept.revision, kept.body));
                assert_eq!(kept, Some((2, r#"{"owner": "bob"}"#.into())), "migrated at {at}");
                let heard = logins.last_event("ann", "ios_1").unwrap();
                assert_eq!(heard.map(|event| event.at_ms), Some(3), "migrated at {at}");
            }
            let home = tempfile::tempdir().unwrap();
            let trail = PgTrails::in_database(opened, home.path().into())
                .of("prod")
                .unwrap();
            let found = trail.verify(&easemob_admin_audit::Against::default()).unwrap();
            assert!(
                found.holds() && found.size > 20 && found.checkpoints > 3,
                "migrated at {at}: {found:?}"
            );
        }
    }
}

#[test]
fn a_program_that_knows_no_later_tables_uses_them_unless_they_need_a_newer_one() {
    let state = |version: i32, oldest: &str| SchemaState {
        version,
        oldest_program: oldest.parse().unwrap(),
    };
    let program: ProgramVersion = "0.3.0".parse().unwrap();
    for known in 1..=needed() {
        let newest = MIGRATIONS.last().unwrap().oldest_program;
        let checked = check_for(state(needed(), newest), ProgramVersion::this(), known);
        assert_eq!(checked, Ok(()), "a program that knows the tables up to {known}");
        // Once a release has taken away what it uses, it refuses, and says what to do.
        let refused = check_for(state(needed() + 1, "0.4.0"), program, known).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("nothing was changed. Upgrade this program"),
            "{refused}"
        );
    }
}
