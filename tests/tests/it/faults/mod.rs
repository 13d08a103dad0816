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

Written by the tests (`tests/tests/it/faults/`), which bring about every fault and hold what the tool claims against
what happened. Twenty users are worked on, four at a time, and the fault meets `user07`: *once*, or *always* for this
user. Silence is waited for two seconds (`--timeout 2s`); by default it is 15.

Whatever goes wrong, the tests see to this:

- A user who is told to be done is done, and one who is told to have failed was left alone; where that cannot be known
  it is told as unknown. A list shows what is there, and never less.
- Nobody who was not chosen is touched.
- For every intent on record there is an outcome, and `audit verify` finds the trail whole.
- Once the fault is gone, `runs resume` and the same command again do all that was left, and end with 0. A scan that was
  stopped is gone on with, or done again.
- A collector answers 200 only to what is on the disk, keeps what is posted twice once, and goes on serving others.

A cell tells the exit code, how many of the twenty were done, failed, or are of unknown outcome, and how often the server
was called for it: to list devices, to log out, to ban, to list the devices of a scan. The scan reads the status of all
twenty in one call before. Where it is a matter of luck how far the others had come, it says *a part*.

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
