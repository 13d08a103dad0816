//! Lifts locks before their end, or those whose end has passed.

use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::Problem;
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};
use url::form_urlencoded::parse;

use crate::fields::Fields;
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::page::{Nav, Page, Trouble};
use crate::planned::begun;
use crate::problem::with_hint;
use crate::stake::{Stake, Unconfirmed, confirmed};
use crate::visit::Visit;
use crate::widgets::dialog::Dialog;
use crate::widgets::foreign::foreign;
use crate::widgets::{reason, run_id};

/// How many names the question shows.
const NAMED: usize = 20;

/// Whose locks.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// Of these users.
    Named(Vec<String>),
    /// Of all users whose locks should have ended.
    Overdue,
}

impl Whose {
    /// Reads it; nobody's, if the form does not say so.
    fn of(fields: &[(String, String)]) -> Option<Self> {
        if fields.iter().any(|(name, value)| name == "due" && value == "1") {
            return Some(Self::Overdue);
        }
        let named = fields.iter().filter(|(name, _)| name == "u");
        let named: Vec<String> = named
            .map(|(_, user)| user.trim().to_owned())
            .filter(|user| !user.is_empty())
            .collect();
        (!named.is_empty()).then_some(Self::Named(named))
    }

    async fn users(&self, visit: &Visit) -> Result<Vec<String>, Trouble> {
        match self {
            Self::Named(users) => Ok(users.clone()),
            Self::Overdue => {
                let due = super::due(visit).await?.into_iter();
                Ok(due.map(|lock| lock.user.to_string()).collect())
            }
        }
    }
}

fn nobody() -> Problem {
    let title = told_later!("Nobody is selected");
    let hint = told_later!("Nothing was done. Go back, and select users.");
    with_hint(400, "bad-request", title, hint)
}

pub(super) async fn ask(
    visit: Visit,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let fields: Vec<_> = parse(text.unwrap_or_default().as_bytes()).into_owned().collect();
    let whose = Whose::of(&fields).ok_or_else(nobody)?;
    let users = whose.users(&visit).await?;
    if users.is_empty() {
        return Err(nobody().into());
    }
    if stake(&users) == Stake::Many
        && let Some(sign_in) = fresh::first(&visit, &headers)
    {
        return Ok(sign_in);
    }
    Ok(question(&visit, &whose, &users, None).into_response())
}

fn stake(users: &[String]) -> Stake {
    Stake::of(users.len() as u64, false, false)
}

fn question(visit: &Visit, whose: &Whose, named: &[String], grew_from: Option<u64>) -> Page {
    let count = named.len() as u64;
    visit.page(Nav::Users, || {
        let (question, button) = match whose {
            Whose::Overdue => (
                t!("Lift the locks of {} that should have ended?", users(count)),
                t!("Lift the locks of {}", users(count)),
            ),
            Whose::Named(_) => (
                t!("Lift the locks of {}?", users(count)),
                t!("Lift the locks of {}", users(count)),
            ),
        };
        let (action, back) = (visit.link(&["locks", "lift"]), visit.link(&["locks"]));
        let dialog = Dialog {
            question: html! { (question) },
            icon: Icon::LOCK,
            action: &action,
            back: &back,
            content: content(visit, whose, named, grew_from),
            button: &button,
            is_danger: false,
            typed: stake(named) == Stake::Many,
        };
        let main = html! {
            div.head { div.head-t { h1 { (t!("Locks")) } } }
            (dialog.render(visit))
        };
        (t!("Locks").to_owned(), main)
    })
}

fn content(visit: &Visit, whose: &Whose, named: &[String], grew_from: Option<u64>) -> Markup {
    html! {
        (run_id::field(&run_id::new(visit)))
        // What somebody locks or extends from now on stays.
        input type="hidden" name="at" value=(visit.now);
        input type="hidden" name="count" value=(named.len());
        @match whose {
            Whose::Named(users) => { @for user in users { input type="hidden" name="u" value=(user); } },
            Whose::Overdue => input type="hidden" name="due" value="1";,
        }
        @if let Some(before) = grew_from {
            div.note."note--attn" role="alert" {
                (Icon::WARNING)
                div { b { (t!("It was {}, and now it is {}. Nothing was done.", grouped(before), grouped(named.len() as u64))) } }
            }
        }
        dl.kv {
            dt { (t!("Users")) }
            dd {
                @for (at, user) in named.iter().take(NAMED).enumerate() { @if at > 0 { ", " } span.mono { (foreign(user)) } }
                @if named.len() > NAMED { " " (t!("and {} more", grouped((named.len() - NAMED) as u64))) }
            }
            dt { (t!("Effect")) }
            dd { (t!("They can sign in again at once. A lock that is set or extended from now on stays.")) }
        }
        (reason::fields(visit, "lift"))
    }
}

pub(super) async fn act(visit: Visit, sent: Fields) -> Result<Response, Trouble> {
    let whose = Whose::of(&sent.0).ok_or_else(nobody)?;
    let users = whose.users(&visit).await?;
    if users.is_empty() {
        return Err(nobody().into());
    }
    let asked = sent.one("count").parse::<u64>().ok();
    if asked.is_none_or(|asked| asked < users.len() as u64) {
        let again = question(&visit, &whose, &users, Some(asked.unwrap_or_default()));
        return Ok((StatusCode::CONFLICT, again).into_response());
    }
    let mandate = confirmed(&visit, stake(&users), &sent).map_err(Unconfirmed::problem)?;
    let action = Action::Unlock {
        as_of: Some(sent.one("at").parse().unwrap_or(visit.now)),
        undoes: None,
    };
    let run = begun(&visit, action, &users, None, mandate, &sent).await?;
    Ok(Redirect::to(&visit.link(&["runs", &run.id])).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_names_nobody_lifts_nothing() {
        let of = |fields: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Whose::of(&fields.iter().map(owned).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("u", " "), ("due", ""), ("due", "yes")]), None);
        assert_eq!(of(&[("u", "ann")]), Some(Whose::Named(vec!["ann".into()])));
        assert_eq!(of(&[("due", "1")]), Some(Whose::Overdue));
    }
}
