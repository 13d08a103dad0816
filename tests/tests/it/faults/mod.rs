//! What goes wrong, by what an operator does: each cell of the table is a run whose claims are held against the truth.
//!
//! The table in `docs/faults.md` is written by this test: `INSTA_UPDATE=always cargo test -p e2e faults`.

mod cell;
mod collecting;
mod command;
mod foreign;
mod line;
mod wrong;

use std::fmt::Write as _;
use std::path::Path;

use self::command::Command;
use self::wrong::Wrong;

const INTRODUCTION: &str = "\
# What holds when something goes wrong

The tests in `tests/tests/it/faults/` write this page. They cause every fault and compare what the tool reports with
what happened. Each run works on twenty users, four at once, and the fault affects `user07`: *once*, or *always*. The
tool waits two seconds for an answer (`--timeout 2s`); the default is 15.

Whatever goes wrong, the tests check the following:

- A user reported as done is done, and a user reported as failed was not changed. If that cannot be known, the user is
  reported as unknown. A list never shows fewer devices than are online.
- Users that were not selected are not changed.
- Every recorded intent has an outcome, and `audit verify` finds no problem in the trail.
- Once the fault is gone, `runs resume`, or the same command again, does the rest and exits with 0. A stopped scan can be
  resumed or repeated.
- A collector answers 200 only to events that are on disk, stores an event that is posted twice once, and keeps serving
  other requests.

A cell shows the exit code, how many of the twenty users were done, failed, or have an unknown outcome, and the number of
calls: to list devices, to log out, to ban, or to list the devices of a scan. The scan first reads the status of all
twenty users in one call. If it depends on timing how many users were done, the cell says *a part*.

";

#[test]
fn faults_have_no_other_consequence_than_the_documented() {
    let faults: Vec<Wrong> = Wrong::all();
    let columns: Vec<Vec<String>> = std::thread::scope(|scope| {
        let commands = Command::ALL.map(|command| {
            let faults = &faults;
            scope.spawn(move || faults.iter().map(|wrong| cell::of(command, *wrong)).collect())
        });
        let collecting = scope.spawn(|| faults.iter().map(|wrong| collecting::cell(*wrong)).collect());
        commands
            .into_iter()
            .chain([collecting])
            .map(|column| column.join().unwrap())
            .collect()
    });
    let mut text = String::from(INTRODUCTION);
    text.push_str("| fault | list | logout | ban | scan | collect |\n|---|---|---|---|---|---|\n");
    for (row, wrong) in faults.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        writeln!(text, "| {} | {} |", wrong.name(), cells.join(" | ")).unwrap();
    }
    text.push_str(&foreign::tables());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        std::fs::write(&path, &text).unwrap();
    }
    let documented = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(documented, text, "docs/faults.md says otherwise");
}
