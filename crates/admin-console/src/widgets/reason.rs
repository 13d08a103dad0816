//! Why something is done: the reason, and the ticket that it belongs to.

use easemob_admin_words::t;
use maud::{Markup, html};

use crate::visit::Facts;

/// The longest reason.
const LONGEST: u16 = 500;

/// Returns the fields for reason and ticket. Only the sandbox asks for no reason.
pub(crate) fn fields(visit: &Facts, id: &str) -> Markup {
    let required = needs_one(visit);
    html! {
        div.field {
            label for={ (id) "-reason" } {
                (t!("Reason"))
                @if !required { " " small.muted { (t!("(not needed on the sandbox)")) } }
            }
            input id={ (id) "-reason" } type="text" name="reason" required[required] maxlength=(LONGEST) autocomplete="off";
        }
        div.field {
            label for={ (id) "-ticket" } { (t!("Ticket")) " " small.muted { (t!("(if there is one)")) } }
            input id={ (id) "-ticket" } type="text" name="ticket" maxlength="100" autocomplete="off" spellcheck="false";
        }
    }
}

/// Returns true if nothing may be changed without a reason.
pub(crate) fn needs_one(visit: &Facts) -> bool {
    visit.app.as_ref().is_none_or(|app| !app.sandbox)
}
