//! Kills the program at many points of a run, goes on, and asks the server what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use easemob_admin_audit::{Against, Entries, Kind, verify};
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::read::Reader;
use easemob_admin_ops::run::journal::record::{Record, State};

use super::env::{Running, TestEnv, until};

/// How often one run is killed: the longer its journal, the longer each process reads before it goes on.
const KILLS: usize = 100;
const USERS: usize = 400;
const CONCURRENCY: &str = "4";

/// How many runs are killed so often: one, or as many as it takes for `EASEMOB_CRASH_POINTS`.
fn runs() -> usize {
    let points = std::env::var("EASEMOB_CRASH_POINTS").map_or(KILLS, |points| points.parse().unwrap());
    points.div_ceil(KILLS)
}

fn logouts(env: &TestEnv) -> usize {
    env.sandbox().call_count("sessions.logout_all") + env.sandbox().call_count("sessions.logout_device")
}

/// The lines of a killed program that are whole, which are those it had the record of acknowledged for.
fn acknowledged(child: Running) -> BTreeSet<String> {
    let stdout = TestEnv::finish(child).stdout;
    let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let rows = whole
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["outcome"] == "logged_out")
        .map(|row| row["user"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_run_survives_being_killed_at_any_point() {
    for _ in 0..runs() {
        kill_and_resume();
    }
}

fn kill_and_resume() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:06}")).collect();
    for name in &names {
        env.online(name, &["ios_1", "web_1"]);
    }
    let list = env.file("list", names.join("\n"));
    let first = [
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "crash test",
        "--yes",
        "--rate",
        "unlimited",
        "--concurrency",
        CONCURRENCY,
        "-o",
        "jsonl",
    ];
    let again = [
        "runs",
        "resume",
        "last",
        "--yes",
        "--rate",
        "unlimited",
        "--concurrency",
        CONCURRENCY,
        "-o",
        "jsonl",
    ];
    let mut told = BTreeSet::new();
    let mut in_flight = 0;
    let mut run: Option<std::path::PathBuf> = None;
    for kill in 0..KILLS {
        let before = env.sandbox().total_calls();
        let mut child = env.spawn(if run.is_some() { &again } else { &first });
        // From before the first request to a dozen requests later, and between any two of them.
        let calls = kill % 13;
        until("the next point", || {
            run = run.take().or_else(|| journal_of(&env));
            (run.is_some() && env.sandbox().total_calls() >= before + calls)
                || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        told.extend(acknowledged(child));
        in_flight += run.as_ref().map_or(0, |run| progress(run).counts().doubtful);
    }
    let finished = env.run(&again).expect(0);
    told.extend(finished.stdout.lines().filter_map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        (row["outcome"] == "logged_out").then(|| row["user"].as_str().unwrap().to_owned())
    }));

    // What the server saw.
    assert!(
        names.iter().all(|name| env.devices(name).is_empty()),
        "somebody is still online"
    );
    let calls = logouts(&env);
    assert!(calls >= USERS, "{calls} logouts of {USERS} users");
    assert!(
        calls <= USERS + usize::try_from(in_flight).unwrap(),
        "{calls} logouts of {USERS} users with {in_flight} in flight at {KILLS} kills"
    );

    // What the journal says: each user is done, exactly once, and whatever was told is there.
    let run = run.unwrap();
    let (done, intents) = settled(&run);
    assert_eq!(done.len(), USERS);
    assert!(
        done.values().all(|times| *times == 1),
        "a user has two final outcomes"
    );
    assert!(intents >= calls, "{calls} logouts and only {intents} intents");
    let lines: BTreeSet<u64> = told.iter().map(|user| user[4..].parse().unwrap()).collect();
    assert!(
        lines.iter().all(|number| done.contains_key(number)),
        "a told outcome is not on record"
    );

    check_trail(&env, &names, calls);
}

/// What the audit trail says, and that nobody has touched it.
fn check_trail(env: &TestEnv, names: &[String], calls: usize) {
    let trails: Vec<_> = fs::read_dir(env.path("data/audit")).unwrap().collect();
    assert_eq!(trails.len(), 1);
    let trail = trails[0].as_ref().unwrap().path();
    let verification = verify(&trail, &Against::default()).unwrap();
    assert!(verification.holds(), "{:?}", verification.problems);
    let (mut outcomes, mut meant) = (BTreeSet::new(), 0);
    for entry in Entries::open(&trail).unwrap() {
        let event = entry.unwrap().event;
        match event.kind {
            Kind::Intent => meant += 1,
            Kind::Outcome => {
                outcomes.insert(event.user.unwrap());
            }
            _ => {}
        }
    }
    assert!(
        meant >= calls,
        "{calls} logouts and only {meant} intents in the trail"
    );
    assert!(
        names.iter().all(|name| outcomes.contains(name)),
        "an outcome is missing in the trail"
    );
}

fn journal_of(env: &TestEnv) -> Option<std::path::PathBuf> {
    let runs = fs::read_dir(env.path("data/runs")).ok()?;
    // What is being written has no name of a run yet.
    let runs = runs
        .map(|run| run.unwrap().path())
        .filter(|run| run.extension().is_none());
    let mut journals = runs.map(|run| run.join("journal.jsonl"));
    journals.find(|journal| fs::read(journal).is_ok_and(|text| text.contains(&b'\n')))
}

fn progress(journal: &std::path::Path) -> Progress {
    let (header, reader) = Reader::open(fs::File::open(journal).unwrap()).unwrap();
    let mut progress = Progress::new(header.items);
    reader.for_each(|record| progress.note(record.unwrap()));
    progress
}

/// How often each item was done, and how many intents there were.
fn settled(journal: &std::path::Path) -> (BTreeMap<u64, u32>, usize) {
    let (_, reader) = Reader::open(fs::File::open(journal).unwrap()).unwrap();
    let (mut done, mut intents) = (BTreeMap::new(), 0);
    for record in reader {
        match record.unwrap() {
            Record::Intent(_) => intents += 1,
            Record::Outcome(outcome) if outcome.state == State::Done => {
                *done.entry(outcome.n).or_insert(0) += 1;
            }
            _ => {}
        }
    }
    (done, intents)
}
