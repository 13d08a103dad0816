//! A fresh sign-in: what is asked of whoever does something large, or decides about what others ask for.

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::api::encoded;
use crate::icons::Icon;
use crate::visit::{Facts, is_part};

/// Sends somebody to sign in who has not done so for a while; the page comes back afterwards.
pub(crate) fn first(visit: &Facts, headers: &HeaderMap) -> Option<Response> {
    if visit.signed_in.is_fresh() {
        return None;
    }
    let address = sign_in(visit);
    Some(if is_part(headers) {
        [("hx-redirect", address)].into_response()
    } else {
        Redirect::to(&address).into_response()
    })
}

/// Returns the address at which to sign in again, to come back to this page.
pub(crate) fn sign_in(visit: &Facts) -> String {
    format!("/console/sign-in?next={}", encoded(&visit.address))
}

/// Says that this needs a fresh sign-in, if it does.
pub(crate) fn note(visit: &Facts) -> Markup {
    html! {
        @if !visit.signed_in.is_fresh() {
            div.note {
                (Icon::LOCK)
                div {
                    (t!("This needs a fresh sign-in. You signed in at {}, more than 15 minutes ago.", visit.clock(visit.signed_in.since())))
                    " " a.inline href=(sign_in(visit)) { (t!("Sign in again")) }
                }
            }
        }
    }
}
