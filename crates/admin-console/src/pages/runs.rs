//! The runs: every change to users is one.

use axum::extract::Query;
use easemob_admin_remote::api::{Page as PageOf, RunView, Scope};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};
use crate::widgets::{action, foreign::foreign, live, run_state};

/// How many runs a page has.
const ROWS: &str = "50";

/// Where the page begins.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    after: Option<String>,
}

pub(crate) async fn list(visit: Visit, Query(From { after }): Query<From>) -> Result<Page, Trouble> {
    let mut query = vec![("limit", ROWS)];
    if let Some(after) = &after {
        query.push(("after", after));
    }
    let runs: PageOf<RunView> = visit.api.get(&["runs"], &query).await?;
    Ok(visit.page(Nav::Runs, || {
        let main = html! {
            div.head {
                div.head-t { h1 { (t!("Runs")) } div.head-sub { span { (t!("A run is every sign-out, lock or ban, with its outcome")) } } }
                @if may_act(&visit) { div.acts { a.btn href=(visit.link(&["bulk"])) { (Icon::BULK) (t!("New bulk act")) } } }
            }
            section.card #list aria-label=(t!("Runs")) hx-get=(visit.address) hx-select="#list" hx-swap=(live::IN_PLACE)
                hx-trigger="live" data-live-part="2" hx-disinherit=(live::OWN) {
                @if runs.items.is_empty() { (nothing(&visit, after.is_some())) }
                @else { (table(&visit, &runs.items)) }
                @if after.is_some() || runs.next.is_some() {
                    div.card-f {
                        div.acts {
                            @if after.is_some() { a.btn."btn--sm" href=(visit.link(&["runs"])) { (t!("Newest")) } }
                            @if let Some(next) = &runs.next {
                                a.btn."btn--sm" href={ (visit.link(&["runs"])) "?after=" (next) } { (t!("Older")) }
                            }
                        }
                    }
                }
            }
        };
        (t!("Runs").to_owned(), main)
    }))
}

/// Returns true if the person may begin any act on many users.
pub(crate) fn may_act(visit: &Facts) -> bool {
    [Scope::SessionsApply, Scope::UsersWrite]
        .into_iter()
        .any(|scope| visit.may(scope))
}

fn nothing(visit: &Visit, is_later_page: bool) -> Markup {
    html! {
        div.state {
            (Icon::RUNS)
            @if is_later_page { h2 { (t!("No older runs")) } } @else {
                h2 { (t!("No runs yet")) }
                p { (t!("A run is every sign-out, lock or ban, with its outcome. It starts from a user, a list, or a plan.")) }
            }
            @if may_act(visit) {
                div.acts { a.btn."btn--sm"."btn--go" href=(visit.link(&["bulk"])) { (t!("New bulk act")) } }
            }
        }
    }
}

fn table(visit: &Visit, runs: &[RunView]) -> Markup {
    html! {
        div.tw {
            table.cards."cards--tight" {
                thead { tr {
                    th scope="col" { (t!("Run")) }
                    th scope="col" { (t!("State")) }
                    th scope="col".num { (t!("Users")) }
                    th scope="col".num { (t!("Failed")) }
                    th scope="col".num { (t!("Devices signed out")) }
                    th scope="col" { (t!("Who and why")) }
                    th scope="col" { (t!("Begun")) }
                } }
                tbody data-rows {
                    @for run in runs { (row(visit, run)) }
                }
            }
        }
    }
}

fn row(visit: &Visit, run: &RunView) -> Markup {
    let failed = run.failed_retry + run.failed_final;
    html! {
        tr role="row" {
            th.c-lead scope="row" {
                a href=(visit.link(&["runs", &run.id])) { (action::title(visit, &run.action)) }
                span.sub.mono { (run.id) }
            }
            td data-label=(t!("State")) { (run_state::tag(run.state, failed)) }
            td.num.c-unit data-label=(t!("users")) {
                @if run.unfinished > 0 { (grouped(run.users - run.unfinished)) " / " } (grouped(run.users))
            }
            td.num.c-unit data-label=(t!("failed")) { @if failed > 0 { span.c-attn { (grouped(failed)) } } @else { span.muted { "0" } } }
            td.num.c-none { (grouped(run.devices)) }
            td.c-full data-label=(t!("Who and why")) {
                (foreign(&run.operator))
                @if let Some(reason) = &run.reason { span.sub { (foreign(reason)) @if let Some(ticket) = &run.ticket { " · " (foreign(ticket)) } } }
            }
            td.nowrap data-label=(t!("Begun")) { (visit.time(run.created)) }
        }
    }
}
