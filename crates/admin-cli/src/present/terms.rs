//! The words of outcomes and states as rows have them, which a table on a terminal shows in the language of whoever reads it.

use easemob_admin_audit::Outcome as OnRecord;
use easemob_admin_ops::report::Outcome;

use crate::commands::runs::unsettled::STATES;

/// Words that no list of words has.
const OTHERS: &[&str] = &[
    "clock",
    "connection",
    "credentials",
    "limits",
    "no match",
    "offline",
    "online",
    "probe",
    "profile file",
    "read",
    "secret",
    "target",
    "tls",
    "token",
    "unreadable",
];

/// Returns the words, with spaces in place of `_`. Colours and `--output` formats know them in English.
///
/// Those that a function `word` or `state` returns are not among them: the test of the catalogue finds them there.
pub fn terms() -> impl Iterator<Item = String> {
    let outcomes = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    let words = outcomes
        .chain(OnRecord::KNOWN.iter().copied())
        .chain(STATES)
        .chain(OTHERS.iter().copied());
    words.map(|word| word.replace('_', " "))
}
