//! The locks: who cannot sign in until when, and why. Those come first that should have ended.

mod lift;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_remote::api::{LocksState, Page as Rows, Schedule, ScheduledJob, Scope};
use easemob_admin_words::t;
use futures_util::future::join4;
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::api::encoded;
use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::page::{Nav, Page, Trouble};
use crate::times;
use crate::visit::Visit;
use crate::widgets::dialog;
use crate::widgets::foreign::foreign;
use crate::widgets::live;

/// How many locks are on a page.
const ROWS: usize = 50;

/// The most locks whose end has passed that are counted.
const MOST_DUE: &str = "10000";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/{app}/locks", get(show))
        .route("/console/{app}/locks/lift", get(lift::ask).post(lift::act))
}

/// Where the page begins.
#[derive(Debug, Deserialize)]
struct From {
    after: Option<String>,
}

/// What is read for the page.
struct Known {
    locks: Rows<Lock>,
    due: usize,
    state: Option<LocksState>,
    /// Whether a schedule lifts locks; nothing if that could not be read.
    is_scheduled: Option<bool>,
    after: Option<String>,
}

async fn show(visit: Visit, Query(From { after }): Query<From>) -> Result<Page, Trouble> {
    let rows = ROWS.to_string();
    let mut query = vec![("sort", "until"), ("limit", rows.as_str())];
    query.extend(after.as_deref().map(|after| ("after", after)));
    let api = &visit.api;
    let (locks, due, state, schedules) = join4(
        api.get::<Rows<Lock>>(&["locks"], &query),
        due(&visit),
        api.get::<LocksState>(&["locks", "state"], &[]),
        api.get::<Rows<Schedule>>(&["schedules"], &[]),
    )
    .await;
    let lifts = |schedule: &Schedule| schedule.job == ScheduledJob::DueUnlocks;
    let known = Known {
        locks: locks?,
        due: due?.len(),
        state: state.ok(),
        is_scheduled: schedules.ok().map(|schedules| schedules.items.iter().any(lifts)),
        after,
    };
    Ok(page(&visit, &known))
}

/// Reads the locks that should have ended.
async fn due(visit: &Visit) -> Result<Vec<Lock>, Trouble> {
    let query = [("due", "true"), ("sort", "until"), ("limit", MOST_DUE)];
    let due: Rows<Lock> = visit.api.get(&["locks"], &query).await?;
    Ok(due.items)
}

fn page(visit: &Visit, known: &Known) -> Page {
    visit.page(Nav::Users, || {
        let main = html! {
            nav.crumb aria-label=(t!("breadcrumb")) {
                a href=(visit.link(&["users"])) { (t!("Users")) }
                span aria-hidden="true" { "/" }
                span { (t!("Locks")) }
            }
            div.head {
                div.head-t {
                    h1 { (t!("Locks")) }
                    div.head-sub {
                        @if let Some(state) = &known.state { span { (t!("{} locked, as of {}", users(state.count), visit.clock(state.at))) } }
                        @match known.state.as_ref().and_then(|state| state.lifted_last) {
                            Some(at) => span { (t!("Locks that were due were last lifted {}", visit.clock(at))) },
                            None => {},
                        }
                    }
                }
                div.acts { a.btn href=(visit.link(&["bans"])) { (Icon::BAN) (t!("Bans")) } }
            }
            (live::note())
            @if known.due > 0 { (overdue(visit, known)) }
            section #list .card aria-label=(t!("Locks")) {
                @if known.locks.items.is_empty() { (nobody(visit, known)) } @else { (table(visit, known)) }
            }
        };
        (t!("Locks").to_owned(), main)
    })
}

/// What should have ended and has not.
fn overdue(visit: &Visit, known: &Known) -> Markup {
    let count = known.due as u64;
    html! {
        div.note."note--attn" role="status" {
            (Icon::WARNING)
            div {
                b { (t!("Locks that should have ended: {}", grouped(count))) } ". "
                (t!("These users still cannot sign in.")) " "
                @if known.is_scheduled == Some(false) {
                    (t!("No schedule lifts locks.")) " "
                    a.inline href=(visit.link(&["settings", "schedules"])) { (t!("To the schedules")) }
                }
                @if visit.may(Scope::SessionsApply) {
                    p.acts { (dialog::opens(&format!("{}?due=1", visit.link(&["locks", "lift"])), "btn btn--sm btn--go", &html! { (t!("Lift {} overdue…", grouped(count))) })) }
                }
            }
        }
    }
}

fn nobody(visit: &Visit, known: &Known) -> Markup {
    html! {
        div.state {
            (Icon::LOCK)
            @if known.after.is_some() {
                h2 { (t!("No more locks")) }
                div.acts { a.btn."btn--sm" href=(visit.link(&["locks"])) { (t!("First page")) } }
            } @else {
                h2 { (t!("Nobody is locked")) }
                p { (t!("A lock is a ban with an end. It starts from a user, a selection of users, or a list.")) }
                div.acts { a.btn."btn--sm" href=(visit.link(&["users"])) { (t!("To the users")) } }
            }
        }
    }
}

fn table(visit: &Visit, known: &Known) -> Markup {
    let acts = visit.may(Scope::SessionsApply);
    let locks = &known.locks.items;
    html! {
        form data-selection action=(visit.link(&["locks", "lift"])) {
            @if acts { (bar(locks.len())) }
            div.tw { table.cards."cards--tight" {
                thead { tr {
                    @if acts { td.tick { label { span.vh { (t!("Select the {} users on this page", locks.len())) } input type="checkbox" data-all; } } }
                    th scope="col" { (t!("User")) }
                    th scope="col" { (t!("Ends")) }
                    th scope="col" { (t!("Set by, and why")) }
                    th scope="col" { (t!("Run")) }
                    @if acts { th scope="col" { span.vh { (t!("Act")) } } }
                } }
                tbody data-rows { @for lock in locks { (row(visit, lock, acts)) } }
            } }
        }
        div.card-f {
            @if !acts { span { (t!("Lifting a lock needs the scope sessions:apply.")) } }
            div.acts {
                @if known.after.is_some() { a.btn."btn--sm" href=(visit.link(&["locks"])) data-previous { (t!("First page")) } }
                @if let Some(next) = &known.locks.next {
                    a.btn."btn--sm" href={ (visit.link(&["locks"])) "?after=" (encoded(next)) } rel="next" data-next { (t!("Next {}", ROWS)) }
                }
            }
        }
    }
}

/// What can be done with those who are ticked; the script shows it.
fn bar(rows: usize) -> Markup {
    html! {
        div.selbar #selection role="group" aria-label=(t!("Selection")) hidden data-rows-here=(rows) {
            p { strong { span data-ticked { "0" } " " (t!("users on this page are selected.")) } }
            div.acts { button.btn."btn--sm" { (Icon::LOCK) (t!("Lift the locks…")) } }
        }
    }
}

fn row(visit: &Visit, lock: &Lock, acts: bool) -> Markup {
    let user = lock.user.as_str();
    let lift = format!("{}?u={}", visit.link(&["locks", "lift"]), encoded(user));
    html! {
        tr {
            @if acts { td.tick { label { span.vh { (t!("Select {}", user)) } input type="checkbox" name="u" value=(user); } } }
            th.c-lead scope="row" { a.mono href=(visit.link(&["users", user])) { (foreign(user)) } }
            td data-label=(t!("Ends")) { span { (end(visit, lock)) } }
            td.c-full data-label=(t!("Set by, and why")) {
                span {
                    (foreign(&lock.operator)) ", " (visit.time(lock.changed.unwrap_or(lock.since)))
                    @if let Some(reason) = &lock.reason { span.sub { (foreign(reason)) @if let Some(ticket) = &lock.ticket { " · " (foreign(ticket)) } } }
                    @else { span.sub { (t!("no reason given")) } }
                }
            }
            td data-label=(t!("Run")) { a.mono href=(visit.link(&["runs", &lock.run])) { (lock.run) } }
            @if acts {
                td.trow-end.c-end { (dialog::opens(&lift, "btn btn--sm", &html! { (t!("Lift…")) span.vh { " " (user) } })) }
            }
        }
    }
}

fn end(visit: &Visit, lock: &Lock) -> Markup {
    html! {
        time datetime=(lock.until) title=(times::full(lock.until, &visit.look.zone)) { (visit.clock(lock.until)) } " "
        @if lock.is_due(visit.now) {
            span.tag."tag--attn" { (Icon::WARNING) (t!("overdue")) }
            span.sub { (times::ago(lock.until, visit.now)) }
        } @else {
            span.sub { (t!("in {}", times::lasting(until(visit, lock)))) }
        }
        @if lock.is_pending() { span.tag."tag--attn" { (t!("not certain")) } span.sub { (t!("The run that sets it was interrupted: the user may not be banned.")) } }
    }
}

fn until(visit: &Visit, lock: &Lock) -> u64 {
    u64::try_from(lock.until.duration_since(visit.now).as_secs()).unwrap_or(0)
}
