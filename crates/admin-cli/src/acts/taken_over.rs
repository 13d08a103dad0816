//! What the trail has of a run and its journal lacks: the trail is written first, and a program may be killed in between.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use easemob_admin_api::DeviceId;

use crate::audit::{Entries, Event, Kind, Outcome};
use crate::bulk::item::Item;
use crate::bulk::journal::progress::Progress;
use crate::bulk::journal::record::{self, Record, State};
use crate::bulk::recorder::{Note, Sink};

/// Takes outcomes that are only in the trail over into the journal, so that nobody has two.
///
/// The trail is read only if a call of the run has no outcome in the journal, which is after a kill.
///
/// # Errors
/// When the items or the trail cannot be read, or the journal cannot be written.
pub(super) fn take_over(
    trail: &Path,
    run: &str,
    items: impl Iterator<Item = io::Result<Item>>,
    progress: &mut Progress,
    journal: &mut impl Sink,
) -> io::Result<()> {
    if progress.outstanding().is_empty() {
        return Ok(());
    }
    let mut outstanding = HashMap::new();
    for item in items {
        let item = item?;
        if progress.outstanding().contains_key(&item.number) {
            outstanding.insert(item.line, item);
        }
    }
    let mut settled = Settled::default();
    for entry in Entries::open(trail).map_err(io::Error::other)? {
        // A line that cannot be read is for `audit verify` to report.
        let Ok(entry) = entry else { continue };
        let of_run = entry.event.run.as_deref() == Some(run);
        if let Some(line) = entry
            .event
            .line
            .filter(|line| of_run && outstanding.contains_key(line))
        {
            settled.note(line, entry.event);
        }
    }
    let mut notes = Vec::new();
    for (line, done) in settled.done {
        let Some(item) = outstanding.get(&line) else {
            continue;
        };
        let record = Record::Outcome(record::Outcome {
            n: item.number,
            at: done.at,
            state: State::Done,
            server_at: None,
            ended: done.ended,
            failed: Vec::new(),
        });
        progress.note(record.clone());
        notes.push(Note::of_item(item, record));
    }
    if notes.is_empty() {
        return Ok(());
    }
    journal.append(&notes)?;
    journal.sync()
}

/// The acts that the trail says are done, by their line in the list.
#[derive(Debug, Default)]
struct Settled {
    done: HashMap<u64, Done>,
    calls: HashMap<u64, String>,
}

#[derive(Debug)]
struct Done {
    at: i64,
    ended: Vec<DeviceId>,
}

impl Settled {
    /// Takes note of an event, in the order of the trail.
    fn note(&mut self, line: u64, event: Event) {
        match event.kind {
            Kind::Intent => {
                // Whatever was done before, there is a call now of which nothing is known.
                self.done.remove(&line);
                if let Some(call) = event.call {
                    self.calls.insert(line, call);
                }
            }
            Kind::Outcome => {
                // An act of two calls has an event for the first of them, which settles nothing.
                let last = self.calls.get(&line) == event.call.as_ref();
                let done = matches!(event.outcome, Some(Outcome::Ended | Outcome::Done));
                if !(last && done && event.error.is_none()) {
                    self.done.remove(&line);
                    return;
                }
                let ended = event
                    .devices
                    .iter()
                    .filter_map(|id| DeviceId::parse(id.as_str()).ok());
                // A user with very many devices has several entries.
                let known = self.done.entry(line).or_insert_with(|| Done {
                    at: event.time.as_millis(),
                    ended: Vec::new(),
                });
                known.ended.extend(ended);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::EventTime;

    fn event(kind: Kind, call: Option<&str>, outcome: Option<Outcome>, devices: &[&str]) -> Event {
        let mut event = Event::new(EventTime::from_millis(5), kind);
        event.call = call.map(str::to_owned);
        event.outcome = outcome;
        event.devices = devices.iter().map(|id| (*id).to_owned()).collect();
        event
    }

    #[test]
    fn only_the_outcome_of_the_last_call_settles() {
        use Outcome::{Done as Did, Ended, Failed, Unknown};
        let (all, ban, logout) = ("sessions.logout_all", "users.ban", "sessions.logout_device");
        let intent = |call| event(Kind::Intent, Some(call), None, &[]);
        let outcome =
            |call, outcome, devices: &[&str]| event(Kind::Outcome, Some(call), Some(outcome), devices);
        for (events, expected) in [
            (vec![intent(all)], None),
            (
                vec![intent(all), outcome(all, Ended, &["ios_1"])],
                Some(vec!["ios_1"]),
            ),
            (
                vec![intent("users.unban"), outcome("users.unban", Did, &[])],
                Some(vec![]),
            ),
            (vec![intent(all), outcome(all, Failed, &[])], None),
            (vec![intent(all), outcome(all, Unknown, &[])], None),
            (
                vec![intent(all), outcome(all, Ended, &["ios_1"]), intent(all)],
                None,
            ),
            // A lock: the ban is done, and the logout after it is not known.
            (
                vec![intent(ban), outcome(ban, Ended, &["ios_1"]), intent(logout)],
                None,
            ),
            (
                vec![intent(ban), intent(logout), outcome(ban, Ended, &["ios_1"])],
                None,
            ),
            // In parts.
            (
                vec![
                    intent(all),
                    outcome(all, Ended, &["ios_1"]),
                    outcome(all, Ended, &["ios_2"]),
                ],
                Some(vec!["ios_1", "ios_2"]),
            ),
        ] {
            let mut settled = Settled::default();
            for event in events.clone() {
                settled.note(1, event);
            }
            let found = settled.done.remove(&1).map(|done| {
                let ids = done.ended.iter().map(ToString::to_string);
                ids.collect::<Vec<_>>()
            });
            let expected = expected.map(|ids| ids.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(found, expected, "{events:?}");
        }
    }
}
