//! One request for approval: the order as it was seen, what changed since, and the decision, in this order.

mod drift;
mod votes;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{Approval, ApprovalState, ApprovalView, Order, Problem, Reasoned, Scope};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use self::drift::Drift;
use crate::fields::Fields;
use crate::fresh;
use crate::icons::Icon;
use crate::numbers::{devices, users};
use crate::page::{Nav, Page, Trouble};
use crate::problem::with_detail;
use crate::stake::Unconfirmed;
use crate::times::lasting;
use crate::visit::{Facts, Visit};
use crate::widgets::notice::not_yet;
use crate::widgets::{action, foreign::foreign};

pub(super) use self::votes::groups_left;

/// Whether to compare again.
#[derive(Debug, Deserialize)]
pub(crate) struct Compare {
    compare: Option<String>,
}

/// What is read for the page.
struct Request {
    view: ApprovalView,
    /// What changed since, or why that is not known.
    drift: Result<Drift, drift::Unknown>,
}

async fn read(visit: &Visit, run: &str, compare: bool) -> Result<Request, Trouble> {
    let view: ApprovalView = visit.api.get(&["approvals", run], &[]).await?;
    let drift = drift::read(visit, &view, compare).await;
    Ok(Request { view, drift })
}

pub(crate) async fn show(
    visit: Visit,
    Path((_, run)): Path<(String, String)>,
    Query(Compare { compare }): Query<Compare>,
) -> Result<Page, Trouble> {
    let request = read(&visit, &run, compare.is_some()).await?;
    Ok(page(&visit, &request, None, None))
}

pub(crate) async fn decide(
    visit: Visit,
    Path((_, run)): Path<(String, String)>,
    headers: HeaderMap,
    sent: Fields,
) -> Result<Response, Trouble> {
    let missing = match (sent.text("reason"), visit.signed_in.is_fresh()) {
        (None, _) => Some(Unconfirmed::NoReason),
        (_, false) => Some(Unconfirmed::NotFresh),
        _ => None,
    };
    let word = match sent.one("decision") {
        "approve" => "approve",
        "refuse" => "refuse",
        _ => return Err(no_decision()),
    };
    let Some(reason) = sent.some("reason").filter(|_| missing.is_none()) else {
        let request = read(&visit, &run, false).await?;
        let problem = missing.map(Unconfirmed::problem);
        let again = page(&visit, &request, Some(&sent), problem.as_ref());
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, again).into_response());
    };
    drop(headers);
    let decided = visit
        .api
        .send::<ApprovalView>(Method::POST, &["approvals", &run, word], &Reasoned { reason })
        .await;
    match decided {
        Ok(_) => Ok(Redirect::to(&visit.link(&["approvals", &run])).into_response()),
        Err(problem) if problem.status == 409 => {
            let request = read(&visit, &run, false).await?;
            let again = page(&visit, &request, Some(&sent), Some(&problem));
            Ok((StatusCode::CONFLICT, again).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

fn no_decision() -> Trouble {
    let title = "The form does not say what is to be done";
    let detail = "Nothing was done. Load the page again.";
    Trouble(with_detail(400, "bad-request", title, detail))
}

fn page(visit: &Visit, request: &Request, sent: Option<&Fields>, problem: Option<&Problem>) -> Page {
    visit.page(Nav::Approvals, || {
        let approval = &request.view.approval;
        let title = format!(
            "{}, {}",
            action::title(visit, &approval.order.action),
            amount(&approval.order)
        );
        (title.clone(), markup(visit, request, &title, sent, problem))
    })
}

fn markup(
    visit: &Visit,
    request: &Request,
    title: &str,
    sent: Option<&Fields>,
    problem: Option<&Problem>,
) -> Markup {
    let Request { view, drift } = request;
    let approval = &view.approval;
    html! {
        nav.crumb aria-label=(t!("Breadcrumb")) {
            a href=(visit.link(&["approvals"])) { (t!("Approvals")) } span aria-hidden="true" { "/" } span.mono { (approval.run) }
        }
        div.head {
            div.head-t {
                h1 { (title) (state_tag(view)) }
                div.head-sub {
                    span.mono { (approval.run) }
                    span { (t!("asked {} by ", visit.clock(approval.asked_at))) (foreign(&approval.asked_by)) }
                    span { (until(visit, view)) }
                }
            }
            div.acts { a.btn href=(visit.link(&["runs", &approval.run])) { (Icon::RUNS) (t!("The run")) } }
        }
        div.cols {
            div {
                (order(visit, approval))
                (drift::card(visit, view, drift))
                (who_cannot(approval))
            }
            div {
                (votes::card(visit, approval))
                (decision(visit, view, sent, problem))
                (votes::history(visit, approval))
            }
        }
    }
}

/// Returns how many users, and devices where the order names them.
pub(super) fn amount(order: &Order) -> String {
    match order.devices {
        Some(count) => t!("{} of {}", devices(count), users(order.users)),
        None => users(order.users),
    }
}

/// Until when something can be done about it.
fn until(visit: &Visit, view: &ApprovalView) -> String {
    let approval = &view.approval;
    let within = lasting(u64::from(approval.execute_within_minutes) * 60);
    match (view.state, approval.execute_by) {
        (ApprovalState::Pending, _) => {
            t!(
                "decide before {}; it can be carried out within {within} afterwards",
                visit.clock(approval.decide_by)
            )
        }
        (ApprovalState::Approved, Some(by)) => t!("can be carried out until {}", visit.clock(by)),
        (ApprovalState::Over, Some(by)) => t!("could be carried out until {}", visit.clock(by)),
        (ApprovalState::Expired, _) => t!("could be decided until {}", visit.clock(approval.decide_by)),
        _ => String::new(),
    }
}

/// Returns where a request is, as a tag.
pub(super) fn state_tag(view: &ApprovalView) -> Markup {
    html! {
        @match view.state {
            ApprovalState::Pending => span.tag."tag--attn" { (Icon::CLOCK) (t!("Waits")) },
            ApprovalState::Approved => span.tag."tag--on" { (Icon::CHECK) (t!("Approved")) },
            ApprovalState::Refused => span.tag { (Icon::CROSS) (t!("Refused")) },
            ApprovalState::Expired => span.tag { (Icon::CLOCK) (t!("Expired")) },
            ApprovalState::Over => span.tag { (Icon::CLOCK) (t!("Over")) },
        }
    }
}

/// Returns true if the person asked for it. Names of people are compared as a person reads them.
pub(super) fn is_own(visit: &Facts, approval: &Approval) -> bool {
    is_same(visit.signed_in.name(), &approval.asked_by)
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The order as it was seen.
fn order(visit: &Visit, approval: &Approval) -> Markup {
    let Order {
        action,
        items_sha256,
        users: count,
        devices: most,
    } = &approval.order;
    html! {
        section.card {
            div.card-h {
                h2 { (t!("The order, as it was asked for")) }
                a.small href=(visit.link(&["plans", &approval.run])) { (t!("By platform and user")) }
            }
            div.card-b { dl.kv {
                @if let Some(app) = &visit.app {
                    dt { (t!("App")) }
                    dd { b { (app.app) } " " @if app.sandbox { span.env."env--sandbox" { (t!("sandbox")) } } @else { span.env { (t!("production")) } } }
                }
                dt { (t!("Act")) } dd { (action::title(visit, action)) }
                @for (name, value) in action::facts(action) { dt { (name) } dd { (value) } }
                dt { (t!("Users")) } dd { (users(*count)) }
                @if let Some(most) = most { dt { (t!("At most")) } dd { (devices(*most)) } }
                dt { (t!("Reason")) }
                dd { @if let Some(reason) = &approval.reason { (foreign(reason)) } @else { span.muted { (t!("none given")) } } }
                @if let Some(ticket) = &approval.ticket { dt { (t!("Ticket")) } dd { (foreign(ticket)) } }
                dt { (t!("Begins")) }
                dd { @if approval.starts_itself { (t!("by itself, as soon as it is approved")) } @else { (t!("when the person who asked starts it")) } }
                dt { (t!("Digest of the users and devices")) } dd.hash { "sha256:" (items_sha256) }
            } }
        }
    }
}

fn who_cannot(approval: &Approval) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Who cannot approve")) } }
            div.card-b."small-t".stack {
                p { b { (foreign(&approval.asked_by)) } (t!(" asked for it. The service refuses an approval by the person who asked, in whatever group.")) }
                p.muted { (t!("One refusal is final. Each person decides once.")) }
            }
        }
    }
}

/// The decision of whoever looks at the page, or why there is none.
fn decision(visit: &Visit, view: &ApprovalView, sent: Option<&Fields>, problem: Option<&Problem>) -> Markup {
    let approval = &view.approval;
    let decided = approval
        .decisions
        .iter()
        .find(|decision| is_same(&decision.by, visit.signed_in.name()));
    let why_not = if view.state != ApprovalState::Pending {
        Some(t!("It is closed: nothing can be decided any more."))
    } else if is_own(visit, approval) {
        Some(t!("You asked for this, so you cannot decide about it."))
    } else if decided.is_some() {
        Some(t!("You have decided already."))
    } else if !visit.may(Scope::SessionsApprove) {
        Some(t!(
            "You cannot approve or refuse. This needs the scope sessions:approve."
        ))
    } else {
        None
    };
    html! {
        section.card."no-print" #decision {
            div.card-h { h2 { (t!("Your decision")) } }
            @if let Some(why) = why_not {
                div.card-b.stack."small-t" {
                    @if let Some(problem) = problem { (not_yet(problem)) }
                    p { (why) }
                    @if view.state == ApprovalState::Approved && is_own(visit, approval) && !approval.starts_itself {
                        a.btn."btn--danger".btn--wide href=(visit.link(&["runs", &approval.run, "resume"])) { (t!("Carry out…")) }
                    }
                }
            } @else {
                form.card-b.stack method="post" action=(visit.link(&["approvals", &approval.run])) {
                    button disabled hidden {}
                    (crate::frame::form_secret(visit))
                    @if let Some(problem) = problem { (not_yet(problem)) }
                    (fresh::note(visit))
                    div.field."field--bad"[problem.is_some()] {
                        label for="word" { (t!("Your word (required, goes to the audit trail)")) }
                        textarea #word name="reason" rows="3" required maxlength="1000" placeholder=(t!("What you checked, and why you agree or refuse")) {
                            (sent.and_then(|sent| sent.raw("reason")).unwrap_or_default())
                        }
                    }
                    div.acts {
                        button.btn."btn--go" name="decision" value="approve" { (t!("Approve")) }
                        button.btn name="decision" value="refuse" { (t!("Refuse")) }
                    }
                    p.small.muted {
                        @if approval.starts_itself { (t!("With the last approval that is needed, the run begins at once.")) }
                        @else { (t!("Whoever asked carries it out; the devices are read again before each is signed out.")) }
                    }
                }
            }
        }
    }
}
