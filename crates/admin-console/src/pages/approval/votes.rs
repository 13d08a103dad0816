//! Who must agree, and who did.

use easemob_admin_remote::api::{Approval, Decision, Need};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;

/// Anybody who may approve.
const ANYBODY: &str = "*";

/// Returns those who agreed for a group.
fn agreed<'a>(approval: &'a Approval, need: &'a Need) -> impl Iterator<Item = &'a Decision> {
    let of_the_group = |decision: &&Decision| need.group == ANYBODY || decision.groups.contains(&need.group);
    approval
        .decisions
        .iter()
        .filter(|decision| decision.approves)
        .filter(of_the_group)
}

fn is_met(approval: &Approval, need: &Need) -> bool {
    agreed(approval, need).count() >= need.count as usize
}

fn name(group: &str) -> &str {
    if group == ANYBODY {
        t!("anybody who may approve")
    } else {
        group
    }
}

/// Returns the groups that have not agreed yet.
pub(crate) fn groups_left(approval: &Approval) -> String {
    let left = approval.needs.iter().filter(|need| !is_met(approval, need));
    let names: Vec<&str> = left.map(|need| name(&need.group)).collect();
    names.join(", ")
}

pub(super) fn card(visit: &Visit, approval: &Approval) -> Markup {
    let met = approval
        .needs
        .iter()
        .filter(|need| is_met(approval, need))
        .count();
    html! {
        section.card #votes {
            div.card-h { h2 { (t!("Who must agree")) } span.small { (t!("{met} of {}", approval.needs.len())) } }
            ul.votes {
                @for need in &approval.needs { (group(visit, approval, need)) }
                @for refusal in approval.decisions.iter().filter(|decision| !decision.approves) {
                    li {
                        span.dot { (Icon::CROSS.small()) }
                        div {
                            b { (foreign(&refusal.by)) } " " (t!("refused"))
                            p.quote { (foreign(&refusal.reason)) }
                            span.small.muted { (visit.time(refusal.at)) }
                        }
                        span.tag."tag--attn" { (t!("Refused")) }
                    }
                }
            }
        }
    }
}

fn group(visit: &Visit, approval: &Approval, need: &Need) -> Markup {
    let count = agreed(approval, need).count();
    let is_met = is_met(approval, need);
    html! {
        li.is-yes[is_met] {
            span.dot { @if is_met { (Icon::CHECK.small()) } @else { (Icon::CLOCK.small()) } }
            div {
                b { (foreign(name(&need.group))) } " " (t!("{count} of {}", need.count))
                @for decision in agreed(approval, need) {
                    p.quote { (foreign(&decision.reason)) }
                    span.small.muted { (foreign(&decision.by)) ", " (visit.time(decision.at)) }
                }
            }
            @if is_met { span.tag."tag--on" { (t!("Approved")) } } @else { span.tag."tag--attn" { (t!("Waits")) } }
        }
    }
}

/// What happened to the request, the newest first.
pub(super) fn history(visit: &Visit, approval: &Approval) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("What happened")) } }
            ol.line {
                @for decision in approval.decisions.iter().rev() {
                    li class=(if decision.approves { "is-act" } else { "is-attn" }) {
                        span.dot { @if decision.approves { (Icon::CHECK.small()) } @else { (Icon::CROSS.small()) } }
                        (visit.time(decision.at))
                        div { b { (foreign(&decision.by)) } " " @if decision.approves { (t!("approved")) } @else { (t!("refused")) } }
                    }
                }
                li {
                    span.dot { (Icon::APPROVALS.small()) }
                    (visit.time(approval.asked_at))
                    div { b { (foreign(&approval.asked_by)) } " " (t!("asked for approval")) }
                }
            }
        }
    }
}
