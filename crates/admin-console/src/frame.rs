//! What is around each page: header, navigation, language and theme.

use easemob_admin_remote::api::{Problem, Scope};
use easemob_admin_words::{Language, t, translated, within};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::{HTMX, MORPH, PRINT, SCRIPT, STYLE};
use crate::icons::Icon;
use crate::look::{Look, Theme};
use crate::numbers::grouped;
use crate::page::{Nav, Page};
use crate::times;
use crate::visit::{Facts, Visit};

/// How htmx behaves: it writes no style, runs no text, and asks nobody else.
const HTMX_SETTINGS: &str = r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true}"#;

/// How often parts of a page are read again that nobody tells of changes.
const SECONDS_BETWEEN_READINGS: u32 = 10;

const LOGO: &str = r#"<svg viewBox="0 0 22 22" aria-hidden="true"><rect width="22" height="22" rx="5.500" class="f-1"/><g fill="none" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round" class="logo-s"><path d="M10 5.500H7.600c-.9 0-1.600.7-1.600 1.600v7.800c0 .9.700 1.600 1.600 1.600H10"/><path d="M10.500 11h6M14 8.300l2.700 2.700-2.700 2.700"/></g></svg>"#;

/// Returns a page with all that is around it.
pub(crate) fn whole(visit: &Visit, page: &Page) -> Markup {
    let title = match &visit.app {
        Some(app) => format!("{} · {} · easemob-admin", page.title, app.app),
        None => format!("{} · easemob-admin", page.title),
    };
    // Whoever may not follow the trail reads again from time to time.
    let (stream, every) = match &visit.app {
        Some(app) if visit.may(Scope::AuditRead) => (Some(&app.name), None),
        Some(_) => (None, Some(SECONDS_BETWEEN_READINGS)),
        None => (None, None),
    };
    visit.say(|| {
        document(
            &visit.look,
            &title,
            Some(visit.signed_in.form_secret()),
            &html! {
                a.skip href="#main" { (t!("Skip to the content")) }
                (header(visit, page.nav))
                div.shell {
                    (side(visit, page.nav))
                    main #main .page tabindex="-1" data-live=[stream] data-live-every=[every] {
                        (paper(visit))
                        (page.main)
                    }
                }
                (phone_tabs(visit, page.nav))
            },
        )
    })
}

/// Returns the page only, for htmx, which takes from it what it needs.
pub(crate) fn part(visit: &Visit, page: &Page) -> Markup {
    visit.say(|| html! { main #main { (paper(visit)) (page.main) } })
}

/// Returns a document.
pub(crate) fn document(look: &Look, title: &str, form_secret: Option<&str>, body: &Markup) -> Markup {
    let headers = form_secret.map(|secret| format!(r#"{{"x-form-secret":"{secret}"}}"#));
    html! {
        (DOCTYPE)
        html lang=(look.tag()) data-theme=[look.theme.attribute()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX_SETTINGS);
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.address);
                link rel="stylesheet" href=(PRINT.address) media="print";
                script src=(HTMX.address) defer {}
                script src=(MORPH.address) defer {}
                script src=(SCRIPT.address) defer {}
            }
            body hx-ext="morph" hx-headers=[headers] data-keys=(if look.keys { "on" } else { "off" }) { (body) }
        }
    }
}

/// Returns the field with which a form shows that it is of ours.
pub(crate) fn form_secret(visit: &Facts) -> Markup {
    html! { input type="hidden" name="form" value=(visit.signed_in.form_secret()); }
}

fn header(visit: &Visit, nav: Nav) -> Markup {
    html! {
        header.top {
            a.brand href="/console" aria-label="easemob-admin" { (PreEscaped(LOGO)) span { "easemob-admin" } }
            @if let Some(app) = &visit.app {
                a.app href="/console/apps" {
                    span.vh { (t!("Change the app, now ")) } b { (app.app) }
                    @if app.sandbox { span.env."env--sandbox" { (t!("sandbox")) } }
                    @else { span.env { (t!("production")) } }
                    (Icon::DOWN.small())
                }
                form.find.only-wide role="search" action=(visit.link(&["users"])) {
                    (Icon::SEARCH)
                    label.vh for="q" { (t!("Search")) }
                    input #q name="q" type="search" placeholder=(t!("User, or id of a run")) autocomplete="off" maxlength="255";
                    kbd { "/" }
                }
            }
            div.top-end {
                @if visit.app.is_some() {
                    a.btn."btn--plain"."btn--icon".only-phone href=(visit.link(&["users"])) aria-label=(t!("Search")) { (Icon::SEARCH) }
                    @if let Some((used, rate)) = visit.standing.budget { (budget(visit, used, rate)) }
                }
                (look_forms(visit))
                a.me href=(if visit.app.is_some() { visit.link(&["settings"]) } else { "/console".into() })
                    aria-current=[(nav == Nav::Settings).then_some("page")] {
                    span.who { bdi { (visit.signed_in.name()) } } (Icon::DOWN.small()) span.vh { (t!("Settings")) }
                }
            }
        }
    }
}

fn budget(visit: &Visit, used: u32, rate: u32) -> Markup {
    let share = (u64::from(used) * 100 / u64::from(rate.max(1))).min(100);
    html! {
        a.budget href={ (visit.link(&["overview"])) "#budget" } {
            span { (t!("Budget of calls")) }
            b { (t!("{} / {} a second", grouped(u64::from(used)), grouped(u64::from(rate)))) }
            svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                rect x="0" width=(share) height="6" class="f-1" {}
            }
        }
    }
}

/// Language and theme, each a form that sets a cookie.
fn look_forms(visit: &Visit) -> Markup {
    let (other, tag, name) = match visit.look.language {
        Language::English => ("zh-CN", "zh-CN", "中文"),
        Language::Chinese => ("en", "en", "English"),
    };
    let (theme, icon, label) = match visit.look.theme {
        Theme::Dark => ("light", Icon::SUN, t!("Light theme")),
        _ => ("dark", Icon::MOON, t!("Dark theme")),
    };
    html! {
        form method="post" action="/console/look" {
            (form_secret(visit))
            input type="hidden" name="next" value=(visit.address);
            button.btn."btn--plain".lang name="language" value=(other) lang=(tag) { (name) }
            button.btn."btn--plain"."btn--icon" name="theme" value=(theme) aria-label=(label) { (icon) }
        }
    }
}

/// An entry of the navigation.
struct Entry {
    nav: Nav,
    path: &'static str,
    icon: Icon,
    name: &'static str,
    count: Option<u64>,
    /// Whether the count is of work that waits for somebody.
    waits: bool,
}

fn entry(nav: Nav, path: &'static str, icon: Icon, name: &'static str) -> Entry {
    Entry {
        nav,
        path,
        icon,
        name,
        count: None,
        waits: false,
    }
}

fn runs_entry(visit: &Visit) -> Entry {
    Entry {
        count: visit.standing.running,
        ..entry(Nav::Runs, "runs", Icon::RUNS, t!("Runs"))
    }
}

fn approvals_entry(visit: &Visit) -> Entry {
    Entry {
        count: visit.standing.waiting,
        waits: true,
        ..entry(Nav::Approvals, "approvals", Icon::APPROVALS, t!("Approvals"))
    }
}

fn side(visit: &Visit, current: Nav) -> Markup {
    let groups = [
        (
            t!("Look"),
            vec![
                entry(Nav::Overview, "overview", Icon::OVERVIEW, t!("Overview")),
                entry(Nav::Users, "users", Icon::USERS, t!("Users")),
                entry(Nav::Logins, "logins", Icon::LOGINS, t!("Logins")),
            ],
        ),
        (
            t!("Act"),
            vec![
                entry(Nav::Bulk, "bulk", Icon::BULK, t!("Bulk")),
                runs_entry(visit),
                approvals_entry(visit),
            ],
        ),
        (
            t!("Govern"),
            vec![
                entry(Nav::Limits, "limits", Icon::LIMITS, t!("Limits")),
                entry(Nav::Audit, "audit", Icon::AUDIT, t!("Audit trail")),
                entry(Nav::Settings, "settings", Icon::SETTINGS, t!("Settings")),
            ],
        ),
    ];
    html! {
        @if visit.app.is_some() {
            nav.side aria-label=(t!("Pages")) {
                @for (name, entries) in groups {
                    div { h2 { (name) } ul { @for entry in entries { li { (link(visit, &entry, current)) } } } }
                }
                footer {
                    "easemob-admin " (env!("CARGO_PKG_VERSION")) " · "
                    (t!("times in {}", times::zone_name(visit.now, &visit.look.zone)))
                }
            }
        }
    }
}

fn link(visit: &Visit, entry: &Entry, current: Nav) -> Markup {
    html! {
        a href=(visit.link(&[entry.path])) aria-current=[(entry.nav == current).then_some("page")] {
            (entry.icon) (entry.name)
            @if let Some(count) = entry.count.filter(|count| *count > 0) {
                span class=(if entry.waits { "count count--attn" } else { "count" }) { (grouped(count)) }
            }
        }
    }
}

fn phone_tabs(visit: &Visit, current: Nav) -> Markup {
    let entries = [
        entry(Nav::Overview, "overview", Icon::OVERVIEW, t!("Overview")),
        entry(Nav::Users, "users", Icon::USERS, t!("Users")),
        runs_entry(visit),
        approvals_entry(visit),
        entry(Nav::Settings, "more", Icon::MORE, t!("More")),
    ];
    html! {
        @if visit.app.is_some() {
            nav.tabs-phone aria-label=(t!("Pages")) { @for entry in entries { (link(visit, &entry, current)) } }
        }
    }
}

/// The first line on paper.
fn paper(visit: &Visit) -> Markup {
    let at = times::full(visit.now, &visit.look.zone);
    html! {
        p.print-only { (t!("Printed {}", at)) " · " (visit.signed_in.name()) @if let Some(app) = &visit.app {
            " · " (app.app) " "
            @if app.sandbox { (t!("sandbox")) } @else { (t!("production")) }
        } }
    }
}

/// Returns the page that says why there is none.
pub(crate) fn trouble(visit: &Visit, problem: &Problem) -> Page {
    visit.page(Nav::Apps, || {
        (
            translated(&problem.title).to_owned(),
            html! {
                div.head { div.head-t { h1 { (translated(&problem.title)) } } }
                (state(problem, Some(visit)))
            },
        )
    })
}

/// Returns the page of a problem for somebody who is not signed in.
pub(crate) fn outside(look: &Look, problem: &Problem) -> Markup {
    within(look.language, || {
        document(
            look,
            translated(&problem.title),
            None,
            &html! {
                main #main .page tabindex="-1" { (state(problem, None)) }
            },
        )
    })
}

/// What happened, what it means, and one thing to do.
fn state(problem: &Problem, visit: Option<&Visit>) -> Markup {
    let (class, icon) = match problem.status {
        403 => ("state", Icon::LOCK),
        404 => ("state", Icon::SEARCH),
        _ => ("state state--attn", Icon::UNPLUGGED),
    };
    html! {
        section.card {
            div class=(class) {
                (icon)
                h2 { (translated(&problem.title)) }
                @if let Some(detail) = &problem.detail { p { bdi { (translated(detail)) } } }
                @if let Some(hint) = &problem.hint { p { bdi { (translated(hint)) } } }
                @if problem.status == 403 && let Some(visit) = visit {
                    p {
                        (t!("Your scopes: "))
                        @for scope in visit.signed_in.scopes(visit.app_name()) { code { (scope.as_str()) } " " }
                    }
                }
                div.acts {
                    @if problem.retry_may_help && let Some(visit) = visit {
                        a.btn."btn--sm" href=(visit.address) { (Icon::RELOAD) (t!("Try now")) }
                    } @else {
                        a.btn."btn--sm" href="/console" { (t!("To the overview")) }
                    }
                }
            }
        }
    }
}
