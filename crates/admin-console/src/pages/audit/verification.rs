//! Whether the trail is whole: what verifying it found when somebody last asked for it, and its last signed head.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::response::Redirect;
use easemob_admin_ops::trails::verified::{VerifyProblem, VerifySummary};
use easemob_admin_remote::api::AuditHead;
use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::frame::form_secret;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::Trouble;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;

/// How many problems are shown.
const SHOWN: usize = 5;

/// What verifying found, as the API says it.
#[derive(Debug, Deserialize)]
struct Findings {
    problems: Vec<VerifyProblem>,
    summary: VerifySummary,
}

/// What verifying found, and when.
#[derive(Debug, Clone)]
pub(super) struct Found {
    findings: Arc<Findings>,
    at: Timestamp,
    seconds: f64,
}

/// What verifying the trail of each app found last, at this process.
#[derive(Debug, Default)]
pub(crate) struct Verifications(Mutex<HashMap<String, Found>>);

impl Verifications {
    pub(super) fn last(&self, app: &str) -> Option<Found> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(app)
            .cloned()
    }

    fn note(&self, app: &str, found: Found) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(app.to_owned(), found);
    }
}

/// Verifies the whole trail now.
pub(crate) async fn verify(visit: Visit, State(console): State<Console>) -> Result<Redirect, Trouble> {
    let begun = Instant::now();
    let findings: Findings = visit.api.get(&["audit", "verify"], &[]).await?;
    let found = Found {
        findings: Arc::new(findings),
        at: visit.now,
        seconds: begun.elapsed().as_secs_f64(),
    };
    console.verifications.note(visit.app_name(), found);
    Ok(Redirect::to(&visit.link(&["audit"])))
}

pub(super) fn card(visit: &Visit, head: Option<&AuditHead>, found: Option<&Found>) -> Markup {
    let is_broken = found.is_some_and(|found| !found.findings.summary.ok);
    html! {
        @if let Some(found) = found.filter(|_| is_broken) { (broken(visit, found)) }
        section.card.ver aria-label=(t!("Verification")) {
            div.ver-m { @if found.is_some() && !is_broken { (Icon::VERIFIED) } @else { (Icon::AUDIT) } }
            div.ver-t {
                @match found {
                    Some(_) if is_broken => h2.c-danger { (t!("The trail does not verify")) },
                    Some(Found { findings, .. }) => h2 { (t!("The trail verifies: {} entries", grouped(findings.summary.entries))) },
                    None => h2 { (t!("Not verified yet")) },
                }
                p.soft."small-t" {
                    @if let Some(found) = found {
                        (t!("Checked {} in {:.1} s. ", visit.clock(found.at), found.seconds))
                        (t!("{} entries are not yet covered by a signed head. ", grouped(found.findings.summary.entries_not_covered_by_a_checkpoint)))
                    } @else { (t!("Verifying reads every entry. ")) }
                    @if let Some(head) = head {
                        (t!("Newest signed head: {} entries, ", grouped(head.size)))
                        @match head.time.parse::<Timestamp>() { Ok(at) => (visit.time(at)), Err(_) => (head.time) }
                        ". "
                        (t!("Whoever can change the records could not change what a head covers that is kept elsewhere."))
                    }
                }
            }
            div.acts {
                form method="post" action=(visit.link(&["audit", "verify"])) {
                    (form_secret(visit))
                    button.btn."btn--sm" { (t!("Verify now")) }
                }
                @if let Some(head) = head {
                    button.btn."btn--sm" type="button" data-copy=(head.head) { (Icon::COPY) (t!("Copy head")) }
                }
            }
        }
    }
}

fn broken(visit: &Visit, found: &Found) -> Markup {
    let problems = &found.findings.problems;
    html! {
        div.note."note--danger" role="alert" {
            (Icon::DANGER)
            div {
                b { (t!("The audit trail does not verify.")) } " "
                ul {
                    @for problem in problems.iter().take(SHOWN) {
                        li {
                            @if let Some(entry) = problem.seq { a.inline href={ (visit.link(&["audit"])) "?e=" (entry) "#event" } { (t!("Entry {}", grouped(entry))) } ": " }
                            (foreign(&problem.problem))
                        }
                    }
                    @if problems.len() > SHOWN { li { (t!("and {} more", grouped((problems.len() - SHOWN) as u64))) } }
                }
            }
        }
    }
}
