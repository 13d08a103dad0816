//! What can be done about a run: pause and stop, which are the safe acts, and go on or retry, which act on users again.

use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::{Problem, RunState, RunView, Scope, Start, Stop, Which};
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};

use super::{Run, read};
use crate::fields::Fields;
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::page::{Nav, Trouble};
use crate::problem::problem;
use crate::stake::{self, Stake};
use crate::visit::{Facts, Visit};
use crate::widgets::action::ends_sessions;
use crate::widgets::dialog::{Dialog, opens_as};
use crate::widgets::notice::not_yet;

/// What is done about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Pause,
    Stop,
    Resume,
    Retry,
}

impl Act {
    fn of(word: &str) -> Option<Self> {
        match word {
            "pause" => Some(Self::Pause),
            "stop" => Some(Self::Stop),
            "resume" => Some(Self::Resume),
            "retry" => Some(Self::Retry),
            _ => None,
        }
    }

    /// Returns true if users are acted on.
    fn acts_on_users(self) -> bool {
        matches!(self, Self::Resume | Self::Retry)
    }

    /// Returns how many users are acted on.
    fn users(self, run: &RunView) -> u64 {
        match self {
            Self::Pause | Self::Stop | Self::Resume => run.unfinished,
            Self::Retry => run.failed_retry + run.unfinished,
        }
    }

    /// Returns what is at stake. Who stops a run only says why.
    fn stake(self, run: &RunView) -> Stake {
        if self.acts_on_users() {
            Stake::of(self.users(run), false, matches!(run.action, Action::Ban { .. }))
        } else {
            Stake::Few
        }
    }
}

/// Returns true if the person may do what the run does.
pub(super) fn may(visit: &Facts, run: &RunView) -> bool {
    let scope = match run.action {
        Action::Enforce { .. } | Action::SetLimits { .. } => Scope::LimitsWrite,
        Action::Ban { .. } | Action::Unban { .. } => Scope::UsersWrite,
        _ => Scope::SessionsApply,
    };
    visit.may(scope)
}

/// Returns true if the person may stop a run: whoever may begin any act may.
fn may_stop(visit: &Facts) -> bool {
    let any = [
        Scope::SessionsPlan,
        Scope::SessionsApply,
        Scope::LimitsWrite,
        Scope::UsersWrite,
    ];
    any.into_iter().any(|scope| visit.may(scope))
}

/// Returns the buttons of a run.
pub(super) fn buttons(visit: &Visit, run: &RunView) -> Markup {
    let link = |act: &str| visit.link(&["runs", &run.id, act]);
    let goes_on = matches!(run.state, RunState::Running | RunState::Waiting);
    let can_go_on = matches!(
        run.state,
        RunState::Paused | RunState::Stopped | RunState::Unfinished
    );
    html! {
        @if goes_on && may_stop(visit) {
            (opens_as("pause", &link("pause"), "btn", &html! { (Icon::PAUSE) (t!("Pause…")) }))
            (opens_as("stop", &link("stop"), "btn", &html! { (Icon::STOP) (t!("Stop…")) }))
        }
        @if can_go_on && may(visit, run) && run.action.can_be_gone_on_with() {
            (opens_as("resume", &link("resume"), "btn btn--go", &html! { (t!("Go on with {}…", users(run.unfinished))) }))
        }
    }
}

pub(crate) async fn ask(
    visit: Visit,
    Path((_, run, act)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let act = Act::of(&act).ok_or_else(no_such_page)?;
    let read = read(&visit, &run, None).await?;
    if act.stake(&read.view) == Stake::Many
        && let Some(sign_in) = fresh::first(&visit, &headers)
    {
        return Ok(sign_in);
    }
    Ok(page(&visit, &read, act, None, None).into_response())
}

pub(crate) async fn act(
    visit: Visit,
    Path((_, run, act)): Path<(String, String, String)>,
    sent: Fields,
) -> Result<Response, Trouble> {
    let act = Act::of(&act).ok_or_else(no_such_page)?;
    let seen = read(&visit, &run, None).await?;
    if act.acts_on_users() {
        // Its reason is on record.
        if let Err(why) = stake::confirmed_again(&visit, act.stake(&seen.view), &sent) {
            let again = page(&visit, &seen, act, Some(&sent), Some(&why.problem()));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response());
        }
        // If more would be done than was asked about, it is asked again.
        let asked = sent.some("users").and_then(|text| text.parse::<u64>().ok());
        if asked.is_none_or(|asked| asked < act.users(&seen.view)) {
            let again = page(&visit, &seen, act, Some(&sent), None);
            return Ok((StatusCode::CONFLICT, again).into_response());
        }
        let which = if act == Act::Retry {
            Which::Failed
        } else {
            Which::Unfinished
        };
        let start = Start {
            which,
            ..Start::default()
        };
        let started = visit
            .api
            .send::<RunView>(Method::POST, &["runs", &run, "start"], &start)
            .await;
        match started {
            Ok(_) => {}
            // The request was made with this, and others decide about it.
            Err(problem) if problem.kind.ends_with("/needs-approval") => {
                return Ok(Redirect::to(&visit.link(&["approvals", &run])).into_response());
            }
            Err(problem) => return Err(problem.into()),
        }
    } else {
        let Some(reason) = sent.some("reason") else {
            let again = page(
                &visit,
                &seen,
                act,
                Some(&sent),
                Some(&stake::Unconfirmed::NoReason.problem()),
            );
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response());
        };
        let stop = Stop { reason };
        let word = if act == Act::Pause { "pause" } else { "stop" };
        let _: RunView = visit.api.send(Method::POST, &["runs", &run, word], &stop).await?;
    }
    Ok(Redirect::to(&visit.link(&["runs", &run])).into_response())
}

fn no_such_page() -> Trouble {
    Trouble(problem(
        404,
        "no-such-path",
        told_later!("There is nothing at this address"),
    ))
}

/// Returns the page of the run with the question over it.
fn page(
    visit: &Visit,
    run: &Run,
    act: Act,
    sent: Option<&Fields>,
    missing: Option<&Problem>,
) -> crate::page::Page {
    let view = &run.view;
    visit.page(Nav::Runs, || {
        let count = act.users(view);
        let ends = ends_sessions(&view.action);
        let (question, icon, button) = match act {
            Act::Pause => (t!("Pause this run?").to_owned(), Icon::PAUSE, t!("Pause").to_owned()),
            Act::Stop => (t!("Stop this run?").to_owned(), Icon::STOP, t!("Stop").to_owned()),
            Act::Resume => (t!("Go on with {}?", users(count)), Icon::RUNS, t!("Go on with {}", users(count))),
            Act::Retry => (t!("Retry {}?", users(count)), Icon::RELOAD, t!("Retry {}", users(count))),
        };
        let content = html! {
            @if let Some(problem) = missing { (not_yet(problem)) }
            dl.kv {
                dt { (t!("Run")) } dd { (super::title(visit, view)) " " span.mono { (view.id) } }
                dt { (t!("Done so far")) } dd { (t!("{} of {}", grouped(view.users - view.unfinished), users(view.users))) }
                @if !act.acts_on_users() { dt { (t!("Left")) } dd { (users(view.unfinished)) } }
                @if act.acts_on_users() && let Some(reason) = &view.reason { dt { (t!("Reason")) } dd { bdi { (reason) } } }
            }
            @match act {
                Act::Pause => p.small-t { (t!("Nothing more is sent until somebody goes on with it. Requests that are under way are finished.")) },
                Act::Stop => p.small-t { (t!("The rest is given up. Requests that are under way are finished; what was done stays done.")) },
                Act::Resume | Act::Retry => {
                    @if ends {
                        div.note."note--danger" { (Icon::DANGER) div { (t!("Devices that are signed out do not come back by themselves: their users have to sign in again.")) } }
                    }
                    input type="hidden" name="users" value=(count);
                },
            }
            @if !act.acts_on_users() {
                div.field {
                    label for="why" { (t!("Reason (required, goes to the audit trail)")) }
                    input #why type="text" name="reason" required maxlength="500" autocomplete="off"
                        value=[sent.and_then(|sent| sent.raw("reason"))];
                }
            }
        };
        let (here, back) = (visit.address.clone(), visit.link(&["runs", &view.id]));
        let dialog = Dialog {
            question: html! { (question) },
            icon,
            action: &here,
            back: &back,
            content,
            button: &button,
            is_danger: act.acts_on_users() && ends,
            typed: act.stake(view) == Stake::Many,
        };
        (question.clone(), html! { (super::markup(visit, run)) (dialog.render(visit)) })
    })
}
