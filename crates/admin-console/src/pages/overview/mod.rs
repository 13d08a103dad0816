//! What needs somebody, and how the app is. Every figure says from when it is, and links to what it counts.

mod budget;
mod day;
mod todo;

use axum::extract::State;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::{
    self, AuditPage, LimitsFrom, OnlineFigures, Overview, Problem, RunView, Scope, SnapshotView, TrafficView,
};
use easemob_admin_words::{t, translated};
use futures_util::future::{join, join5};
use jiff::SignedDuration;
use maud::{Markup, html};

use crate::Console;
use crate::banned::Banned;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::usage::InUse;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::platform::platform;
use crate::widgets::{act_word, action, live, outcome_word, run_state};

/// How often it is read again, since sign-ins are in no stream.
const TRIGGER: &str = "live, every 15s";

/// Locks that end within this time are work to come.
const SOON: SignedDuration = SignedDuration::from_hours(1);

/// What the page is made of. A part that may not be read, or cannot be, is missing, and the page says so.
struct Known {
    overview: Overview,
    runs: Result<Vec<RunView>, Problem>,
    acts: Option<AuditPage>,
    locks: Vec<Lock>,
    snapshot: Option<SnapshotView>,
    banned: Option<Banned>,
    traffic: Option<TrafficView>,
    in_use: Option<InUse>,
}

pub(crate) async fn show(visit: Visit, State(console): State<Console>) -> Result<Page, Trouble> {
    let api = &visit.api;
    let acts = async {
        if !visit.may(Scope::AuditRead) {
            return None;
        }
        let query = [("order", "newest"), ("limit", "8")];
        api.get::<AuditPage>(&["audit"], &query).await.ok()
    };
    let answers = join5(
        api.get::<Overview>(&["overview"], &[]),
        api.get::<api::Page<RunView>>(&["runs"], &[("limit", "4")]),
        acts,
        api.get::<api::Page<Lock>>(&["locks"], &[("sort", "until"), ("limit", "10000")]),
        api.get::<api::Page<SnapshotView>>(&["logins", "snapshots"], &[("limit", "20")]),
    );
    let traffic = api.get::<TrafficView>(&["traffic"], &[]);
    let ((overview, runs, acts, locks, snapshots), traffic) = join(answers, traffic).await;
    let (locks, traffic) = (locks.map(|page| page.items).unwrap_or_default(), traffic.ok());
    let app = visit.app_name();
    let snapshots = snapshots.map(|page| page.items).unwrap_or_default();
    let runs = runs.map(|page| page.items);
    let times = (visit.now, last_ban(&runs));
    let known = Known {
        overview: overview?,
        banned: console.bans.known(app, api, &locks, times),
        runs,
        acts,
        in_use: traffic
            .as_ref()
            .and_then(|traffic| console.usage.take(app, traffic)),
        locks,
        traffic,
        snapshot: snapshots
            .into_iter()
            .find(|snapshot| snapshot.finished_at.is_some()),
    };
    Ok(visit.page(Nav::Overview, || {
        (t!("Overview").to_owned(), main(&visit, &known))
    }))
}

/// Returns when a run last banned somebody or lifted bans.
fn last_ban(runs: &Result<Vec<RunView>, Problem>) -> Option<jiff::Timestamp> {
    let bans = runs.iter().flatten().filter(|run| {
        matches!(
            run.action,
            Action::Ban { .. } | Action::Unban { .. } | Action::Lock { .. } | Action::Unlock { .. }
        )
    });
    bans.map(|run| run.ended.unwrap_or(run.created)).max()
}

fn main(visit: &Visit, known: &Known) -> Markup {
    let now = &known.overview.now;
    html! {
        div #overview .stack hx-get=(visit.address) hx-select="#overview" hx-swap="outerHTML" hx-trigger=(TRIGGER) data-live-part="5" hx-disinherit=(live::OWN) {
            div.head {
                div.head-t {
                    h1 { (t!("Overview")) }
                    div.head-sub { (live::mark(visit)) (sources(visit, known)) }
                }
                @if crate::pages::runs::may_act(visit) {
                    div.acts { a.btn."btn--go" href=(visit.link(&["bulk"])) { (Icon::BULK) (t!("New bulk act")) } }
                }
            }
            (live::note())
            div.cols."cols--fill" {
                div { (todo::card(visit, &todo::list(visit, known))) }
                div { (runs(visit, known)) }
            }
            (figures(visit, known))
            div.cols {
                div {
                    (day::card(visit, &known.overview.last_day))
                    @if let Some(acts) = &known.acts { (latest(visit, acts)) }
                }
                div {
                    (platforms(visit, now))
                    (budget::card(visit, known.traffic.as_ref(), known.in_use.as_ref()))
                }
            }
        }
    }
}

fn sources(visit: &Visit, known: &Known) -> Markup {
    let as_of = &known.overview.now.as_of;
    html! {
        @match as_of.scan.as_ref().and_then(|scan| scan.finished.or(scan.started)) {
            Some(at) => span { (t!("Devices as of the scan of {} and later events", visit.clock(at))) },
            None => span { (t!("No scan yet; known from events only")) },
        }
        @match as_of.collected {
            Some(at) => span { (t!("Webhooks until {}", visit.clock(at))) },
            None => span { (t!("No webhooks arrive")) },
        }
    }
}

fn runs(visit: &Visit, known: &Known) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Runs")) } a.small href=(visit.link(&["runs"])) { (t!("All runs")) } }
            @match &known.runs {
                Err(problem) => div.card-b { p.muted { (translated(&problem.title)) } },
                Ok(runs) if runs.is_empty() => div.card-b { p.muted { (t!("No runs yet")) } },
                Ok(runs) => ul.todo { @for run in runs { li { (run_line(visit, run)) } } },
            }
        }
    }
}

fn run_line(visit: &Visit, run: &RunView) -> Markup {
    let finished = run.users - run.unfinished.min(run.users);
    let failed = run.failed_retry + run.failed_final;
    let share = |count: u64| count * 100 / run.users.max(1);
    html! {
        a.t-run href=(visit.link(&["runs", &run.id])) {
            (action::icon(&run.action))
            span {
                b { (action::title(visit, &run.action)) }
                span.sub {
                    (grouped(finished)) " / " (grouped(run.users))
                    @if failed > 0 { " · " (t!("{} failed", grouped(failed))) }
                }
            }
            span.when { (run_state::tag(run.state, failed)) }
            (Icon::NEXT)
            @if run.unfinished > 0 {
                span.t-bar {
                    svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=(t!("{} percent done", share(finished))) {
                        rect x="0" width=(share(finished)) height="6" class="f-1" {}
                        rect x=(share(finished)) width=(share(failed)) height="6" class="f-4" {}
                    }
                }
            }
        }
    }
}

fn figures(visit: &Visit, known: &Known) -> Markup {
    let Overview { now, .. } = &known.overview;
    let users = |query: &str| format!("{}{query}", visit.link(&["users"]));
    let as_of = as_of(visit, now);
    let devices = match &now.day_before {
        Some(before) => t!(
            "{as_of}; {} the day before at {}",
            grouped(before.online.devices),
            short(visit, before.at)
        ),
        None => as_of.clone(),
    };
    let over = t!("{} devices too many", grouped(now.devices_over));
    let compared = match now.limits.from {
        LimitsFrom::Scan => over,
        LimitsFrom::Default => t!("{over}, compared with 4 on each platform"),
    };
    html! {
        section.card aria-label=(t!("Figures of now")) {
            dl.figs {
                (figure(t!("Devices online"), &users("?devices=1"), &grouped(now.online.devices), &devices))
                (figure(t!("Users online"), &users("?devices=1"), &grouped(now.online.users), &t!("of {} who are known; {as_of}", grouped(now.known_users))))
                (figure(t!("Accounts over limit"), &users("?over-limit=1"), &grouped(now.over_limit), &t!("{compared}; {as_of}")))
                (shut_out(visit, known))
                @if let Some(snapshot) = &known.snapshot {
                    @let at = snapshot.finished_at.map(|at| visit.clock(at)).unwrap_or_default();
                    (figure(t!("Not read"), &visit.link(&["logins"]), &grouped(snapshot.counts.failed + snapshot.counts.unknown), &t!("not counted as offline; scan of {at}")))
                }
            }
        }
    }
}

/// Those who cannot sign in: locked until a time, or banned without an end.
fn shut_out(visit: &Visit, known: &Known) -> Markup {
    let work = &known.overview.work;
    let ends_soon = todo::ending(visit, known).count() as u64;
    let (banned, as_of) = match &known.banned {
        Some(banned) if banned.at_least => (t!("over {}", grouped(banned.users)), visit.clock(banned.at)),
        Some(banned) => (grouped(banned.users), visit.clock(banned.at)),
        None => ("–".to_owned(), t!("not known").to_owned()),
    };
    html! {
        div.fig {
            dt { (t!("Locked / banned")) }
            dd {
                a href=(visit.link(&["locks"])) { (grouped(work.locks)) }
                " / "
                a href=(visit.link(&["bans"])) { (banned) }
                span.d { (t!("{} end within the hour; bans as of {as_of}", grouped(ends_soon))) }
            }
        }
    }
}

/// Returns a time of another day without its date, which the sentence says.
fn short(visit: &Visit, at: jiff::Timestamp) -> String {
    at.to_zoned(visit.look.zone.clone()).strftime("%H:%M").to_string()
}

fn as_of(visit: &Visit, now: &OnlineFigures) -> String {
    let scan = now
        .as_of
        .scan
        .as_ref()
        .and_then(|scan| scan.finished.or(scan.started));
    match now.as_of.collected.max(scan) {
        Some(at) => t!("as of {}", visit.clock(at)),
        None => t!("not known").to_owned(),
    }
}

fn figure(name: &str, address: &str, value: &str, about: &str) -> Markup {
    html! { div.fig { dt { (name) } dd { a href=(address) { (value) } span.d { (about) } } } }
}

fn platforms(visit: &Visit, now: &OnlineFigures) -> Markup {
    let mut sorted: Vec<_> = now
        .platforms
        .iter()
        .filter(|(_, count)| count.devices > 0)
        .collect();
    sorted.sort_by(|a, b| b.1.devices.cmp(&a.1.devices).then(a.0.cmp(b.0)));
    let most = sorted.first().map_or(1, |(_, count)| count.devices.max(1));
    html! {
        section.card {
            div.card-h { h2 { (t!("Devices online, by platform")) } }
            @if sorted.is_empty() { div.card-b { p.muted { (t!("Nobody is known to be online.")) } } } @else {
                table {
                    thead { tr {
                        th scope="col" { (t!("Platform")) }
                        th scope="col" { span.vh { (t!("Share")) } }
                        th.num scope="col" { (t!("Devices")) }
                        th.num scope="col" { (t!("Users")) }
                    } }
                    tbody { @for (word, count) in sorted {
                        tr {
                            th scope="row" { a href={ (visit.link(&["users"])) "?platform=" (crate::api::encoded(word)) } { (platform(word)) } }
                            td.w-bar {
                                svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                                    rect x="0" width=(count.devices * 100 / most) height="6" class="f-1" {}
                                }
                            }
                            td.num { (grouped(count.devices)) }
                            td.num { (grouped(count.users)) }
                        }
                    } }
                }
                div.card-f { span { (as_of(visit, now)) } }
            }
        }
    }
}

fn latest(visit: &Visit, acts: &AuditPage) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Latest acts")) } a.small href=(visit.link(&["audit"])) { (t!("The whole audit trail")) } }
            @if acts.items.is_empty() { div.card-b { p.muted { (t!("Nobody has acted yet.")) } } } @else {
                table.cards."cards--tight" {
                    thead { tr {
                        th scope="col" { (t!("When")) }
                        th scope="col" { (t!("Operator")) }
                        th scope="col" { (t!("Act")) }
                        th scope="col" { (t!("On whom")) }
                        th scope="col" { (t!("Outcome")) }
                    } }
                    tbody { @for entry in &acts.items {
                        @let event = &entry.event;
                        @let operator = event.operator.as_ref().and_then(easemob_admin_audit::Operator::name);
                        tr {
                            td.muted.nowrap { (visit.wall(event.time)) }
                            td data-label=(t!("Operator")) { @if let Some(operator) = &operator { (foreign(operator)) } }
                            td data-label=(t!("Act")) {
                                @match &event.run {
                                    Some(run) => a href=(visit.link(&["runs", run])) { (act_word::of_entry(entry)) },
                                    None => (act_word::of_entry(entry)),
                                }
                            }
                            td.c-full data-label=(t!("On whom")) {
                                span { @if let Some(user) = &event.user { a.mono href=(visit.link(&["users", user])) { (foreign(user)) } } @else { (t!("the app")) } }
                            }
                            td data-label=(t!("Outcome")) { (outcome_word::of_entry(entry)) }
                        }
                    } }
                }
            }
        }
    }
}
