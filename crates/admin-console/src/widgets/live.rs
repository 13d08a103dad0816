//! What pages show of how fresh they are.

use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::visit::Facts;

/// What of a part that reads itself again is its own: links and forms inside it mean something else.
pub(crate) const OWN: &str = "hx-swap hx-select hx-select-oob hx-target";

/// How such a part is replaced: what did not change stays the element that it is, so that a click that has begun still meets it.
pub(crate) const IN_PLACE: &str = "morph:outerHTML";

/// Returns the mark that says from when the figures beside it are. The script changes it when the stream is lost.
pub(crate) fn mark(visit: &Facts) -> Markup {
    html! { span.live { (t!("Live")) ", " (visit.time(visit.now)) } }
}

/// Returns the note that the script shows while the stream is lost.
pub(crate) fn note() -> Markup {
    html! {
        div.note."note--attn" data-live-note role="status" hidden {
            (Icon::WARNING)
            div {
                b { (t!("Live updates stopped at ")) time data-live-lost {} "." } " "
                (t!("Figures are from then."))
            }
        }
    }
}
