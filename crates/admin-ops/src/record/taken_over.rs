//! Restores entries that the trail has but the journal lacks: the trail is written first, and a program may
//! be killed in between.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;

use easemob_admin_api::DeviceId;
use easemob_admin_audit::{Entries, Event, Kind, Outcome};
use serde_json::Value;

use crate::record::parts::{FAILED, PART, PARTS};
use crate::record::sink::{BASIS, STATE};
use crate::run::item::Item;
use crate::run::journal::progress::Progress;
use crate::run::journal::record::{self, Failure, Record, State};
use crate::run::recorder::Note;
use crate::run::run_record::Sink;

/// How many entries of a run, and how many of its users, are examined from the end of the trail: the journal
/// lacks at most one block, plus what a power failure took within a tenth of a second.
const MOST: usize = 1 << 16;

/// Copies outcomes that are only in the trail to the journal, so that no item gets two.
///
/// Reads the trail only if the last attempt did not end cleanly, and only from the start of that attempt.
///
/// # Errors
/// When the items or the trail cannot be read, or the journal cannot be written.
pub fn take_over(
    trail: &Path,
    run: &str,
    items: impl Iterator<Item = io::Result<Item>>,
    progress: &mut Progress,
    journal: &mut impl Sink,
) -> io::Result<()> {
    if !progress.was_cut_off() {
        return Ok(());
    }
    let entries = Entries::of_last_attempt(trail, run, MOST as u64).map_err(io::Error::other)?;
    let mut told = Told::default();
    // `audit verify` reports unreadable lines.
    for entry in entries.into_iter().flatten().flatten() {
        if entry.event.run.as_deref() == Some(run) {
            told.note(entry.event, MOST);
        }
    }
    let mut notes = Vec::new();
    for item in items {
        if told.users.is_empty() {
            break;
        }
        let item = item?;
        let outcome = told
            .users
            .remove(&item.line)
            .filter(|_| !progress.is_noted(item.number))
            .and_then(|last| last.outcome(&item));
        if let Some(outcome) = outcome {
            let record = Record::Outcome(outcome);
            progress.note(record.clone());
            notes.push(Note::of_item(&item, record));
        }
    }
    if notes.is_empty() {
        return Ok(());
    }
    journal.append(&notes)?;
    journal.sync()
}

/// What the trail says about the users of an attempt, by line of the list.
#[derive(Debug, Default)]
struct Told {
    users: HashMap<u64, Last>,
    order: VecDeque<u64>,
}

/// The last entries of the trail about one user.
#[derive(Debug, Default)]
struct Last {
    /// The last intended call.
    call: Option<String>,
    /// The outcome since then, in its parts.
    outcome: Vec<Event>,
}

impl Told {
    /// Adds an event, in the order of the trail; of more than `most` users, the most recent ones are kept.
    fn note(&mut self, event: Event, most: usize) {
        let Some(line) = event.line else { return };
        if !self.users.contains_key(&line) {
            self.order.push_back(line);
            if self.order.len() > most
                && let Some(oldest) = self.order.pop_front()
            {
                self.users.remove(&oldest);
            }
        }
        let last = self.users.entry(line).or_default();
        match event.kind {
            Kind::Intent => {
                // Whatever was done before, there is now a call with an unknown result.
                last.outcome.clear();
                last.call = event.call;
            }
            Kind::Outcome => {
                if number(&event, PART).is_none_or(|part| part == 1) {
                    last.outcome.clear();
                }
                last.outcome.push(event);
            }
            _ => {}
        }
    }
}

impl Last {
    /// Returns the outcome as the journal would have it, if a resumed run would not repeat it.
    fn outcome(&self, item: &Item) -> Option<record::Outcome> {
        let event = self.outcome.first()?;
        let whole = number(event, PARTS).is_none_or(|parts| parts == self.outcome.len() as u64);
        if !whole || event.user.as_deref() != Some(item.user.as_str()) {
            return None;
        }
        let state = state(event)?;
        // An act of two calls has an event for the first of them, which does not settle the item.
        let is_step = self.call.is_some() && event.call != self.call;
        if state == State::Done && is_step {
            return None;
        }
        let ended = self.outcome.iter().flat_map(|part| &part.devices);
        Some(record::Outcome {
            n: item.number,
            at: event.time.as_millis(),
            state,
            server_at: event.server_time.map(easemob_admin_audit::EventTime::as_millis),
            ended: ended.filter_map(|id| DeviceId::parse(id.as_str()).ok()).collect(),
            failed: self.failures(event),
            basis: event
                .details
                .get(BASIS)
                .and_then(|basis| serde_json::from_value(basis.clone()).ok()),
        })
    }

    fn failures(&self, event: &Event) -> Vec<Failure> {
        let (Some(call), Some(error)) = (&event.call, &event.error) else {
            return Vec::new();
        };
        let failure = |device| Failure {
            device,
            call: call.clone(),
            status: event.status,
            error: error.clone(),
            unknown: false,
        };
        let failed = self.outcome.iter().filter_map(|part| part.details.get(FAILED));
        let failed = failed.filter_map(Value::as_array).flatten();
        let devices = failed
            .filter_map(Value::as_str)
            .filter_map(|id| DeviceId::parse(id).ok());
        let failures: Vec<Failure> = devices.map(|device| failure(Some(device))).collect();
        if failures.is_empty() {
            return vec![failure(None)];
        }
        failures
    }
}

/// Returns the state of an item after an event, or `None` if a resumed run works on it or the state is
/// unknown.
fn state(event: &Event) -> Option<State> {
    match event.outcome.as_ref()? {
        Outcome::Ended | Outcome::Done if event.error.is_none() => Some(State::Done),
        Outcome::Nothing => Some(State::Nothing),
        Outcome::Failed | Outcome::Refused | Outcome::Skipped => {
            let state = serde_json::from_value(event.details.get(STATE)?.clone()).ok()?;
            matches!(state, State::FailedRetry | State::FailedFinal | State::Skipped).then_some(state)
        }
        _ => None,
    }
}

fn number(event: &Event, detail: &str) -> Option<u64> {
    event.details.get(detail)?.as_u64()
}

#[cfg(test)]
mod tests;
