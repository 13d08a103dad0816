//! Acts on the users who are selected. The question counts them again, and the act asks again if there are more than it said.

use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_ops::run::job::OnDrift;
use easemob_admin_ops::select::selection::Selection as Devices;
use easemob_admin_remote::api::{NewPlan, Problem, RunView, UsersPage};
use easemob_admin_words::{t, told_later};
use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::json;

use super::query::{Filter, Query, Selection, Sort};
use super::{list_address, read};
use crate::fields::Fields;
use crate::fresh;
use crate::icons::Icon;
use crate::lock_end::lock_end;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::planned::{begun, planned};
use crate::problem::bad_request;
use crate::stake::{Mandate, Stake, Unconfirmed, confirmed};
use crate::visit::Visit;
use crate::widgets::dialog::Dialog;
use crate::widgets::foreign::foreign;
use crate::widgets::reason;
use crate::widgets::run_id;

/// How many users are read at once when all of them are meant.
const AT_ONCE: u64 = 1_000;

/// The most users of a plan, whose devices are read before it is there.
const MOST_OF_PLAN: u64 = 10_000;

/// The hours of a lock that the form offers.
const HOURS: [u32; 5] = [1, 4, 10, 24, 168];

/// The longest lock, in hours.
const LONGEST: u32 = 31 * 24;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    SignOut,
    Lock,
    Ban,
    Plan,
}

impl Act {
    fn of(word: &str) -> Option<Self> {
        [Self::SignOut, Self::Lock, Self::Ban, Self::Plan]
            .into_iter()
            .find(|act| act.in_address() == word)
    }

    fn in_address(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out",
            Self::Lock => "lock",
            Self::Ban => "ban",
            Self::Plan => "plan",
        }
    }

    /// A plan signs nobody out, so it is asked for like a small act.
    fn stake(self, users: u64, all: bool) -> Stake {
        match self {
            Self::Plan => Stake::Few,
            Self::SignOut | Self::Lock => Stake::of(users, all, false),
            Self::Ban => Stake::of(users, all, true),
        }
    }
}

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meant {
    /// These.
    Named(Vec<String>),
    /// All whom the filter leaves: so many, by the last count.
    All { filter: Filter, count: u64 },
}

impl Meant {
    /// Reads who is meant; nobody, if the form does not say so.
    fn of(query: Query) -> Option<Self> {
        match query.selection {
            Selection::All { count, .. } => Some(Self::All {
                filter: query.filter,
                count,
            }),
            Selection::Nobody | Selection::Page if !query.ticked.is_empty() => {
                Some(Self::Named(query.ticked))
            }
            Selection::Nobody | Selection::Page => None,
        }
    }
}

fn nobody() -> Problem {
    bad_request(
        400,
        told_later!("Nobody is selected"),
        told_later!("Nothing was done. Go back, and select users."),
    )
}

fn no_such_act() -> Problem {
    bad_request(
        404,
        told_later!("There is nothing at this address"),
        told_later!("Nothing was done. Go back, and select users."),
    )
}

pub(super) async fn ask(
    visit: Visit,
    Path((_, act)): Path<(String, String)>,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let act = Act::of(&act).ok_or_else(no_such_act)?;
    let meant = Meant::of(Query::read(&text.unwrap_or_default())).ok_or_else(nobody)?;
    let meant = counted(&visit, meant).await?;
    let count = meant.count();
    if count == 0 {
        return Err(nobody().into());
    }
    if act.stake(count, meant.is_all()) == Stake::Many
        && let Some(sign_in) = fresh::first(&visit, &headers)
    {
        return Ok(sign_in);
    }
    Ok(question(&visit, act, &meant, None).into_response())
}

impl Meant {
    fn is_all(&self) -> bool {
        matches!(self, Self::All { .. })
    }

    fn count(&self) -> u64 {
        match self {
            Self::Named(users) => users.len() as u64,
            Self::All { count, .. } => *count,
        }
    }
}

/// Counts all who are meant again.
async fn counted(visit: &Visit, meant: Meant) -> Result<Meant, Problem> {
    let Meant::All { filter, .. } = meant else {
        return Ok(meant);
    };
    let found = read(visit, &of_filter(&filter, None), 1).await?;
    if found.total.at_least {
        // More than these are counted one by one, by reading them.
        let count = everybody(visit, &filter).await?.len() as u64;
        return Ok(Meant::All { filter, count });
    }
    let count = found.total.users;
    Ok(Meant::All { filter, count })
}

fn of_filter(filter: &Filter, after: Option<String>) -> Query {
    Query {
        filter: filter.clone(),
        sort: Sort::User,
        after,
        ..Query::default()
    }
}

/// Reads the names of all whom a filter leaves.
async fn everybody(visit: &Visit, filter: &Filter) -> Result<Vec<String>, Problem> {
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page: UsersPage = read(visit, &of_filter(filter, after), AT_ONCE).await?;
        users.extend(page.items.into_iter().map(|user| user.user));
        after = page.next;
        if after.is_none() {
            return Ok(users);
        }
    }
}

fn question(visit: &Visit, act: Act, meant: &Meant, grew_from: Option<u64>) -> Page {
    let count = meant.count();
    visit.page(Nav::Users, || {
        let users = grouped(count);
        let (question, button) = match act {
            Act::SignOut => (
                t!("Sign out all devices of {} users?", users),
                t!("Sign out {} users", users),
            ),
            Act::Lock => (t!("Lock {} users?", users), t!("Lock {} users", users)),
            Act::Ban => (t!("Ban {} users?", users), t!("Ban {} users", users)),
            Act::Plan => (
                t!("Plan to sign out {} users?", users),
                t!("Plan for {} users", users),
            ),
        };
        let stake = act.stake(count, meant.is_all());
        let address = visit.link(&["users-selected", act.in_address()]);
        let back = back(visit, meant);
        let dialog = Dialog {
            question: html! { (question) },
            icon: match act {
                Act::Lock => Icon::LOCK,
                Act::Ban => Icon::BAN,
                Act::SignOut | Act::Plan => Icon::SIGN_OUT,
            },
            action: &address,
            back: &back,
            content: content(visit, act, meant, grew_from),
            button: &button,
            is_danger: act != Act::Plan,
            typed: stake == Stake::Many,
        };
        let main = html! {
            div.head { div.head-t { h1 { (t!("Users")) } } }
            (dialog.render(visit))
        };
        (t!("Users").to_owned(), main)
    })
}

fn back(visit: &Visit, meant: &Meant) -> String {
    match meant {
        Meant::Named(_) => list_address(visit),
        Meant::All { filter, .. } => Query::default()
            .with(filter.clone())
            .address(&list_address(visit)),
    }
}

fn content(visit: &Visit, act: Act, meant: &Meant, grew_from: Option<u64>) -> Markup {
    html! {
        (run_id::field(&run_id::new(visit)))
        @match meant {
            Meant::Named(users) => { @for user in users { input type="hidden" name="u" value=(user); } },
            Meant::All { filter, count } => {
                input type="hidden" name="select" value="all";
                input type="hidden" name="count" value=(count);
                input type="hidden" name="at" value=(visit.now);
                @for (name, value) in filter.fields() { input type="hidden" name=(name) value=(value); }
            },
        }
        @if let Some(before) = grew_from {
            div.note."note--attn" role="alert" {
                (Icon::WARNING)
                div { b { (t!("It was {}, and now it is {}. Nothing was done.", grouped(before), grouped(meant.count()))) } }
            }
        }
        dl.kv {
            dt { (t!("Users")) }
            @match meant {
                Meant::Named(users) => dd { @for (at, user) in users.iter().enumerate() { @if at > 0 { ", " } span.mono { (foreign(user)) } } },
                Meant::All { count, .. } => dd {
                    (t!("all {} that match, counted at {}", grouped(*count), visit.clock(visit.now)))
                },
            }
            dt { (t!("Effect")) }
            dd { @match act {
                Act::SignOut => (t!("All devices of each user are signed out. Users have to sign in again.")),
                Act::Lock => (t!("All devices are signed out, and nobody of them can sign in until the end.")),
                Act::Ban => (t!("All devices are signed out at once, and nobody of them can sign in.")),
                Act::Plan => (t!("The devices of each user are read now, and nothing is signed out before somebody starts the plan.")),
            } }
        }
        @if act == Act::Lock {
            fieldset {
                legend { (t!("The lock ends in")) }
                div.opts { @for hours in HOURS {
                    label.opt {
                        input type="radio" name="hours" value=(hours) checked[hours == 10] required;
                        @if hours < 48 { (t!("{} hours", hours)) } @else { (t!("{} days", hours / 24)) }
                    }
                } }
            }
        }
        @if act == Act::Ban {
            div.note."note--danger" { (Icon::DANGER) div { (t!("A ban has no end. It stays until somebody lifts it.")) } }
        } @else if act != Act::Plan {
            div.note."note--danger" { (Icon::DANGER) div { (t!("Devices that were signed out cannot be brought back.")) } }
        }
        (reason::fields(visit, act.in_address()))
    }
}

pub(super) async fn act(
    visit: Visit,
    Path((_, act)): Path<(String, String)>,
    sent: Fields,
) -> Result<Response, Trouble> {
    let act = Act::of(&act).ok_or_else(no_such_act)?;
    let meant = Meant::of(Query::read(&written(&sent))).ok_or_else(nobody)?;
    let stake = act.stake(meant.count(), meant.is_all());
    let mandate = confirmed(&visit, stake, &sent).map_err(Unconfirmed::problem)?;
    let users = match &meant {
        Meant::Named(users) => users.clone(),
        Meant::All { filter, count } => {
            let users = everybody(&visit, filter).await?;
            let now = users.len() as u64;
            if now > *count {
                let grown = Meant::All {
                    filter: filter.clone(),
                    count: now,
                };
                return Ok(question(&visit, act, &grown, Some(*count)).into_response());
            }
            users
        }
    };
    if users.is_empty() {
        return Err(nobody().into());
    }
    let action = match act {
        Act::Plan => None,
        Act::SignOut => Some(json!({"kind": "logout", "selection": {}})),
        Act::Ban => Some(json!({"kind": "ban", "looks_first": true})),
        Act::Lock => {
            let until = until(&sent, visit.now).ok_or_else(no_such_act)?;
            Some(json!({"kind": "lock", "until": until}))
        }
    };
    let run = match action {
        None => plan(&visit, users, mandate, &sent).await?,
        Some(action) => {
            let action = serde_json::from_value(action).map_err(|_| no_such_act())?;
            Some(begun(&visit, action, &users, None, mandate, &sent).await?)
        }
    };
    let address = match run {
        Some(run) => visit.link(&["runs", &run.id]),
        None => list_address(&visit),
    };
    Ok(Redirect::to(&address).into_response())
}

/// Returns the fields of a form as an address has them.
fn written(sent: &Fields) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(&sent.0);
    text.finish()
}

fn until(sent: &Fields, now: Timestamp) -> Option<Timestamp> {
    let hours: u32 = sent.one("hours").parse().ok()?;
    (1..=LONGEST)
        .contains(&hours)
        .then(|| lock_end(now, hours.into()))
}

async fn plan(
    visit: &Visit,
    users: Vec<String>,
    mandate: Mandate,
    sent: &Fields,
) -> Result<Option<RunView>, Problem> {
    if users.len() as u64 > MOST_OF_PLAN {
        return Err(bad_request(
            413,
            told_later!("A plan has 10,000 users at most"),
            told_later!("Nothing was done. Narrow the filter, or act without a plan."),
        ));
    }
    let plan = NewPlan {
        id: None,
        selection: Devices::default(),
        users,
        on_drift: OnDrift::default(),
        reason: mandate.reason,
        ticket: mandate.ticket,
        max_logouts: None,
    };
    planned(visit, run_id::sent_or_new(visit, sent), plan).await
}

/// A form that is sent twice makes one run.
#[cfg(test)]
mod tests {
    use super::*;

    fn meant(fields: &str) -> Option<Meant> {
        Meant::of(Query::read(fields))
    }

    #[test]
    fn nothing_means_nobody() {
        for fields in [
            "",
            "reason=x",
            "over-limit=1",
            "select=all",
            "select=all&count=3",
            "u=",
            "platform=web&select=page",
        ] {
            assert_eq!(meant(fields), None, "{fields}");
        }
        assert_eq!(
            meant("u=ann&u=bob"),
            Some(Meant::Named(vec!["ann".into(), "bob".into()]))
        );
    }

    #[test]
    fn all_that_match_is_the_filter_and_never_the_ticked_ones() {
        let all = meant("u=ann&select=all&count=1284&at=2026-11-28T01:42:18Z&platform=web&over-limit=1");
        let Some(Meant::All { filter, count: 1284 }) = all else {
            panic!("{all:?}")
        };
        assert_eq!(filter.platform.as_deref(), Some("web"));
        assert!(filter.over_limit);
    }

    #[test]
    fn the_stake_grows_with_the_number() {
        assert_eq!(Act::SignOut.stake(20, false), Stake::Few);
        assert_eq!(Act::SignOut.stake(21, false), Stake::Many);
        assert_eq!(Act::Lock.stake(2, true), Stake::Many);
        assert_eq!(Act::Ban.stake(1, false), Stake::Many, "a ban has no end");
        assert_eq!(
            Act::Plan.stake(5_000, true),
            Stake::Few,
            "a plan signs nobody out"
        );
    }
}
