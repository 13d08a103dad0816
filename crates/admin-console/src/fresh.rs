//! Acts with much at stake want somebody who has just shown who it is.

use easemob_admin_remote::api::Problem;
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};

use crate::api::encoded;
use crate::icons::Icon;
use crate::page::Trouble;
use crate::visit::Facts;

/// Refuses somebody who signed in too long ago.
pub(crate) fn require(visit: &Facts) -> Result<(), Trouble> {
    if visit.signed_in.is_fresh() {
        return Ok(());
    }
    Err(Trouble(Problem {
        kind: "/problems/stale-sign-in".into(),
        title: told_later!("You signed in too long ago for this").into(),
        status: 403,
        detail: Some(told_later!("Nothing was done. Sign in again, and repeat it within 15 minutes.").into()),
        hint: None,
        retry_may_help: false,
    }))
}

/// Returns a note that says so beside a button, with the way to sign in again and come back; nothing for whoever may go on.
pub(crate) fn note(visit: &Facts) -> Markup {
    let again = format!("/console/sign-in?next={}", encoded(&visit.address));
    html! {
        @if !visit.signed_in.is_fresh() {
            div.note {
                (Icon::LOCK)
                div {
                    b { (t!("This needs a fresh sign-in.")) } " "
                    (t!("You signed in at ")) (visit.time(visit.signed_in.since())) ". "
                    a.inline href=(again) { (t!("Sign in again")) }
                }
            }
        }
    }
}
