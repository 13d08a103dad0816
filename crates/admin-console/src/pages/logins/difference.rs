//! What differs between two snapshots.

use axum::extract::Query;
use easemob_admin_remote::api::LoginDiff;
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use crate::api::encoded;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};
use crate::widgets::foreign::foreign;
use crate::widgets::platform::platform;

/// The snapshots, and where a page begins.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
}

pub(crate) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Page, Trouble> {
    let given = [("from", &asked.from), ("to", &asked.to), ("after", &asked.after)];
    let mut query: Vec<(&str, &str)> = vec![("limit", "50")];
    query.extend(
        given
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
    );
    let found: LoginDiff = visit.api.get(&["logins", "diff"], &query).await?;
    Ok(visit.page(Nav::Logins, || {
        let (from, to) = (found.summary.from, found.summary.to);
        (t!("Snapshots {from} and {to}"), main(&visit, &found))
    }))
}

fn main(visit: &Facts, found: &LoginDiff) -> Markup {
    let summary = &found.summary;
    let figures = [
        (t!("Devices before"), summary.devices_before),
        (t!("Devices after"), summary.devices_after),
        (t!("Signed in"), summary.signed_in),
        (t!("Signed out"), summary.signed_out),
        (t!("Not known"), summary.not_known),
    ];
    let next = found.next.as_ref().map(|after| {
        let place = visit.link(&["logins", "difference"]);
        format!(
            "{place}?from={}&to={}&after={}",
            summary.from,
            summary.to,
            encoded(after)
        )
    });
    html! {
        nav.crumb aria-label=(t!("Where this is")) {
            a href=(visit.link(&["logins"])) { (t!("Logins")) } span aria-hidden="true" { "/" }
            span { (t!("Snapshots {} and {}", summary.from, summary.to)) }
        }
        div.head { div.head-t { h1 { (t!("What changed from snapshot {} to {}", summary.from, summary.to)) } } }
        @if !found.complete {
            div.note."note--attn" {
                (Icon::WARNING)
                div { (t!("One of the snapshots is incomplete, so users are missing whom nobody can name.")) }
            }
        }
        section.card aria-label=(t!("Figures of the difference")) {
            dl.figs { @for (name, count) in figures { div.fig { dt { (name) } dd { (grouped(count)) } } } }
        }
        section.card {
            div.card-h { h2 { (t!("Devices")) } }
            @if found.items.is_empty() {
                div.state { (Icon::CHECK) h3 { (t!("Nothing differs")) } p { (t!("The same devices are in both snapshots.")) } }
            } @else {
                div.tw role="region" aria-label=(t!("Devices")) tabindex="0" {
                    table.cards."cards--tight" {
                        thead { tr {
                            th scope="col" { (t!("User")) }
                            th scope="col" { (t!("Device")) }
                            th scope="col" { (t!("Platform")) }
                            th scope="col" { (t!("Change")) }
                        } }
                        tbody data-rows {
                            @for change in &found.items {
                                tr {
                                    th.c-lead scope="row" { a.mono href=(visit.link(&["users", &change.user])) { (foreign(&change.user)) } }
                                    td.c-full data-label=(t!("Device")) { span.mono.clip { (foreign(&change.resource)) } }
                                    td data-label=(t!("Platform")) { (platform(&change.platform)) }
                                    td data-label=(t!("Change")) { (word(&change.kind)) }
                                }
                            }
                        }
                    }
                }
                div.card-f {
                    div.acts { @if let Some(next) = next { a.btn."btn--sm" data-next href=(next) { (t!("Next page")) (Icon::NEXT.small()) } } }
                }
            }
        }
    }
}

/// Returns what a change is called, by the word that the API has for it.
fn word(kind: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(kind).ok();
    match word.as_ref().and_then(|word| word.as_str()) {
        Some("signed_in") => t!("signed in").into(),
        Some("signed_out") => t!("signed out").into(),
        Some("not_known_earlier") => t!("not known before").into(),
        Some("not_known_later") => t!("not known afterwards").into(),
        other => other.unwrap_or_default().to_owned(),
    }
}
