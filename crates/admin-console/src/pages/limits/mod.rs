//! Device limits: a policy is written, kept with its earlier versions, compared with what is online, enforced once, and watched.

mod compared;
mod difference;
mod editor;
pub(crate) mod versions;

use axum::extract::{Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{NewCheck, NewEnforcement, NewWatch, Problem, RunView, Scope, Watch};
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use self::compared::Compared;
use self::editor::Wrong;
use self::versions::Versions;
use crate::fields::Fields;
use crate::frame::form_secret;
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::problem::bad_request;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::loading;
use crate::widgets::notice::not_yet;
use crate::widgets::{reason, run_id};

/// What somebody begins with who has no policy yet.
const FIRST: &str = "# Device limits\ndefault = 4\nmin_surviving = 1\nunknown_age = \"never\"\n\n[platforms]\nweb = 4\n\n[exempt]\nusers = []\n";

/// The name of the watch that this page looks after.
const WATCH: &str = "console";

/// Whose policy is shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    watch: Option<String>,
    /// The number of a version.
    version: Option<u64>,
}

/// What the page shows.
struct Draft {
    text: String,
    wrong: Option<Wrong>,
    sent: Fields,
    watches: Vec<Watch>,
    versions: Versions,
    /// The version whose text is shown.
    shown: Option<u64>,
    compared: Option<Compared>,
    problem: Option<Problem>,
}

async fn watches(visit: &Visit) -> Result<Vec<Watch>, Trouble> {
    // Whoever may not read them writes and checks a policy nevertheless.
    Ok(visit.api.get(&["watches"], &[]).await.unwrap_or_default())
}

pub(crate) async fn show(visit: Visit, Query(which): Query<Which>) -> Result<Page, Trouble> {
    let (watches, versions) = (watches(&visit).await?, Versions::read(&visit).await?);
    let brought = match which.version {
        Some(version) => versions::one(&visit, &version.to_string()).await?,
        None => None,
    };
    let named = |id: &String| watches.iter().find(|watch| watch.id == *id);
    let (text, shown) = match (&which.watch, &brought, &versions.newest) {
        (Some(id), ..) if named(id).is_some() => (
            named(id).map(|watch| watch.policy.clone()).unwrap_or_default(),
            None,
        ),
        (_, Some(version), _) | (_, None, Some(version)) => {
            (version.policy.clone(), Some(version.version.version))
        }
        _ => {
            let first = watches.first().map(|watch| watch.policy.clone());
            (first.unwrap_or_else(|| FIRST.to_owned()), None)
        }
    };
    let draft = Draft {
        wrong: editor::read(&text).err(),
        text,
        sent: Fields::default(),
        watches,
        versions,
        shown,
        compared: None,
        problem: None,
    };
    Ok(page(&visit, &draft))
}

pub(crate) async fn act(visit: Visit, sent: Fields) -> Result<Response, Trouble> {
    let text = sent.raw("policy").unwrap_or_default().replace("\r\n", "\n");
    let mut draft = Draft {
        wrong: editor::read(&text).err(),
        text,
        watches: watches(&visit).await?,
        versions: Versions::read(&visit).await?,
        shown: None,
        compared: None,
        problem: None,
        sent,
    };
    let step = draft.sent.one("step").to_owned();
    if draft.wrong.is_some() || step == "show" {
        let status = if draft.wrong.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        return Ok((status, page(&visit, &draft)).into_response());
    }
    let done = match step.as_str() {
        "enforce" => enforce(&visit, &draft).await,
        "watch" => watch(&visit, &draft).await,
        "keep" => versions::keep(&visit, &draft).await,
        _ => {
            match compare(&visit, &draft).await {
                Ok(compared) => draft.compared = Some(compared),
                Err(problem) => draft.problem = Some(problem),
            }
            return Ok(page(&visit, &draft).into_response());
        }
    };
    match done {
        Ok(place) => Ok(Redirect::to(&place).into_response()),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            draft.problem = Some(problem);
            Ok((status, page(&visit, &draft)).into_response())
        }
    }
}

/// Ends a watch.
pub(crate) async fn end(visit: Visit, Path((_, watch)): Path<(String, String)>) -> Result<Response, Trouble> {
    let _: Value = visit
        .api
        .send(Method::DELETE, &["watches", &watch], &serde_json::json!({}))
        .await?;
    Ok(Redirect::to(&visit.link(&["limits"])).into_response())
}

/// Returns whom it is about: the users that were named, or everybody in the newest snapshot.
fn named(draft: &Draft) -> Option<Vec<String>> {
    let users: Vec<String> = draft
        .sent
        .one("users")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    (!users.is_empty()).then_some(users)
}

async fn compare(visit: &Visit, draft: &Draft) -> Result<Compared, Problem> {
    let users = named(draft);
    let check = NewCheck {
        policy: draft.text.clone(),
        snapshot: users.is_none().then(|| "latest".to_owned()),
        users,
    };
    let lines: Vec<Value> = visit.api.send_for_lines(&["limits", "check"], &check).await?;
    Compared::of(visit.now, &lines).ok_or_else(|| {
        bad_request(
            502,
            told_later!("The comparison broke off"),
            told_later!("Nothing was done."),
        )
    })
}

/// Records a run over those who are over their limits, which is carried out in a step of its own.
async fn enforce(visit: &Visit, draft: &Draft) -> Result<String, Problem> {
    let users = compare(visit, draft).await?.users;
    if users.is_empty() {
        return Err(bad_request(
            422,
            told_later!("Nobody is over a limit"),
            told_later!("Nothing was done."),
        ));
    }
    if draft.sent.text("reason").is_none() && reason::needs_one(visit) {
        return Err(bad_request(
            422,
            told_later!("A reason is required"),
            told_later!("Nothing was done."),
        ));
    }
    let new = NewEnforcement {
        id: Some(run_id::sent_or_new(visit, &draft.sent)),
        policy: draft.text.clone(),
        name: "policy".into(),
        users: Vec::new(),
        reason: draft.sent.some("reason"),
        ticket: draft.sent.some("ticket"),
        max_logouts: None,
        priority: easemob_admin_ops::run::direction::Priority::default(),
        dry_run: false,
        hold: true,
        break_glass: false,
    };
    let made = visit
        .api
        .send_lines(Method::POST, &["limits", "enforce"], &new, &users);
    let run: RunView = made.await?;
    Ok(visit.link(&["plans", &run.id]))
}

/// Keeps the policy as a watch.
async fn watch(visit: &Visit, draft: &Draft) -> Result<String, Problem> {
    let cap = draft
        .sent
        .text("hourly")
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|cap| *cap > 0);
    let Some(cap) = cap else {
        return Err(bad_request(
            422,
            told_later!("A watch has a number of sign-outs in an hour that it never exceeds"),
            told_later!("Nothing was done."),
        ));
    };
    if !visit.signed_in.is_fresh() {
        return Err(crate::stake::Unconfirmed::NotFresh.problem());
    }
    let new = NewWatch {
        policy: draft.text.clone(),
        max_logouts_per_hour: cap,
        delay_seconds: 5,
        reason: draft.sent.some("reason"),
        ticket: draft.sent.some("ticket"),
        until: None,
    };
    let _: Watch = visit.api.send(Method::PUT, &["watches", WATCH], &new).await?;
    Ok(visit.link(&["limits"]))
}

fn page(visit: &Visit, draft: &Draft) -> Page {
    visit.page(Nav::Limits, || {
        (t!("Device limits").to_owned(), markup(visit, draft))
    })
}

/// From when the policy in force is.
fn in_force(visit: &Visit, draft: &Draft) -> Markup {
    html! {
        @match &draft.versions.newest {
            Some(newest) => span {
                (t!("Version {} in force since {}, by ", newest.version.version, visit.clock(newest.version.at))) (foreign(&newest.version.by))
            },
            None => span { (t!("No version is kept yet")) },
        }
    }
}

fn markup(visit: &Visit, draft: &Draft) -> Markup {
    let newest = draft.versions.newest.as_ref();
    let lines = newest.map(|newest| difference::compare(&newest.policy, &draft.text));
    let changes = match &lines {
        Some(Some(lines)) => difference::new_lines(lines),
        _ => Vec::new(),
    };
    let differs = newest.is_some_and(|newest| newest.policy != draft.text);
    let may_enforce = [Scope::LimitsWrite, Scope::SessionsPlan]
        .into_iter()
        .any(|scope| visit.may(scope));
    html! {
        div.head { div.head-t {
            h1 { (t!("Device limits")) }
            div.head-sub { (in_force(visit, draft)) span { (t!("A policy says how many devices each user may have. Writing one enforces nothing.")) } }
        } }
        @if let Some(problem) = &draft.problem { (not_yet(problem)) }
        form.cols method="post" action=(visit.link(&["limits"])) {
            div {
                (form_secret(visit))
                (run_id::field(&run_id::sent_or_new(visit, &draft.sent)))
                section.card {
                    div.card-h { h2 { (t!("Policy")) } button.btn."btn--sm" name="step" value="show" formnovalidate { (t!("Check the text")) } }
                    (editor::markup(&draft.text, draft.wrong.as_ref(), &changes))
                    div.card-f { span { (t!("TOML, checked against the schema.")) } }
                }
                @if differs && let (Some(newest), Some(lines)) = (newest, &lines) { (difference::card(&t!("Changes from version {}", newest.version.version), lines.as_deref())) }
                (loading::card(t!("Reading users…")))
                @if let Some(compared) = &draft.compared { (compared.card(visit)) }
            }
            div {
                (draft.versions.form(visit, draft))
                section.card {
                    div.card-h { h2 { (t!("Compare")) } }
                    div.card-b.stack."small-t" {
                        div.field {
                            label for="users" { (t!("Only these users")) }
                            input #users type="text" name="users" autocomplete="off" spellcheck="false" value=(draft.sent.one("users"));
                            span.hint { (t!("Empty: everybody in the newest snapshot.")) }
                        }
                        button.btn."btn--go".btn--wide name="step" value="check" formnovalidate { (Icon::EYE) (t!("Check, read only")) }
                    }
                }
                @if may_enforce { (enforcement(visit, draft)) }
                (watching(visit, draft))
                (draft.versions.card(visit, draft.shown))
            }
        }
        // Forms cannot be inside one another.
        @for watch in &draft.watches {
            form id={ "end-" (watch.id) } method="post" action=(visit.link(&["limits", "watches", &watch.id, "end"])) { (form_secret(visit)) }
        }
    }
}

fn enforcement(visit: &Visit, draft: &Draft) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Enforce")) } }
            div.card-b.stack."small-t" {
                p { (t!("Signs out the surplus, oldest first, of those who are over a limit now. A plan comes first.")) }
                (reason::fields(visit, "limits"))
                button.btn."btn--danger-out".btn--wide name="step" value="enforce" { (Icon::SIGN_OUT) (t!("Make a plan to enforce it…")) }
                @if let Some(compared) = &draft.compared { p.small.muted { (t!("By this comparison, at most {} devices.", grouped(compared.would_end))) } }
            }
        }
    }
}

fn watching(visit: &Visit, draft: &Draft) -> Markup {
    let may = visit.may(Scope::LimitsWrite);
    html! {
        section.card {
            div.card-h { h2 { (t!("Watch")) } @if draft.watches.is_empty() { span.tag { (t!("Off")) } } @else { span.tag."tag--on" { (t!("On")) } } }
            div.card-b.stack."small-t" {
                p.small.muted { (t!("Enforces a policy on each sign-in as it is received, and stops for the hour when its number is reached.")) }
                @for watch in &draft.watches {
                    dl.kv {
                        dt { (t!("Name")) } dd { a href={ (visit.link(&["limits"])) "?watch=" (crate::api::encoded(&watch.id)) } { (foreign(&watch.id)) } }
                        dt { (t!("By")) } dd { (foreign(&watch.owner)) ", " (visit.time(watch.since)) }
                        dt { (t!("At most in an hour")) } dd { (grouped(watch.max_logouts_per_hour)) }
                        @if let Some(run) = &watch.last_run { dt { (t!("Last run")) } dd { a.mono href=(visit.link(&["runs", run])) { (run) } } }
                        @if let Some(why) = watch.ended.as_ref().or(watch.trouble.as_ref()) { dt { (t!("Trouble")) } dd.c-attn { (foreign(why)) } }
                    }
                    @if may { button.btn.btn--wide form={ "end-" (watch.id) } { (Icon::STOP) (t!("End this watch")) } }
                }
                @if may {
                    (fresh::note(visit))
                    div.field {
                        label for="hourly" { (t!("At most in an hour")) }
                        input #hourly type="number" name="hourly" min="1" value=(draft.sent.one("hourly"));
                    }
                    button.btn.btn--wide name="step" value="watch" { (t!("Watch with this policy")) }
                }
            }
        }
    }
}
