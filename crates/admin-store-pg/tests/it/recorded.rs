//! Records what a program says to the database, for the tests of later versions: see `src/schema/older_program.rs`.
//!
//! Before a release, or before tables change, run this test with `--ignored`, and keep the file as a fixture of that version.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use easemob_admin_api::transport::limit::schedule::{SharedBudget as _, Wish};
use easemob_admin_api::{AppRoot, Lane, RateLimit};
use easemob_admin_audit::{Filter, Limits};
use easemob_admin_ops::documents::{DocumentStore as _, Put};
use easemob_admin_ops::locks::store::{Listing, LockStore as _};
use easemob_admin_ops::logins::store::{
    LoginEvent, LoginKind, LoginStores as _, Position, SeenDevice, UserState,
};
use easemob_admin_ops::run::direction::{Priority, RunState};
use easemob_admin_ops::run::store::RunStore as _;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::budget::PgBudget;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::documents::PgDocuments;
use easemob_admin_store_pg::locks::PgLockStores;
use easemob_admin_store_pg::logins::PgLoginStores;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::schema;

use crate::runs::{LEASE, Machine, Place, begin, id, intent, outcome, recording, write};
use crate::workers::{direction, end, finish, open_run, take};

/// The lines of the recording: the number of a connection, and messages.
pub(crate) type Lines = Arc<Mutex<Vec<(usize, Vec<u8>)>>>;

/// Listens before a database, and takes down what clients say.
pub(crate) fn recorder(home: &std::path::Path, database: &DatabaseAddress) -> (DatabaseAddress, Lines) {
    let listener = UnixListener::bind(home.join(".s.PGSQL.5432")).unwrap();
    let path = format!("{}/.s.PGSQL.{}", database.host, database.port);
    let lines = Lines::default();
    let taken = Arc::clone(&lines);
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (client, server) = (client.unwrap(), UnixStream::connect(&path).unwrap());
            let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let lines = Arc::clone(&taken);
            thread::spawn(move || take_down(number, client, server, &lines));
        }
    });
    let address = DatabaseAddress {
        host: home.to_str().unwrap().into(),
        port: 5432,
        ..database.clone()
    };
    (address, lines)
}

fn take_down(number: usize, mut client: UnixStream, mut server: UnixStream, lines: &Lines) {
    let (mut buffer, mut pending, mut is_first) = ([0; 8192], Vec::new(), true);
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        pending.extend_from_slice(&buffer[..read]);
        let mut whole = 0;
        loop {
            // The first message has no type before its length.
            let at = whole + usize::from(!is_first);
            let Some(length) = pending.get(at..at + 4) else {
                break;
            };
            let end = at + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if end > pending.len() {
                break;
            }
            (whole, is_first) = (end, false);
        }
        let rest = pending.split_off(whole);
        if whole > 0 {
            server.write_all(&pending).unwrap();
            lines.lock().unwrap().push((number, pending));
        }
        pending = rest;
    }
    let _ = server.shutdown(Shutdown::Both);
    // Nothing more is the end.
    lines.lock().unwrap().push((number, Vec::new()));
}

/// Does something of everything.
fn work(address: &DatabaseAddress, keys: &std::path::Path) {
    let mut machine = Machine::at(address, keys, Limits::default());
    // Nothing is renewed meanwhile: a recording says one thing after the other.
    machine.runs = machine.runs.with_lease(LEASE * 1_000, Duration::ZERO);
    let mut record = recording(machine.create(0, 3));
    write(&mut *record, &[begin("ann"), intent(0), outcome(0)]);
    write(&mut *record, &[intent(1), end(Some("interrupted"))]);
    drop(record);
    open_run(&machine, 1, 5);
    finish(take(&machine, 1).unwrap());
    drop(machine.create(2, 2));
    for state in [RunState::Open, RunState::Paused, RunState::Stopped] {
        machine.runs.direct(&id(2), direction(state)).unwrap();
    }
    let mut record = recording(machine.runs.open(&id(0)).unwrap());
    write(&mut *record, &[begin("ann"), outcome(1), intent(2), outcome(2)]);
    write(&mut *record, &[end(None)]);
    drop(record);
    assert_eq!(machine.runs.overview().unwrap().len(), 3);
    assert!(machine.verify().holds());
    let filter = Filter {
        user: Some("user1".into()),
        ..Filter::default()
    };
    assert!(machine.trail().search(filter).count() > 1);

    let database = Database::open(address, &PasswordSource::Nothing).unwrap();
    let locks = PgLockStores::in_database(database.clone()).at("prod", crate::locks::ROOT);
    let user = crate::locks::user("ann");
    locks
        .change(&[&user], &mut |_, _| Some(crate::locks::lock("ann", "r")))
        .unwrap();
    locks.note_lifted(jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(locks.list(Listing::All).unwrap().len(), 1);

    let mut logins = PgLoginStores::in_database(database.clone()).of("prod").unwrap();
    let snapshot = logins.begin("all", 1).unwrap();
    let device = SeenDevice {
        resource: "ios_1".into(),
        platform: "ios".into(),
        name: None,
        signed_in_ms: None,
    };
    let seen = [("ann".to_owned(), UserState::Online(vec![device]))];
    logins.add(snapshot, &seen, &Position::default(), 1).unwrap();
    logins.finish(snapshot, 2).unwrap();
    assert_eq!(logins.snapshots().unwrap().len(), 1);
    let signed_in = LoginEvent {
        call_id: "1".into(),
        user: "ann".into(),
        resource: "ios_1".into(),
        platform: "ios".into(),
        kind: LoginKind::Login,
        at_ms: 3,
        reason: String::new(),
    };
    assert_eq!(logins.record_events(&[signed_in], 4).unwrap(), [true]);

    let documents = PgDocuments::in_database(database.clone());
    let put = |id, body, read| documents.put("key", id, body, read).unwrap();
    assert_eq!(put("ops", r#"{"owner": "ann"}"#, None), Put::Done(1));
    assert_eq!(put("ops", r#"{"owner": "bob"}"#, Some(1)), Put::Done(2));
    assert_eq!(put("gone", "{}", None), Put::Done(1));
    assert_eq!(documents.remove("key", "gone", 1).unwrap(), Put::Done(1));
    assert_eq!(documents.page("key", None, 9).unwrap().len(), 1);

    let budget = PgBudget::in_database(database);
    budget.work_on("run", Priority::Normal);
    let app = AppRoot::parse("https://im.example.com/acme/chat").unwrap();
    let schedule = budget
        .schedule(&app, "accounts", RateLimit::per_second(100))
        .unwrap()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for lane in [Lane::Bulk, Lane::Interactive] {
        runtime.block_on(schedule.reserve(Wish { lane, slots: 3 }));
    }
    assert_eq!(budget.states().unwrap().len(), 1);
}

#[test]
#[ignore = "makes the fixture of this version"]
fn record_this_version() {
    let Some(place) = Place::new() else { return };
    place
        .database
        .run("UPDATE easemob_admin.store SET id = '00000000-0000-4000-8000-000000000000'");
    let (address, lines) = recorder(&place.keys(""), &place.database.address());
    work(&address, &place.keys("one"));
    let mut text = String::new();
    for (number, bytes) in &*lines.lock().unwrap() {
        writeln!(text, "{number} {}", bytes.escape_ascii()).unwrap();
    }
    let file = format!(
        "{}/tests/fixtures/tables_{}.session",
        env!("CARGO_MANIFEST_DIR"),
        schema::needed()
    );
    std::fs::write(file, text).unwrap();
}
