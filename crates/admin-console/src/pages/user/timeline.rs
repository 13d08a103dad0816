//! What happened to a user: sign-ins as webhooks and scans told them, and acts as the trail has them.

use easemob_admin_audit::{Entry, Outcome};
use easemob_admin_remote::api::{AuditPage, GapView, Problem, Scope, Timeline, TimelineMoment};
use easemob_admin_words::{t, translated};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::devices::Logins;
use super::{Known, View};
use crate::api::encoded;
use crate::icons::Icon;
use crate::times::hours_before;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::{live, outcome_word, platform};

/// How many days are shown at once; fewer, if a user signs in very often.
const DAYS: [i64; 3] = [30, 7, 1];

/// The most entries of each source that are shown at once.
const MOST: &str = "1000";

/// What is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Show {
    #[default]
    All,
    SignIns,
    Acts,
}

/// What was read.
pub(super) struct Read {
    moments: Vec<Moment>,
    /// Where what is shown begins.
    since: Timestamp,
    /// Why sign-ins could not be read.
    no_sign_ins: Option<Problem>,
    /// Why acts could not be read.
    no_acts: Option<Problem>,
}

/// Something that happened.
struct Moment {
    at: Timestamp,
    what: What,
}

enum What {
    Login(TimelineMoment),
    Act(Box<Entry>),
    Gap(GapView),
}

pub(super) async fn read(visit: &Visit, user: &str, view: &View) -> Read {
    let until = view.before.as_deref().and_then(|before| before.parse().ok());
    let until = until.unwrap_or(visit.now + SignedDuration::from_mins(1));
    let mut read = Read {
        moments: Vec::new(),
        since: hours_before(until, 24 * DAYS[0]),
        no_sign_ins: None,
        no_acts: None,
    };
    if view.show != Show::Acts {
        sign_ins(visit, user, until, &mut read).await;
    }
    if view.show != Show::SignIns && visit.may(Scope::AuditRead) {
        let (since, until) = (read.since.to_string(), until.to_string());
        let query = [
            ("user", user),
            ("order", "newest"),
            ("limit", MOST),
            ("since", &since),
            ("until", &until),
        ];
        match visit.api.get::<AuditPage>(&["audit"], &query).await {
            Ok(page) => read.moments.extend(page.items.into_iter().filter_map(act)),
            // Nobody has acted yet.
            Err(problem) if problem.kind.ends_with("/nothing-kept") => {}
            Err(problem) => read.no_acts = Some(problem),
        }
    }
    read.moments.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    read
}

impl Read {
    /// Returns when each device signed in last, as webhooks told.
    pub(super) fn logins(&self) -> Logins {
        let mut logins = Logins::new();
        for moment in &self.moments {
            if let What::Login(login) = &moment.what
                && login.event == "login"
            {
                // The newest moment comes first.
                logins.entry(login.resource.clone()).or_insert(moment.at);
            }
        }
        logins
    }
}

async fn sign_ins(visit: &Visit, user: &str, until: Timestamp, read: &mut Read) {
    for days in DAYS {
        read.since = hours_before(until, 24 * days);
        let (since, until) = (read.since.to_string(), until.to_string());
        let query = [
            ("since", since.as_str()),
            ("until", until.as_str()),
            ("limit", MOST),
        ];
        match visit
            .api
            .get::<Timeline>(&["users", user, "timeline"], &query)
            .await
        {
            Ok(found) => {
                if found.next.is_some() && days != DAYS[DAYS.len() - 1] {
                    continue;
                }
                let items = told_once(found.items);
                let logins = items.into_iter().filter_map(|login| {
                    Some(Moment {
                        at: login.at?,
                        what: What::Login(login),
                    })
                });
                read.moments.extend(logins);
                let gaps = found.gaps.into_iter().filter_map(|gap| {
                    Some(Moment {
                        at: gap.since?,
                        what: What::Gap(gap),
                    })
                });
                read.moments.extend(gaps);
            }
            Err(problem) => read.no_sign_ins = Some(problem),
        }
        return;
    }
}

/// Leaves out what a scan saw last if the same scan saw it first.
fn told_once(items: Vec<TimelineMoment>) -> Vec<TimelineMoment> {
    let first: std::collections::BTreeSet<(String, Option<Timestamp>)> = items
        .iter()
        .filter(|moment| moment.event == "first_seen")
        .map(|moment| (moment.resource.clone(), moment.at))
        .collect();
    let twice = |moment: &TimelineMoment| {
        moment.event == "last_seen" && first.contains(&(moment.resource.clone(), moment.at))
    };
    items.into_iter().filter(|moment| !twice(moment)).collect()
}

fn act(entry: Entry) -> Option<Moment> {
    Some(Moment {
        at: Timestamp::from_millisecond(entry.event.time.as_millis()).ok()?,
        what: What::Act(Box::new(entry)),
    })
}

/// Shows it, newest first.
pub(super) fn card(visit: &Visit, known: &Known, view: &View, read: &Read) -> Markup {
    let mut days: Vec<(Date, Vec<&Moment>)> = Vec::new();
    for moment in &read.moments {
        let date = moment.at.to_zoned(visit.look.zone.clone()).date();
        match days.last_mut().filter(|(day, _)| *day == date) {
            Some((_, moments)) => moments.push(moment),
            None => days.push((date, vec![moment])),
        }
    }
    html! {
        section #timeline .card hx-get=(visit.address) hx-select="#timeline" hx-swap=(live::IN_PLACE)
            hx-trigger="live" hx-disinherit=(live::OWN) data-live-part="2" data-live-user=(known.name) {
            div.card-h { h2 { (t!("Timeline")) } (filter(visit, known, view)) }
            @for problem in [&read.no_sign_ins, &read.no_acts].into_iter().flatten() {
                div.note."note--attn"."note--in" {
                    (Icon::WARNING)
                    div { b { (translated(&problem.title)) "." } @if let Some(detail) = &problem.detail { " " (foreign(translated(detail))) } }
                }
            }
            @for (date, moments) in &days {
                h3.line-day { (day(visit, *date)) }
                ol.line { @for moment in moments { (line(visit, moment)) } }
            }
            @if days.is_empty() {
                div.card-b { p.muted { (t!("Nothing is known of this time.")) } }
            }
            div.card-f {
                a href={ (address(visit, known, view.show)) (if view.show == Show::All { "?" } else { "&" }) "before=" (encoded(&read.since.to_string())) "#timeline" } {
                    (t!("Earlier entries"))
                }
                span { (t!("Shown since {}", visit.clock(read.since))) }
                @if view.show != Show::SignIns && !visit.may(Scope::AuditRead) {
                    span { (t!("Acts are in the audit trail, which needs the scope audit:read.")) }
                }
            }
        }
    }
}

fn address(visit: &Visit, known: &Known, show: Show) -> String {
    let base = visit.link(&["users", &known.name]);
    match show {
        Show::All => base,
        Show::SignIns => format!("{base}?show=sign-ins"),
        Show::Acts => format!("{base}?show=acts"),
    }
}

fn filter(visit: &Visit, known: &Known, view: &View) -> Markup {
    let choices = [
        (Show::All, t!("All")),
        (Show::SignIns, t!("Sign-ins")),
        (Show::Acts, t!("Acts")),
    ];
    html! {
        nav.seg aria-label=(t!("What the timeline shows")) {
            @for (show, name) in choices {
                a href={ (address(visit, known, show)) "#timeline" } aria-current=[(view.show == show).then_some("true")] { (name) }
            }
        }
    }
}

fn day(visit: &Visit, date: Date) -> String {
    let today = visit.now.to_zoned(visit.look.zone.clone()).date();
    let text = date.strftime("%Y-%m-%d").to_string();
    if date == today {
        t!("Today, {text}")
    } else if date.tomorrow().is_ok_and(|next| next == today) {
        t!("Yesterday, {text}")
    } else {
        text
    }
}

fn line(visit: &Visit, moment: &Moment) -> Markup {
    let time = |at: Timestamp| {
        at.to_zoned(visit.look.zone.clone())
            .strftime("%H:%M:%S")
            .to_string()
    };
    let (class, icon, what, at) = match &moment.what {
        What::Login(login) => {
            let (class, icon) = match login.event.as_str() {
                "login" => (None, Icon::SIGN_IN),
                "logout" => (None, Icon::SIGN_OUT),
                "replaced" => (Some("is-attn"), Icon::EVICTED),
                _ => (None, Icon::EYE),
            };
            (class, icon, login_text(login), time(moment.at))
        }
        What::Act(entry) => {
            let failed = matches!(
                entry.event.outcome,
                Some(Outcome::Failed | Outcome::Refused | Outcome::Unknown)
            );
            let class = if failed { "is-attn" } else { "is-act" };
            (
                Some(class),
                icon_of(call(entry)),
                act_text(visit, entry),
                time(moment.at),
            )
        }
        What::Gap(gap) => {
            let until = gap.until.map(&time).unwrap_or_default();
            let what = html! {
                (t!("No webhooks arrived"))
                span.sub { (t!("Sign-ins and sign-outs of this time may be missing")) }
            };
            (
                None,
                Icon::QUESTION,
                what,
                format!("{} – {until}", time(moment.at)),
            )
        }
    };
    html! {
        li class=[class] {
            span.dot { (icon.small()) }
            time datetime=(moment.at) { (at) }
            div { (what) }
        }
    }
}

fn login_text(login: &TimelineMoment) -> Markup {
    html! {
        @match login.event.as_str() {
            "login" => (t!("Signed in: ")),
            "logout" => (t!("Signed out: ")),
            "replaced" => (t!("Evicted by a new sign-in: ")),
            "first_seen" => (t!("First seen by a scan: ")),
            "last_seen" => (t!("Last seen by a scan: ")),
            other => { (foreign(other)) ": " },
        }
        (foreign(platform::name(&login.platform)))
        span.sub {
            span.mono { (foreign(&login.resource)) }
            @if !login.detail.is_empty() { " · " (foreign(&login.detail)) }
        }
    }
}

/// Returns the name of the call that an act consists of.
fn call(entry: &Entry) -> &str {
    entry.event.call.as_deref().unwrap_or_default()
}

fn icon_of(call: &str) -> Icon {
    match call {
        "users.ban" | "users.unban" => Icon::BAN,
        "sessions.logout_all" | "sessions.logout_device" => Icon::SIGN_OUT,
        _ if call.starts_with("limits.") => Icon::LIMITS,
        _ => Icon::INFO,
    }
}

fn act_text(visit: &Visit, entry: &Entry) -> Markup {
    let event = &entry.event;
    let operator = event
        .operator
        .as_ref()
        .and_then(easemob_admin_audit::Operator::name);
    let operator = operator.unwrap_or_else(|| "?".into());
    html! {
        b { (foreign(&operator)) } " "
        @match call(entry) {
            "sessions.logout_device" => (t!("signed a device out")),
            "sessions.logout_all" => (t!("signed all devices out")),
            // A lock is a ban with an end.
            "users.ban" => (t!("locked or banned the user")),
            "users.unban" => (t!("lifted a lock or ban")),
            "" => (t!("acted on the user")),
            other if other.starts_with("limits.") => (t!("set the limits")),
            other => (foreign(other)),
        }
        ": " (outcome_word::of_entry(entry))
        span.sub {
            @if let Some(reason) = &event.reason { (t!("Reason: ")) (foreign(reason)) " · " }
            @if let Some(ticket) = &event.ticket {
                (t!("Ticket: ")) a href={ (visit.link(&["audit"])) "?by=ticket&q=" (encoded(ticket)) } { (foreign(ticket)) } " · "
            }
            @if let Some(run) = &event.run { a.mono href=(visit.link(&["runs", run])) { (foreign(run)) } }
            @if let Some(error) = &event.error { " · " (foreign(error)) }
            @for device in &event.devices { " · " span.mono { (foreign(device)) } }
        }
    }
}
