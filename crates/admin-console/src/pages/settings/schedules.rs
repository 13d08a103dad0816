//! Schedules: what the service does by itself, and when.

use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{Missed, NewSchedule, Page as Rows, Schedule, ScheduledJob, Scope};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Part, head};
use crate::fields::Fields;
use crate::frame::form_secret;
use crate::fresh;
use crate::icons::Icon;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};

/// What can be done by a schedule.
const JOBS: [ScheduledJob; 3] = [
    ScheduledJob::DueUnlocks,
    ScheduledJob::Scan,
    ScheduledJob::PolicyCheck,
];

pub(crate) async fn list(visit: Visit) -> Result<Page, Trouble> {
    let rows: Rows<Schedule> = visit.api.get(&["schedules"], &[]).await?;
    Ok(visit.page(Nav::Settings, || {
        let main = html! {
            (head(&visit, Part::Schedules))
            div.cols {
                section.card {
                    div.card-h { h2 { (t!("Schedules")) } }
                    @if rows.items.is_empty() {
                        div.state {
                            (Icon::CLOCK)
                            h3 { (t!("No schedules yet")) }
                            p { (t!("Locks end and users are read only when somebody asks for it.")) }
                        }
                    } @else {
                        div.tw role="region" aria-label=(t!("Schedules")) tabindex="0" {
                            table.cards {
                                thead { tr {
                                    th scope="col" { (t!("Schedule")) }
                                    th scope="col" { (t!("When")) }
                                    th scope="col" { (t!("Last")) }
                                    th scope="col" { (t!("Next")) }
                                    th scope="col" { span.vh { (t!("Act")) } }
                                } }
                                tbody { @for schedule in &rows.items { (row(&visit, schedule)) } }
                            }
                        }
                    }
                }
                @if visit.may(Scope::Admin) { (new_schedule(&visit)) }
            }
        };
        (t!("Schedules").to_owned(), main)
    }))
}

pub(crate) async fn make(visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let job = JOBS.into_iter().find(|job| in_forms(*job) == fields.one("job"));
    let new = NewSchedule {
        cron: fields.one("cron").to_owned(),
        time_zone: fields.one("zone").to_owned(),
        job: job.unwrap_or(JOBS[0]),
        missed: if fields.one("missed") == "run_once" {
            Missed::RunOnce
        } else {
            Missed::Skip
        },
        policy: fields.some("policy"),
    };
    let name = fields.one("name");
    let _: Schedule = visit.api.send(Method::PUT, &["schedules", name], &new).await?;
    Ok(back(&visit))
}

pub(crate) async fn remove(
    visit: Visit,
    Path((_, schedule)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let _: Value = visit
        .api
        .send(Method::DELETE, &["schedules", &schedule], &json!({}))
        .await?;
    Ok(back(&visit))
}

fn back(visit: &Facts) -> Response {
    Redirect::to(&visit.link(&["settings", "schedules"])).into_response()
}

/// Returns the word of a job in forms.
fn in_forms(job: ScheduledJob) -> &'static str {
    match job {
        ScheduledJob::DueUnlocks => "due_unlocks",
        ScheduledJob::Scan => "scan",
        ScheduledJob::PolicyCheck => "policy_check",
    }
}

fn name_of(job: ScheduledJob) -> &'static str {
    match job {
        ScheduledJob::DueUnlocks => t!("lift locks that are due"),
        ScheduledJob::Scan => t!("read all users into a snapshot"),
        ScheduledJob::PolicyCheck => t!("compare the newest snapshot with a policy"),
    }
}

fn row(visit: &Facts, schedule: &Schedule) -> Markup {
    html! {
        tr {
            th.c-lead scope="row" {
                bdi { (schedule.id) }
                span.sub { (name_of(schedule.job)) " · " bdi { (schedule.owner) } }
            }
            td data-label=(t!("When")) { code { (schedule.cron) } span.sub { (schedule.time_zone) } }
            td data-label=(t!("Last")) {
                @if let Some(turn) = &schedule.last {
                    (visit.time(turn.due))
                    span.sub {
                        @if let Some(run) = &turn.run { a href=(visit.link(&["runs", run])) { (turn.outcome) } }
                        @else { (turn.outcome) }
                    }
                } @else { (t!("not yet")) }
            }
            td data-label=(t!("Next")) { @if let Some(next) = schedule.next { (visit.time(next)) } @else { (t!("never")) } }
            td.trow-end.c-end {
                @if visit.may(Scope::Admin) {
                    details.more {
                        summary { span.btn."btn--sm" { (t!("Remove…")) } }
                        form.inline-q method="post" action=(visit.link(&["settings", "schedules", &schedule.id, "remove"])) {
                            (form_secret(visit))
                            span { (t!("It is not done any more.")) }
                            div.acts { button.btn."btn--sm" { (t!("Remove the schedule {}", schedule.id)) } }
                        }
                    }
                }
            }
        }
    }
}

fn new_schedule(visit: &Facts) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("New schedule")) } }
            form.card-b.stack method="post" action=(visit.link(&["settings", "schedules"])) {
                (form_secret(visit))
                (fresh::note(visit))
                div.field {
                    label for="name" { (t!("Name")) }
                    input #name name="name" type="text" required maxlength="64" autocomplete="off";
                    p.hint { (t!("A schedule of the same name is replaced.")) }
                }
                div.field {
                    label for="job" { (t!("What is done")) }
                    select #job name="job" { @for job in JOBS { option value=(in_forms(job)) { (name_of(job)) } } }
                }
                div.field {
                    label for="cron" { (t!("When")) }
                    input #cron .mono name="cron" type="text" required value="30 3 * * *" autocomplete="off";
                    p.hint { (t!("Minute, hour, day of the month, month, day of the week.")) }
                }
                div.field {
                    label for="zone" { (t!("Time zone")) }
                    input #zone name="zone" type="text" required value=(visit.look.zone.iana_name().unwrap_or("UTC")) autocomplete="off";
                }
                div.field {
                    label for="missed" { (t!("Times that were missed")) }
                    select #missed name="missed" {
                        option value="skip" { (t!("are left out")) }
                        option value="run_once" { (t!("are made up for once")) }
                    }
                }
                div.field {
                    label for="policy" { (t!("Policy of a comparison")) }
                    textarea #policy .mono name="policy" rows="4" spellcheck="false" {}
                    p.hint { (t!("As its file has it. Only for comparisons with a policy.")) }
                }
                div { button.btn."btn--go" { (t!("Save the schedule")) } }
            }
        }
    }
}
