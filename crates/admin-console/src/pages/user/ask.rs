//! The questions before acts on a user: each is a page of its own, over the page of the user.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use easemob_admin_words::t;
use jiff::SignedDuration;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Known, View, devices, page};
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Page, Trouble};
use crate::times;
use crate::visit::Visit;
use crate::widgets::dialog::Dialog;
use crate::widgets::foreign::foreign;
use crate::widgets::platform;
use crate::widgets::reason;
use crate::widgets::run_id;

/// For how long users are locked, in hours, as the form offers.
const HOURS: [u32; 5] = [1, 4, 10, 24, 168];

/// The hours that are chosen at first: a night.
const USUAL: u32 = 10;

type User = Path<(String, String)>;

/// Which devices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Which {
    platform: Option<String>,
    keep: Option<u32>,
    all: Option<String>,
}

pub(super) async fn sign_out(
    visit: Visit,
    Path((_, name)): User,
    Query(which): Query<Which>,
) -> Result<Page, Trouble> {
    let known = Known::read(&visit, &name).await?;
    let question = visit.say(|| ask_sign_out(&visit, &known, &which));
    Ok(page(&visit, &known, &View::default(), None, None, Some(question)))
}

fn ask_sign_out(visit: &Visit, known: &Known, which: &Which) -> Markup {
    let rows = devices::Rows::of(known, None, &devices::Logins::new());
    let on = |row: &&devices::Row| which.platform.as_deref().is_none_or(|word| row.is_on(word));
    let meant: Vec<_> = rows.online().filter(on).collect();
    let count = grouped(meant.len() as u64);
    let user = foreign(&known.name);
    let (question, button) = match (&which.platform, which.keep) {
        (Some(word), _) => (
            html! { (t!("Sign out all {} devices on {}?", count, platform::name(word))) " " span.mono { (user) } },
            t!("Sign out {} devices", count),
        ),
        (None, Some(keep)) => (
            html! { (t!("Keep the {} newest on each platform, and sign the others out?", keep)) " " span.mono { (user) } },
            t!("Sign out the others").to_owned(),
        ),
        (None, None) => (
            html! { (t!("Sign out all devices?")) " " span.mono { (user) } },
            t!("Sign out all devices ({} now)", count),
        ),
    };
    let content = html! {
        (run_id::field(&run_id::new(visit)))
        @if let Some(word) = &which.platform { input type="hidden" name="platform" value=(word); }
        @else if let Some(keep) = which.keep { input type="hidden" name="keep" value=(keep); }
        @else { input type="hidden" name="all" value="1"; }
        @if known.online().is_none() {
            div.note."note--attn" { (Icon::WARNING) div { (t!("The devices could not be read. They are read again before anything is done.")) } }
        } @else {
            dl.kv {
                dt { (t!("Online now")) }
                dd { @for (at, row) in meant.iter().enumerate() {
                    @if at > 0 { ", " }
                    (foreign(row.called()))
                } @if meant.is_empty() { (t!("no device")) } }
                @if which.keep.is_some() {
                    dt { (t!("Unknown age")) }
                    dd { (t!("A device of unknown age stays.")) }
                }
                dt { (t!("Effect")) }
                dd { (t!("The user has to sign in again. A device that signs in before the act counts too.")) }
            }
        }
        (reason::fields(visit, "out"))
    };
    let (action, back) = addresses(visit, known, "sign-out");
    Dialog {
        question,
        icon: Icon::SIGN_OUT,
        action: &action,
        back: &back,
        content,
        button: &button,
        is_danger: true,
        typed: false,
    }
    .render(visit)
}

pub(super) async fn lock(visit: Visit, Path((_, name)): User) -> Result<Page, Trouble> {
    let known = Known::read(&visit, &name).await?;
    let question = visit.say(|| {
        let (action, back) = addresses(&visit, &known, "lock");
        let at = |hours: u32| {
            let until = visit.now + SignedDuration::from_hours(i64::from(hours));
            times::full(until, &visit.look.zone)
        };
        let content = html! {
            (run_id::field(&run_id::new(&visit)))
            dl.kv {
                dt { (t!("Effect")) }
                dd { (t!("All devices are signed out, and nobody can sign in until the end. The service lifts the lock then, if a schedule says so; otherwise somebody does.")) }
            }
            fieldset {
                legend { (t!("The lock ends in")) }
                div.opts { @for hours in HOURS {
                    label.opt title=(at(hours)) {
                        input type="radio" name="hours" value=(hours) checked[hours == USUAL] required;
                        @if hours < 48 { (t!("{} hours", hours)) } @else { (t!("{} days", hours / 24)) }
                    }
                } }
            }
            (reason::fields(&visit, "lock"))
        };
        Dialog {
            question: html! { (t!("Lock this user?")) " " span.mono { (foreign(&known.name)) } },
            icon: Icon::LOCK,
            action: &action,
            back: &back,
            content,
            button: t!("Lock 1 user"),
            is_danger: true,
            typed: false,
        }
        .render(&visit)
    });
    Ok(page(&visit, &known, &View::default(), None, None, Some(question)))
}

pub(super) async fn unlock(visit: Visit, Path((_, name)): User) -> Result<Page, Trouble> {
    let known = Known::read(&visit, &name).await?;
    let text = Lifting {
        act: "unlock",
        icon: Icon::LOCK,
        question: || t!("Lift the lock of this user?"),
        effect: || t!("The user can sign in again at once."),
        button: || t!("Unlock 1 user"),
    };
    Ok(ask_lifting(&visit, &known, &text))
}

pub(super) async fn unban(visit: Visit, Path((_, name)): User) -> Result<Page, Trouble> {
    let known = Known::read(&visit, &name).await?;
    let text = Lifting {
        act: "unban",
        icon: Icon::BAN,
        question: || t!("Lift the ban of this user?"),
        effect: || t!("The user can sign in again at once."),
        button: || t!("Lift the ban of 1 user"),
    };
    Ok(ask_lifting(&visit, &known, &text))
}

/// What is said about lifting something.
struct Lifting {
    act: &'static str,
    icon: Icon,
    question: fn() -> &'static str,
    effect: fn() -> &'static str,
    button: fn() -> &'static str,
}

fn ask_lifting(visit: &Visit, known: &Known, text: &Lifting) -> Page {
    let question = visit.say(|| {
        let (action, back) = addresses(visit, known, text.act);
        let content = html! {
            (run_id::field(&run_id::new(visit)))
            input type="hidden" name="asked" value=(visit.now);
            dl.kv { dt { (t!("Effect")) } dd { ((text.effect)()) } }
            (reason::fields(visit, text.act))
        };
        Dialog {
            question: html! { ((text.question)()) " " span.mono { (foreign(&known.name)) } },
            icon: text.icon,
            action: &action,
            back: &back,
            content,
            button: (text.button)(),
            is_danger: false,
            typed: false,
        }
        .render(visit)
    });
    page(visit, known, &View::default(), None, None, Some(question))
}

/// A ban has no end, so whoever bans has just signed in, and types the name of the app.
pub(super) async fn ban(
    visit: Visit,
    Path((_, name)): User,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    if let Some(sign_in) = fresh::first(&visit, &headers) {
        return Ok(sign_in);
    }
    let known = Known::read(&visit, &name).await?;
    let question = visit.say(|| {
        let (action, back) = addresses(&visit, &known, "ban");
        let content = html! {
            (run_id::field(&run_id::new(&visit)))
            dl.kv {
                dt { (t!("Effect")) }
                dd { (t!("All devices are signed out at once, and nobody can sign in.")) }
                @if let Some(online) = known.online() { dt { (t!("Online now")) } dd { (t!("{} devices", grouped(online as u64))) } }
            }
            div.note."note--danger" { (Icon::DANGER) div { (t!("A ban has no end. It stays until somebody lifts it.")) } }
            (reason::fields(&visit, "ban"))
        };
        Dialog {
            question: html! { (t!("Ban this user?")) " " span.mono { (foreign(&known.name)) } },
            icon: Icon::BAN,
            action: &action,
            back: &back,
            content,
            button: t!("Ban 1 user"),
            is_danger: true,
            typed: true,
        }
        .render(&visit)
    });
    Ok(page(&visit, &known, &View::default(), None, None, Some(question)).into_response())
}

/// Returns the addresses of an act, and of the page of the user.
fn addresses(visit: &Visit, known: &Known, act: &str) -> (String, String) {
    (
        visit.link(&["users", &known.name, act]),
        visit.link(&["users", &known.name]),
    )
}
