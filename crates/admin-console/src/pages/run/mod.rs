//! One run: how far it is, what failed, and what was asked.

pub(crate) mod acts;
pub(crate) mod failures;
pub(crate) mod pace;
mod progress;

use axum::extract::{Path, Query, State};
use easemob_admin_audit::Entry;
use easemob_admin_remote::api::{AuditPage, Page as PageOf, RunFailure, RunState, RunView, Scope};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use self::pace::Pace;
use crate::Console;
use crate::icons::Icon;
use crate::numbers::{devices, users};
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;
use crate::widgets::{action, foreign::foreign, live, outcome_word, run_state};

/// How many of the latest outcomes are shown: as many as fit.
const LATEST: &str = "9";

/// What is read for the page.
pub(super) struct Run {
    pub(super) view: RunView,
    failures: PageOf<RunFailure>,
    /// Where the page of failures begins.
    from: Option<String>,
    /// The latest outcomes, if the person may read the trail.
    latest: Option<Vec<Entry>>,
    pace: Pace,
}

/// Where the page of failures begins.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    failures: Option<String>,
}

/// Reads a run.
pub(super) async fn read(visit: &Visit, run: &str, from: Option<String>) -> Result<Run, Trouble> {
    let view: RunView = visit.api.get(&["runs", run], &[]).await?;
    // Reading them costs as much as the run is long, so it is not done if there are none.
    let nobody =
        view.failed_retry + view.failed_final == 0 && (view.unfinished == 0 || view.unfinished == view.users);
    let failures = if nobody {
        PageOf {
            items: Vec::new(),
            next: None,
        }
    } else {
        let mut query = vec![("limit", failures::ROWS)];
        if let Some(from) = &from {
            query.push(("after", from));
        }
        visit.api.get(&["runs", run, "failures"], &query).await?
    };
    let latest = if visit.may(Scope::AuditRead) {
        let query = [("run", run), ("order", "newest"), ("limit", LATEST)];
        // A run that has not begun has no trail yet.
        let page = visit.api.get::<AuditPage>(&["audit"], &query).await;
        page.ok().map(|page| page.items)
    } else {
        None
    };
    Ok(Run {
        view,
        failures,
        from,
        latest,
        pace: Pace::default(),
    })
}

pub(crate) async fn show(
    visit: Visit,
    State(console): State<Console>,
    Path((_, run)): Path<(String, String)>,
    Query(Place { failures }): Query<Place>,
) -> Result<Page, Trouble> {
    let mut read = read(&visit, &run, failures).await?;
    let view = &read.view;
    read.pace = if view.state == RunState::Running {
        let finished = view.users - view.unfinished;
        console.paces.note(&view.id, visit.now, finished)
    } else {
        console.paces.last(&view.id)
    };
    Ok(visit.page(Nav::Runs, || {
        let done = progress::percent(&read.view);
        let name = title(&visit, &read.view);
        (t!("{name}, {done} %"), markup(&visit, &read))
    }))
}

/// Returns what is done, and to how many.
pub(super) fn title(visit: &Visit, run: &RunView) -> String {
    let what = action::title(visit, &run.action);
    t!("{what}, {}", users(run.users))
}

/// Returns the page, which exchanges its parts while the run goes on.
pub(super) fn markup(visit: &Visit, run: &Run) -> Markup {
    let view = &run.view;
    let is_moving = matches!(
        view.state,
        RunState::Running | RunState::Waiting | RunState::WaitingForApproval
    );
    // The stream of events tells of changes; the clock sees to it where there is none.
    let trigger = if is_moving { "live, every 3s" } else { "live" };
    html! {
        nav.crumb aria-label=(t!("Breadcrumb")) {
            a href=(visit.link(&["runs"])) { (t!("Runs")) } span aria-hidden="true" { "/" } span.mono { (view.id) }
        }
        div.head {
            div.head-t {
                h1 { (action::title(visit, &view.action)) span #state { (run_state::tag(view.state, view.failed_retry + view.failed_final)) } }
                div.head-sub {
                    @if is_moving { (live::mark(visit)) }
                    span.mono { (view.id) }
                    span { (t!("begun {} by ", visit.clock(view.created))) (foreign(&view.operator)) }
                    @if view.state == RunState::WaitingForApproval {
                        a href=(visit.link(&["approvals", &view.id])) { (t!("the request for approval")) }
                    }
                }
            }
            div.acts #buttons {
                @if visit.may(Scope::AuditRead) {
                    a.btn href={ (visit.link(&["audit"])) "?by=run&q=" (view.id) "&all=on" } { (Icon::AUDIT) (t!("Audit entries")) }
                }
                (acts::buttons(visit, view))
            }
        }
        (live::note())
        section.card #progress aria-label=(t!("Progress")) hx-get=(visit.link(&["runs", &view.id])) hx-select="#progress" hx-swap=(live::IN_PLACE)
            hx-select-oob="#state:morph,#buttons:morph,#said:morph,#failures:morph,#latest:morph,#pace:morph" hx-trigger=(trigger) data-live-part="1" hx-disinherit=(live::OWN) {
            (progress::card(visit, view, &run.pace))
        }
        p.vh #said role="status" aria-live="polite" { (progress::sentence(view)) }
        div.cols {
            div {
                (failures::card(visit, view, &run.failures, run.from.as_deref()))
                (asked(visit, view))
            }
            div {
                section.card #pace {
                    div.card-h { h2 { (t!("Users a second")) } }
                    div.card-b.stack { (progress::chart(visit, &run.pace)) }
                }
                @if let Some(latest) = &run.latest { (outcomes(visit, latest)) }
            }
        }
    }
}

/// What was asked for.
fn asked(visit: &Visit, run: &RunView) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("What was asked")) } }
            div.card-b {
                dl.kv."kv--two" {
                    @for (name, value) in action::facts(&run.action) { dt { (name) } dd { (value) } }
                    @if let Some(most) = run.max_logouts { dt { (t!("At most")) } dd { (devices(most)) } }
                    @if let Some(ticket) = &run.ticket { dt { (t!("Ticket")) } dd { (foreign(ticket)) } }
                    dt { (t!("Reason")) }
                    dd { @if let Some(reason) = &run.reason { (foreign(reason)) } @else { span.muted { (t!("none given")) } } }
                    dt { (t!("Asked by")) } dd { (foreign(&run.operator)) }
                    @if !run.workers.is_empty() {
                        dt { (t!("Workers")) }
                        dd { @for worker in &run.workers { span.mono { (worker) } " " } }
                    }
                    @if let Some(ended) = run.ended { dt { (t!("Last ended")) } dd { (visit.time(ended)) } }
                }
            }
        }
    }
}

/// The latest outcomes, in a box that never grows.
fn outcomes(visit: &Visit, latest: &[Entry]) -> Markup {
    html! {
        section.card #latest {
            div.card-h { h2 { (t!("Latest outcomes")) } }
            ul.log aria-label=(t!("Latest outcomes")) {
                @if latest.is_empty() { li { span {} span {} span.muted { (t!("No outcome yet.")) } } }
                @for entry in latest {
                    li {
                        span.muted { (visit.wall(entry.event.time)) }
                        @if let Some(user) = &entry.event.user { a.mono href=(visit.link(&["users", user])) { (foreign(user)) } }
                        @else { span {} }
                        span { (outcome_word::of_entry(entry)) }
                    }
                }
            }
        }
    }
}
