//! The users who are known: found by filters, selected, and acted upon.

mod act;
mod export;
mod filters;
mod newer;
mod query;
mod selection;
mod table;

use axum::Router;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_remote::api::{self, LimitsFrom, Problem, Scope, UsersPage, UsersTotal};
use easemob_admin_words::t;
use futures_util::future::join;
use maud::{Markup, html};

use self::query::Query;
use crate::Console;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Trouble};
use crate::times;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::live;

/// How many users are on a page: as many as a dialog is enough for.
const ROWS: u64 = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/{app}/users", get(list))
        .route("/console/{app}/users-newer", get(newer::count))
        .route("/console/{app}/users-export", get(export::download))
        .route(
            "/console/{app}/users-selected/{act}",
            get(act::ask).post(act::act),
        )
}

/// Returns the address of the list.
fn list_address(visit: &Visit) -> String {
    visit.link(&["users"])
}

/// Reads a page of users whom a filter leaves.
async fn read(visit: &Visit, query: &Query, most: u64) -> Result<UsersPage, Problem> {
    let mut parameters = query.filter.parameters(visit.now);
    parameters.push(("sort", query.sort.in_address().into()));
    parameters.push(("limit", most.to_string()));
    parameters.extend(query.after.clone().map(|after| ("after", after)));
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    visit.api.get(&["users"], &parameters).await
}

async fn list(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Trouble> {
    let query = Query::read(text.as_deref().unwrap_or_default());
    if let Some(run) = query.filter.name.as_deref().and_then(RunId::parse) {
        return Ok(Redirect::to(&visit.link(&["runs", run.as_str()])).into_response());
    }
    let locks = async {
        let locks = visit
            .api
            .get::<api::Page<Lock>>(&["locks"], &[("limit", "1000")])
            .await;
        locks.map(|page| page.items).unwrap_or_default()
    };
    let (users, locks) = join(read(&visit, &query, ROWS), locks).await;
    let users = users?;
    let page = visit.page(Nav::Users, || {
        let main = html! {
            (head(&visit, &query, &users))
            (live::note())
            section.card aria-label=(t!("Users that match")) {
                (filters::bar(&visit, &query))
                div #list {
                    @if query.had > 0 {
                        div.note."note--in" role="status" {
                            (Icon::INFO)
                            div { b { (t!("The filter changed, so the selection of {} users was cleared.", grouped(query.had))) } }
                        }
                    }
                    @if users.items.is_empty() { (nobody(&visit, &query, &users)) }
                    @else { (table::table(&visit, &query, &users, &locks)) }
                }
            }
        };
        (t!("Users").to_owned(), main)
    });
    Ok(page.into_response())
}

fn head(visit: &Visit, query: &Query, users: &UsersPage) -> Markup {
    let scan = users
        .as_of
        .scan
        .as_ref()
        .and_then(|scan| scan.finished.or(scan.started));
    html! {
        div.head #users-head {
            div.head-t {
                h1 { (t!("Users")) }
                div.head-sub {
                    span {
                        @if query.filter == query::Filter::default() { (t!("{} users are known", total(users.total))) }
                        @else { (t!("{} users match", total(users.total))) }
                    }
                    @match scan {
                        Some(at) => span { (t!("Devices as of the scan of {} and later events", visit.clock(at))) },
                        None => span { (t!("No scan yet; known from events only")) },
                    }
                    @match users.limits.from {
                        LimitsFrom::Scan => {},
                        LimitsFrom::Default => span { (t!("Limits were not read; compared with 4 on each platform")) },
                    }
                    (newer::element(visit, query, visit.now))
                }
            }
            div.acts {
                @if visit.may(Scope::SessionsPlan) || visit.may(Scope::SessionsApply) {
                    a.btn href=(visit.link(&["bulk"])) { (Icon::BULK) (t!("From a list…")) }
                }
            }
        }
    }
}

/// Returns a number of users, which may be a lower bound.
fn total(total: UsersTotal) -> String {
    let number = grouped(total.users);
    if total.at_least {
        t!("more than {number}")
    } else {
        number
    }
}

/// Says that nobody is there, and what can be done about it.
fn nobody(visit: &Visit, query: &Query, users: &UsersPage) -> Markup {
    let nothing_known = query.filter == query::Filter::default() && query.after.is_none();
    html! {
        div.state {
            (Icon::SEARCH)
            @if nothing_known {
                h2 { (t!("No user is known yet")) }
                p { (t!("Users become known by scans and webhooks. A scan reads who is signed in where.")) }
                div.acts { a.btn."btn--sm" href=(visit.link(&["logins"])) { (t!("To the scans")) } }
            } @else {
                h2 { (t!("No user matches")) }
                @if let Some(at) = users.as_of.scan.as_ref().and_then(|scan| scan.finished) {
                    p { (t!("Known users were searched, as of {}.", times::full(at, &visit.look.zone))) }
                }
                div.acts {
                    @if let Some(name) = query.filter.name.as_deref().filter(|name| !name.starts_with('*')) {
                        a.btn."btn--sm" href=(visit.link(&["users", name])) { (t!("Ask the server about ")) (foreign(name)) }
                    }
                    a.btn."btn--sm" href=(query.with(query::Filter::default()).address(&list_address(visit))) { (t!("Clear filters")) }
                }
            }
        }
    }
}
