//! The users whom the server lists as banned. It lists those who are locked among them.

use std::collections::BTreeMap;

use axum::extract::Query;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_remote::api::{Page as Rows, Problem, Scope, UserView};
use easemob_admin_words::{t, translated};
use futures_util::future::join;
use maud::{Markup, html};
use serde::Deserialize;

use crate::api::encoded;
use crate::icons::Icon;
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;
use crate::widgets::foreign::foreign;

/// How many users are on a page.
const ROWS: &str = "50";

/// Where the page begins.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    after: Option<String>,
}

pub(crate) async fn show(visit: Visit, Query(From { after }): Query<From>) -> Result<Page, Trouble> {
    let mut query = vec![("banned", "true"), ("limit", ROWS)];
    query.extend(after.as_deref().map(|after| ("after", after)));
    let (banned, locks) = join(
        visit.api.get::<Rows<UserView>>(&["accounts"], &query),
        visit.api.get::<Rows<Lock>>(&["locks"], &[("limit", "10000")]),
    )
    .await;
    let banned = match banned {
        Err(problem) if !problem.kind.ends_with("/unsupported") => return Err(problem.into()),
        answer => answer,
    };
    let locks = locks?.items.into_iter();
    let locks: BTreeMap<String, Lock> = locks.map(|lock| (lock.user.folded(), lock)).collect();
    Ok(visit.page(Nav::Users, || {
        let main = html! {
            nav.crumb aria-label=(t!("breadcrumb")) {
                a href=(visit.link(&["users"])) { (t!("Users")) }
                span aria-hidden="true" { "/" }
                span { (t!("Bans")) }
            }
            div.head {
                div.head-t {
                    h1 { (t!("Bans")) }
                    div.head-sub { span { (t!("The server was asked at {}.", visit.clock(visit.now))) } span { (t!("A ban has no end. It stays until somebody lifts it.")) } }
                }
                div.acts { a.btn href=(visit.link(&["locks"])) { (Icon::LOCK) (t!("Locks")) } }
            }
            section.card #list aria-label=(t!("Bans")) {
                @match &banned {
                    Err(problem) => (unknown(problem)),
                    Ok(page) if page.items.is_empty() => div.state {
                        (Icon::BAN)
                        @if after.is_some() { h2 { (t!("No more bans")) } } @else { h2 { (t!("Nobody is banned")) } }
                    },
                    Ok(page) => (table(&visit, page, &locks, after.is_some())),
                }
            }
        };
        (t!("Bans").to_owned(), main)
    }))
}

/// The server does not say who is banned.
fn unknown(problem: &Problem) -> Markup {
    html! {
        div.state {
            (Icon::QUESTION)
            h2 { (t!("The server does not list who is banned")) }
            p { (translated(&problem.title)) "." }
            p { (t!("The page of a user says whether that user is banned.")) }
        }
    }
}

fn table(visit: &Visit, page: &Rows<UserView>, locks: &BTreeMap<String, Lock>, is_later: bool) -> Markup {
    html! {
        div.tw { table.cards."cards--tight" {
            thead { tr {
                th scope="col" { (t!("User")) }
                th scope="col" { (t!("Nickname")) }
                th scope="col" { (t!("End")) }
                th scope="col" { span.vh { (t!("Act")) } }
            } }
            tbody data-rows { @for user in &page.items { (row(visit, user, locks.get(&user.user.to_lowercase()))) } }
        } }
        div.card-f {
            div.acts {
                @if is_later { a.btn."btn--sm" href=(visit.link(&["bans"])) data-previous { (t!("First page")) } }
                @if let Some(next) = &page.next { a.btn."btn--sm" href={ (visit.link(&["bans"])) "?after=" (encoded(next)) } rel="next" data-next { (t!("Next {}", ROWS)) } }
            }
        }
    }
}

fn row(visit: &Visit, user: &UserView, lock: Option<&Lock>) -> Markup {
    let name = user.user.as_str();
    html! {
        tr {
            th.c-lead scope="row" { a.mono href=(visit.link(&["users", name])) { (foreign(name)) } }
            td data-label=(t!("Nickname")) { @match &user.nickname { Some(nickname) => (foreign(nickname)), None => span.muted { "—" } } }
            td data-label=(t!("End")) {
                @match lock {
                    Some(lock) => { (t!("locked until {}", visit.clock(lock.until))) },
                    None => (t!("no end")),
                }
            }
            td.trow-end.c-end {
                @if lock.is_none() && visit.may(Scope::UsersWrite) {
                    a.btn."btn--sm" href=(visit.link(&["users", name, "unban"])) { (t!("Lift the ban…")) span.vh { " " (name) } }
                }
            }
        }
    }
}
