//! Where a run is, in words.

use easemob_admin_remote::api::RunState;
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;

/// Returns the state as a tag. What is ordinary is plain; what waits for somebody stands out.
pub(crate) fn tag(state: RunState, failed: u64) -> Markup {
    html! {
        @match state {
            RunState::Running => span.tag."tag--on" { (Icon::SPINNER.turning()) (t!("Running")) },
            RunState::Waiting => span.tag { (Icon::CLOCK) (t!("Waits for a worker")) },
            RunState::Paused => span.tag."tag--attn" { (Icon::PAUSE) (t!("Paused")) },
            RunState::Stopped => span.tag { (Icon::STOP) (t!("Stopped")) },
            RunState::WaitingForApproval => span.tag."tag--attn" { (Icon::CLOCK) (t!("Waits for approval")) },
            RunState::Unfinished => span.tag."tag--attn" { (Icon::WARNING) (t!("Unfinished")) },
            RunState::Done if failed > 0 => span.tag."tag--attn" { (Icon::WARNING) (t!("Done, with failures")) },
            RunState::Done => span.tag."tag--on" { (Icon::CHECK) (t!("Done")) },
        }
    }
}
