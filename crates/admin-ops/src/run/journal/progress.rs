//! The progress of a run: the journal folded into one state per item. Pure.

use std::collections::{HashMap, HashSet};
use std::ops::{Add, Range};

use easemob_admin_api::DeviceId;
use serde::{Deserialize, Serialize};

use crate::run::journal::record::{Intent, Outcome, Record, State};

/// The state of every item, or of the items of a range. Two bytes per item up to the last one that was started, plus the
/// intents that are not settled.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The number of the first item.
    first: u64,
    items: u64,
    states: Vec<Option<State>>,
    intents: HashMap<u64, Meant>,
    counts: Counts,
    /// Which items have an outcome that the last attempt recorded after the last intent.
    noted: Vec<bool>,
    /// Whether the last attempt did not end cleanly.
    cut_off: bool,
    /// Whether there is any record.
    begun: bool,
}

/// A call that was about to be sent, and is not known to have succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meant {
    /// The call.
    pub call: String,
    /// The devices of the call, except those that are known to be signed out.
    pub devices: Vec<DeviceId>,
}

/// How many items are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All items.
    pub items: u64,
    /// Done.
    pub done: u64,
    /// There was nothing to do.
    pub nothing: u64,
    /// Skipped because of drift.
    pub skipped: u64,
    /// Failed; repeating may help.
    pub failed_retry: u64,
    /// Failed; repeating will not help.
    pub failed_final: u64,
    /// Started, with an unknown outcome.
    pub doubtful: u64,
    /// Not started, or started in vain.
    pub open: u64,
    /// Items among the doubtful or open ones whose last attempt failed: the server was unresponsive or
    /// refused everything, or the result of the call is unknown. Each must be done again, and each was
    /// reported as a failure.
    pub in_vain: u64,
    /// Devices that were signed out.
    pub devices_ended: u64,
    /// Devices that were intended and are not known to be signed out.
    pub devices_intended: u64,
}

/// What remains to be done for an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It was not started, or in vain: everything is still undecided.
    Untouched,
    /// These devices were intended, and it is unknown whether they were signed out.
    Doubtful(&'a [DeviceId]),
    /// These devices were intended and could not be signed out; repeating may help.
    FailedRetry(Option<&'a [DeviceId]>),
    /// It failed, and repeating will not help.
    FailedFinal(Option<&'a [DeviceId]>),
    /// Nothing is left to do.
    Settled,
}

impl Progress {
    /// Creates the progress of a run in which nothing is done.
    #[must_use]
    pub fn new(items: u64) -> Self {
        Self {
            items,
            ..Self::default()
        }
    }

    /// Creates the progress of a range of items in which nothing is done.
    #[must_use]
    pub fn of_range(range: Range<u64>) -> Self {
        Self {
            first: range.start,
            ..Self::new(range.end.saturating_sub(range.start))
        }
    }

    /// Returns the place of an item among the states.
    fn place(&self, number: u64) -> Option<usize> {
        let place = number
            .checked_sub(self.first)
            .filter(|place| *place < self.items)?;
        usize::try_from(place).ok()
    }

    /// Adds one record; a record about an item that is not among these is ignored.
    pub fn note(&mut self, record: Record) {
        self.begun = true;
        match record {
            Record::Begin(_) => {
                self.noted.clear();
                self.cut_off = true;
            }
            Record::End(_) => self.cut_off = false,
            Record::Directed(_) => {}
            Record::Intent(intent) => {
                if let Some(state) = self.state_mut(intent.n) {
                    *state = Some(State::NotTried);
                    let Intent { n, call, devices, .. } = intent;
                    self.intents.insert(n, Meant { call, devices });
                    self.mark(n, false);
                }
            }
            Record::Outcome(outcome) => self.settle(&outcome),
        }
    }

    fn settle(&mut self, outcome: &Outcome) {
        let Some(state) = self.state_mut(outcome.n) else {
            return;
        };
        *state = Some(outcome.state);
        self.mark(outcome.n, true);
        self.counts.devices_ended += outcome.ended.len() as u64;
        match outcome.state {
            State::Done | State::Nothing | State::Skipped => {
                self.intents.remove(&outcome.n);
            }
            // Nothing happened, and no device was named that could be looked up.
            State::NotTried | State::Unreached | State::FailedRetry | State::FailedFinal
                if self
                    .intents
                    .get(&outcome.n)
                    .is_some_and(|meant| meant.devices.is_empty()) =>
            {
                self.intents.remove(&outcome.n);
            }
            _ => {
                if let Some(intent) = self.intents.get_mut(&outcome.n) {
                    let ended: HashSet<&DeviceId> = outcome.ended.iter().collect();
                    intent.devices.retain(|device| !ended.contains(device));
                }
            }
        }
    }

    fn state_mut(&mut self, number: u64) -> Option<&mut Option<State>> {
        let index = self.place(number)?;
        if self.states.len() <= index {
            self.states.resize(index + 1, None);
        }
        self.states.get_mut(index)
    }

    /// Records whether the last outcome of an item of the run is known.
    fn mark(&mut self, number: u64, noted: bool) {
        let Some(index) = self.place(number) else {
            return;
        };
        if self.noted.len() <= index {
            self.noted.resize(index + 1, false);
        }
        self.noted[index] = noted;
    }

    /// Returns true if there was an attempt, or somebody decided about the run.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns true if the last attempt did not end cleanly, so that the journal may lack notes that were
    /// first written elsewhere.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Returns true if the last attempt recorded an outcome of an item after its last intent.
    #[must_use]
    pub fn is_noted(&self, number: u64) -> bool {
        let index = self.place(number);
        index.is_some_and(|index| self.noted.get(index).copied().unwrap_or(false))
    }

    /// Returns the calls whose outcome is outstanding, by item number.
    #[must_use]
    pub fn outstanding(&self) -> &HashMap<u64, Meant> {
        &self.intents
    }

    /// Returns what remains to be done for an item.
    #[must_use]
    pub fn standing(&self, number: u64) -> Standing<'_> {
        let state = self
            .place(number)
            .and_then(|index| self.states.get(index).copied().flatten());
        let intended = self.intents.get(&number).map(|meant| meant.devices.as_slice());
        match state {
            Some(State::Done | State::Nothing | State::Skipped) => Standing::Settled,
            Some(State::FailedRetry) => Standing::FailedRetry(intended),
            Some(State::FailedFinal) => Standing::FailedFinal(intended),
            // Once devices were named, no later attempt may name others.
            None | Some(State::Unreached | State::NotTried | State::Unknown) => {
                intended.map_or(Standing::Untouched, Standing::Doubtful)
            }
        }
    }

    /// Counts the items.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts;
        counts.items = self.items;
        counts.open = self.items - self.states.len() as u64;
        for (number, state) in (self.first..).zip(&self.states) {
            counts.in_vain += u64::from(matches!(state, Some(State::Unreached | State::Unknown)));
            let counter = match state {
                Some(State::Done) => &mut counts.done,
                Some(State::Nothing) => &mut counts.nothing,
                Some(State::Skipped) => &mut counts.skipped,
                Some(State::FailedRetry) => &mut counts.failed_retry,
                Some(State::FailedFinal) => &mut counts.failed_final,
                None | Some(State::Unreached | State::NotTried | State::Unknown) => {
                    if self.intents.contains_key(&number) {
                        &mut counts.doubtful
                    } else {
                        &mut counts.open
                    }
                }
            };
            *counter += 1;
        }
        let meant = self.intents.values();
        counts.devices_intended = meant.map(|meant| meant.devices.len() as u64).sum();
        counts
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            done: self.done + other.done,
            nothing: self.nothing + other.nothing,
            skipped: self.skipped + other.skipped,
            failed_retry: self.failed_retry + other.failed_retry,
            failed_final: self.failed_final + other.failed_final,
            doubtful: self.doubtful + other.doubtful,
            open: self.open + other.open,
            in_vain: self.in_vain + other.in_vain,
            devices_ended: self.devices_ended + other.devices_ended,
            devices_intended: self.devices_intended + other.devices_intended,
        }
    }
}

impl Counts {
    /// Returns how many items `runs resume` would work on.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.open + self.doubtful
    }

    /// Returns how many items failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed_retry + self.failed_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::header::Operator;
    use crate::run::journal::record::{Begin, End, Intent};

    fn device(id: &str) -> DeviceId {
        DeviceId::parse(id).unwrap()
    }

    fn intent(n: u64, devices: &[&str]) -> Record {
        Record::Intent(Intent {
            n,
            at: 0,
            call: "sessions.logout_all".into(),
            devices: devices.iter().map(|id| device(id)).collect(),
            kept: Vec::new(),
        })
    }

    fn outcome(n: u64, state: State, ended: &[&str]) -> Record {
        Record::Outcome(Outcome {
            n,
            at: 0,
            state,
            server_at: None,
            ended: ended.iter().map(|id| device(id)).collect(),
            failed: Vec::new(),
            basis: None,
        })
    }

    fn progress(records: impl IntoIterator<Item = Record>) -> Progress {
        let mut progress = Progress::new(3);
        for record in records {
            progress.note(record);
        }
        progress
    }

    #[test]
    fn an_intent_without_outcome_is_doubtful() {
        let progress = progress([intent(1, &["ios_1"])]);
        assert_eq!(progress.standing(0), Standing::Untouched);
        assert_eq!(progress.standing(1), Standing::Doubtful(&[device("ios_1")]));
        assert_eq!((progress.counts().open, progress.counts().doubtful), (2, 1));
        assert_eq!(progress.outstanding()[&1].devices, [device("ios_1")]);
    }

    #[test]
    fn counts_of_parts_add_up_field_by_field() {
        let from = |first: u64| Counts {
            items: first,
            done: first + 1,
            nothing: first + 2,
            skipped: first + 3,
            failed_retry: first + 4,
            failed_final: first + 5,
            doubtful: first + 6,
            open: first + 7,
            in_vain: first + 8,
            devices_ended: first + 9,
            devices_intended: first + 10,
        };
        let sum = from(10) + from(30);
        let expected = Counts {
            items: 40,
            done: 42,
            nothing: 44,
            skipped: 46,
            failed_retry: 48,
            failed_final: 50,
            doubtful: 52,
            open: 54,
            in_vain: 56,
            devices_ended: 58,
            devices_intended: 60,
        };
        assert_eq!(sum, expected);
    }

    #[test]
    fn a_run_has_begun_with_its_first_record() {
        assert!(!progress([]).has_begun());
        assert!(progress([intent(1, &["ios_1"])]).has_begun());
    }

    #[test]
    fn a_refused_call_that_named_no_device_leaves_nothing_to_look_up() {
        for state in [
            State::NotTried,
            State::Unreached,
            State::FailedRetry,
            State::FailedFinal,
        ] {
            let of = |devices: &[&str]| progress([intent(0, devices), outcome(0, state, &[])]);
            assert!(!of(&[]).intents.contains_key(&0), "{state:?}");
            assert!(of(&["ios_1"]).intents.contains_key(&0), "{state:?}");
        }
    }

    #[test]
    fn what_was_ended_is_no_longer_intended() {
        let progress = progress([
            intent(0, &["ios_1", "web_1"]),
            outcome(0, State::FailedRetry, &["ios_1"]),
            intent(1, &["ios_2"]),
            outcome(1, State::Done, &["ios_2"]),
        ]);
        assert_eq!(
            progress.standing(0),
            Standing::FailedRetry(Some(&[device("web_1")]))
        );
        assert_eq!(progress.standing(1), Standing::Settled);
        let counts = progress.counts();
        assert_eq!((counts.devices_ended, counts.devices_intended), (2, 1));
    }

    #[test]
    fn a_vain_attempt_leaves_an_item_open_unless_devices_were_named() {
        let progress = progress([
            outcome(0, State::Unreached, &[]),
            intent(1, &["ios_1"]),
            outcome(1, State::NotTried, &[]),
        ]);
        assert_eq!(progress.standing(0), Standing::Untouched);
        assert_eq!(progress.standing(1), Standing::Doubtful(&[device("ios_1")]));
    }

    #[test]
    fn what_failed_and_is_to_be_done_again_is_told_apart_from_what_was_cut_off() {
        let progress = progress([
            outcome(0, State::Unreached, &[]),
            intent(1, &["ios_1"]),
            outcome(1, State::Unknown, &[]),
            intent(2, &["ios_2"]),
        ]);
        let counts = progress.counts();
        assert_eq!((counts.unfinished(), counts.in_vain), (3, 2));
    }

    #[test]
    fn what_the_last_attempt_noted_is_told_from_what_others_did() {
        let begin = || {
            Record::Begin(Begin {
                at: 0,
                tool: String::new(),
                operator: Operator::named("ann", "here"),
                pid: 1,
            })
        };
        let end = || {
            Record::End(End {
                at: 0,
                stopped: None,
                process: None,
            })
        };
        let done = |n| outcome(n, State::Done, &[]);
        for (records, cut_off, noted) in [
            (vec![], false, [false; 3]),
            (vec![begin()], true, [false; 3]),
            (vec![begin(), done(1)], true, [false, true, false]),
            (vec![begin(), done(1), end()], false, [false, true, false]),
            (
                vec![begin(), outcome(0, State::FailedRetry, &[]), end(), begin()],
                true,
                [false; 3],
            ),
            (vec![begin(), done(2), intent(2, &["ios_1"])], true, [false; 3]),
            (
                vec![begin(), intent(2, &["ios_1"]), done(2), done(99)],
                true,
                [false, false, true],
            ),
        ] {
            let progress = progress(records.clone());
            assert_eq!(progress.was_cut_off(), cut_off, "{records:?}");
            assert_eq!([0, 1, 2].map(|n| progress.is_noted(n)), noted, "{records:?}");
        }
    }

    #[test]
    fn a_range_counts_its_own_items_only() {
        let mut progress = Progress::of_range(1_000_000..1_000_003);
        for number in [0, 999_999, 1_000_000, 1_000_002, 1_000_003] {
            progress.note(intent(number, &["ios_1"]));
        }
        progress.note(outcome(1_000_002, State::Done, &["ios_1"]));
        let counts = progress.counts();
        assert_eq!(
            (counts.items, counts.doubtful, counts.done, counts.open),
            (3, 1, 1, 1)
        );
        assert_eq!(
            progress.standing(1_000_000),
            Standing::Doubtful(&[device("ios_1")])
        );
        assert_eq!(progress.standing(1_000_001), Standing::Untouched);
        assert_eq!(progress.standing(1_000_002), Standing::Settled);
    }

    #[test]
    fn a_record_about_no_item_is_ignored() {
        let progress = progress([intent(99, &["ios_1"]), outcome(99, State::Done, &[])]);
        assert_eq!(progress.counts().open, 3);
        assert_eq!(progress.counts().devices_intended, 0);
    }
}
