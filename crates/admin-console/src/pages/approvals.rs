//! Requests for approval: those that wait, and those that are over.

use axum::extract::Query;
use easemob_admin_remote::api::{ApprovalState, ApprovalView, Page as PageOf};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use super::approval::{amount, groups_left, is_own, state_tag};
use crate::icons::Icon;
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;
use crate::widgets::{action, foreign::foreign, live};

/// How many requests a page has.
const ROWS: &str = "50";

/// Which requests.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    /// `all`, or those that wait.
    show: Option<String>,
    after: Option<String>,
}

pub(crate) async fn list(visit: Visit, Query(which): Query<Which>) -> Result<Page, Trouble> {
    let all = which.show.as_deref() == Some("all");
    let mut query = vec![("limit", ROWS)];
    if !all {
        query.push(("state", "pending"));
    }
    if let Some(after) = &which.after {
        query.push(("after", after));
    }
    let requests: PageOf<ApprovalView> = visit.api.get(&["approvals"], &query).await?;
    Ok(visit.page(Nav::Approvals, || {
        let here = visit.link(&["approvals"]);
        let main = html! {
            div.head {
                div.head-t { h1 { (t!("Approvals")) } div.head-sub { span { (t!("Nobody approves what they asked for themselves")) } } }
                nav.seg aria-label=(t!("Which requests")) {
                    a href=(here) aria-current=[(!all).then_some("true")] { (t!("Waiting")) }
                    a href={ (here) "?show=all" } aria-current=[all.then_some("true")] { (t!("All")) }
                }
            }
            section.card #list aria-label=(t!("Requests")) hx-get=(visit.address) hx-select="#list" hx-swap=(live::IN_PLACE)
                hx-trigger="live" data-live-part="2" hx-disinherit=(live::OWN) {
                @if requests.items.is_empty() { (nothing(all)) } @else { (table(&visit, &requests.items)) }
                @if let Some(next) = &requests.next {
                    div.card-f { div.acts {
                        a.btn."btn--sm" href={ (here) "?after=" (next) @if all { "&show=all" } } { (t!("Older")) }
                    } }
                }
            }
        };
        (t!("Approvals").to_owned(), main)
    }))
}

fn nothing(all: bool) -> Markup {
    html! {
        div.state {
            (Icon::APPROVALS)
            @if all {
                h2 { (t!("No requests yet")) }
                p { (t!("Acts on many users wait here for others, where the rules of the app say so.")) }
            } @else {
                h2 { (t!("Nothing waits for approval")) }
            }
        }
    }
}

fn table(visit: &Visit, requests: &[ApprovalView]) -> Markup {
    html! {
        div.tw { table.cards."cards--tight" {
            thead { tr {
                th scope="col" { (t!("Request")) }
                th scope="col" { (t!("State")) }
                th scope="col" { (t!("Asked by, and why")) }
                th scope="col" { (t!("Asked")) }
                th scope="col" { (t!("Until")) }
            } }
            tbody data-rows { @for request in requests { (row(visit, request)) } }
        } }
    }
}

fn row(visit: &Visit, request: &ApprovalView) -> Markup {
    let approval = &request.approval;
    html! {
        tr role="row" {
            th.c-lead scope="row" {
                a href=(visit.link(&["approvals", &approval.run])) { (action::title(visit, &approval.order.action)) ", " (amount(&approval.order)) }
                span.sub.mono { (approval.run) }
            }
            td data-label=(t!("State")) {
                (state_tag(request))
                @if request.state == ApprovalState::Pending {
                    @if is_own(visit, approval) { span.sub { (t!("you asked for it")) } }
                    @else { span.sub { (t!("by {}", groups_left(approval))) } }
                }
            }
            td.c-full data-label=(t!("Asked by, and why")) {
                (foreign(&approval.asked_by))
                @if let Some(reason) = &approval.reason {
                    span.sub { (foreign(reason)) @if let Some(ticket) = &approval.ticket { " · " (foreign(ticket)) } }
                }
            }
            td.nowrap data-label=(t!("Asked")) { (visit.time(approval.asked_at)) }
            td.nowrap data-label=(t!("Until")) { (visit.time(approval.execute_by.unwrap_or(approval.decide_by))) }
        }
    }
}
