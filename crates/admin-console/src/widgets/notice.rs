//! Messages in their place.

use easemob_admin_remote::api::Problem;
use easemob_admin_words::translated;
use maud::{Markup, html};

use crate::icons::Icon;

/// Says why nothing was done yet.
pub(crate) fn not_yet(problem: &Problem) -> Markup {
    html! {
        div.note."note--attn" role="alert" {
            (Icon::WARNING)
            div {
                b { (translated(&problem.title)) }
                @if let Some(detail) = &problem.detail { " " bdi { (translated(detail)) } "." }
                @if let Some(hint) = &problem.hint { " " bdi { (translated(hint)) } }
            }
        }
    }
}
