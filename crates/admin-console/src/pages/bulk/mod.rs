//! A large act on a list of users: the list, what is wrong in it, what is to be done, and what that takes.

mod estimate;
mod kept;
mod list;
mod order;
pub(crate) mod plan;
mod preview;

use axum::extract::Query;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{
    ApprovalRules, NewPlan, NewRun, Problem, RunView, TrafficView, Verb as Ruled,
};
use easemob_admin_words::{t, told_later};
use maud::{Markup, html};
use serde::Deserialize;

use self::estimate::Estimate;
use self::kept::Kept;
use self::list::{Bad, Checked, check, with_suggestions};
use self::order::{LONGEST_LOCK, Order, PLATFORMS, Verb, Wrong};
use self::preview::Preview;
use crate::api::encoded;
use crate::fields::Fields;
use crate::frame::form_secret;
use crate::icons::Icon;
use crate::numbers::{grouped, users};
use crate::page::{Nav, Page, Trouble};
use crate::planned::planned;
use crate::problem::with_hint;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::notice::not_yet;
use crate::widgets::{loading, platform, reason, run_id};

/// The most users of a plan of devices, and of a dry run that somebody waits for.
const MOST_OF_PLAN: usize = 10_000;

/// A list of more bytes is not in the page, which shows its beginning.
const LONG: usize = 40_000;

/// How many lines of a long list are shown.
const BEGINNING: usize = 10;

/// How many bad lines are shown.
const BAD_SHOWN: usize = 50;

/// What the page shows.
struct Draft {
    sent: Fields,
    text: String,
    checked: Checked,
    order: Result<Order, Wrong>,
    rules: ApprovalRules,
    rate: Option<f64>,
    preview: Option<Preview>,
    problem: Option<Problem>,
    /// Where it is kept.
    id: Option<String>,
}

/// Which form.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    draft: Option<String>,
}

pub(crate) async fn show(visit: Visit, Query(Which { draft: id }): Query<Which>) -> Result<Page, Trouble> {
    let kept = match &id {
        Some(id) => kept::read(&visit, id).await?,
        None => Kept::default(),
    };
    let fields = kept.fields();
    let draft = Draft {
        id,
        preview: kept.preview,
        problem: kept.problem,
        ..draft(&visit, fields, kept.list).await?
    };
    Ok(page(&visit, &draft))
}

/// Does a step, keeps what became of it, and goes to the address of that.
pub(crate) async fn act(visit: Visit, sent: Fields) -> Result<Response, Trouble> {
    let before = sent.some("draft");
    // A long list is not in the form.
    let given = match &before {
        Some(id) if sent.has("kept") && sent.one("list").is_empty() => kept::read(&visit, id).await?.list,
        _ => sent.raw("list").unwrap_or_default().to_owned(),
    };
    let text = match sent.text("take") {
        Some("all") => with_suggestions(&given, None),
        Some(line) => with_suggestions(&given, Some(line.parse().unwrap_or(0))),
        None => given,
    };
    let step = sent.one("step").to_owned();
    let mut draft = draft(&visit, sent, text).await?;
    match step.as_str() {
        "dry" => match ready(&visit, &draft, false) {
            Ok(order) => match preview::read(&visit, &order, &draft.checked.users).await {
                Ok(preview) => draft.preview = Some(preview),
                Err(problem) => draft.problem = Some(problem),
            },
            Err(problem) => draft.problem = Some(problem),
        },
        "plan" => {
            let made = match ready(&visit, &draft, true) {
                Ok(order) => make(&visit, &order, &draft).await,
                Err(problem) => Err(problem),
            };
            match made {
                Ok(Some(run)) => return Ok(Redirect::to(&visit.link(&["plans", &run.id])).into_response()),
                Ok(None) => {
                    draft.problem = Some(problem(
                        told_later!("There is nothing to sign out"),
                        told_later!(
                            "No device of these users is online, or all of them stay. Nothing was recorded."
                        ),
                    ));
                }
                Err(problem) => draft.problem = Some(problem),
            }
        }
        _ => {}
    }
    let mut kept = Kept::of(&draft.sent, &draft.text);
    kept.preview = draft.preview.take();
    kept.problem = draft.problem.take();
    match kept::keep(&visit, before.as_deref(), &kept).await {
        Ok(id) => {
            let place = format!("{}?draft={}", visit.link(&["bulk"]), encoded(&id));
            Ok(Redirect::to(&place).into_response())
        }
        // Whoever may only look checks a list nevertheless, on a page that is not kept.
        Err(problem) if problem.status == 403 => {
            draft.preview = kept.preview;
            draft.problem = kept.problem;
            let status = draft.problem.as_ref().map_or(200, |problem| problem.status);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            Ok((status, page(&visit, &draft)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn draft(visit: &Visit, sent: Fields, text: String) -> Result<Draft, Trouble> {
    let rules = visit.api.get(&["approval-rules"], &[]).await?;
    let traffic: Option<TrafficView> = visit.api.get(&["traffic"], &[]).await.ok();
    Ok(Draft {
        checked: visit.say(|| check(&text)),
        order: Order::of(&sent),
        rules,
        rate: traffic.and_then(|traffic| traffic.rate),
        preview: None,
        problem: None,
        id: None,
        text,
        sent,
    })
}

fn problem(title: &str, hint: &str) -> Problem {
    with_hint(422, "bad-list", title, hint)
}

/// Returns the order if the list and the form can be used as a whole.
fn ready(visit: &Visit, draft: &Draft, is_recorded: bool) -> Result<Order, Problem> {
    let nothing = told_later!("Nothing was done.");
    if !draft.checked.bad.is_empty() && !draft.sent.has("skip") {
        return Err(problem(
            told_later!("The list has lines that name nobody"),
            told_later!("Nothing was done. Correct them, take the suggestions, or leave them out."),
        ));
    }
    if draft.checked.users.is_empty() {
        return Err(problem(told_later!("The list names nobody"), nothing));
    }
    let order = draft.order.clone().map_err(|wrong| match wrong {
        Wrong::Keep => problem(
            told_later!("The number of devices that stay is not a number"),
            nothing,
        ),
        Wrong::Cap => problem(
            told_later!("The most devices is not a number of 1 or more"),
            nothing,
        ),
        Wrong::Hours => problem(told_later!("A lock lasts 1 to 744 hours"), nothing),
    })?;
    if draft.checked.users.len() > MOST_OF_PLAN && !is_recorded {
        return Err(problem(
            told_later!("A dry run of this page reads 10,000 users at most"),
            told_later!(
                "Nothing was done. Make a plan, divide the list, or use: easemob-admin sessions logout --dry-run"
            ),
        ));
    }
    if is_recorded && order.reason.is_none() && reason::needs_one(visit) {
        return Err(problem(told_later!("A reason is required"), nothing));
    }
    Ok(order)
}

/// Returns true if the plan of an act names devices, which are read now; otherwise it names users.
fn names_devices(order: &Order, users: usize) -> bool {
    order.verb == Verb::Logout && users <= MOST_OF_PLAN
}

/// Records the act, which begins when somebody carries it out.
async fn make(visit: &Visit, order: &Order, draft: &Draft) -> Result<Option<RunView>, Problem> {
    let (users, id) = (&draft.checked.users, run_id::sent_or_new(visit, &draft.sent));
    let (reason, ticket) = (order.reason.clone(), order.ticket.clone());
    if names_devices(order, users.len()) {
        let plan = NewPlan {
            id: None,
            selection: order.selection.clone(),
            users: users.clone(),
            on_drift: easemob_admin_ops::run::job::OnDrift::default(),
            reason,
            ticket,
            max_logouts: order.cap,
        };
        return planned(visit, id, plan).await;
    }
    let new = NewRun {
        id: Some(id),
        reason,
        ticket,
        max_logouts: order.cap.filter(|_| order.verb == Verb::Logout),
        source: Some("a list in the console".into()),
        hold: true,
        ..NewRun::of(order.action(visit.now))
    };
    let made = visit.api.send_lines(Method::POST, &["runs"], &new, users);
    made.await.map(Some)
}

fn page(visit: &Visit, draft: &Draft) -> Page {
    visit.page(Nav::Bulk, || {
        (t!("Bulk act on a list").to_owned(), markup(visit, draft))
    })
}

fn markup(visit: &Visit, draft: &Draft) -> Markup {
    let has_list = !draft.text.trim().is_empty();
    html! {
        div.head { div.head-t {
            h1 { (t!("Bulk act on a list")) }
            div.head-sub { span { (t!("Nothing is sent to Easemob before you say so")) } }
        } }
        (steps(if has_list { 2 } else { 1 }))
        form.cols method="post" action=(visit.link(&["bulk"])) {
            div {
                (form_secret(visit))
                (run_id::field(&run_id::sent_or_new(visit, &draft.sent)))
                @if let Some(id) = &draft.id { input type="hidden" name="draft" value=(id); }
                // Enter in a field checks the list again.
                button hidden name="step" value="check" {}
                @if let Some(problem) = &draft.problem { (not_yet(problem)) }
                (pasted(draft))
                @if !draft.checked.bad.is_empty() { (bad_lines(draft)) }
                (scope(visit, draft))
                (loading::card(t!("Reading users…")))
                @if let Some(preview) = &draft.preview { (preview.card(visit)) }
            }
            div { div.sticky.stack {
                (estimate(draft).card())
                (go(draft))
            } }
        }
    }
}

/// Returns the steps of a large act.
pub(super) fn steps(current: usize) -> Markup {
    let names = [
        t!("List"),
        t!("Check and scope"),
        t!("Plan"),
        t!("Approval"),
        t!("Carry out"),
    ];
    html! {
        ol.steps aria-label=(t!("Steps")) {
            @for (step, name) in (1..).zip(names) {
                li.is-done[step < current] aria-current=[(step == current).then_some("step")] {
                    span.n { @if step < current { (Icon::CHECK.small()) } @else { (step) } } span { (name) }
                }
            }
        }
    }
}

fn estimate(draft: &Draft) -> Estimate {
    Estimate {
        users: draft.checked.users.len() as u64,
        read: draft
            .preview
            .as_ref()
            .map(|preview| (preview.users_online(), preview.ends())),
        ends_devices: draft.order.as_ref().is_ok_and(|order| order.verb == Verb::Logout),
        rate: draft.rate,
    }
}

/// The list, and what is in it.
fn pasted(draft: &Draft) -> Markup {
    let Checked {
        lines,
        users,
        duplicates,
        blank,
        bad,
    } = &draft.checked;
    let figure = |name: &str, count: u64, about: &str, attention: bool| {
        html! { div.fig { dt { (name) } dd class=[attention.then_some("c-attn")] { (grouped(count)) span.d { (about) } } } }
    };
    html! {
        section.card {
            div.card-h {
                h2 { (t!("List")) }
                label.btn."btn--sm" data-needs-script hidden { (Icon::UPLOAD) (t!("Upload a file")) input.vh type="file" accept=".txt,.csv,text/plain,text/csv" data-fills="list"; }
                button.btn."btn--sm" name="step" value="check" { (t!("Check the list")) }
            }
            div.card-b {
                @let is_long = draft.text.len() > LONG && draft.id.is_some();
                @if is_long {
                    input type="hidden" name="kept" value="1";
                    div.note {
                        (Icon::INFO)
                        div {
                            b { (t!("The list has {} lines. It begins with:", grouped(*lines))) } " "
                            @for line in draft.text.lines().take(BEGINNING) { span.sub.mono { (foreign(&line.chars().take(80).collect::<String>())) } }
                        }
                    }
                }
                div.field {
                    label for="list" { @if is_long { (t!("Another list, in its place")) } @else { (t!("One user in each line")) } }
                    textarea #list .mono name="list" rows="8" spellcheck="false" autocapitalize="off" maxlength="8000000" { "\n" @if !is_long { (draft.text) } }
                    span.hint { (t!("Empty lines and lines that begin with # are left out.")) }
                }
            }
            @if *lines > 0 {
                dl.figs."figs--line" {
                    (figure(t!("Read"), *lines, &t!("lines, of them empty or comments: {}", grouped(*blank)), false))
                    (figure(t!("Users"), users.len() as u64, t!("each once"), false))
                    (figure(t!("Repeated"), *duplicates, t!("done once"), false))
                    (figure(t!("Bad"), bad.len() as u64, t!("to be corrected or left out"), !bad.is_empty()))
                }
            }
        }
    }
}

fn bad_lines(draft: &Draft) -> Markup {
    let bad = &draft.checked.bad;
    let suggestions = bad.iter().filter(|bad| bad.suggestion.is_some()).count() as u64;
    html! {
        section.card #bad {
            div.card-h {
                h2 { (t!("Lines that name nobody")) " " span.count."count--attn" { (grouped(bad.len() as u64)) } }
                @if suggestions > 0 {
                    button.btn."btn--sm" name="take" value="all" { (t!("Take all suggestions: {}", grouped(suggestions))) }
                }
            }
            div.tw { table.dense.cards."cards--tight" {
                thead { tr {
                    th.num."w-line" scope="col" { (t!("Line")) }
                    th scope="col" { (t!("Content")) }
                    th scope="col" { (t!("Problem")) }
                    th scope="col" { (t!("Suggestion")) }
                } }
                tbody { @for line in bad.iter().take(BAD_SHOWN) { (bad_line(line)) } }
            } }
            div.card-f {
                label.opt { input type="checkbox" name="skip" value="on" checked[draft.sent.has("skip")]; (t!("Leave these {} lines out, and go on with the others", grouped(bad.len() as u64))) }
                span.muted {
                    (t!("Otherwise the list cannot be used: it is valid as a whole, or not at all."))
                    @if bad.len() > BAD_SHOWN { " " (t!("The first {} are shown.", BAD_SHOWN)) }
                }
            }
        }
    }
}

fn bad_line(bad: &Bad) -> Markup {
    let short: String = bad.text.chars().take(80).collect();
    html! {
        tr role="row" {
            td.num.muted.c-left { (t!("Line {}", bad.line)) }
            td data-label=(t!("Content")) {
                span.mono { (foreign(&short)) @if short.len() < bad.text.len() { "…" } }
            }
            td.c-row data-label=(t!("Problem")) { (foreign(&bad.problem)) }
            td data-label=(t!("Suggestion")) {
                @match &bad.suggestion {
                    Some(suggestion) => button.btn."btn--sm"."btn--plain" name="take" value=(bad.line) { (t!("Take ")) span.mono { (foreign(suggestion)) } },
                    None => span.muted { (t!("none")) },
                }
            }
        }
    }
}

/// What is done to them.
fn scope(visit: &Visit, draft: &Draft) -> Markup {
    let sent = &draft.sent;
    let verb = match &draft.order {
        Ok(order) => order.verb,
        Err(Wrong::Hours) => Verb::Lock,
        Err(_) => Verb::Logout,
    };
    let verbs = [
        (Verb::Logout, "logout", t!("Sign devices out")),
        (Verb::Lock, "lock", t!("Lock for some time")),
        (Verb::Ban, "ban", t!("Ban")),
    ];
    html! {
        section.card {
            div.card-h { h2 { (t!("Scope")) } }
            div.card-b.stack {
                fieldset {
                    legend { (t!("Act")) }
                    div.opts { @for (one, value, name) in verbs {
                        label.opt { input type="radio" name="verb" value=(value) checked[one == verb]; (name) }
                    } }
                }
                fieldset {
                    legend { (t!("Only platforms")) " " small.muted { (t!("(none is all; for signing out)")) } }
                    div.opts { @for one in PLATFORMS {
                        label.opt { input type="checkbox" name="platform" value=(one) checked[sent.all("platform").any(|chosen| chosen == one)]; (platform::name(one)) }
                    } }
                }
                div.grid2 {
                    div.field {
                        label for="keep" { (t!("Keep the newest of each platform")) }
                        select #keep name="keep" { @for count in 0..=4_u8 {
                            option value=(count) selected[sent.one("keep") == count.to_string()] { @if count == 0 { (t!("none")) } @else { (count) } }
                        } }
                    }
                    div.field {
                        label for="age" { (t!("Devices of unknown age")) }
                        select #age name="age" {
                            option value="keep" { (t!("stay (default)")) }
                            option value="oldest" selected[sent.one("age") == "oldest"] { (t!("count as the oldest")) }
                        }
                    }
                    div.field."field--bad"[draft.order == Err(Wrong::Cap)] {
                        label for="cap" { (t!("At most devices")) }
                        input #cap type="text" name="cap" inputmode="numeric" autocomplete="off" value=(sent.one("cap"));
                        span.hint { (t!("A plan of more is refused, and the run stops before it.")) }
                    }
                    div.field."field--bad"[draft.order == Err(Wrong::Hours)] {
                        label for="hours" { (t!("Lock for hours")) }
                        input #hours type="number" name="hours" min="1" max=(LONGEST_LOCK) value=(if sent.one("hours").is_empty() { "10" } else { sent.one("hours") });
                    }
                    div.field {
                        label for="ticket" { (t!("Ticket")) }
                        input #ticket type="text" name="ticket" maxlength="100" autocomplete="off" value=(sent.one("ticket"));
                    }
                }
                div.field {
                    label for="reason" { (t!("Reason")) " " small.muted { @if reason::needs_one(visit) { (t!("(required, goes to the audit trail)")) } @else { (t!("(not needed on the sandbox)")) } } }
                    input #reason type="text" name="reason" maxlength="500" autocomplete="off" value=(sent.one("reason"));
                }
            }
        }
    }
}

/// Which groups must agree to so many users.
fn needs(draft: &Draft) -> Vec<String> {
    let verb = match draft.order.as_ref().map(|order| order.verb) {
        Ok(Verb::Lock) => Ruled::Lock,
        Ok(Verb::Ban) => Ruled::Ban,
        _ => Ruled::Logout,
    };
    let count = draft.checked.users.len() as u64;
    let fits = draft
        .rules
        .rules
        .iter()
        .filter(|rule| rule.verbs.contains(&verb) && count > rule.over_users);
    let needs = fits.flat_map(|rule| &rule.needs);
    needs
        .map(|need| match need.group.as_str() {
            "*" => t!("{} of anybody who may approve", need.count),
            group => t!("{} of {group}", need.count),
        })
        .collect()
}

fn go(draft: &Draft) -> Markup {
    let needs = needs(draft);
    let count = draft.checked.users.len() as u64;
    html! {
        section.card {
            div.card-h { h2 { @if needs.is_empty() { (t!("Go on")) } @else { (t!("Needs approval")) } } @if !needs.is_empty() { (Icon::APPROVALS) } }
            div.card-b.stack."small-t" {
                @if !needs.is_empty() {
                    p { (t!("For {}, these must agree: ", users(count))) b { (needs.join(", ")) } (t!(". You cannot approve what you ask for.")) }
                } @else { p { (t!("A plan names what would be done to each user. It is carried out in a step of its own.")) } }
                @if draft.order.as_ref().is_ok_and(|order| order.verb == Verb::Logout && !names_devices(order, draft.checked.users.len())) {
                    p.c-attn { (t!("Over 10,000 users, the plan names users. The devices of each are read and chosen when it is carried out, and there is no dry run on this page.")) }
                }
                button.btn."btn--go".btn--wide name="step" value="plan" { (t!("Make a plan for {}", users(count))) }
                button.btn.btn--wide name="step" value="dry" { (t!("Dry run, read only")) }
            }
        }
    }
}
