//! Old entries of a trail in archives.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use easemob_admin_audit::{Against, Event, Filter, Kind, Limits, verify};
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::trail::archive::{Archive, ArchiveError};

use crate::runs::{Machine, Place, begin, intent, outcome, recording, write};
use crate::workers::end;

/// Some entries in a segment.
const LIMITS: Limits = Limits {
    file_bytes: 4_000,
    checkpoint_every: 10_000,
    lock_wait: Duration::from_secs(30),
};

fn machine(place: &Place, name: &str) -> Machine {
    Machine::at(&place.database.address(), &place.keys(name), LIMITS)
}

fn run(machine: &Machine, second: i64, users: u64) {
    let mut record = recording(machine.create(second, users));
    write(&mut *record, &[begin("ann")]);
    for number in 0..users {
        write(&mut *record, &[intent(number), outcome(number)]);
    }
    write(&mut *record, &[end(None)]);
}

/// The entries of a test are from 1970.
fn archive(machine: &Machine, directory: &Path) -> Option<Archive> {
    let trail = machine.trail();
    let archive = trail.archive(directory, SystemTime::now(), "here").unwrap()?;
    machine.trails().enter_archive("prod", &archive).unwrap();
    Some(archive)
}

fn removal() -> Event {
    let mut event = Event::new(SystemTime::now(), Kind::TrailArchived);
    event.reason = Some("a year is over".into());
    event
}

fn refused(error: ArchiveError) -> String {
    match error {
        ArchiveError::Archive(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn old_entries_are_sealed_and_removed_and_the_rest_still_verifies() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (machine(&place, "one"), machine(&place, "two"));
    run(&one, 0, 30);
    run(&two, 1, 30);
    let before = one.verify();
    let directory = place.keys("archive");
    let trail = one.trail();
    assert_eq!(
        trail.archive(&directory, SystemTime::UNIX_EPOCH, "here").unwrap(),
        None,
        "nothing is as old as that"
    );
    let sealed = archive(&one, &directory).unwrap();
    assert_eq!(sealed.first, 0);
    assert!(sealed.size > 100 && sealed.size < before.size, "{sealed:?}");
    assert_eq!(one.verify().first, 0, "nothing is removed by that");
    assert_eq!(
        one.trails().archives("prod").unwrap(),
        std::slice::from_ref(&sealed)
    );

    let removed = trail.remove_archived(&directory, removal()).unwrap();
    assert_eq!(removed, sealed.size);
    assert_eq!(trail.first_entry().unwrap(), sealed.size);
    for name in ["one", "two", "new"] {
        let found = machine(&place, name).verify();
        assert!(found.holds(), "{name}: {:?}", found.problems);
        assert_eq!(
            (found.first, found.size),
            (sealed.size, before.size + 1),
            "{name}"
        );
    }
    let found = verify(&directory, &Against::default()).unwrap();
    assert!(
        found.holds() && found.size == sealed.size && found.unsigned() == 0,
        "{found:?}"
    );
    assert_eq!(sealed.problem(&directory).unwrap(), None);
    let entries = trail.search(Filter::default()).map(Result::unwrap);
    let last = entries.last().unwrap().event;
    assert_eq!(
        (last.kind, last.reason.as_deref()),
        (Kind::TrailArchived, Some("a year is over"))
    );
    // Whoever signed last before that goes on, and so does whoever never signed.
    for (second, name) in [(2, "two"), (3, "new")] {
        run(&machine(&place, name), second, 30);
    }
    // More goes to the same directory, and a removal that is repeated has nothing to do.
    let more = archive(&one, &directory).unwrap();
    assert!(more.first == sealed.size && more.size > sealed.size);
    assert_eq!(
        one.trails().archives("prod").unwrap()[0].first,
        0,
        "the directory has both"
    );
    assert_eq!(
        trail.remove_archived(&directory, removal()).unwrap(),
        more.size - more.first
    );
    assert_eq!(trail.remove_archived(&directory, removal()).unwrap(), 0);
    assert!(machine(&place, "two").verify().holds());
    assert_eq!(more.problem(&directory).unwrap(), None);
}

#[test]
fn nothing_is_removed_that_the_archive_does_not_have() {
    let Some(place) = Place::new() else { return };
    let one = machine(&place, "one");
    run(&one, 0, 60);
    let directory = place.keys("archive");
    let sealed = archive(&one, &directory).unwrap();
    let lines = place.count("trail_line");
    let first = directory.join("entries-000000000000.jsonl");
    let good = fs::read_to_string(&first).unwrap();
    for bad in [
        good.replace("User1", "Usor1"),
        good[..good.len() / 2].to_owned(),
        String::new(),
    ] {
        fs::write(&first, bad).unwrap();
        refused(one.trail().remove_archived(&directory, removal()).unwrap_err());
        assert!(sealed.problem(&directory).unwrap().is_some());
        assert_eq!(place.count("trail_line"), lines);
    }
    fs::write(&first, good).unwrap();
    // An archive of something else, which is good in itself.
    let Some(second) = Place::new() else { return };
    let other = machine(&second, "other");
    run(&other, 0, 60);
    let strange = second.keys("archive");
    archive(&other, &strange).unwrap();
    let why = refused(one.trail().remove_archived(&strange, removal()).unwrap_err());
    assert!(why.contains("not a sealed part of the trail"), "{why}");
    // A worker adds to the trail, and removes nothing of it.
    let role = place.database.role();
    Database::allow_worker(&place.database.address(), &PasswordSource::Nothing, &role).unwrap();
    let address = DatabaseAddress {
        user: role,
        ..place.database.address()
    };
    let worker = Machine::at(&address, &place.keys("worker"), LIMITS);
    let refusal = worker.trail().remove_archived(&directory, removal()).unwrap_err();
    assert!(matches!(refusal, ArchiveError::NotTheOwner), "{refusal:?}");
    assert!(archive(&worker, &place.keys("archive of the worker")).is_some());
    assert_eq!(place.count("trail_line"), lines);
    assert!(one.verify().holds());
}

#[test]
fn a_beginning_that_is_missing_without_an_entry_about_it_is_found() {
    let Some(place) = Place::new() else { return };
    let one = machine(&place, "one");
    run(&one, 0, 60);
    let second = place
        .database
        .run("SELECT min(number) FROM easemob_admin.trail_line WHERE segment > 0");
    place.database.run(&format!(
        "DELETE FROM easemob_admin.trail_line WHERE number < {}",
        second[0]
    ));
    for name in ["one", "new"] {
        let found = machine(&place, name).verify();
        let words: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert!(
            words.concat().contains("no entry says that they were archived"),
            "{name}: {words:?}"
        );
    }
    let trail = machine(&place, "new").trail();
    let mut signer = trail.signer().unwrap();
    assert!(trail.sign(&mut signer, SystemTime::now()).is_err());
    let error = trail
        .archive(&place.keys("archive"), SystemTime::now(), "here")
        .unwrap_err();
    assert!(matches!(error, ArchiveError::Trail(_)), "{error:?}");
}

#[test]
fn a_removal_that_was_interrupted_leaves_a_whole_trail_and_is_continued() {
    let Some(place) = Place::new() else { return };
    let one = machine(&place, "one");
    run(&one, 0, 60);
    let directory = place.keys("archive");
    let sealed = archive(&one, &directory).unwrap();
    // Somebody uses the second segment for longer than a removal waits.
    let second = place
        .database
        .run("SELECT min(number) FROM easemob_admin.trail_line WHERE segment > 0");
    place.database.run(&format!(
        "CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$; \
         CREATE TRIGGER no_room BEFORE DELETE ON easemob_admin.trail_line FOR EACH ROW WHEN (OLD.number = {}) \
         EXECUTE FUNCTION public.no_room()",
        second[0]
    ));
    one.trail().remove_archived(&directory, removal()).unwrap_err();
    let first = one.trail().first_entry().unwrap();
    assert!(first > 0 && first < sealed.size, "{first}");
    for name in ["one", "new"] {
        let found = machine(&place, name).verify();
        assert!(
            found.holds() && found.first == first,
            "{name}: {:?}",
            found.problems
        );
    }
    place
        .database
        .run("DROP TRIGGER no_room ON easemob_admin.trail_line");
    assert_eq!(
        one.trail().remove_archived(&directory, removal()).unwrap(),
        sealed.size - first
    );
    assert!(one.verify().holds());
}

#[test]
fn whole_parts_of_the_table_are_dropped_and_new_ones_are_added_ahead() {
    let Some(place) = Place::new() else { return };
    let parts = || {
        place
            .database
            .run("SELECT name FROM easemob_admin.trail_part ORDER BY behind")
    };
    assert!(parts().len() >= 4, "{:?}", parts());
    // Small ones.
    let small = "DO $$ DECLARE part RECORD; BEGIN FOR part IN SELECT name FROM easemob_admin.trail_part LOOP \
                 EXECUTE format('DROP TABLE easemob_admin.%I', part.name); END LOOP; END $$; \
                 CREATE TABLE easemob_admin.trail_line_to_40 PARTITION OF easemob_admin.trail_line FOR VALUES FROM (0) TO (40); \
                 SELECT easemob_admin.add_trail_parts(40, 100)";
    place.database.run(small);
    assert_eq!(
        parts(),
        ["trail_line_to_40", "trail_line_to_80", "trail_line_to_120"]
    );
    let one = machine(&place, "one");
    run(&one, 0, 80);
    assert_ne!(
        place.count("trail_line_rest"),
        0,
        "what has no part is in the rest"
    );
    let directory = place.keys("archive");
    archive(&one, &directory).unwrap();
    one.trail().remove_archived(&directory, removal()).unwrap();
    assert!(!parts().contains(&"trail_line_to_120".into()), "{:?}", parts());
    assert!(one.verify().holds());
    run(&one, 1, 5);
    assert!(one.verify().holds());
    // Migrating again makes room.
    Database::migrate(&place.database.address(), &PasswordSource::Nothing).unwrap();
    let room = place
        .database
        .run("SELECT (max(behind) >= 20000000)::text FROM easemob_admin.trail_part");
    assert_eq!(room, ["true"]);
}
