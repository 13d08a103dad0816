//! Heads that leave the database, and what they prove against its superuser.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_audit::{Against, Limits, Verification};
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::trail::heads::{HeadListener, NewHead};

use crate::cluster::TestDatabase;
use crate::runs::{Machine, Place, begin, intent, outcome, recording, write};
use crate::workers::end;

/// Keeps all heads.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<NewHead>>);

impl HeadListener for Kept {
    fn signed(&self, head: NewHead) {
        self.0.lock().unwrap().push(head);
    }
}

impl Kept {
    fn sizes(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|head| head.size).collect()
    }

    fn last(&self) -> String {
        self.0.lock().unwrap().last().unwrap().head.clone()
    }
}

fn listened(machine: Machine, every: Duration) -> (Machine, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let listener = Arc::<Kept>::clone(&kept);
    let machine = machine.with_trails(|trails| trails.with_listener(listener).with_heads_every(every));
    (machine, kept)
}

pub(crate) fn run(machine: &Machine, second: i64, users: u64) {
    let mut record = recording(machine.create(second, users));
    write(&mut *record, &[begin("ann")]);
    for number in 0..users {
        write(&mut *record, &[intent(number), outcome(number)]);
    }
    write(&mut *record, &[end(None)]);
}

fn words(found: &Verification) -> String {
    let words: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    words.join("\n")
}

#[test]
fn a_run_that_goes_on_is_signed_every_few_minutes_and_at_its_end() {
    let Some(place) = Place::new() else { return };
    let (machine, kept) = listened(place.machine("one"), Duration::ZERO);
    run(&machine, 0, 3);
    assert_eq!(kept.sizes(), [1, 3, 5, 7, 8], "each block is a few minutes later");
    let (machine, kept) = listened(place.machine("one"), Duration::from_secs(1_000));
    run(&machine, 1, 3);
    assert_eq!(kept.sizes(), [16], "the end only");
    let (machine, kept) = listened(place.machine("two"), Duration::ZERO);
    machine.trails().sign_all().unwrap();
    machine.trails().sign_all().unwrap();
    assert_eq!(
        kept.sizes(),
        [16],
        "a machine that only looks on signs what others added, once"
    );
}

/// Puts the trail of one database in the place of that of another, as a superuser can.
fn replace(database: &TestDatabase, by: &TestDatabase, tables: &[&str]) {
    for table in tables {
        let rows = by.run(&format!(
            "SELECT coalesce(json_agg(t), '[]')::text FROM easemob_admin.{table} t"
        ));
        database.run(&format!(
            "DELETE FROM easemob_admin.{table}; INSERT INTO easemob_admin.{table} OVERRIDING SYSTEM VALUE \
             SELECT * FROM json_populate_recordset(NULL::easemob_admin.{table}, '{}')",
            rows[0].replace('\'', "''")
        ));
    }
}

#[test]
fn a_superuser_who_rewrites_everything_is_found_by_a_head_that_was_kept() {
    let Some(place) = Place::new() else { return };
    let (machine, kept) = listened(place.machine("one"), Duration::from_secs(1_000));
    run(&machine, 0, 5);
    let file = place.keys("kept.log");
    fs::write(
        &file,
        format!("Nov 29 09:30:00 db easemob-admin[7]: {}\n", kept.last()),
    )
    .unwrap();
    let against = Against {
        key: None,
        checkpoints: Some(file),
    };
    // Whoever has nothing but the head: no key, and no head of its own.
    let auditor = || place.machine("auditor").trail();
    let found = auditor().verify(&against).unwrap();
    assert!(found.holds() && found.kept == 1, "{}", words(&found));

    // A trail of the same name, with one user fewer and one signer who is somebody else.
    let second = TestDatabase::create().unwrap();
    Database::migrate(&second.address(), &PasswordSource::Nothing).unwrap();
    let id = place.database.run("SELECT id::text FROM easemob_admin.store");
    second.run(&format!("UPDATE easemob_admin.store SET id = '{}'", id[0]));
    let forger = Machine::at(&second.address(), &place.keys("forger"), Limits::default());
    run(&forger, 0, 4);
    run(&forger, 1, 4);
    assert_eq!(forger.trail().origin(), machine.trail().origin());
    for (tables, expected) in [
        (&["trail", "trail_line", "trail_head"][..], "was signed at"),
        (&["trail_signer"][..], "no key of the trail signs it"),
    ] {
        replace(&place.database, &second, tables);
        let found = auditor().verify(&against).unwrap();
        assert!(
            !found.holds() && words(&found).contains(expected),
            "{}",
            words(&found)
        );
    }
    // It is consistent in itself: nothing within the database shows that it was rewritten.
    assert!(auditor().verify(&Against::default()).unwrap().holds());
}
