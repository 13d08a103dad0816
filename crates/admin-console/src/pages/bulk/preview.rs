//! A dry run: what would be done, by platform. Nothing is recorded.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_ops::operations::Event;
use easemob_admin_ops::report::{Outcome, Report};
use easemob_admin_remote::api::{NewRun, Problem};
use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::order::Order;
use crate::numbers::{grouped, users};
use crate::visit::Visit;
use crate::widgets::platform;

/// What would be done on a platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    ends: u64,
    stays: u64,
}

/// What would be done.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preview {
    at: Timestamp,
    platforms: BTreeMap<String, Row>,
    online: u64,
    nothing: u64,
    unread: u64,
    /// Users to whom it would be done, for acts that are not about devices.
    done: u64,
}

impl Preview {
    pub(super) fn users_online(&self) -> u64 {
        self.online
    }

    pub(super) fn ends(&self) -> u64 {
        self.platforms.values().map(|row| row.ends).sum()
    }

    fn of(at: Timestamp, events: &[Event]) -> Self {
        let mut preview = Self {
            at,
            ..Self::default()
        };
        let mut online = BTreeSet::new();
        for event in events {
            let Event::Item(report) = event else { continue };
            let outcome = match report {
                Report::Device(report) => {
                    if let Some(platform) = report.device.as_ref().and(report.platform.as_ref()) {
                        online.insert(report.user.as_str());
                        let row = preview.platforms.entry(platform.clone()).or_default();
                        match report.outcome {
                            Outcome::WouldLogOut => row.ends += 1,
                            _ => row.stays += 1,
                        }
                        continue;
                    }
                    report.outcome
                }
                Report::Ban(report) => report.outcome,
                Report::Lock(report) => report.outcome,
                Report::Limits(report) => report.outcome,
            };
            match outcome {
                Outcome::Failed | Outcome::Unknown | Outcome::NotStarted => preview.unread += 1,
                Outcome::WouldBan | Outcome::WouldLock | Outcome::WouldExtend => preview.done += 1,
                _ => preview.nothing += 1,
            }
        }
        preview.online = online.len() as u64;
        preview
    }

    pub(super) fn card(&self, visit: &Visit) -> Markup {
        html! {
            section.card #preview {
                div.card-h { h2 { (t!("Dry run")) } span.small.muted { (t!("read at {}", visit.clock(self.at))) } }
                @if !self.platforms.is_empty() { (table(&self.platforms)) }
                div.card-f role="status" {
                    @if self.done > 0 { span { (t!("It would be done to {}.", users(self.done))) } }
                    @if self.nothing > 0 { span { (t!("Nothing to do for {}.", users(self.nothing))) } }
                    @if self.unread > 0 { span.c-attn { (t!("{} could not be read. They are not counted as having no device.", users(self.unread))) } }
                    span { (t!("Nothing was sent that changes anything, and nothing was recorded.")) }
                }
            }
        }
    }
}

fn table(platforms: &BTreeMap<String, Row>) -> Markup {
    let rows = platforms
        .iter()
        .map(|(name, row)| (name.as_str(), row.ends, row.stays));
    by_platform(&rows.collect::<Vec<_>>())
}

/// Returns how many devices of each platform are signed out and stay, with their sums.
pub(super) fn by_platform(rows: &[(&str, u64, u64)]) -> Markup {
    let sum = rows
        .iter()
        .fold((0, 0), |(ends, stays), row| (ends + row.1, stays + row.2));
    html! {
        div.tw role="region" aria-label=(t!("By platform")) tabindex="0" { table {
            thead { tr {
                th scope="col" { (t!("Platform")) }
                th.num scope="col" { (t!("Online")) }
                th.num scope="col" { (t!("Sign out")) }
                th.num scope="col" { (t!("Stay")) }
            } }
            tbody {
                @for (name, ends, stays) in rows {
                    tr { th scope="row" { (platform::platform(name)) } td.num { (grouped(ends + stays)) } td.num.strong { (grouped(*ends)) } td.num { (grouped(*stays)) } }
                }
                tr.sum { th scope="row" { (t!("All")) } td.num { (grouped(sum.0 + sum.1)) } td.num.strong { (grouped(sum.0)) } td.num { (grouped(sum.1)) } }
            }
        } }
    }
}

/// Reads what would be done.
pub(super) async fn read(visit: &Visit, order: &Order, users: &[String]) -> Result<Preview, Problem> {
    let new = NewRun {
        dry_run: true,
        ..NewRun::of(order.action(visit.now))
    };
    let events: Vec<Event> = visit.api.ask_lines(&["runs"], &new, users).await?;
    Ok(Preview::of(visit.now, &events))
}
