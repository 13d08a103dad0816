//! Acts with much at stake want somebody who has just shown who it is.

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};

use crate::api::encoded;
use crate::icons::Icon;
use crate::page::Trouble;
use crate::problem::with_detail;
use crate::visit::{Facts, is_part};

/// Refuses somebody who signed in too long ago.
pub(crate) fn require(visit: &Facts) -> Result<(), Trouble> {
    if visit.signed_in.is_fresh() {
        return Ok(());
    }
    let title = told_later!("You signed in too long ago for this");
    let detail = told_later!("Nothing was done. Sign in again, and repeat it within 15 minutes.");
    Err(Trouble(with_detail(403, "stale-sign-in", title, detail)))
}

/// Sends somebody to sign in who signed in too long ago; the page comes back afterwards.
pub(crate) fn first(visit: &Facts, headers: &HeaderMap) -> Option<Response> {
    if visit.signed_in.is_fresh() {
        return None;
    }
    let address = again(visit);
    Some(if is_part(headers) {
        [("hx-redirect", address)].into_response()
    } else {
        Redirect::to(&address).into_response()
    })
}

/// Returns where to sign in again, to come back to this page.
fn again(visit: &Facts) -> String {
    format!("/console/sign-in?again=1&next={}", encoded(&visit.address))
}

/// Returns a note that says so beside a button, with the way to sign in again and come back; nothing for whoever may go on.
pub(crate) fn note(visit: &Facts) -> Markup {
    html! {
        @if !visit.signed_in.is_fresh() {
            div.note {
                (Icon::LOCK)
                div {
                    b { (t!("This needs a fresh sign-in.")) } " "
                    (t!("You signed in at ")) (visit.time(visit.signed_in.since())) ". "
                    a.inline href=(again(visit)) { (t!("Sign in again")) }
                }
            }
        }
    }
}
