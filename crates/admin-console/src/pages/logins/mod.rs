//! Logins: what the newest snapshot counts, who has most, and the snapshots and scans that there are.

mod counted;
pub(super) mod difference;
pub(super) mod scans;
mod top;

use axum::extract::Query;
use easemob_admin_remote::api::{
    CountBy, LoginCounts, Page as Rows, Problem, Scan, SnapshotView, TopBy, TopUsers,
};
use easemob_admin_words::t;
use futures_util::future::join5;
use maud::{Markup, html};
use serde::Deserialize;

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};

/// Which users are at the top.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    top: TopBy,
}

/// What is known of logins.
struct Known {
    by_platform: LoginCounts,
    by_devices: LoginCounts,
    top: TopUsers,
    snapshots: Vec<SnapshotView>,
    scans: Vec<Scan>,
}

pub(crate) async fn show(visit: Visit, Query(Asked { top }): Query<Asked>) -> Result<Page, Trouble> {
    let api = &visit.api;
    let by = serde_json::to_value(top).ok();
    let by = by.as_ref().and_then(|by| by.as_str()).unwrap_or("devices");
    let (snapshots, scans, by_platform, by_devices, top) = join5(
        api.get::<Rows<SnapshotView>>(&["logins", "snapshots"], &[("limit", "50")]),
        api.get::<Rows<Scan>>(&["logins", "scans"], &[]),
        api.get::<LoginCounts>(&["logins", "count"], &[("by", "platform")]),
        api.get::<LoginCounts>(&["logins", "count"], &[("by", "devices")]),
        api.get::<TopUsers>(&["logins", "top"], &[("by", by), ("limit", "20")]),
    )
    .await;
    let (snapshots, scans) = (snapshots?.items, scans?.items);
    let (Some(by_platform), Some(by_devices)) = (known(by_platform)?, known(by_devices)?) else {
        return Ok(nothing(&visit, &snapshots, &scans));
    };
    let none = TopUsers {
        items: Vec::new(),
        snapshot: None,
        gaps: Vec::new(),
    };
    let known = Known {
        by_platform,
        by_devices,
        top: known(top)?.unwrap_or(none),
        snapshots,
        scans,
    };
    Ok(visit.page(Nav::Logins, || (t!("Logins").to_owned(), main(&visit, &known))))
}

/// Tells that nothing is known yet from what went wrong.
fn known<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.status == 404 => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn nothing(visit: &Facts, snapshots: &[SnapshotView], scans: &[Scan]) -> Page {
    visit.page(Nav::Logins, || {
        let main = html! {
            div.head { div.head-t { h1 { (t!("Logins")) } } div.acts { (scans::button(visit)) } }
            section.card {
                div.state {
                    (Icon::LOGINS)
                    h2 { (t!("No complete scan yet")) }
                    p { (t!("A scan reads who is online with which devices. It changes nothing.")) }
                }
            }
            (scans::card(visit, scans))
            @if !snapshots.is_empty() { (snapshots_card(visit, snapshots)) }
        };
        (t!("Logins").to_owned(), main)
    })
}

fn main(visit: &Facts, known: &Known) -> Markup {
    let snapshot = &known.by_platform.snapshot;
    let counts = &snapshot.counts;
    let not_read = counts.failed + counts.unknown;
    let figures = [
        (t!("Users"), counts.users),
        (t!("Users online"), counts.online),
        (t!("Devices online"), counts.devices),
        (t!("Offline"), counts.offline),
        (t!("Not read"), not_read),
    ];
    html! {
        div.head {
            div.head-t {
                h1 { (t!("Logins")) }
                div.head-sub {
                    span {
                        (t!("Snapshot {}", snapshot.snapshot))
                        @if let Some(at) = snapshot.finished_at { ", " (visit.time(at)) }
                    }
                }
            }
            div.acts { (scans::button(visit)) }
        }
        section.card aria-label=(t!("Figures of the snapshot")) {
            dl.figs { @for (name, count) in figures { div.fig { dt { (name) } dd { (grouped(count)) } } } }
        }
        @if not_read > 0 {
            div.note {
                (Icon::QUESTION)
                div { b { (t!("{} users could not be read.", grouped(not_read))) } " " (t!("They are not counted as having no device.")) }
            }
        }
        div.cols {
            div {
                (counted::card(visit, t!("Devices by platform"), &known.by_platform, CountBy::Platform))
                (counted::card(visit, t!("Users by number of devices"), &known.by_devices, CountBy::Devices))
                (snapshots_card(visit, &known.snapshots))
            }
            div {
                (top::card(visit, &known.top))
                (scans::card(visit, &known.scans))
            }
        }
    }
}

/// The snapshots, two of which can be compared.
fn snapshots_card(visit: &Facts, snapshots: &[SnapshotView]) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Snapshots")) } }
            form action=(visit.link(&["logins", "difference"])) {
                div.tw role="region" aria-label=(t!("Snapshots")) tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { (t!("Earlier")) }
                            th scope="col" { (t!("Later")) }
                            th scope="col" { (t!("Snapshot")) }
                            th.num scope="col" { (t!("Users online")) }
                            th.num scope="col" { (t!("Devices")) }
                            th.num scope="col" { (t!("Not read")) }
                        } }
                        tbody {
                            @for (at, snapshot) in snapshots.iter().enumerate() {
                                tr {
                                    td { (choice("from", snapshot, at == 1, t!("earlier"))) }
                                    td { (choice("to", snapshot, at == 0, t!("later"))) }
                                    th scope="row" {
                                        (snapshot.snapshot)
                                        span.sub {
                                            @match snapshot.finished_at.or(snapshot.started_at) { Some(at) => (visit.time(at)), None => {} }
                                            @if snapshot.finished_at.is_none() { " · " (t!("incomplete")) }
                                            @if snapshot.source != "all" { " · " (t!("a list of users")) }
                                        }
                                    }
                                    td.num { (grouped(snapshot.counts.online)) }
                                    td.num { (grouped(snapshot.counts.devices)) }
                                    td.num { (grouped(snapshot.counts.failed + snapshot.counts.unknown)) }
                                }
                            }
                        }
                    }
                }
                @if snapshots.len() > 1 {
                    div.card-f { div.acts { button.btn."btn--sm" { (t!("Compare the two")) } } }
                }
            }
        }
    }
}

fn choice(name: &str, snapshot: &SnapshotView, chosen: bool, label: &str) -> Markup {
    html! {
        input type="radio" name=(name) value=(snapshot.snapshot) checked[chosen] required
            aria-label=(t!("snapshot {} as the {label} one", snapshot.snapshot));
    }
}
