//! One user: who is signed in where, what happened, and acts.

mod act;
pub(crate) mod ask;
mod devices;
mod limits;
mod outcome;
mod timeline;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_remote::api::{Problem, Scope, UserDevices, UserView};
use easemob_admin_words::{t, translated};
use futures_util::future::{join, join5};
use maud::{Markup, html};
use serde::Deserialize;

use self::outcome::Attempt;
use crate::Console;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::pages::limits::versions;
use crate::times;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::{dialog, live, platform};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/{app}/users/{user}", get(show))
        .route(
            "/console/{app}/users/{user}/sign-out",
            get(ask::sign_out).post(act::sign_out),
        )
        .route("/console/{app}/users/{user}/lock", get(ask::lock).post(act::lock))
        .route(
            "/console/{app}/users/{user}/unlock",
            get(ask::unlock).post(act::unlock),
        )
        .route("/console/{app}/users/{user}/ban", get(ask::ban).post(act::ban))
        .route(
            "/console/{app}/users/{user}/unban",
            get(ask::unban).post(act::unban),
        )
}

/// What of the user is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct View {
    /// Devices of one platform only.
    platform: Option<String>,
    /// The device about which there is a question.
    ask: Option<String>,
    /// The run whose outcome is shown.
    run: Option<String>,
    /// What the timeline shows.
    #[serde(default)]
    show: timeline::Show,
    /// Where the timeline goes on.
    before: Option<String>,
}

/// What is known of a user, each part as far as it could be read.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) account: UserView,
    pub(super) devices: Result<UserDevices, Problem>,
    limits: Result<limits::Applied, Problem>,
    pub(super) lock: Result<Option<Lock>, Problem>,
}

impl Known {
    /// Reads from the server what is known, now.
    pub(super) async fn read(visit: &Visit, name: &str) -> Result<Self, Problem> {
        let api = &visit.api;
        let lock = async {
            match api.get::<Lock>(&["users", name, "lock"], &[]).await {
                Ok(lock) => Ok(Some(lock)),
                Err(problem) if problem.kind.ends_with("/no-such-lock") => Ok(None),
                Err(problem) => Err(problem),
            }
        };
        let (devices, limits) = (["users", name, "devices"], ["users", name, "limits"]);
        let (user, nothing) = (["users", name], []);
        let answers = join5(
            api.get::<UserView>(&user, &nothing),
            api.get::<UserDevices>(&devices, &nothing),
            api.get::<LimitsView>(&limits, &nothing),
            api.get::<LimitsView>(&["limits"], &nothing),
            lock,
        );
        let ((account, devices, of_user, of_app, lock), policy) =
            join(answers, versions::newest(visit)).await;
        let account = account?;
        // Whoever may not read it, or cannot, sees what the server says.
        let policy = limits::Applied::by_policy(policy.ok().flatten().as_ref(), &account.user);
        Ok(Self {
            // As the server writes it: an address may have it otherwise.
            name: account.user.clone(),
            account,
            devices,
            limits: limits::Applied::of(of_user, of_app, policy),
            lock,
        })
    }

    /// Returns how many devices are online, if that is known.
    pub(super) fn online(&self) -> Option<usize> {
        let devices = self.devices.as_ref().ok()?.devices.as_ref()?;
        Some(devices.len())
    }

    pub(super) fn is_locked(&self) -> bool {
        matches!(&self.lock, Ok(Some(_)))
    }
}

async fn show(
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    Query(view): Query<View>,
) -> Result<Page, Trouble> {
    let attempt = async {
        match &view.run {
            Some(run) => Attempt::read(&visit, run, &name).await,
            None => None,
        }
    };
    // The outcome first: what is read afterwards shows its effect.
    let attempt = attempt.await;
    let known = Known::read(&visit, &name).await?;
    let timeline = timeline::read(&visit, &known.name, &view).await;
    Ok(page(
        &visit,
        &known,
        &view,
        attempt.as_ref(),
        Some(&timeline),
        None,
    ))
}

/// Returns the page, with a question over it if there is one.
fn page(
    visit: &Visit,
    known: &Known,
    view: &View,
    attempt: Option<&Attempt>,
    timeline: Option<&timeline::Read>,
    question: Option<Markup>,
) -> Page {
    visit.page(Nav::Users, || {
        let logins = timeline.map(timeline::Read::logins).unwrap_or_default();
        let devices = devices::Rows::of(known, attempt, &logins);
        let main = html! {
            nav.crumb aria-label=(t!("breadcrumb")) {
                a href=(visit.link(&["users"])) { (t!("Users")) }
                span aria-hidden="true" { "/" }
                span { (foreign(&known.name)) }
            }
            (head(visit, known, &devices))
            (live::note())
            @if let Some(attempt) = attempt { (attempt.note(visit)) }
            div.cols {
                div {
                    (devices::card(visit, known, view, &devices, attempt))
                    @if let Some(timeline) = timeline { (timeline::card(visit, known, view, timeline)) }
                }
                div {
                    (limits::card(visit, known, &devices))
                    (account(visit, known))
                }
            }
            @if let Some(question) = question { (question) }
        };
        (known.name.clone(), main)
    })
}

fn head(visit: &Visit, known: &Known, devices: &devices::Rows) -> Markup {
    let user = known.name.as_str();
    let link = |act: &str| visit.link(&["users", user, act]);
    let online = known.online();
    html! {
        div.head #user-head {
            div.head-t {
                h1 {
                    span.mono { (foreign(user)) }
                    button.btn."btn--plain"."btn--icon"."btn--sm" type="button" data-copy=(user) aria-label=(t!("Copy the name of the user")) { (Icon::COPY) }
                    @for (word, online, limit) in devices.over_limit() {
                        span.tag."tag--attn" {
                            (Icon::WARNING)
                            (t!("Over the limit: {} {} of {}", platform::name(word), online, limit))
                        }
                    }
                    @if known.is_locked() { span.tag."tag--attn" { (Icon::LOCK) (t!("Locked")) } }
                    @else if known.account.banned == Some(true) { span.tag."tag--danger" { (Icon::BAN) (t!("Banned")) } }
                }
                div.head-sub {
                    @match online {
                        Some(1) => span { (t!("1 device is online")) },
                        Some(online) => span { (t!("{} devices are online", grouped(online as u64))) },
                        None => span { (t!("The devices could not be read")) },
                    }
                    (live::mark(visit))
                }
            }
            div.acts {
                @if visit.may(Scope::SessionsApply) {
                    @if known.is_locked() {
                        (dialog::opens(&link("unlock"), "btn", &html! { (Icon::LOCK) (t!("Unlock…")) }))
                    } @else if known.account.banned != Some(true) {
                        (dialog::opens(&link("lock"), "btn", &html! { (Icon::LOCK) (t!("Lock…")) }))
                    }
                }
                @if visit.may(Scope::UsersWrite) {
                    @if known.account.banned == Some(true) && !known.is_locked() {
                        a.btn href=(link("unban")) { (Icon::BAN) (t!("Lift the ban…")) }
                    } @else {
                        a.btn href=(link("ban")) { (Icon::BAN) (t!("Ban…")) }
                    }
                }
                @if visit.may(Scope::SessionsApply) && online.is_none_or(|online| online > 0) {
                    @if online.is_none_or(|online| online > 1) {
                        (dialog::opens(&format!("{}?keep=1", link("sign-out")), "btn", &html! { (t!("Keep only the newest…")) }))
                    }
                    (dialog::opens(&format!("{}?all=1", link("sign-out")), "btn btn--danger-out", &html! {
                        (Icon::SIGN_OUT)
                        @match online {
                            Some(1) => (t!("Sign out…")),
                            Some(online) => (t!("Sign out all {}…", grouped(online as u64))),
                            None => (t!("Sign out all devices…")),
                        }
                    }))
                }
            }
        }
    }
}

fn account(visit: &Visit, known: &Known) -> Markup {
    let created = known.account.created;
    let created = created.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    let unknown = html! { span.soft { (t!("not known")) } };
    html! {
        section.card {
            div.card-h { h2 { (t!("Account")) } }
            div.card-b {
                dl.kv {
                    dt { (t!("Nickname")) }
                    dd { @if let Some(nickname) = &known.account.nickname { (foreign(nickname)) } @else { "—" } }
                    dt { (t!("Created")) }
                    dd { @if let Some(created) = created { (visit.time(created)) } @else { (unknown) } }
                    dt { (t!("State")) }
                    dd { (state(visit, known)) }
                    @if let Ok(limits) = &known.limits && let Some(exempt) = limits.exempt() {
                        dt { (t!("Exempt")) }
                        dd { code { (foreign(&exempt.name)) } }
                    }
                    @if let Ok(Some(lock)) = &known.lock {
                        dt { (t!("Locked by")) }
                        dd { (foreign(&lock.operator)) ", " (visit.time(lock.changed.unwrap_or(lock.since))) }
                        @if let Some(reason) = &lock.reason { dt { (t!("Reason")) } dd { (foreign(reason)) } }
                        @if let Some(ticket) = &lock.ticket { dt { (t!("Ticket")) } dd.mono { (foreign(ticket)) } }
                    }
                    @if let Err(problem) = &known.lock {
                        dt { (t!("Lock")) }
                        dd { span.c-attn { (translated(&problem.title)) } }
                    }
                    @if visit.may(Scope::AuditRead) {
                        dt { (t!("Audit trail")) }
                        dd { a href={ (visit.link(&["audit"])) "?by=user&q=" (crate::api::encoded(&known.name)) } { (t!("All entries of this user")) } }
                    }
                }
            }
        }
    }
}

fn state(visit: &Visit, known: &Known) -> Markup {
    html! {
        @if let Ok(Some(lock)) = &known.lock {
            @if lock.is_due(visit.now) {
                span.c-attn { (t!("Locked; the lock should have ended at {}", times::full(lock.until, &visit.look.zone))) }
            } @else {
                (t!("Locked until {}", times::full(lock.until, &visit.look.zone)))
            }
        } @else {
            @match known.account.banned {
                Some(true) => span.c-danger { (t!("Banned, without an end")) },
                Some(false) => (t!("Active, not locked, not banned")),
                None => span.soft { (t!("not known")) },
            }
        }
    }
}
