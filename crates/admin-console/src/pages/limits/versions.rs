//! The policy with its earlier versions: the newest is the one in force.

use axum::http::Method;
use easemob_admin_remote::api::{NewPolicyVersion, Page as Rows, PolicyText, PolicyVersion, Problem, Scope};
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};

use super::Draft;
use crate::problem::bad_request;
use crate::visit::{Facts, Visit};
use crate::widgets::foreign::foreign;
use crate::widgets::reason;

/// How many versions are listed.
const ROWS: &str = "20";

/// What is kept of the policy.
#[derive(Debug, Default)]
pub(super) struct Versions {
    listed: Vec<PolicyVersion>,
    pub(super) newest: Option<PolicyText>,
    /// Whether there are older ones than those that are listed.
    has_more: bool,
}

/// Reads the newest version; nothing if there is none.
pub(crate) async fn newest(visit: &Facts) -> Result<Option<PolicyText>, Problem> {
    one(visit, "latest").await
}

/// Reads a version.
pub(super) async fn one(visit: &Facts, version: &str) -> Result<Option<PolicyText>, Problem> {
    match visit.api.get(&["limits", "policies", version], &[]).await {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.status == 404 => Ok(None),
        Err(problem) => Err(problem),
    }
}

impl Versions {
    pub(super) async fn read(visit: &Facts) -> Result<Self, Problem> {
        let listed: Rows<PolicyVersion> = visit.api.get(&["limits", "policies"], &[("limit", ROWS)]).await?;
        Ok(Self {
            newest: newest(visit).await?,
            has_more: listed.next.is_some(),
            listed: listed.items,
        })
    }

    /// Returns the number of the version in force.
    pub(super) fn number(&self) -> Option<u64> {
        self.newest.as_ref().map(|newest| newest.version.version)
    }

    fn next(&self) -> u64 {
        self.number().unwrap_or_default() + 1
    }

    pub(super) fn card(&self, visit: &Visit, shown: Option<u64>) -> Markup {
        let here = visit.link(&["limits"]);
        html! {
            section.card #versions {
                div.card-h { h2 { (t!("Versions")) } }
                @if self.listed.is_empty() {
                    div.card-b { p.muted."small-t" { (t!("No version is kept yet. What is kept can be brought back.")) } }
                } @else {
                    table.dense { tbody { @for version in &self.listed {
                        tr class=[(shown == Some(version.version)).then_some("is-open")] {
                            th scope="row" { a href={ (here) "?version=" (version.version) } aria-label=(t!("Bring version {} into the editor", version.version)) { (version.version) } }
                            td {
                                (foreign(&version.by)) @if Some(version.version) == self.number() { ", " (t!("in force")) }
                                @if let Some(reason) = &version.reason { span.sub { (foreign(reason)) @if let Some(ticket) = &version.ticket { " · " (foreign(ticket)) } } }
                            }
                            td.num.muted { (visit.time(version.at)) }
                        }
                    } } }
                    @if self.has_more { div.card-f { span { (t!("The newest {} are shown.", ROWS)) } } }
                }
            }
        }
    }

    /// What keeps the text as a new version.
    pub(super) fn form(&self, visit: &Visit, draft: &Draft) -> Markup {
        html! {
            @if visit.may(Scope::LimitsWrite) {
                section.card {
                    div.card-h { h2 { (t!("Keep")) } }
                    div.card-b.stack."small-t" {
                        p { (t!("Nothing is enforced by keeping a version. It can be brought back later.")) }
                        input type="hidden" name="after" value=[self.number()];
                        div.field {
                            label for="why-kept" { (t!("Reason")) @if !reason::needs_one(visit) { " " small.muted { (t!("(not needed on the sandbox)")) } } }
                            input #why-kept type="text" name="why-kept" maxlength="500" autocomplete="off" value=(draft.sent.one("why-kept"));
                        }
                        button.btn.btn--wide name="step" value="keep" formnovalidate { (t!("Keep as version {}", self.next())) }
                    }
                }
            }
        }
    }
}

/// Keeps the text as a new version.
pub(super) async fn keep(visit: &Visit, draft: &Draft) -> Result<String, Problem> {
    let reason = draft.sent.some("why-kept");
    if reason.is_none() && reason::needs_one(visit) {
        return Err(bad_request(
            422,
            told_later!("A reason is required"),
            told_later!("Nothing was done."),
        ));
    }
    let new = NewPolicyVersion {
        policy: draft.text.clone(),
        after: draft.sent.text("after").and_then(|after| after.parse().ok()),
        reason,
        ticket: draft.sent.some("ticket"),
    };
    let _: PolicyVersion = visit
        .api
        .send(Method::POST, &["limits", "policies"], &new)
        .await?;
    Ok(visit.link(&["limits"]))
}
