//! The audit trail: to search, one entry, whether it verifies, its head, and to export.

mod entry;
pub(crate) mod export;
mod filter;
pub(crate) mod verification;

use axum::extract::{Query, State};
use easemob_admin_audit::{Entry, Kind};
use easemob_admin_remote::api::{AuditHead, AuditPage, Problem};
use easemob_admin_words::t;
use maud::{Markup, html};

use self::entry::Opened;
use self::filter::Wanted;
use self::verification::Found;
use crate::Console;
use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;
use crate::widgets::{foreign::foreign, outcome_word};

/// How many entries a page has.
const ROWS: &str = "50";

/// What is read for the page.
struct Read {
    page: AuditPage,
    head: Option<AuditHead>,
    found: Option<Found>,
    opened: Option<Opened>,
}

pub(crate) async fn show(
    visit: Visit,
    State(console): State<Console>,
    Query(wanted): Query<Wanted>,
) -> Result<Page, Trouble> {
    let conditions = wanted.conditions(visit.now);
    let mut query: Vec<(&str, &str)> = conditions
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    query.extend([("order", "newest"), ("limit", ROWS)]);
    if wanted.shows_all() {
        query.push(("all", "true"));
    }
    if let Some(after) = &wanted.after {
        query.push(("after", after));
    }
    let page = match visit.api.get(&["audit"], &query).await {
        Ok(page) => page,
        Err(problem) if has_no_trail(&problem) => return Ok(nothing(&visit)),
        Err(problem) => return Err(problem.into()),
    };
    let opened = match &wanted.e {
        Some(number) => Some(entry::open(&visit, number).await?),
        None => None,
    };
    let read = Read {
        page,
        // A trail without a head is whole nevertheless.
        head: visit.api.get(&["audit", "head"], &[]).await.ok(),
        found: console.verifications.last(visit.app_name()),
        opened,
    };
    Ok(visit.page(Nav::Audit, || {
        (t!("Audit trail").to_owned(), markup(&visit, &wanted, &read))
    }))
}

/// Nothing was done yet, so there is nothing to read.
fn has_no_trail(problem: &Problem) -> bool {
    problem.kind.ends_with("/nothing-kept")
}

fn nothing(visit: &Visit) -> Page {
    visit.page(Nav::Audit, || {
        let main = html! {
            div.head { div.head-t { h1 { (t!("Audit trail")) } } }
            section.card { div.state {
                (Icon::AUDIT)
                h2 { (t!("No entries yet")) }
                p { (t!("Whatever is done to users, and who did it and why, is recorded here before it is done.")) }
            } }
        };
        (t!("Audit trail").to_owned(), main)
    })
}

fn markup(visit: &Visit, wanted: &Wanted, read: &Read) -> Markup {
    html! {
        div.head {
            div.head-t {
                h1 { (t!("Audit trail")) }
                div.head-sub { span { (t!("Entries cannot be changed or removed here")) } }
            }
            div.acts { (export::form(visit, wanted)) }
        }
        (verification::card(visit, read.head.as_ref(), read.found.as_ref()))
        // Without an entry beside it, the list has the whole width; the first entry is a page of its own, and others are swapped.
        div class=[read.opened.is_some().then_some("cols cols--wide")] {
            div {
                section.card #list aria-label=(t!("Entries")) {
                    (wanted.row(visit))
                    @if read.page.items.is_empty() {
                        div.state {
                            (Icon::SEARCH)
                            h2 { (t!("No entry matches")) }
                            @if wanted.is_narrow() { div.acts { a.btn."btn--sm" href=(visit.link(&["audit"])) { (t!("Clear filters")) } } }
                        }
                    } @else { (table(visit, wanted, read)) }
                    div.card-f {
                        @if read.page.first_entry > 0 {
                            span { (t!("Entries before {} are in archives.", grouped(read.page.first_entry))) }
                        }
                        div.acts {
                            @if wanted.after.is_some() {
                                a.btn."btn--sm" href=(wanted.address(visit, &["audit"], &[("after", None), ("e", None)])) { (t!("Newest")) }
                            }
                            @if let Some(next) = &read.page.next {
                                a.btn."btn--sm" href=(wanted.address(visit, &["audit"], &[("after", Some(next)), ("e", None)])) { (t!("Older")) }
                            }
                        }
                    }
                }
            }
            div #event { @if let Some(opened) = &read.opened { (entry::card(visit, wanted, opened)) } }
        }
    }
}

fn table(visit: &Visit, wanted: &Wanted, read: &Read) -> Markup {
    html! {
        div.tw role="region" aria-label=(t!("Entries that match")) tabindex="0" { table.freeze.dense {
            thead { tr {
                th.num scope="col" { (t!("Entry")) }
                th scope="col" { (t!("Time")) }
                th scope="col" { (t!("Operator")) }
                th scope="col" { (t!("Act")) }
                th scope="col" { (t!("Subject")) }
                th scope="col" { (t!("Outcome")) }
            } }
            tbody data-rows { @for entry in &read.page.items { (row(visit, wanted, entry, read.opened.is_some())) } }
        } }
    }
}

fn row(visit: &Visit, wanted: &Wanted, entry: &Entry, beside: bool) -> Markup {
    let number = entry.seq.to_string();
    let is_open = wanted.e.as_deref() == Some(number.as_str());
    let address = wanted.address(visit, &["audit"], &[("e", Some(&number))]);
    html! {
        tr class=[is_open.then_some("is-open")] aria-current=[is_open.then_some("true")] {
            th.num scope="row" {
                a href={ (address) "#event" } hx-get=[beside.then_some(&address)] hx-select="#event" hx-target="#event" hx-swap="outerHTML" hx-push-url="true" {
                    (grouped(entry.seq))
                }
            }
            td.nowrap { (visit.wall(entry.event.time)) }
            td { (operator(entry)) }
            td.mono.nowrap { (act(entry)) }
            td { (subject(entry)) }
            td { (outcome_word::of_entry(entry)) }
        }
    }
}

/// Returns who did it.
fn operator(entry: &Entry) -> Markup {
    let operator = entry.event.operator.as_ref();
    let name = operator.and_then(|operator| operator.subject.as_deref().or(operator.os_user.as_deref()));
    html! { @match name { Some(name) => (foreign(name)), None => span.muted { "–" } } }
}

/// Returns what was done: the call, or the kind of an entry about no call.
fn act(entry: &Entry) -> &str {
    let event = &entry.event;
    match (&event.kind, &event.call) {
        (Kind::Intent | Kind::Outcome, Some(call)) => call,
        (kind, _) => kind.as_str(),
    }
}

/// Returns to whom it was done.
fn subject(entry: &Entry) -> Markup {
    let event = &entry.event;
    let items = event.details.get("items").and_then(serde_json::Value::as_u64);
    html! {
        @if let Some(user) = &event.user { span.mono { (foreign(user)) } }
        @else if let Some(count) = items { (users(count)) }
        @else if let Some(run) = &event.run { span.mono { (run) } }
        @else { span.muted { "–" } }
    }
}
