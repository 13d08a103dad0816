//! Trails that are ahead of the journal, and what is restored from them.

use easemob_admin_api::UserId;
use easemob_admin_audit::{AuditTrail, EventTime};
use serde_json::json;

use super::*;
use crate::run::journal::header::Operator;
use crate::run::journal::record::{Begin, Intent};

const RUN: &str = "20260101-000000-abcdef";
const ALL: &str = "sessions.logout_all";
const ONE: &str = "sessions.logout_device";
const BAN: &str = "users.ban";

fn event(kind: Kind, call: Option<&str>) -> Event {
    let mut event = Event::new(EventTime::from_millis(5), kind);
    event.run = Some(RUN.into());
    event.line = Some(7);
    event.user = Some("ann".into());
    event.call = call.map(str::to_owned);
    event
}

fn started() -> Event {
    let mut event = event(Kind::RunStarted, None);
    (event.line, event.user) = (None, None);
    event
}

fn intent(call: &str) -> Event {
    event(Kind::Intent, Some(call))
}

fn outcome(call: Option<&str>, outcome: Outcome, devices: &[&str]) -> Event {
    let mut event = event(Kind::Outcome, call);
    event.outcome = Some(outcome);
    event.devices = devices.iter().map(|id| (*id).to_owned()).collect();
    event
}

fn failed(word: Outcome, state: Option<State>) -> Event {
    let mut event = outcome(Some(ONE), word, &["ios_1"]);
    event.error = Some("made up".into());
    event.status = Some(500);
    event.details.insert(FAILED.into(), json!(["web_1"]));
    if let Some(state) = state {
        event.details.insert(STATE.into(), json!(state));
    }
    event
}

fn part(number: u64, parts: u64, device: &str) -> Event {
    let mut event = outcome(Some(ALL), Outcome::Ended, &[device]);
    event.details.insert(PART.into(), json!(number));
    event.details.insert(PARTS.into(), json!(parts));
    event
}

fn item(number: u64, line: u64, user: &str) -> Item {
    Item::new(number, line, UserId::parse(user).unwrap())
}

fn begin() -> Record {
    Record::Begin(Begin {
        at: 0,
        tool: String::new(),
        operator: Operator::named("ann", "here"),
        pid: 1,
    })
}

/// A journal in memory.
#[derive(Default)]
struct Kept(Vec<Note>);

impl Sink for Kept {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        self.0.extend_from_slice(notes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Restores what `events` have and a journal of `records` lacks.
fn taken(events: &[Event], records: Vec<Record>, items: Vec<Item>) -> Vec<record::Outcome> {
    let home = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open(home.path(), "test").unwrap();
    trail.append(events).unwrap();
    let mut progress = Progress::new(items.len() as u64);
    for record in records {
        progress.note(record);
    }
    let mut kept = Kept::default();
    let items = items.into_iter().map(Ok);
    take_over(home.path(), RUN, items, &mut progress, &mut kept).unwrap();
    let outcomes = kept.0.into_iter().map(|note| match note.record {
        Record::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    });
    outcomes.collect()
}

#[test]
fn what_settles_a_user_is_taken_over_and_nothing_else() {
    use Outcome::{Done, Ended, Failed, Nothing, Refused, Skipped, Unknown};
    let ended = |ids: &[&str]| Some((State::Done, ids.len(), 0));
    for (events, expected) in [
        (vec![], None),
        (vec![intent(ALL)], None),
        (
            vec![intent(ALL), outcome(Some(ALL), Ended, &["ios_1"])],
            ended(&["ios_1"]),
        ),
        // Settled by reading the intent of an earlier attempt; an older version did not record which call.
        (vec![outcome(Some(ALL), Ended, &["ios_1"])], ended(&["ios_1"])),
        (vec![outcome(None, Ended, &["ios_1"])], ended(&["ios_1"])),
        (
            vec![intent("users.unban"), outcome(Some("users.unban"), Done, &[])],
            ended(&[]),
        ),
        // Nothing was sent.
        (vec![outcome(None, Nothing, &[])], Some((State::Nothing, 0, 0))),
        (
            vec![intent(ALL), failed(Failed, Some(State::FailedRetry))],
            Some((State::FailedRetry, 1, 1)),
        ),
        (
            vec![intent(ALL), failed(Failed, Some(State::FailedFinal))],
            Some((State::FailedFinal, 1, 1)),
        ),
        (
            vec![intent(ALL), failed(Refused, Some(State::FailedFinal))],
            Some((State::FailedFinal, 1, 1)),
        ),
        (
            vec![failed(Skipped, Some(State::Skipped))],
            Some((State::Skipped, 1, 1)),
        ),
        // A resumed run does these again.
        (vec![failed(Failed, Some(State::Unreached))], None),
        (vec![failed(Skipped, Some(State::NotTried))], None),
        (vec![intent(ALL), outcome(Some(ALL), Unknown, &[])], None),
        // Older versions did not record which of several states it was.
        (vec![intent(ALL), failed(Failed, None)], None),
        (vec![outcome(None, Skipped, &[])], None),
        // Words and states of newer versions.
        (
            vec![outcome(Some(ALL), Outcome::Other("postponed".into()), &[])],
            None,
        ),
        // There is a newer intent.
        (
            vec![intent(ALL), outcome(Some(ALL), Ended, &["ios_1"]), intent(ALL)],
            None,
        ),
        // The ban is done, and the result of the logout after it is unknown.
        (
            vec![intent(BAN), outcome(Some(BAN), Ended, &["ios_1"]), intent(ONE)],
            None,
        ),
        (
            vec![intent(BAN), intent(ONE), outcome(Some(BAN), Ended, &["ios_1"])],
            None,
        ),
        (
            vec![
                intent(BAN),
                outcome(Some(BAN), Ended, &[]),
                failed(Failed, Some(State::FailedRetry)),
            ],
            Some((State::FailedRetry, 1, 1)),
        ),
        // In parts, all or some of which are present.
        (
            vec![intent(ALL), part(1, 2, "ios_1"), part(2, 2, "ios_2")],
            ended(&["ios_1", "ios_2"]),
        ),
        (vec![intent(ALL), part(1, 2, "ios_1")], None),
        // The journal has what an earlier attempt did.
        (vec![outcome(Some(ALL), Ended, &["ios_1"]), started()], None),
    ] {
        let events: Vec<Event> = std::iter::once(started()).chain(events).collect();
        let found = taken(&events, vec![begin()], vec![item(0, 7, "ann")]);
        let found: Vec<_> = found
            .iter()
            .map(|outcome| (outcome.state, outcome.ended.len(), outcome.failed.len()))
            .collect();
        assert_eq!(found, Vec::from_iter(expected), "{events:?}");
    }
}

#[test]
fn what_failed_is_taken_over_as_it_was() {
    let events = [
        started(),
        intent(ONE),
        failed(Outcome::Failed, Some(State::FailedRetry)),
    ];
    let found = taken(&events, vec![begin()], vec![item(0, 7, "ann")]);
    let device = |id| DeviceId::parse(id).unwrap();
    assert_eq!(
        found,
        [record::Outcome {
            n: 0,
            at: 5,
            state: State::FailedRetry,
            server_at: None,
            ended: vec![device("ios_1")],
            failed: vec![Failure {
                device: Some(device("web_1")),
                call: ONE.into(),
                status: Some(500),
                error: "made up".into(),
                unknown: false,
            }],
            basis: None,
        }]
    );
}

#[test]
fn what_the_journal_has_is_not_taken_over() {
    let done = outcome(Some(ALL), Outcome::Ended, &["ios_1"]);
    let events = [started(), intent(ALL), done];
    let noted = || {
        Record::Outcome(record::Outcome {
            n: 0,
            at: 5,
            state: State::FailedRetry,
            server_at: None,
            ended: Vec::new(),
            failed: Vec::new(),
            basis: None,
        })
    };
    let meant = || {
        Record::Intent(Intent {
            n: 0,
            at: 5,
            call: ALL.into(),
            devices: Vec::new(),
            kept: Vec::new(),
        })
    };
    let end = || {
        Record::End(record::End {
            at: 0,
            stopped: None,
            process: None,
        })
    };
    for (records, user, expected) in [
        (vec![begin(), meant()], "ann", 1),
        (vec![begin()], "ann", 1),
        (vec![begin(), meant(), noted()], "ann", 0),
        (vec![begin(), meant(), noted(), end()], "ann", 0),
        // It ended cleanly, so whatever is missing was not done.
        (vec![begin(), meant(), end()], "ann", 0),
        (vec![], "ann", 0),
        // The failure belongs to an earlier attempt.
        (vec![begin(), noted(), end(), begin(), meant()], "ann", 1),
        (vec![begin(), noted(), end(), begin()], "ann", 1),
        // That line names another user.
        (vec![begin(), meant()], "bob", 0),
    ] {
        let found = taken(&events, records.clone(), vec![item(0, 7, user)]);
        assert_eq!(found.len(), expected, "{records:?}");
    }
}

#[test]
fn of_many_users_the_last_are_kept() {
    let mut told = Told::default();
    for line in 1..=10 {
        for mut event in [intent(ALL), outcome(Some(ALL), Outcome::Ended, &["ios_1"])] {
            event.line = Some(line);
            told.note(event, 3);
        }
    }
    let mut lines: Vec<u64> = told.users.into_keys().collect();
    lines.sort_unstable();
    assert_eq!(lines, [8, 9, 10]);
}
