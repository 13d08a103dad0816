//! Runs and their trails, by the rules of every store, from several machines, and over connections that are cut.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use easemob_admin_api::UserId;
use easemob_admin_audit::{Against, Filter, Limits, Verification};
use easemob_admin_ops::run::conformance;
use easemob_admin_ops::run::direction::Priority;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{Durability, FORMAT, Header, Operator};
use easemob_admin_ops::run::journal::record::{Begin, End, Intent, Outcome, Record, State};
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::{Recorded, RunRecord};
use easemob_admin_ops::run::store::{OpenRun, RunError, RunStore};
use easemob_admin_ops::status_first::Reading;
use easemob_admin_ops::target::Target;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::runs::PgRuns;
use easemob_admin_store_pg::trail::{PgTrail, PgTrails};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::cluster::TestDatabase;
use crate::cut::{Budget, Cut};

/// Long enough for a test, and short enough to wait for.
pub(crate) const LEASE: Duration = Duration::from_millis(400);

/// A database, and the directory of one machine.
pub(crate) struct Place {
    pub(crate) database: TestDatabase,
    home: TempDir,
}

/// A machine: its connections, and its keys.
pub(crate) struct Machine {
    database: Database,
    trails: PgTrails,
    pub(crate) runs: PgRuns,
}

impl Place {
    pub(crate) fn new() -> Option<Self> {
        let database = TestDatabase::create()?;
        Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
        let home = tempfile::tempdir().unwrap();
        Some(Self { database, home })
    }

    pub(crate) fn keys(&self, machine: &str) -> PathBuf {
        self.home.path().join(machine)
    }

    pub(crate) fn machine(&self, name: &str) -> Machine {
        Machine::at(&self.database.address(), &self.keys(name), Limits::default())
    }

    /// A machine whose leases run out only when a test says so.
    pub(crate) fn patient_machine(&self, name: &str) -> Machine {
        let mut machine = self.machine(name);
        machine.runs = machine.runs.with_lease(LEASE * 1000, Duration::ZERO);
        machine
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        let counted = self
            .database
            .run(&format!("SELECT count(*) FROM easemob_admin.{what}"));
        counted[0].parse().unwrap()
    }
}

impl Machine {
    pub(crate) fn at(address: &DatabaseAddress, keys: &Path, limits: Limits) -> Self {
        let database = Database::open(address, &PasswordSource::Nothing).unwrap();
        let trails = PgTrails::in_database(database.clone(), keys.to_owned()).with_limits(limits);
        Self {
            runs: runs(&database, &trails),
            database,
            trails,
        }
    }

    /// The same machine with other settings of its trails.
    pub(crate) fn with_trails(self, change: impl FnOnce(PgTrails) -> PgTrails) -> Self {
        let trails = change(self.trails);
        Self {
            runs: runs(&self.database, &trails),
            database: self.database,
            trails,
        }
    }

    pub(crate) fn trails(&self) -> &PgTrails {
        &self.trails
    }

    pub(crate) fn create(&self, second: i64, users: u64) -> OpenRun {
        let id = id(second);
        self.runs
            .create(&id, header(&id), &mut items(users).map(Ok))
            .unwrap()
    }

    pub(crate) fn trail(&self) -> PgTrail {
        self.trails.of("prod").unwrap()
    }

    pub(crate) fn verify(&self) -> Verification {
        self.trail().verify(&Against::default()).unwrap()
    }
}

fn runs(database: &Database, trails: &PgTrails) -> PgRuns {
    PgRuns::in_database(database.clone(), trails.clone()).with_lease(LEASE, Duration::ZERO)
}

pub(crate) fn id(second: i64) -> RunId {
    RunId::new(Timestamp::from_second(1_767_225_600 + second).unwrap(), 0)
}

pub(crate) fn header(id: &RunId) -> Header {
    Header {
        format: FORMAT,
        run: id.to_string(),
        created: Timestamp::UNIX_EPOCH,
        tool: "0".into(),
        app: "acme#chat".into(),
        app_root: "https://im.example.com/acme/chat".into(),
        sandbox: false,
        profile: Some("prod".into()),
        operator: Operator::named("ann", "here"),
        reason: Some("leak".into()),
        ticket: None,
        action: Action::Ban { looks_first: true },
        source: "a test".into(),
        items: 0,
        input_sha256: String::new(),
        allowance: None,
        durability: Durability::Batch,
        reading: Reading::default(),
        priority: Priority::Normal,
    }
}

pub(crate) fn items(count: u64) -> impl Iterator<Item = Item> {
    (0..count).map(|number| Item::new(number, number + 1, user(number)))
}

fn user(number: u64) -> UserId {
    UserId::parse(format!("User{number}")).unwrap()
}

fn item(number: u64) -> Item {
    Item::new(number, number + 1, user(number))
}

pub(crate) fn begin(operator: &str) -> Note {
    Note::of_run(Record::Begin(Begin {
        at: 1,
        tool: "0".into(),
        operator: Operator::named(operator, "here"),
        pid: 1,
    }))
}

fn end() -> Note {
    Note::of_run(Record::End(End {
        at: 9,
        stopped: None,
        process: None,
    }))
}

pub(crate) fn intent(number: u64) -> Note {
    let intent = Intent {
        n: number,
        at: 2,
        call: "users.ban".into(),
        devices: Vec::new(),
        kept: Vec::new(),
    };
    Note::of_item(&item(number), Record::Intent(intent))
}

pub(crate) fn outcome(number: u64) -> Note {
    outcome_in(number, State::Done)
}

pub(crate) fn outcome_in(number: u64, state: State) -> Note {
    let outcome = Outcome {
        n: number,
        at: 3,
        state,
        server_at: None,
        ended: Vec::new(),
        failed: Vec::new(),
        basis: None,
    };
    Note::of_item(&item(number), Record::Outcome(outcome))
}

pub(crate) fn recording(open: OpenRun) -> Box<dyn RunRecord> {
    let OpenRun {
        header,
        mut progress,
        held,
    } = open;
    held.into_record(&header, &mut progress).unwrap()
}

pub(crate) fn write(record: &mut dyn RunRecord, notes: &[Note]) {
    assert_eq!(record.record(notes).unwrap(), Recorded::All);
}

/// Waits until a lease that nobody renews has run out.
fn lapse() {
    std::thread::sleep(LEASE * 2);
}

#[test]
fn runs_in_a_database_conform() {
    let places = std::cell::RefCell::new(Vec::new());
    if Place::new().is_none() {
        return;
    }
    conformance::try_all(&|| {
        let place = Place::new().unwrap();
        let runs = place.machine("one").runs;
        places.borrow_mut().push(place);
        Box::new(runs)
    });
}

#[test]
fn a_run_is_continued_on_another_machine() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (place.machine("one"), place.machine("two"));
    let mut record = recording(one.create(0, 3));
    write(&mut *record, &[begin("ann"), intent(0), outcome(0), intent(1)]);
    assert!(matches!(two.runs.open(&id(0)), Err(RunError::Busy(..))));
    assert!(two.runs.see(&id(0)).unwrap().running);
    drop(record);
    let open = two.runs.open(&id(0)).unwrap();
    let counts = open.progress.counts();
    assert_eq!((counts.done, counts.doubtful, counts.open), (1, 1, 1));
    let mut record = recording(open);
    write(
        &mut *record,
        &[begin("bob"), outcome(1), intent(2), outcome(2), end()],
    );
    drop(record);
    assert_eq!(one.runs.see(&id(0)).unwrap().progress.counts().done, 3);
    let states = place
        .database
        .run("SELECT DISTINCT state FROM easemob_admin.run_item");
    assert_eq!(states, ["done"]);
}

#[test]
fn a_run_that_is_worked_on_is_kept_by_a_sign_of_life() {
    let Some(place) = Place::new() else { return };
    let open = place.machine("one").create(0, 1);
    lapse();
    let other = place.machine("two");
    assert!(matches!(other.runs.open(&id(0)), Err(RunError::Busy(..))));
    drop(open);
    drop(other.runs.open(&id(0)).unwrap());
}

#[test]
fn whoever_lost_a_run_writes_nothing_more() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (place.machine("one"), place.machine("two"));
    let mut record = recording(one.create(0, 3));
    write(&mut *record, &[begin("ann"), intent(0)]);
    // As if the machine had stood still for longer than the lease.
    place
        .database
        .run("UPDATE easemob_admin.lease SET until = '-infinity'");
    let mut taken = recording(two.runs.open(&id(0)).unwrap());
    write(&mut *taken, &[begin("bob"), outcome(0)]);
    let lines = place.count("trail_line");
    let late = record.record(&[intent(1), outcome(0)]).unwrap();
    assert_eq!(late, Recorded::Fenced([0, 1].into()));
    let error = record.record(&[end()]).unwrap_err();
    let cause = error.get_ref().and_then(std::error::Error::source).unwrap();
    assert!(
        cause.to_string().contains("taken the run over"),
        "{error}: {cause}"
    );
    assert_eq!(place.count("trail_line"), lines);
    drop(record);
    // Giving up what is no longer its own frees nothing.
    assert!(matches!(one.runs.open(&id(0)), Err(RunError::Busy(..))));
    write(&mut *taken, &[end()]);
    assert_eq!(one.runs.see(&id(0)).unwrap().progress.counts().done, 1);
    assert!(two.verify().holds());
}

#[test]
fn a_run_of_a_machine_that_died_is_free_when_its_lease_runs_out() {
    let Some(place) = Place::new() else { return };
    let mut record = recording(place.machine("one").create(0, 1));
    write(&mut *record, &[begin("ann"), intent(0)]);
    // Nothing of it is dropped, and nothing renews the lease.
    place
        .database
        .run("UPDATE easemob_admin.lease SET epoch = 999 WHERE what LIKE 'run %'");
    let two = place.machine("two");
    assert!(matches!(two.runs.open(&id(0)), Err(RunError::Busy(..))));
    lapse();
    assert!(!two.runs.see(&id(0)).unwrap().running);
    let open = two.runs.open(&id(0)).unwrap();
    assert_eq!(open.progress.counts().doubtful, 1);
}

#[test]
fn a_run_is_created_by_one_of_two() {
    let Some(place) = Place::new() else { return };
    let created: Vec<bool> = std::thread::scope(|scope| {
        let create = |name| {
            let machine = place.machine(name);
            move || {
                let id = id(0);
                let open = machine.runs.create(&id, header(&id), &mut items(100).map(Ok));
                open.is_ok()
            }
        };
        let threads = ["one", "two", "three"].map(|name| scope.spawn(create(name)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(created.iter().filter(|created| **created).count(), 1);
    assert_eq!(place.count("run_item"), 100);
}

#[test]
fn an_item_that_was_changed_is_noticed() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    drop(machine.create(0, 5_000));
    drop(machine.runs.open(&id(0)).unwrap());
    let change =
        "UPDATE easemob_admin.run_item SET item = replace(item, 'User4999', 'root') WHERE seq = 4999";
    place.database.run(change);
    let error = machine.runs.open(&id(0)).unwrap_err();
    assert!(matches!(error, RunError::InputChanged(_)), "{error}");
}

#[test]
fn a_block_is_written_once_wherever_the_connection_is_cut() {
    let Some(place) = Place::new() else { return };
    let plain = place.machine("one");
    let cut = Cut::before(&place.database.address());
    let mut behind = Machine::at(cut.address(), &place.keys("one"), Limits::default());
    // No sign of life gets in the way of the count.
    behind.runs = behind.runs.with_lease(LEASE * 1000, Duration::ZERO);
    let bytes: &dyn Fn(usize) -> Budget = &|step| Budget::Bytes(211 * step);
    let messages: &dyn Fn(usize) -> Budget = &|step| Budget::Messages(step + 1);
    let mut second = 0;
    for budget in [bytes, messages] {
        let mut cuts = 0;
        for step in 0.. {
            second += 1;
            let mut record = recording(behind.create(second, 2));
            write(&mut *record, &[begin("ann"), intent(0)]);
            let before = place.count("trail_line");
            cut.after(budget(step));
            let recorded = record.record(&[outcome(0), intent(1)]);
            let was_cut = cut.never();
            let records = plain.runs.records(&id(second)).unwrap().count();
            let added = place.count("trail_line") - before;
            assert_eq!(recorded.unwrap(), Recorded::All, "{:?}", budget(step));
            assert_eq!((records, added), (4, 2), "{:?}", budget(step));
            // Whoever continues knows exactly what was acknowledged.
            drop(record);
            let counts = plain.runs.open(&id(second)).unwrap().progress.counts();
            assert_eq!((counts.done, counts.doubtful), (1, 1));
            if !was_cut {
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 3, "{cuts}");
    }
    let mut signer = plain.trail().signer().unwrap();
    plain.trail().sign(&mut signer, SystemTime::now()).unwrap();
    assert!(plain.verify().holds());
}

#[test]
fn a_session_that_the_server_ends_loses_no_acknowledged_block() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    let mut record = recording(machine.create(0, 2));
    write(&mut *record, &[begin("ann"), intent(0)]);
    let cut = "SELECT pg_terminate_backend(pid, 10000)::text FROM pg_stat_activity WHERE datname = current_database() AND \
               pid <> pg_backend_pid()";
    place.database.run(cut);
    // The first block after it may meet a connection that is gone; nothing of it is written then.
    let recorded = record.record(&[outcome(0)]);
    let records = machine.runs.records(&id(0)).unwrap().count();
    assert_eq!(records, if recorded.is_ok() { 3 } else { 2 });
}

#[test]
fn writers_on_two_machines_make_one_trail() {
    let Some(place) = Place::new() else { return };
    let limits = Limits {
        file_bytes: 20_000,
        checkpoint_every: 100,
        ..Limits::default()
    };
    let address = place.database.address();
    std::thread::scope(|scope| {
        for (second, name) in [(1, "one"), (2, "two"), (3, "two")] {
            let machine = Machine::at(&address, &place.keys(name), limits);
            scope.spawn(move || {
                let mut record = recording(machine.create(second, 100));
                write(&mut *record, &[begin(&format!("operator-{second}"))]);
                for first in (0..100).step_by(5) {
                    let intents: Vec<Note> = (first..first + 5).map(intent).collect();
                    let outcomes: Vec<Note> = (first..first + 5).map(outcome).collect();
                    write(&mut *record, &intents);
                    write(&mut *record, &outcomes);
                }
                write(&mut *record, &[end()]);
            });
        }
    });
    for name in ["one", "two"] {
        let machine = place.machine(name);
        let found = machine.verify();
        assert!(found.holds(), "{:?}", found.problems);
        assert_eq!((found.size, found.key_was_kept), (606, true));
        assert!(
            found.files > 3 && found.checkpoints > 3 && found.kept > 0,
            "{found:?}"
        );
    }
    // A machine that never signed sees the same lines.
    let found = place.machine("three").verify();
    assert!(found.holds() && !found.key_was_kept, "{found:?}");

    // Each entry has the context of its own attempt.
    let entries: Vec<_> = place
        .machine("one")
        .trail()
        .search(Filter {
            user: Some("USER7".into()),
            acts_only: true,
            ..Filter::default()
        })
        .map(Result::unwrap)
        .collect();
    let mut operators: Vec<_> = entries
        .iter()
        .map(|entry| entry.event.operator.as_ref().unwrap().name().unwrap())
        .collect();
    operators.sort();
    assert_eq!(operators, ["operator-1", "operator-2", "operator-3"]);
}

/// What a superuser of the database may try, with a word of what is found.
const TAMPERING: &[(&str, &str)] = &[
    (
        "UPDATE easemob_admin.trail_line SET line = convert_to(replace(convert_from(line, 'UTF8'), 'User', 'Usor'), 'UTF8') \
         WHERE number = 4",
        "entry 3 was changed",
    ),
    ("DELETE FROM easemob_admin.trail_line WHERE number = 4", "entry 3"),
    (
        "DELETE FROM easemob_admin.trail_line WHERE number > 4; UPDATE easemob_admin.trail SET lines = 5",
        "the end was removed",
    ),
    (
        "DELETE FROM easemob_admin.trail_line; DELETE FROM easemob_admin.trail_head",
        "the end was removed",
    ),
];

#[test]
fn whatever_a_superuser_changes_is_found() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    let mut record = recording(machine.create(0, 9));
    let notes: Vec<Note> = (0..9).map(intent).collect();
    write(&mut *record, &[begin("ann")]);
    write(&mut *record, &notes);
    write(&mut *record, &[end()]);
    drop(record);
    let kept = std::fs::read_to_string(machine.trail().keys().join("checkpoints.jws")).unwrap();
    let file = place.home.path().join("kept.txt");
    std::fs::write(&file, kept).unwrap();
    let all = "CREATE TABLE kept_lines AS TABLE easemob_admin.trail_line; CREATE TABLE kept_heads AS TABLE \
               easemob_admin.trail_head; CREATE TABLE kept_trail AS TABLE easemob_admin.trail";
    place.database.run(all);
    let key = machine.trail().public_key().unwrap();
    for (tampering, expected) in TAMPERING {
        place.database.run(tampering);
        let found = machine.verify();
        let words: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        let words = words.join(", ");
        assert!(!found.holds() && words.contains(expected), "{tampering}: {words}");
        // Nor does another machine believe it that has only a head that was kept.
        let against = Against {
            key: Some(key.clone()),
            checkpoints: Some(file.clone()),
        };
        let found = place.machine("two").trail().verify(&against).unwrap();
        assert!(!found.holds(), "{tampering}");
        // And nothing is signed on top of it.
        let signed = machine
            .trail()
            .signer()
            .and_then(|mut signer| machine.trail().sign(&mut signer, SystemTime::now()));
        if !tampering.contains("number = 4") {
            assert!(signed.is_err(), "{tampering}");
        }
        place.database.run(
            "TRUNCATE easemob_admin.trail_line, easemob_admin.trail_head; \
             INSERT INTO easemob_admin.trail_line SELECT * FROM kept_lines; \
             INSERT INTO easemob_admin.trail_head SELECT * FROM kept_heads; \
             UPDATE easemob_admin.trail SET lines = kept_trail.lines FROM kept_trail",
        );
        assert!(machine.verify().holds());
    }
}

#[test]
fn a_trail_that_was_rewritten_whole_is_not_signed_again() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    let run = |machine: &Machine, second, users: u64| -> io::Result<()> {
        let mut record = recording(machine.create(second, users));
        let intents: Vec<Note> = (0..users).map(intent).collect();
        for notes in [&[begin("ann")][..], &intents, &[end()]] {
            assert_eq!(record.record(notes)?, Recorded::All);
        }
        Ok(())
    };
    run(&machine, 0, 9).unwrap();
    let origin = machine.trail().origin().to_owned();
    // A superuser writes a trail of the same origin with other entries.
    let second = TestDatabase::create().unwrap();
    Database::migrate(&second.address(), &PasswordSource::Nothing).unwrap();
    let same_store = format!(
        "UPDATE easemob_admin.store SET id = '{}'",
        place.database.run("SELECT id::text FROM easemob_admin.store")[0]
    );
    second.run(&same_store);
    let forged = Machine::at(&second.address(), &place.keys("forger"), Limits::default());
    run(&forged, 0, 10).unwrap();
    assert_eq!(forged.trail().origin(), origin);
    // The machine goes on with it, as if it were its own.
    let deceived = Machine::at(&second.address(), &place.keys("one"), Limits::default());
    let error = run(&deceived, 1, 20).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the audit trail in the database was changed"),
        "{error}"
    );
    assert!(!deceived.verify().holds());
}

#[test]
fn nothing_of_the_private_key_is_in_the_database() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    machine.runs.can_record(&Target::from(&header(&id(0)))).unwrap();
    let pem = std::fs::read_to_string(machine.trail().keys().join("key.pem")).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    let tables = place
        .database
        .run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'easemob_admin'");
    assert!(tables.len() > 8);
    for table in tables {
        let rows = place
            .database
            .run(&format!("SELECT t::text FROM easemob_admin.{table} t"));
        assert!(rows.iter().all(|row| !row.contains(&secret[20..])), "{table}");
    }
}

#[test]
fn a_worker_adds_to_the_trail_and_changes_nothing_of_it() {
    let Some(place) = Place::new() else { return };
    let role = place.database.role();
    let address = place.database.address();
    Database::allow_worker(&address, &PasswordSource::Nothing, &role).unwrap();
    let address = DatabaseAddress {
        user: role.clone(),
        ..address
    };
    let machine = Machine::at(&address, &place.keys("one"), Limits::default());
    let mut record = recording(machine.create(0, 1));
    write(&mut *record, &[begin("ann"), intent(0), outcome(0), end()]);
    drop(record);
    drop(machine.runs.open(&id(0)).unwrap());
    assert!(machine.verify().holds());
    for change in [
        "UPDATE easemob_admin.trail_line SET line = ''",
        "DELETE FROM easemob_admin.trail_line",
        "TRUNCATE easemob_admin.trail_line",
        "UPDATE easemob_admin.trail_head SET jws = ''",
        "DELETE FROM easemob_admin.trail_head",
        "UPDATE easemob_admin.run_record SET record = ''",
        "DELETE FROM easemob_admin.run",
        "DROP TABLE easemob_admin.trail_line",
        "INSERT INTO easemob_admin.schema_version VALUES (99, '0.0.0', '')",
    ] {
        let error = place.database.refused(&role, change);
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{change}: {error}"
        );
    }
}

#[test]
fn nothing_is_done_on_a_trail_that_is_shorter_than_what_was_signed() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    place
        .database
        .run("CREATE TABLE kept AS TABLE easemob_admin.trail");
    let mut record = recording(machine.create(0, 1));
    place
        .database
        .run("INSERT INTO kept SELECT * FROM easemob_admin.trail");
    write(&mut *record, &[begin("ann"), intent(0), outcome(0), end()]);
    drop(record);
    // As after a restore of an older backup.
    place.database.run(
        "UPDATE easemob_admin.trail SET chain = kept.chain, lines = kept.lines, segment_bytes = kept.segment_bytes FROM kept; \
         DELETE FROM easemob_admin.trail_line WHERE number >= (SELECT lines FROM kept)",
    );
    let error = machine
        .runs
        .can_record(&Target::from(&header(&id(0))))
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("missing at the end"), "{error}: {cause}");
    // A machine that signed nothing cannot know.
    place
        .machine("two")
        .runs
        .can_record(&Target::from(&header(&id(0))))
        .unwrap();
}
