//! How many statements a worker makes beside those that record something.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use easemob_admin_audit::Limits;

use crate::budget::{Departures, Worker, app, send};
use crate::recorded::{Lines, recorder};
use crate::runs::{Machine, Place, begin, intent, outcome, recording, write};
use crate::workers::{RANGE, open_run, take};

/// For how long to count.
const COUNTED: Duration = Duration::from_secs(3);

/// Returns the statements that were executed, in the order of their connections.
fn executed(lines: &Lines) -> Vec<String> {
    let mut prepared: HashMap<(usize, Vec<u8>), String> = HashMap::new();
    let mut executed = Vec::new();
    for (connection, bytes) in &*lines.lock().unwrap() {
        let mut rest = &bytes[..];
        // The first message of a session begins with its length, whose first byte is no type.
        while let [kind @ b'A'..=b'z', after @ ..] = rest {
            let length = u32::from_be_bytes(after[..4].try_into().unwrap()) as usize;
            let mut words = after[4..length].split(|byte| *byte == 0).map(<[u8]>::to_vec);
            let (first, second) = (words.next().unwrap(), words.next().unwrap_or_default());
            match kind {
                b'P' => {
                    prepared.insert((*connection, first), String::from_utf8(second).unwrap());
                }
                b'B' => executed.extend(prepared.get(&(*connection, second)).cloned()),
                b'Q' => executed.push(String::from_utf8(first).unwrap()),
                _ => {}
            }
            rest = &after[length..];
        }
    }
    executed
}

#[test]
fn a_worker_makes_at_most_twenty_statements_a_second_for_its_lease_and_budget() {
    let Some(place) = Place::new() else { return };
    if !place.database.address().host.starts_with('/') {
        return;
    }
    let (address, lines) = recorder(&place.keys(""), &place.database.address());
    let mut machine = Machine::at(&address, &place.keys("one"), Limits::default());
    // As a command has it with `--timeout 30s`.
    machine.runs = machine
        .runs
        .with_lease(Duration::from_secs(75), Duration::from_secs(60));
    open_run(&machine, 0, RANGE);
    let mut record = recording(take(&machine, 0).unwrap());
    write(&mut *record, &[begin("ann")]);
    let worker = Worker::of(&address, &app());
    worker.budget.set_rate(&app(), "accounts", 1_000).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let departures = Departures::default();
    let sending = {
        let _inside = runtime.enter();
        send(&worker, 0, &departures)
    };
    lines
        .lock()
        .unwrap()
        .retain(|(_, bytes)| bytes.first() == Some(&b'P'));
    let (began, mut blocks) = (Instant::now(), 0_u32);
    while began.elapsed() < COUNTED {
        let number = u64::from(blocks) % RANGE;
        write(&mut *record, &[intent(number), outcome(number)]);
        blocks += 1;
    }
    let executed = executed(&lines);
    drop(sending);
    let about = |table: &str| {
        executed
            .iter()
            .filter(|sql| sql.contains(table) && !sql.contains("run_record"))
            .count()
    };
    let (of_lease, of_budget) = (about("easemob_admin.lease"), about("easemob_admin.budget"));
    let per_second = |count: usize| f64::from(u32::try_from(count).unwrap()) / COUNTED.as_secs_f64();
    let left = departures.lock().unwrap().len();
    assert!(
        blocks > 60 && of_budget > 10 && left > 300,
        "{blocks} {of_budget} {left}: not enough to count"
    );
    assert!(
        per_second(of_lease + of_budget) <= 20.0,
        "{of_lease} of the lease and {of_budget} of the budget beside {blocks} blocks and {left} requests"
    );
}
