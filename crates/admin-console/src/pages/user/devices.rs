//! The devices of a user that are online, and what became of those that an act was about.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_remote::api::{DeviceView, Scope};
use easemob_admin_words::{t, translated};
use jiff::Timestamp;
use maud::{Markup, html};

use super::limits::Applied;
use super::outcome::Attempt;
use super::{Known, View};
use crate::api::encoded;
use crate::frame::form_secret;
use crate::icons::Icon;
use crate::times;
use crate::visit::Visit;
use crate::widgets::dialog;
use crate::widgets::foreign::foreign;
use crate::widgets::live;
use crate::widgets::platform;
use crate::widgets::run_id;
use crate::widgets::{outcome, reason};

/// When devices signed in, by resource id.
pub(super) type Logins = BTreeMap<String, Timestamp>;

/// A device.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    platform: String,
    name: Option<String>,
    signed_in: Option<Timestamp>,
    is_online: bool,
    is_newest: bool,
    is_over_limit: bool,
    report: Option<DeviceReport>,
}

/// The devices that are online, and those that an act was about.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// The platforms with more devices than may be online: how many, and how many may.
    over: Vec<(String, usize, u32)>,
}

impl Rows {
    /// Arranges what is known. Webhooks told when the devices of `logins` signed in.
    pub(super) fn of(known: &Known, attempt: Option<&Attempt>, logins: &Logins) -> Self {
        let online = known.devices.as_ref().ok().and_then(|read| read.devices.clone());
        let reports = attempt.map(|attempt| attempt.devices.clone()).unwrap_or_default();
        arrange(
            online.unwrap_or_default(),
            reports,
            known.limits.as_ref().ok(),
            logins,
        )
    }

    pub(super) fn online_by_platform(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.is_online) {
            *counts.entry(row.platform.clone()).or_default() += 1;
        }
        counts
    }

    /// Returns each platform with more devices than may be online: how many, and how many may.
    pub(super) fn over_limit(&self) -> impl Iterator<Item = (&str, usize, u32)> {
        self.over
            .iter()
            .map(|(word, online, limit)| (word.as_str(), *online, *limit))
    }

    /// Returns the devices that are online.
    pub(super) fn online(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_online)
    }
}

impl Row {
    /// Returns what people call it.
    pub(super) fn called(&self) -> &str {
        match self.name.as_deref() {
            Some(name) if !name.trim().is_empty() => name,
            _ => &self.id,
        }
    }

    pub(super) fn is_on(&self, platform: &str) -> bool {
        self.platform == platform
    }
}

/// Puts devices into an order that an act does not change: a device that has left keeps its place.
fn arrange(
    online: Vec<DeviceView>,
    mut reports: BTreeMap<String, DeviceReport>,
    limits: Option<&Applied>,
    logins: &Logins,
) -> Rows {
    let since = |id: &str| logins.get(id).copied().or_else(|| stamp(id));
    let mut rows: Vec<Row> = online
        .into_iter()
        .map(|device| Row {
            report: reports.remove(&device.device),
            signed_in: since(&device.device).or(device.signed_in),
            id: device.device,
            platform: device.platform,
            name: device.name,
            is_online: true,
            is_newest: false,
            is_over_limit: false,
        })
        .collect();
    rows.extend(reports.into_iter().map(|(id, report)| Row {
        signed_in: since(&id),
        platform: report.platform.clone().unwrap_or_default(),
        name: report.name.clone(),
        id,
        is_online: false,
        is_newest: false,
        is_over_limit: false,
        report: Some(report),
    }));
    rows.sort_by(|a, b| {
        let key = |row: &Row| (row.signed_in.is_none(), Reverse(row.signed_in));
        key(a)
            .cmp(&key(b))
            .then_with(|| a.platform.cmp(&b.platform))
            .then_with(|| a.id.cmp(&b.id))
    });
    if let Some(newest) = rows
        .iter_mut()
        .find(|row| row.is_online && row.signed_in.is_some())
    {
        newest.is_newest = true;
    }
    let over = limits
        .map(|limits| mark_surplus(&mut rows, limits))
        .unwrap_or_default();
    Rows { rows, over }
}

/// Marks the devices that enforcing the limits would sign out: the oldest ones, as far as their ages are known.
fn mark_surplus(rows: &mut [Row], limits: &Applied) -> Vec<(String, usize, u32)> {
    if limits.is_single() || limits.exempt().is_some() {
        return Vec::new();
    }
    let mut by_platform = BTreeMap::<String, usize>::new();
    for row in rows.iter().filter(|row| row.is_online) {
        *by_platform.entry(row.platform.clone()).or_default() += 1;
    }
    let mut over = Vec::new();
    for (word, online) in by_platform {
        let Some(limit) = limits.of_platform(&word) else {
            continue;
        };
        let surplus = online.saturating_sub(limit as usize);
        if surplus == 0 {
            continue;
        }
        // The rows are ordered from new to old.
        let known = rows
            .iter_mut()
            .rev()
            .filter(|row| row.is_online && row.platform == word && row.signed_in.is_some());
        known.take(surplus).for_each(|row| row.is_over_limit = true);
        over.push((word, online, limit));
    }
    over
}

/// Returns the time inside the id of a web device.
fn stamp(id: &str) -> Option<Timestamp> {
    let (_, digits) = id.rsplit_once('_')?;
    let plausible = digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::from_millisecond(digits.parse().ok().filter(|_| plausible)?).ok()
}

/// Shows them.
pub(super) fn card(
    visit: &Visit,
    known: &Known,
    view: &View,
    rows: &Rows,
    attempt: Option<&Attempt>,
) -> Markup {
    let only = view.platform.as_deref();
    let shown: Vec<&Row> = rows
        .rows
        .iter()
        .filter(|row| only.is_none_or(|only| row.is_on(only)))
        .collect();
    let goes_on = attempt.is_some_and(Attempt::goes_on);
    let trigger = if goes_on { "live, every 2s" } else { "live" };
    html! {
        section #devices .card hx-get=(visit.address) hx-select="#devices" hx-select-oob="#user-head:morph" hx-swap=(live::IN_PLACE)
            hx-trigger=(trigger) hx-disinherit=(live::OWN) data-live-part="2" data-live-user=(known.name) {
            div.card-h {
                h2 { (t!("Devices that are online")) }
                (filter(visit, known, rows, only))
            }
            @match &known.devices {
                Err(problem) => (unread(visit, problem)),
                Ok(_) if shown.is_empty() => div.state {
                    (Icon::INFO)
                    h3 { (t!("No device is online")) }
                    p { (t!("The server was asked at {}.", visit.clock(visit.now))) }
                },
                Ok(_) => div.tw {
                    table.cards."cards--tight" {
                        thead { tr {
                            th scope="col" { (t!("Device")) }
                            th scope="col" { (t!("Platform")) }
                            th scope="col" { (t!("Signed in")) }
                            th scope="col" { span.vh { (t!("Act")) } }
                        } }
                        tbody data-rows { @for row in &shown { (line(visit, known, view, row, attempt)) } }
                    }
                },
            }
            div.card-f {
                span { (t!("The server does not say when a device signed in. Times are from webhooks or inside device ids; unknown ones are not guessed.")) }
                @if let Some(only) = only && visit.may(Scope::SessionsApply) && rows.online().any(|row| row.is_on(only)) {
                    div.acts {
                        (dialog::opens(
                            &format!("{}?platform={}", visit.link(&["users", &known.name, "sign-out"]), encoded(only)),
                            "btn btn--sm btn--danger-out",
                            &html! { (Icon::SIGN_OUT) (t!("Sign out all on {}…", platform::name(only))) },
                        ))
                    }
                }
            }
        }
    }
}

fn unread(visit: &Visit, problem: &easemob_admin_remote::api::Problem) -> Markup {
    html! {
        div.state."state--attn" {
            (Icon::UNPLUGGED)
            h3 { (translated(&problem.title)) }
            @if let Some(detail) = &problem.detail { p { (foreign(translated(detail))) } }
            p { (t!("Unread is not offline: the devices of this user are not known.")) }
            div.acts { a.btn."btn--sm" href=(visit.address) { (Icon::RELOAD) (t!("Try now")) } }
        }
    }
}

fn filter(visit: &Visit, known: &Known, rows: &Rows, only: Option<&str>) -> Markup {
    let counts = rows.online_by_platform();
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(**count));
    let all: usize = counts.values().sum();
    let base = visit.link(&["users", &known.name]);
    html! {
        @if sorted.len() > 1 || only.is_some() {
            nav.seg aria-label=(t!("Filter by platform")) {
                a href=(base) aria-current=[only.is_none().then_some("true")] { (t!("All")) " " (all) }
                @for (word, count) in sorted {
                    a href={ (base) "?platform=" (encoded(word)) } aria-current=[(only == Some(word)).then_some("true")] {
                        (foreign(platform::name(word))) " " (count)
                    }
                }
            }
        }
    }
}

fn line(visit: &Visit, known: &Known, view: &View, row: &Row, attempt: Option<&Attempt>) -> Markup {
    let is_ending = row.is_online && attempt.is_some_and(|attempt| attempt.is_ending(&row.id, &row.platform));
    let asks = row.is_online && view.ask.as_deref() == Some(&row.id) && visit.may(Scope::SessionsApply);
    let class = if is_ending || !row.is_online {
        Some("is-busy")
    } else if asks {
        Some("is-open")
    } else {
        None
    };
    html! {
        tr class=[class] aria-busy=[is_ending.then_some("true")] {
            th.c-lead scope="row" {
                span.plat {
                    (Icon::of_platform(&row.platform))
                    span {
                        (foreign(row.called())) " "
                        @if row.is_newest { span.tag."tag--on" { (t!("newest")) } }
                        @if row.is_over_limit && row.is_online { span.tag."tag--attn" { (t!("over the limit")) } }
                    }
                }
                span.sub.mono.clip.rid title=(row.id) { (foreign(&row.id)) }
            }
            @if asks {
                td.c-full colspan="3" { (question(visit, known, view, row)) }
            } @else {
                td data-label=(t!("Platform")) { (foreign(platform::name(&row.platform))) }
                td data-label=(t!("Signed in")) { (signed_in(visit, row)) }
                td.trow-end.c-end { (end(visit, known, view, row, is_ending)) }
            }
        }
    }
}

fn signed_in(visit: &Visit, row: &Row) -> Markup {
    html! {
        span {
            @match row.signed_in {
                Some(at) => {
                    (visit.time(at))
                    span.sub {
                        (times::ago(at, visit.now)) " · "
                        @if stamp(&row.id) == Some(at) { (t!("from the device id")) } @else { (t!("from webhooks")) }
                    }
                },
                None => span.soft { (t!("not known")) },
            }
        }
    }
}

/// The last cell: a button, that it is being done, or what became of it.
fn end(visit: &Visit, known: &Known, view: &View, row: &Row, is_ending: bool) -> Markup {
    let address = address(visit, known, view, Some(&row.id));
    html! {
        @if is_ending {
            span.nowrap { (Icon::SPINNER.turning()) " " (t!("Signing out…")) }
        } @else if let Some(report) = &row.report && (!row.is_online || report.outcome != easemob_admin_ops::report::Outcome::LoggedOut) {
            (outcome::tag(report.outcome))
            @if let Some(error) = &report.failure.error { span.sub { (foreign(translated(error))) } }
        } @else if visit.may(Scope::SessionsApply) {
            a.btn."btn--sm" id={ "out-" (row.id) } href=(address) hx-get=(address) hx-target="#devices" hx-select="#devices" hx-swap="outerHTML"
                aria-label=(t!("Sign out {}", row.called())) { (t!("Sign out")) }
        }
    }
}

/// The address of the page that shows the same, with or without a question.
fn address(visit: &Visit, known: &Known, view: &View, ask: Option<&str>) -> String {
    let mut address = visit.link(&["users", &known.name]);
    let parts = [("platform", view.platform.as_deref()), ("ask", ask)];
    for (sign, (name, value)) in ["?", "&"]
        .iter()
        .zip(parts.into_iter().filter(|(_, value)| value.is_some()))
    {
        address.extend([sign, name, "=", &encoded(value.unwrap_or_default())]);
    }
    address
}

/// The question in a row. No comes first, and Enter does not confirm.
fn question(visit: &Visit, known: &Known, view: &View, row: &Row) -> Markup {
    let no = address(visit, known, view, None);
    let act = visit.link(&["users", &known.name, "sign-out"]);
    let wanted = reason::needs_one(visit);
    html! {
        form.inline-q data-ask method="post" action=(act) hx-post=(act) hx-target="#main" hx-select="#main > *" hx-push-url="true" {
            button disabled hidden {}
            (form_secret(visit))
            (run_id::field(&run_id::new(visit)))
            input type="hidden" name="device" value=(row.id);
            span { (t!("Sign out {}?", row.called())) }
            input type="text" name="reason" aria-label=(t!("Reason")) placeholder=(t!("Reason")) required[wanted] maxlength="500" autocomplete="off";
            div.acts {
                a.btn."btn--sm" href=(no) hx-get=(no) hx-target="#devices" hx-select="#devices" hx-swap="outerHTML" data-no { (t!("No")) }
                button.btn."btn--sm"."btn--danger" { (t!("Sign out")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::report::limits::LimitsView;

    use super::*;

    fn online(ids: &[&str]) -> Vec<DeviceView> {
        let device = |id: &&str| DeviceView {
            device: (*id).to_owned(),
            platform: if id.starts_with("web") { "web" } else { "android" }.into(),
            name: None,
            signed_in: None,
        };
        ids.iter().map(device).collect()
    }

    fn limits(each: u32) -> Applied {
        let view = LimitsView {
            mode: None,
            default: Some(each),
            platforms: BTreeMap::new(),
        };
        Applied::of(Ok(view.clone()), Ok(view), None).unwrap()
    }

    fn report(id: &str) -> DeviceReport {
        let json = serde_json::json!({"line": 1, "user": "ann", "outcome": "logged_out", "device": id, "platform": "web"});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_device_that_has_left_keeps_its_place() {
        let [new, middle, old] = [
            "webim_random_web_1795827696348",
            "webim_random_web_1795741272566",
            "webim_random_web_1795568980159",
        ];
        let ids = |rows: &Rows| -> Vec<String> { rows.rows.iter().map(|row| row.id.clone()).collect() };
        let before = arrange(
            online(&["android_1", old, new, middle]),
            BTreeMap::new(),
            None,
            &Logins::new(),
        );
        assert_eq!(ids(&before), [new, middle, old, "android_1"]);
        let reports = [(middle.to_owned(), report(middle))].into();
        let after = arrange(online(&["android_1", old, new]), reports, None, &Logins::new());
        assert_eq!(ids(&after), ids(&before));
        assert!(!after.rows[1].is_online && after.rows[0].is_newest);
        assert_eq!(after.online_by_platform()["web"], 2, "it does not count any more");
    }

    #[test]
    fn the_oldest_devices_are_over_the_limit_and_none_of_unknown_age() {
        let ids = [
            "webim_random_web_1795827696348",
            "webim_random_web_1795741272566",
            "web_1",
            "android_1",
        ];
        let rows = arrange(online(&ids), BTreeMap::new(), Some(&limits(1)), &Logins::new());
        let over: Vec<&str> = rows
            .rows
            .iter()
            .filter(|row| row.is_over_limit)
            .map(|row| row.id.as_str())
            .collect();
        assert_eq!(
            over,
            [ids[0], ids[1]],
            "of three web devices two are too many, and the age of one is not known"
        );
        assert_eq!(rows.over_limit().collect::<Vec<_>>(), [("web", 3, 1)]);
    }

    #[test]
    fn only_thirteen_digits_are_a_time() {
        assert!(stamp("webim_random_web_1795827696348").is_some());
        for id in [
            "android_55ab",
            "web_17958276963480",
            "web_179582769634",
            "1795827696348",
            "web_-179582769634",
        ] {
            assert!(stamp(id).is_none(), "{id}");
        }
    }
}
