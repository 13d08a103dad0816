//! Writes the notes of a run to the audit trail.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::SystemTime;

use easemob_admin_api::DeviceId;
use easemob_admin_audit::{AuditTrail, Claims, Event, EventTime, Kind, Operator, Outcome, TOOL};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::files::digest;
use crate::jobs::logout::LOGOUT_ALL;
use crate::record::happened;
use crate::record::parts::{FAILED, in_parts};
use crate::run::direction::RunState;
use crate::run::id::RunId;
use crate::run::job::Action;
use crate::run::journal::header::{self, Header};
use crate::run::journal::progress;
use crate::run::journal::record::{self, Record, State};
use crate::run::recorder::Note;
use crate::run::run_record::Sink;
use crate::run::store::{Direction, Pruning};
use crate::target::Target;

/// The detail with the state of an item that failed or was skipped.
pub(super) const STATE: &str = "state";

/// The detail with what an outcome rests on.
pub(super) const BASIS: &str = "basis";

/// The audit trail as a sink for the notes of one run.
///
/// It is written before the journal: everything in the journal is also in the trail.
pub struct AuditSink {
    trail: AuditTrail,
    events: RunEvents,
}

/// Converts the notes of one run to events of the trail.
pub struct RunEvents {
    header: Header,
    /// Who works on the run now, not necessarily who created it.
    acting: Option<(Operator, String)>,
    /// The last intent of each item whose outcome is outstanding, by item number.
    meant: HashMap<u64, Meant>,
    /// Whether others work on the same run at the same time.
    beside_others: bool,
}

/// A call that was about to be sent for an item.
struct Meant {
    call: String,
    devices: Vec<DeviceId>,
    /// Devices that an event has already reported as signed out.
    told: Vec<DeviceId>,
    /// Whether the intent is of an earlier attempt, whose result must be read from the server.
    earlier: bool,
}

impl AuditSink {
    /// Creates a sink that writes the events of a run to a trail.
    #[must_use]
    pub fn new(trail: AuditTrail, events: RunEvents) -> Self {
        Self { trail, events }
    }
}

impl RunEvents {
    /// Starts an attempt on a run; `outstanding` contains the calls of earlier attempts without a recorded
    /// outcome.
    #[must_use]
    pub fn new(header: Header, outstanding: &HashMap<u64, progress::Meant>) -> Self {
        let earlier = |(n, meant): (&u64, &progress::Meant)| {
            let meant = Meant {
                call: meant.call.clone(),
                devices: Vec::new(),
                told: Vec::new(),
                earlier: true,
            };
            (*n, meant)
        };
        Self {
            header,
            acting: None,
            meant: outstanding.iter().map(earlier).collect(),
            beside_others: false,
        }
    }

    /// Names who acts in every event, because entries of others come in between: otherwise, that is in the event of the start
    /// only.
    #[must_use]
    pub fn beside_others(mut self) -> Self {
        self.beside_others = true;
        self
    }

    fn event(&self, note: &Note) -> Event {
        let mut event = event(&self.header, self.acting.as_ref(), note);
        if let Some((operator, host)) = self.acting.as_ref().filter(|_| self.beside_others) {
            event.operator.get_or_insert_with(|| operator.clone());
            event.host.get_or_insert_with(|| host.clone());
        }
        event
    }

    /// Remembers an intent. An item whose act takes two calls has one outcome, but each call is an act that
    /// the trail must show. The second intent proves that the first call was done, and that the devices it no
    /// longer names are signed out.
    fn mean(&mut self, intent: &record::Intent, note: &Note) -> Option<Event> {
        let before = self.meant.remove(&intent.n);
        let before = before.filter(|before| !before.earlier && before.call != intent.call);
        let ended = |before: &Meant| -> Vec<DeviceId> {
            let named: HashSet<&DeviceId> = intent.devices.iter().collect();
            let devices = before.devices.iter();
            devices.filter(|id| !named.contains(id)).cloned().collect()
        };
        let told = before.as_ref().map(ended).unwrap_or_default();
        let meant = Meant {
            call: intent.call.clone(),
            devices: intent.devices.clone(),
            told: told.clone(),
            earlier: false,
        };
        self.meant.insert(intent.n, meant);
        Some(self.done(before?.call, intent.n, intent.at, told, note))
    }

    /// Returns the event of a call that was done before the one in `note`.
    fn done(&self, call: String, n: u64, at: i64, ended: Vec<DeviceId>, note: &Note) -> Event {
        let done = Note {
            record: Record::Outcome(record::Outcome {
                n,
                at,
                state: State::Done,
                server_at: None,
                ended,
                failed: Vec::new(),
                basis: None,
            }),
            about: note.about.clone(),
        };
        let mut event = self.event(&done);
        event.call = Some(call);
        event
    }

    /// Returns the events for a block of notes.
    pub fn of(&mut self, notes: &[Note]) -> Vec<Event> {
        let mut events = Vec::with_capacity(notes.len());
        for note in notes {
            let mut event = self.event(note);
            match &note.record {
                Record::Begin(begin) => {
                    self.acting = Some((acting_as(&begin.operator), begin.operator.host.clone()));
                    event = self.event(note);
                }
                Record::Intent(intent) => events.extend(self.mean(intent, note)),
                Record::Outcome(outcome) => {
                    if let Some(meant) = self.meant.remove(&outcome.n) {
                        if !meant.earlier && ban_was_done(&meant.call, outcome) {
                            events.push(self.done(
                                meant.call.clone(),
                                outcome.n,
                                outcome.at,
                                Vec::new(),
                                note,
                            ));
                        }
                        // The intent of an earlier attempt only matters if the act turns out to be done.
                        if !meant.earlier || outcome.state == State::Done {
                            event.call = event.call.or(Some(meant.call));
                        }
                        event.outcome = event
                            .outcome
                            .map(|outcome| in_words_of(event.call.as_deref(), outcome));
                        let told: HashSet<String> = meant.told.iter().map(ToString::to_string).collect();
                        event.devices.retain(|device| !told.contains(device));
                    }
                }
                Record::End(_) | Record::Directed(_) => {}
            }
            events.push(event);
        }
        events.into_iter().flat_map(in_parts).collect()
    }
}

/// Returns true if an attempt ends with one of the notes, so that a head of the trail is signed.
#[must_use]
pub fn ends_an_attempt(notes: &[Note]) -> bool {
    notes.iter().any(|note| matches!(note.record, Record::End(_)))
}

impl Sink for AuditSink {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        let events = self.events.of(notes);
        self.trail.append_buffered(&events).map_err(io::Error::other)?;
        if ends_an_attempt(notes) {
            self.trail
                .checkpoint(SystemTime::now())
                .map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.trail.sync().map_err(io::Error::other)
    }
}

/// A call that signs nobody out is `done`, not `ended`.
fn in_words_of(call: Option<&str>, outcome: Outcome) -> Outcome {
    match call {
        Some(call) if outcome == Outcome::Ended && !ends(call) => Outcome::Done,
        _ => outcome,
    }
}

/// Returns true if the call ends sessions, as a ban does.
fn ends(call: &str) -> bool {
    call.starts_with("sessions.") || call == "users.ban"
}

/// Returns true if the failure came after a ban: if the remaining devices could not be read, the ban is still
/// an act.
fn ban_was_done(meant: &str, outcome: &record::Outcome) -> bool {
    meant == "users.ban"
        && !outcome.failed.is_empty()
        && outcome.failed.iter().all(|failure| failure.call != meant)
}

/// Returns the event for a note.
fn event(header: &Header, acting: Option<&(Operator, String)>, note: &Note) -> Event {
    let mut event = match &note.record {
        Record::Begin(begin) => started(header, begin, acting),
        Record::Intent(intent) => {
            let mut event = Event::new(EventTime::from_millis(intent.at), Kind::Intent);
            event.call = Some(intent.call.clone());
            event.devices = intent.devices.iter().map(ToString::to_string).collect();
            if intent.call == LOGOUT_ALL && intent.devices.is_empty() {
                event.details = details([("scope", json!("all devices"))]);
            }
            event
        }
        // The only event of an act with full context, so that it can be forwarded alone.
        Record::Outcome(outcome) => in_context(settled(outcome), header, acting),
        Record::End(end) => {
            let mut event = Event::new(EventTime::from_millis(end.at), Kind::RunEnded);
            event.details = details([("stopped", json!(end.stopped))]);
            event
        }
        Record::Directed(directed) => {
            let kind = Kind::from(match directed.state {
                RunState::Alone => "run.taken",
                RunState::Open => "run.opened",
                RunState::Paused => "run.paused",
                RunState::Stopped => "run.stopped",
            });
            let mut event = Event::new(EventTime::from_millis(directed.at), kind);
            let who = (acting_as(&directed.operator), directed.operator.host.clone());
            event = in_context(event, header, Some(&who));
            event.details = details([("why", json!(directed.reason))]);
            event
        }
    };
    event.run = Some(header.run.clone());
    if let Some((line, user)) = &note.about {
        event.line = Some(*line);
        event.user = Some(user.to_string());
    }
    event
}

/// Returns the event about a decision who may work on a run.
#[must_use]
pub fn directed(header: &Header, direction: Direction) -> Event {
    let note = Note::of_run(Record::Directed(record::Directed {
        at: direction.at,
        operator: direction.operator,
        state: direction.state,
        reason: direction.reason,
    }));
    event(header, None, &note)
}

/// How many runs one event names, so that it fits into a line.
const RUNS_OF_AN_EVENT: usize = 500;

/// Returns the events about the removal of runs.
#[must_use]
pub fn pruned(target: &Target, ids: &[RunId], pruning: &Pruning) -> Vec<Event> {
    let at = Timestamp::from_millisecond(pruning.at).unwrap_or_default();
    let event = |ids: &[RunId]| {
        let names: Vec<&str> = ids.iter().map(RunId::as_str).collect();
        let pairs = [("runs", json!(names)), ("older_than", json!(pruning.older_than))];
        happened(target, &pruning.operator, at, "runs.pruned", pairs)
    };
    ids.chunks(RUNS_OF_AN_EVENT).map(event).collect()
}

/// Returns an operator as entries of the trail name one.
#[must_use]
pub fn acting_as(operator: &header::Operator) -> Operator {
    Operator {
        os_user: Some(operator.os_user.clone()),
        uid: operator.uid,
        subject: operator.subject.clone(),
        claims: claims(operator),
    }
}

fn claims(operator: &header::Operator) -> Option<Claims> {
    let claims = Claims {
        sudo_user: operator.sudo_user.clone(),
        login_uid: operator.login_uid,
    };
    (claims != Claims::default()).then_some(claims)
}

/// Adds who, where and why.
fn in_context(mut event: Event, header: &Header, acting: Option<&(Operator, String)>) -> Event {
    event.operator = acting.map(|(operator, _)| operator.clone());
    event.host = acting.map(|(_, host)| host.clone());
    event.app_root = Some(header.app_root.clone());
    event.app = Some(header.app.clone());
    event.sandbox = Some(header.sandbox);
    event.profile.clone_from(&header.profile);
    event.tool = Some(TOOL.to_owned());
    event.reason.clone_from(&header.reason);
    event.ticket.clone_from(&header.ticket);
    event
}

fn started(header: &Header, begin: &record::Begin, acting: Option<&(Operator, String)>) -> Event {
    let event = Event::new(EventTime::from_millis(begin.at), Kind::RunStarted);
    let mut event = in_context(event, header, acting);
    event.details = details([
        ("command", json!(header.action.command())),
        ("action", action(&header.action)),
        ("items", json!(header.items)),
        ("input_sha256", json!(header.input_sha256)),
        ("source", json!(header.source)),
        ("allowance", json!(header.allowance)),
        ("sudo_user", json!(begin.operator.sudo_user)),
        ("pid", json!(begin.pid)),
    ]);
    event
}

fn settled(outcome: &record::Outcome) -> Event {
    let mut event = Event::new(EventTime::from_millis(outcome.at), Kind::Outcome);
    let failure = outcome.failed.first();
    event.outcome = Some(match outcome.state {
        State::Done => Outcome::Ended,
        State::Nothing => Outcome::Nothing,
        State::Skipped | State::NotTried => Outcome::Skipped,
        State::Unknown => Outcome::Unknown,
        State::FailedFinal if failure.is_some_and(|failure| failure.status.is_some()) => Outcome::Refused,
        State::FailedRetry | State::FailedFinal | State::Unreached => Outcome::Failed,
    });
    event.devices = outcome.ended.iter().map(ToString::to_string).collect();
    event.call = failure.map(|failure| failure.call.clone());
    event.status = failure.and_then(|failure| failure.status);
    event.error = failure.map(|failure| failure.error.clone());
    event.server_time = outcome.server_at.map(EventTime::from_millis);
    let failed = outcome
        .failed
        .iter()
        .filter_map(|failure| failure.device.as_ref());
    let failed: Vec<String> = failed.map(ToString::to_string).collect();
    // These outcomes of the trail stand for several states; resuming the run requires the exact one.
    let state = matches!(
        event.outcome,
        Some(Outcome::Failed | Outcome::Refused | Outcome::Skipped)
    )
    .then_some(outcome.state);
    event.details = details([
        (FAILED, json!(failed)),
        (STATE, json!(state)),
        (BASIS, json!(outcome.basis)),
    ]);
    event
}

/// Returns the action as the trail stores it: lists that may be long are replaced by their length and digest.
fn action(action: &Action) -> Value {
    let mut json = json!(action);
    for list in ["/selection/exempt", "/selection/keep_newest/users"] {
        if let Some(list) = json.pointer_mut(list) {
            let count = list.as_array().map_or(0, Vec::len);
            let sha256 = digest::of(list.to_string().as_bytes()).unwrap_or_default();
            *list = json!({"count": count, "sha256": sha256});
        }
    }
    json
}

/// Unknown values are left out.
pub(super) fn details<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_null() && *value != json!([]))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
