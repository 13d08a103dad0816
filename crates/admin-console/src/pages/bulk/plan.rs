//! A plan: what would be done to each user, before somebody carries it out.

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::Response;
use easemob_admin_ops::run::item::Item;
use easemob_admin_remote::api::{RunState, RunView, TrafficView};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use super::estimate::Estimate;
use super::preview::by_platform;
use super::steps;
use crate::icons::Icon;
use crate::numbers::{devices, grouped, users};
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;
use crate::widgets::action;
use crate::widgets::csv::cell;
use crate::widgets::download;
use crate::widgets::foreign::foreign;

/// How many users a page shows.
const ROWS: usize = 50;

/// The most users whose devices are shown.
const MOST: u64 = 10_000;

/// Where the users begin.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    from: Option<usize>,
}

async fn items(visit: &Visit, run: &RunView) -> Result<Vec<Item>, Trouble> {
    if run.users > MOST {
        return Ok(Vec::new());
    }
    Ok(visit.api.lines(&["runs", &run.id, "items"]).await?)
}

pub(crate) async fn show(
    visit: Visit,
    Path((_, run)): Path<(String, String)>,
    Query(From { from }): Query<From>,
) -> Result<Page, Trouble> {
    let run: RunView = visit.api.get(&["runs", &run], &[]).await?;
    let items = items(&visit, &run).await?;
    let traffic: Option<TrafficView> = visit.api.get(&["traffic"], &[]).await.ok();
    let rate = traffic.and_then(|traffic| traffic.rate);
    Ok(visit.page(Nav::Bulk, || {
        let title = t!("Plan: {}", action::title(&visit, &run.action));
        let main = markup(&visit, &run, &items, rate, from.unwrap_or(0));
        (title, main)
    }))
}

fn markup(visit: &Visit, run: &RunView, items: &[Item], rate: Option<f64>, from: usize) -> Markup {
    let ends: u64 = items
        .iter()
        .filter_map(|item| item.planned.as_ref())
        .map(|planned| planned.end.len() as u64)
        .sum();
    let is_planned = run.action.is_planned();
    let estimate = Estimate {
        users: run.users,
        read: is_planned.then_some((run.users, ends)),
        ends_devices: is_planned,
        rate,
    };
    let step = match run.state {
        RunState::Unfinished => 3,
        RunState::WaitingForApproval => 4,
        _ => 5,
    };
    html! {
        nav.crumb aria-label=(t!("Breadcrumb")) { a href=(visit.link(&["bulk"])) { (t!("Bulk")) } span aria-hidden="true" { "/" } span.mono { (run.id) } }
        div.head {
            div.head-t {
                h1 {
                    (action::title(visit, &run.action))
                    @if is_planned { ", " (t!("{} of {}", devices(ends), users(run.users))) } @else { ", " (users(run.users)) }
                }
                div.head-sub { span.mono { (run.id) } span { (t!("made {} by ", visit.clock(run.created))) (foreign(&run.operator)) } }
            }
        }
        (steps(step))
        div.cols {
            div {
                section.card {
                    div.card-h { h2 { (t!("What would be done")) } a.btn."btn--sm" href=(visit.link(&["plans", &run.id, "devices.csv"])) download { (Icon::DOWNLOAD) (t!("Download as CSV")) } }
                    div.card-b { dl.kv {
                        @for (name, value) in action::facts(&run.action) { dt { (name) } dd { (value) } }
                        @if let Some(most) = run.max_logouts { dt { (t!("At most")) } dd { (devices(most)) } }
                        dt { (t!("Reason")) } dd { @if let Some(reason) = &run.reason { (foreign(reason)) } @else { span.muted { (t!("none given")) } } }
                        @if let Some(ticket) = &run.ticket { dt { (t!("Ticket")) } dd { (foreign(ticket)) } }
                    } }
                    @if is_planned { (platforms(items)) }
                }
                (people(visit, run, items, from))
            }
            div { div.sticky.stack { (estimate.card()) (go(visit, run, ends)) } }
        }
    }
}

fn platforms(items: &[Item]) -> Markup {
    let mut rows: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for planned in items.iter().filter_map(|item| item.planned.as_ref()) {
        for device in &planned.end {
            rows.entry(device.platform().to_string()).or_default().0 += 1;
        }
        for device in &planned.keep {
            rows.entry(device.platform().to_string()).or_default().1 += 1;
        }
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, (ends, stays))| (name.as_str(), *ends, *stays))
        .collect();
    by_platform(&rows)
}

/// User by user.
fn people(visit: &Visit, run: &RunView, items: &[Item], from: usize) -> Markup {
    let page = items.iter().skip(from).take(ROWS);
    let here = visit.link(&["plans", &run.id]);
    html! {
        section.card #people {
            div.card-h { h2 { (t!("By user")) } }
            @if items.is_empty() {
                div.card-b { p."small-t" { (t!("The plan has {}: too many to be shown here.", users(run.users))) } }
            } @else {
                div.tw { table.dense.cards."cards--tight" {
                    thead { tr {
                        th.num."w-line" scope="col" { (t!("Line")) }
                        th scope="col" { (t!("User")) }
                        th scope="col" { (t!("Sign out")) }
                        th scope="col" { (t!("Stay")) }
                    } }
                    tbody data-rows { @for item in page { (person(visit, item)) } }
                } }
                div.card-f {
                    span { (t!("{} to {} of {}", grouped(from as u64 + 1), grouped((from + ROWS).min(items.len()) as u64), users(items.len() as u64))) }
                    div.acts {
                        @if from > 0 { a.btn."btn--sm" href={ (here) "?from=" (from.saturating_sub(ROWS)) "#people" } { (t!("Previous")) } }
                        @if from + ROWS < items.len() { a.btn."btn--sm" href={ (here) "?from=" (from + ROWS) "#people" } { (t!("Next")) } }
                    }
                }
            }
        }
    }
}

fn person(visit: &Visit, item: &Item) -> Markup {
    html! {
        tr role="row" {
            td.num.muted.c-left { (t!("Line {}", item.line)) }
            td data-label=(t!("User")) { a.mono href=(visit.link(&["users", &item.user.to_string()])) { (foreign(&item.user.to_string())) } }
            td.c-row data-label=(t!("Sign out")) {
                @match &item.planned {
                    Some(planned) => @for device in &planned.end { span.mono { (foreign(&device.to_string())) } " " },
                    None => span.muted { (t!("everything")) },
                }
            }
            td.num.c-left data-label=(t!("Stay")) { @if let Some(planned) = &item.planned { (planned.keep.len()) } @else { "0" } }
        }
    }
}

/// What can be done with the plan.
fn go(visit: &Visit, run: &RunView, ends: u64) -> Markup {
    let count = if run.action.is_planned() {
        devices(ends)
    } else {
        users(run.users)
    };
    html! {
        section.card."no-print" {
            div.card-h { h2 { (t!("Carry out")) } }
            div.card-b.stack."small-t" {
                @match run.state {
                    RunState::Unfinished => {
                        p { (t!("Nothing was sent yet. If the rules ask for approval, the request is made with this step.")) }
                        a.btn."btn--danger".btn--wide href=(visit.link(&["runs", &run.id, "resume"])) { (t!("Carry out: {}…", count)) }
                    },
                    RunState::WaitingForApproval => {
                        p { (t!("The plan waits for the approval of others.")) }
                        a.btn.btn--wide href=(visit.link(&["approvals", &run.id])) { (t!("The request")) }
                    },
                    _ => {
                        p { (t!("It was carried out, or is being carried out.")) }
                        a.btn.btn--wide href=(visit.link(&["runs", &run.id])) { (t!("The run")) }
                    },
                }
            }
        }
    }
}

/// Sends the plan as a file: one device in each line, or a user if the plan names no devices.
pub(crate) async fn download(
    visit: Visit,
    Path((_, run)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    // Read before it is named in a header: only ids of runs get that far.
    let run: RunView = visit.api.get(&["runs", &run], &[]).await?;
    let items = visit.api.stream(&["runs", &run.id, "items"], &[]).await?;
    let mut headers = download::headers("plan", visit.app_name(), visit.now, "csv");
    let name = format!("attachment; filename=\"plan-{}.csv\"", run.id);
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(download::lines(headers, "line,user,device,what", items, rows))
}

/// Returns the rows of an item, as it is in the answer.
fn rows(line: &[u8]) -> std::io::Result<String> {
    let item: Item = serde_json::from_slice(line)?;
    let user = cell(&item.user.to_string());
    let row = |device: &str, what: &str| format!("{},{user},{},{what}\r\n", item.line, cell(device));
    Ok(match &item.planned {
        None => row("", "all"),
        Some(planned) => {
            let ends = planned.end.iter().map(|device| row(device.as_str(), "sign_out"));
            let stays = planned.keep.iter().map(|device| row(device.as_str(), "stay"));
            ends.chain(stays).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_of_a_plan_has_a_row() {
        let item =
            br#"{"line": 7, "user": "ann", "planned": {"end": ["ios_1", "web_1"], "keep": ["web_2"]}}"#;
        assert_eq!(
            rows(item).unwrap(),
            "7,ann,ios_1,sign_out\r\n7,ann,web_1,sign_out\r\n7,ann,web_2,stay\r\n"
        );
        assert_eq!(rows(br#"{"line": 8, "user": "bob"}"#).unwrap(), "8,bob,,all\r\n");
        assert!(rows(b"{}").is_err());
    }
}
