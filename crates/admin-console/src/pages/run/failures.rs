//! The users of a run who failed: as a table, and to download.

use axum::extract::Path;
use axum::http::header;
use axum::response::Response;
use easemob_admin_ops::run::journal::record::State;
use easemob_admin_remote::api::{Page as PageOf, Problem, RunFailure, RunState, RunView};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::Trouble;
use crate::visit::Visit;
use crate::widgets::csv::cell;
use crate::widgets::dialog::opens_as;
use crate::widgets::download;
use crate::widgets::foreign::foreign;

/// How many failures the page shows.
pub(super) const ROWS: &str = "20";

/// How many are read at once for a download.
const AT_ONCE: &str = "1000";

/// Returns the failures of a page with what can be done about them.
pub(super) fn card(
    visit: &Visit,
    run: &RunView,
    failures: &PageOf<RunFailure>,
    from: Option<&str>,
) -> Markup {
    let failed = run.failed_retry + run.failed_final;
    let here = visit.link(&["runs", &run.id]);
    html! {
        section.card #failures {
            div.card-h {
                h2 { (t!("Failures")) " " @if failed > 0 { span.count."count--attn" { (grouped(failed)) } } }
                @if !failures.items.is_empty() {
                    a.btn."btn--sm" #download href={ (here) "/failures.csv" } download { (Icon::DOWNLOAD) (t!("Download list")) }
                }
                @if super::acts::may(visit, run) && run.failed_retry > 0 { (retry(visit, run)) }
            }
            @if failures.items.is_empty() {
                div.card-b { p.muted.small-t { @if from.is_some() { (t!("No more failures.")) } @else { (t!("Nobody failed.")) } } }
            } @else {
                div.tw { table.dense.cards."cards--tight" {
                    thead { tr {
                        th.num."w-line" scope="col" { (t!("Line")) }
                        th scope="col" { (t!("User")) }
                        th scope="col" { (t!("Call")) }
                        th scope="col" { (t!("Error")) }
                        th scope="col" { (t!("Retry")) }
                    } }
                    tbody data-rows { @for failure in &failures.items { (row(visit, failure)) } }
                } }
                div.card-f {
                    span { (t!("A retry leaves out what succeeded, and reads the devices of users with an unknown outcome first.")) }
                    @if failures.next.is_some() || from.is_some() {
                        div.acts {
                            @if from.is_some() { a.btn."btn--sm" href=(here) { (t!("First")) } }
                            @if let Some(next) = &failures.next { a.btn."btn--sm" href={ (here) "?failures=" (next) "#failures" } { (t!("More")) } }
                        }
                    }
                }
            }
        }
    }
}

fn retry(visit: &Visit, run: &RunView) -> Markup {
    let label = t!("Retry {}…", grouped(run.failed_retry));
    html! {
        @if run.state == RunState::Running {
            button.btn."btn--sm" #retry disabled { (Icon::RELOAD) (t!("Retry {} after the run", grouped(run.failed_retry))) }
        } @else {
            (opens_as("retry", &visit.link(&["runs", &run.id, "retry"]), "btn btn--sm", &html! { (Icon::RELOAD) (label) }))
        }
    }
}

fn row(visit: &Visit, failure: &RunFailure) -> Markup {
    html! {
        tr role="row" {
            td.num.muted.c-left { (t!("Line {}", failure.line)) }
            td data-label=(t!("User")) { a.mono href=(visit.link(&["users", &failure.user])) { (foreign(&failure.user)) } }
            td data-label=(t!("Call")) { @if let Some(call) = &failure.call { code { (call) } } }
            td.c-row data-label=(t!("Error")) {
                @if let Some(status) = failure.status { (status) " " }
                @if let Some(error) = &failure.error { (foreign(error)) }
            }
            td data-label=(t!("Retry")) { (advice(failure)) }
        }
    }
}

fn advice(failure: &RunFailure) -> Markup {
    html! {
        @if failure.is_unknown { span.tag."tag--attn" { (t!("Outcome unknown")) } }
        @else if failure.state == State::FailedFinal { span.tag."tag--attn" { (t!("Will not help")) } }
        @else { span.tag { (t!("May succeed")) } }
    }
}

/// Sends all failures as a file.
pub(crate) async fn download(
    visit: Visit,
    Path((_, run)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    // Read before it is named in a header: only ids of runs get that far.
    let view: RunView = visit.api.get(&["runs", &run], &[]).await?;
    let first = page(&visit, &view.id, None).await?;
    let mut headers = download::headers("run", visit.app_name(), visit.now, "csv");
    let name = format!("attachment; filename=\"run-{}-failures.csv\"", view.id);
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    let read = move |after: String| {
        let (visit, run) = (visit.clone(), view.id.clone());
        async move { page(&visit, &run, Some(&after)).await }
    };
    Ok(download::pages(
        headers,
        "line,user,state,call,status,error",
        first,
        read,
        line,
    ))
}

async fn page(visit: &Visit, run: &str, after: Option<&str>) -> Result<PageOf<RunFailure>, Problem> {
    let mut query = vec![("limit", AT_ONCE)];
    query.extend(after.map(|after| ("after", after)));
    visit.api.get(&["runs", run, "failures"], &query).await
}

fn line(failure: &RunFailure) -> String {
    let state = serde_json::to_value(failure.state).unwrap_or_default();
    let fields = [
        failure.line.to_string(),
        cell(&failure.user),
        cell(state.as_str().unwrap_or_default()),
        cell(failure.call.as_deref().unwrap_or_default()),
        failure
            .status
            .map(|status| status.to_string())
            .unwrap_or_default(),
        cell(failure.error.as_deref().unwrap_or_default()),
    ];
    fields.join(",") + "\r\n"
}
