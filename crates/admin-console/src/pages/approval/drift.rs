//! What changed since an order was asked for: each device that it names is looked at again.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_ops::operations::Event;
use easemob_admin_ops::report::{Outcome, Report};
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::{ApprovalState, ApprovalView, NewRun, Scope};
use easemob_admin_words::{t, translated};
use jiff::Timestamp;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::visit::{Facts, Visit};

/// For so many users it is compared whenever the page is read: that takes less than a second.
const AT_ONCE: u64 = 50;

/// For more users than this, nobody waits for the answer.
const MOST: u64 = 2_000;

/// What changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    at: Timestamp,
    /// Devices that the order names.
    planned: u64,
    /// Those of them that would be signed out now.
    still: u64,
    /// Those that have left by themselves.
    left: u64,
    /// Those that a rule keeps now, such as the newest.
    stays: u64,
    /// Devices that have come since. They are not in the order.
    new: u64,
    /// Users whose devices could not be read.
    unread: u64,
}

/// Why it is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is over.
    Closed,
    /// The order names no devices.
    NoDevices,
    /// The person may not read devices.
    NoScope,
    /// It takes a while, and nobody asked for it.
    NotAsked,
    /// There are too many users.
    TooMany,
    /// It could not be read.
    Failed(String),
}

/// Compares what an order names with what is online now.
pub(super) async fn read(visit: &Facts, view: &ApprovalView, asked: bool) -> Result<Drift, Unknown> {
    let order = &view.approval.order;
    if !matches!(view.state, ApprovalState::Pending | ApprovalState::Approved) {
        return Err(Unknown::Closed);
    }
    if !matches!(order.action, Action::Apply { .. }) {
        return Err(Unknown::NoDevices);
    }
    if ![Scope::SessionsPlan, Scope::SessionsApply]
        .into_iter()
        .any(|scope| visit.may(scope))
    {
        return Err(Unknown::NoScope);
    }
    if order.users > MOST {
        return Err(Unknown::TooMany);
    }
    if order.users > AT_ONCE && !asked {
        return Err(Unknown::NotAsked);
    }
    let failed = |problem: easemob_admin_remote::api::Problem| Unknown::Failed(problem.title);
    let items: Vec<Item> = visit
        .api
        .lines(&["runs", &view.approval.run, "items"])
        .await
        .map_err(failed)?;
    let preview = preview(&order.action);
    let events: Vec<Event> = visit
        .api
        .ask_lines(&["runs"], &preview, &items)
        .await
        .map_err(failed)?;
    Ok(compare(visit.now, &items, &events))
}

fn preview(action: &Action) -> NewRun {
    NewRun {
        reading: easemob_admin_ops::status_first::Reading::EVERY_USER,
        dry_run: true,
        ..NewRun::of(action.clone())
    }
}

fn compare(at: Timestamp, items: &[Item], events: &[Event]) -> Drift {
    let planned: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = items
        .iter()
        .map(|item| {
            let names = |devices: &[_]| {
                devices
                    .iter()
                    .map(ToString::to_string)
                    .collect::<BTreeSet<String>>()
            };
            let (end, keep) = item
                .planned
                .as_ref()
                .map(|planned| (names(&planned.end), names(&planned.keep)))
                .unwrap_or_default();
            (item.user.to_string(), (end, keep))
        })
        .collect();
    let mut drift = Drift {
        at,
        planned: planned.values().map(|(end, _)| end.len() as u64).sum(),
        ..Drift::default()
    };
    for event in events {
        let Event::Item(Report::Device(report)) = event else {
            continue;
        };
        let (Some((end, keep)), device) = (planned.get(&report.user), report.device.as_deref()) else {
            continue;
        };
        match (report.outcome, device) {
            (Outcome::WouldLogOut, Some(_)) => drift.still += 1,
            (Outcome::Gone, Some(_)) => drift.left += 1,
            (Outcome::Kept, Some(device)) if end.contains(device) => drift.stays += 1,
            (Outcome::Kept, Some(device)) if !keep.contains(device) => drift.new += 1,
            // Nobody is online any more.
            (Outcome::NothingToDo, None) => drift.left += end.len() as u64,
            (Outcome::Failed | Outcome::Unknown | Outcome::NotStarted, None) => drift.unread += 1,
            _ => {}
        }
    }
    drift
}

pub(super) fn card(visit: &Visit, view: &ApprovalView, drift: &Result<Drift, Unknown>) -> Markup {
    let again = format!("{}?compare=1", visit.link(&["approvals", &view.approval.run]));
    html! {
        section.card #drift {
            div.card-h {
                h2 { (t!("What changed since")) }
                @if !matches!(drift, Err(Unknown::Closed | Unknown::NoDevices | Unknown::NoScope | Unknown::TooMany)) {
                    a.btn."btn--sm" href=(again) { (Icon::RELOAD) (t!("Compare again")) }
                }
            }
            @match drift {
                Ok(drift) => (table(visit, view, drift)),
                Err(why) => div.card-b { p."small-t" { (reason(why, view.approval.order.users)) } },
            }
        }
    }
}

fn reason(why: &Unknown, count: u64) -> String {
    match why {
        Unknown::Closed => t!("The request is closed, so nothing is compared.").to_owned(),
        Unknown::NoDevices => {
            t!("The order names users, not devices: whatever they have when it is carried out.").to_owned()
        }
        Unknown::NoScope => t!("Comparing reads devices. This needs the scope sessions:plan.").to_owned(),
        Unknown::NotAsked => t!("Comparing reads the devices of {} again.", users(count)),
        Unknown::TooMany => t!(
            "The order has {}: too many to be compared here. Compare it with: easemob-admin sessions plan",
            users(count)
        ),
        Unknown::Failed(title) => t!("It could not be compared: {}.", translated(title)),
    }
}

fn table(visit: &Visit, view: &ApprovalView, drift: &Drift) -> Markup {
    let fewer = drift.planned.saturating_sub(drift.still);
    let rows = [
        (
            t!("Still to be signed out"),
            Some(drift.planned),
            drift.still,
            if fewer == 0 {
                t!("unchanged").to_owned()
            } else {
                t!("{} fewer", grouped(fewer))
            },
        ),
        (
            t!("Left by themselves"),
            None,
            drift.left,
            t!("nothing is done").to_owned(),
        ),
        (
            t!("Now the newest of their user, or kept by a rule"),
            None,
            drift.stays,
            t!("stay").to_owned(),
        ),
        (
            t!("Signed in since"),
            None,
            drift.new,
            t!("not in the order, stay").to_owned(),
        ),
        (
            t!("Users who could not be read"),
            None,
            drift.unread,
            t!("not counted").to_owned(),
        ),
    ];
    html! {
        div.tw role="region" aria-label=(t!("What changed since")) tabindex="0" { table {
            thead { tr {
                th scope="col" { (t!("Devices")) }
                th.num scope="col" { (t!("Asked for at {}", visit.clock(view.approval.asked_at))) }
                th.num scope="col" { (t!("Now, {}", visit.clock(drift.at))) }
                th scope="col" { (t!("What becomes of them")) }
            } }
            tbody { @for (name, then, now, what) in rows {
                tr { th scope="row" { (name) } td.num { (then.map_or_else(|| "—".to_owned(), grouped)) } td.num.strong { (grouped(now)) } td { (what) } }
            } }
        } }
        div.card-f { span { (t!("The order only ever becomes smaller. What is new is not in it.")) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_came_since_is_not_in_the_order() {
        let items: Vec<Item> = serde_json::from_value(serde_json::json!([
            {"line": 1, "user": "ann", "planned": {"end": ["ios_1", "web_1", "web_2"], "keep": ["web_3"]}},
            {"line": 2, "user": "bob", "planned": {"end": ["ios_9"]}},
            {"line": 3, "user": "eve", "planned": {"end": ["ios_8"]}},
        ]))
        .unwrap();
        let event = |user: &str, device: Option<&str>, outcome: &str| -> Event {
            let report = serde_json::json!({"event": "item", "about": "device", "line": 1, "user": user, "outcome": outcome,
                "device": device, "platform": null, "name": null, "why": null, "confirmed_by_reading": null, "call": null,
                "error": null, "outcome_unknown": null, "retry_may_help": null});
            serde_json::from_value(report).unwrap()
        };
        let events = [
            event("ann", Some("ios_1"), "would_log_out"),
            event("ann", Some("web_1"), "gone"),
            event("ann", Some("web_2"), "kept"),
            event("ann", Some("web_3"), "kept"),
            event("ann", Some("web_4"), "kept"),
            event("bob", None, "nothing_to_do"),
            event("eve", None, "failed"),
        ];
        let drift = compare(Timestamp::UNIX_EPOCH, &items, &events);
        let expected = Drift {
            at: Timestamp::UNIX_EPOCH,
            planned: 5,
            still: 1,
            left: 2,
            stays: 1,
            new: 1,
            unread: 1,
        };
        assert_eq!(drift, expected);
    }
}
