//! Scans: begun here, and how they go.

use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{NewScan, Scan, ScanState};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde_json::json;

use crate::frame::form_secret;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::Trouble;
use crate::visit::{Facts, Visit};
use crate::widgets::foreign::foreign;
use crate::widgets::live;

/// How often the card is read again while a scan goes on.
const TRIGGER: &str = "every 2s";

pub(crate) async fn begin(visit: Visit) -> Result<Response, Trouble> {
    let new = NewScan::default();
    let _: Scan = visit.api.send(Method::POST, &["logins", "scans"], &new).await?;
    Ok(back(&visit))
}

pub(crate) async fn stop(visit: Visit, Path((_, scan)): Path<(String, String)>) -> Result<Response, Trouble> {
    let path = ["logins", "scans", &scan, "stop"];
    let _: Scan = visit.api.send(Method::POST, &path, &json!({})).await?;
    Ok(back(&visit))
}

fn back(visit: &Facts) -> Response {
    Redirect::to(&visit.link(&["logins"])).into_response()
}

/// The button that begins a scan of all users.
pub(super) fn button(visit: &Facts) -> Markup {
    html! {
        form method="post" action=(visit.link(&["logins", "scans"])) {
            (form_secret(visit))
            button.btn."btn--go" { (Icon::RELOAD) (t!("Scan all users")) }
        }
    }
}

pub(super) fn card(visit: &Facts, scans: &[Scan]) -> Markup {
    let goes_on = scans.iter().any(|scan| scan.state.is_open());
    html! {
        section.card #scans hx-get=[goes_on.then_some(&visit.address)] hx-select="#scans" hx-swap=(live::IN_PLACE)
            hx-trigger=[goes_on.then_some(TRIGGER)] hx-disinherit=(live::OWN) {
            div.card-h { h2 { (t!("Scans")) } }
            @if scans.is_empty() {
                div.card-b { p.muted { (t!("Nobody has asked for a scan in the last 30 days.")) } }
            } @else {
                table.cards."cards--tight" {
                    thead { tr {
                        th scope="col" { (t!("Asked")) }
                        th scope="col" { (t!("State")) }
                        th scope="col" { span.vh { (t!("Act")) } }
                    } }
                    tbody { @for scan in scans.iter().take(8) { (row(visit, scan)) } }
                }
            }
        }
    }
}

fn row(visit: &Facts, scan: &Scan) -> Markup {
    html! {
        tr {
            th.c-lead scope="row" { (visit.time(scan.asked_at)) span.sub { (foreign(&scan.owner)) } }
            td.c-row data-label=(t!("State")) {
                (state(scan.state))
                @if let Some(snapshot) = &scan.snapshot { span.sub { (t!("{} users read", grouped(snapshot.counts.users))) } }
                @if let Some(why) = &scan.why { span.sub { (foreign(why)) } }
            }
            td.trow-end.c-end {
                @if scan.state.is_open() {
                    form method="post" action=(visit.link(&["logins", "scans", &scan.id, "stop"])) {
                        (form_secret(visit))
                        button.btn."btn--sm" { (t!("Stop")) }
                    }
                }
            }
        }
    }
}

fn state(state: ScanState) -> Markup {
    let (class, word) = match state {
        ScanState::Waiting => ("tag", t!("waiting")),
        ScanState::Running => ("tag tag--on", t!("reading")),
        ScanState::Stopping => ("tag", t!("stopping")),
        ScanState::Complete => return html! { (t!("complete")) },
        ScanState::Incomplete => ("tag tag--attn", t!("incomplete")),
        ScanState::Failed => ("tag tag--attn", t!("failed")),
        ScanState::Stopped => ("tag", t!("stopped")),
    };
    html! { span class=(class) { (word) } }
}
