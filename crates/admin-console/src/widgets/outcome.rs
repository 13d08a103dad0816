//! What became of a user or a device, in words.

use easemob_admin_ops::report::Outcome;
use easemob_admin_words::{t, translated};
use maud::{Markup, html};

use crate::icons::Icon;

/// How an outcome looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It was done.
    Done,
    /// There was nothing to do, or a rule kept it.
    Plain,
    /// Somebody should look.
    Attention,
}

/// Returns how an outcome looks.
pub(crate) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::LoggedOut
        | Outcome::VerifiedGone
        | Outcome::VerifiedLocked
        | Outcome::Banned
        | Outcome::Unbanned
        | Outcome::Locked
        | Outcome::Extended
        | Outcome::Unlocked
        | Outcome::Set => Tone::Done,
        Outcome::Failed
        | Outcome::Unknown
        | Outcome::NotStarted
        | Outcome::Drifted
        | Outcome::StillOnline
        | Outcome::SignedInAgain
        | Outcome::NotVerified
        | Outcome::LockInProgress
        | Outcome::RunUnreadable
        | Outcome::ChangedSince => Tone::Attention,
        _ => Tone::Plain,
    }
}

/// Returns the words for an outcome.
pub(crate) fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::LoggedOut => t!("Signed out"),
        Outcome::Gone => t!("Had left already"),
        Outcome::Kept => t!("Kept"),
        Outcome::Failed => t!("Failed"),
        Outcome::Unknown => t!("Outcome unknown"),
        Outcome::NotStarted => t!("Not started"),
        Outcome::NothingToDo => t!("Nothing to do"),
        Outcome::Locked => t!("Locked"),
        Outcome::Banned => t!("Banned"),
        other => translated(other.as_str()),
    }
}

/// Returns an outcome as a tag.
pub(crate) fn tag(outcome: Outcome) -> Markup {
    html! {
        @match tone(outcome) {
            Tone::Done => span.tag."tag--on" { (Icon::CHECK) (words(outcome)) },
            Tone::Plain => span.tag { (words(outcome)) },
            Tone::Attention => span.tag."tag--attn" { (Icon::WARNING) (words(outcome)) },
        }
    }
}
