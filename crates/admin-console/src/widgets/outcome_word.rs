//! What became of an act, as the audit trail has it, in words.

use easemob_admin_audit::{Entry, Outcome};
use easemob_admin_words::{t, translated};
use maud::{Markup, html};

use crate::icons::Icon;
use crate::numbers::devices;

/// Returns what became of an act, with the number of devices.
pub(crate) fn of_entry(entry: &Entry) -> Markup {
    let event = &entry.event;
    let count = event.devices.len() as u64;
    html! {
        @match &event.outcome {
            Some(Outcome::Ended) if count > 0 => span.res { (Icon::CHECK) (t!("signed out {}", devices(count))) },
            Some(outcome) => @match is_good(outcome) {
                Some(true) => span.res { (Icon::CHECK) (word(outcome)) },
                Some(false) => span.tag."tag--attn" { (word(outcome)) },
                None => span.soft { (word(outcome)) },
            },
            None => span.soft { (word_of_kind(event.kind.as_str())) },
        }
    }
}

/// Returns true if an outcome is as it was meant, false if somebody should look, and nothing if it is neither.
fn is_good(outcome: &Outcome) -> Option<bool> {
    match outcome {
        Outcome::Ended | Outcome::Done => Some(true),
        Outcome::Refused | Outcome::Failed | Outcome::Unknown => Some(false),
        _ => None,
    }
}

/// Returns the word for an outcome; that of a newer version is shown as it is.
pub(crate) fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ended => t!("signed out").to_owned(),
        Outcome::Done => t!("done").to_owned(),
        Outcome::Refused => t!("refused").to_owned(),
        Outcome::Failed => t!("failed").to_owned(),
        Outcome::Unknown => t!("outcome unknown").to_owned(),
        Outcome::Nothing => t!("nothing to do").to_owned(),
        Outcome::Skipped => t!("not tried").to_owned(),
        other => translated(other.as_str()).to_owned(),
    }
}

fn word_of_kind(kind: &str) -> &str {
    match kind {
        "intent" => t!("intent"),
        "run.started" => t!("begun"),
        "run.ended" => t!("ended"),
        _ => "",
    }
}
