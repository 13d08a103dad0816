//! What became of an act on the user, as far as it is known by now.

use std::collections::BTreeMap;
use std::time::Duration;

use easemob_admin_ops::operations::Event;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::report::{Failure, Outcome, Report};
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::{RunState, RunView};
use easemob_admin_words::{t, translated};
use futures_util::StreamExt as _;
use maud::{Markup, html};
use tokio::time::{Instant, timeout_at};

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::outcome::{Tone, tone, words};

/// How long a page waits for an act that has just begun: most are over by then.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// An act on the user.
pub(super) struct Attempt {
    pub(super) run: RunView,
    /// What was reported of devices, by resource id.
    pub(super) devices: BTreeMap<String, DeviceReport>,
    /// What was reported of the user as a whole.
    about_user: Option<Report>,
}

impl Attempt {
    /// Reads what is known of a run that is about this user. One that cannot be read is none of this page.
    pub(super) async fn read(visit: &Visit, run: &str, user: &str) -> Option<Self> {
        let (mut devices, mut about_user) = (BTreeMap::new(), None);
        for report in reports(visit, run).await {
            match report {
                Report::Device(report) if report.user.eq_ignore_ascii_case(user) => {
                    match report.device.clone() {
                        Some(device) => drop(devices.insert(device, report)),
                        None => about_user = Some(report.into()),
                    }
                }
                Report::Lock(report) if report.user.eq_ignore_ascii_case(user) => {
                    about_user = Some(report.into());
                }
                Report::Ban(report) if report.user.eq_ignore_ascii_case(user) => {
                    about_user = Some(report.into());
                }
                _ => {}
            }
        }
        let run = visit.api.get::<RunView>(&["runs", run], &[]).await.ok()?;
        Some(Self {
            run,
            devices,
            about_user,
        })
    }

    /// Returns true while the outcome is not known.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.run.state, RunState::Running | RunState::Waiting)
    }

    /// Returns true while this device is being signed out.
    pub(super) fn is_ending(&self, device: &str, platform: &str) -> bool {
        if !self.goes_on() || self.devices.contains_key(device) {
            return false;
        }
        match &self.run.action {
            Action::Logout { selection } => {
                let named = selection.devices.iter().map(ToString::to_string);
                let on = selection.platforms.iter().map(ToString::to_string);
                (selection.devices.is_empty() || named.into_iter().any(|id| id == device))
                    && (selection.platforms.is_empty() || on.into_iter().any(|word| word == platform))
                    && selection.keep_newest.is_none()
            }
            Action::Lock { .. } | Action::Ban { .. } => true,
            _ => false,
        }
    }

    /// Says what became of the act, where rows of devices do not say it.
    pub(super) fn note(&self, visit: &Visit) -> Markup {
        let link = visit.link(&["runs", &self.run.id]);
        let run = html! { a.inline.mono href=(link) { (self.run.id) } };
        match self.run.state {
            RunState::WaitingForApproval => html! {
                div.note."note--attn" role="status" {
                    (Icon::APPROVALS)
                    div {
                        b { (t!("This waits for approval. Nothing was sent.")) } " "
                        a.inline href=(visit.link(&["approvals", &self.run.id])) { (t!("Open the request")) }
                    }
                }
            },
            RunState::Running | RunState::Waiting => html! {
                div.note role="status" {
                    (Icon::SPINNER.turning())
                    div { b { (t!("Under way; waiting for the outcome.")) } " " (run) }
                }
            },
            _ => self.ended(&run),
        }
    }

    fn ended(&self, run: &Markup) -> Markup {
        let said = self.said();
        let worst = said.iter().any(|(tone, _)| *tone == Tone::Attention);
        let done = !worst && said.iter().any(|(tone, _)| *tone == Tone::Done);
        html! {
            div class=(if worst { "note note--attn" } else { "note" }) role="status" {
                @if worst { (Icon::WARNING) } @else if done { (Icon::CHECK) } @else { (Icon::INFO) }
                div { @for (_, sentence) in &said { b { (sentence) } " " } (run) }
            }
        }
    }

    /// Returns a sentence for each kind of outcome, with how it looks.
    fn said(&self) -> Vec<(Tone, Markup)> {
        let mut counts = BTreeMap::<&str, (Outcome, u64)>::new();
        for report in self.devices.values() {
            counts
                .entry(report.outcome.as_str())
                .or_insert((report.outcome, 0))
                .1 += 1;
        }
        let mut said: Vec<_> = counts
            .into_values()
            .map(|(outcome, count)| (tone(outcome), devices_with(outcome, count)))
            .collect();
        match &self.about_user {
            Some(Report::Device(report)) => {
                said.push(user_with(report.outcome, &report.failure, report.why.as_deref()));
            }
            Some(Report::Lock(LockReport {
                outcome,
                failure,
                devices_ended,
                ..
            })) => {
                said.push(user_with(*outcome, failure, None));
                if let Some(ended) = devices_ended.filter(|ended| *ended > 0) {
                    said.push((Tone::Done, devices_with(Outcome::LoggedOut, ended)));
                }
            }
            Some(Report::Ban(BanReport { outcome, failure, .. })) => {
                said.push(user_with(*outcome, failure, None));
            }
            _ => {}
        }
        if said.is_empty() {
            // Another process worked on it, or this one was started again since.
            said.push(self.counted());
        }
        said
    }

    fn counted(&self) -> (Tone, Markup) {
        let run = &self.run;
        if run.failed_retry + run.failed_final > 0 {
            (Tone::Attention, html! { (t!("It failed. The run says why:")) })
        } else if run.unfinished > 0 {
            (
                Tone::Attention,
                html! { (t!("It was not finished. The run can be resumed:")) },
            )
        } else if run.devices > 0 {
            (Tone::Done, devices_with(Outcome::LoggedOut, run.devices))
        } else {
            (Tone::Plain, html! { (t!("Done.")) })
        }
    }
}

fn devices_with(outcome: Outcome, count: u64) -> Markup {
    let count = grouped(count);
    html! { @match outcome {
        Outcome::LoggedOut => (t!("Signed out: {} devices.", count)),
        Outcome::Gone => (t!("Had left already: {} devices.", count)),
        Outcome::Kept => (t!("Kept: {} devices.", count)),
        Outcome::Failed => (t!("Failed: {} devices.", count)),
        Outcome::Unknown => (t!("Outcome unknown: {} devices.", count)),
        other => (t!("{}: {} devices.", words(other), count)),
    } }
}

fn user_with(outcome: Outcome, failure: &Failure, why: Option<&str>) -> (Tone, Markup) {
    let said = html! {
        (words(outcome))
        @if let Some(why) = failure.error.as_deref().or(why) { ": " (foreign(translated(why))) }
        "."
    };
    (tone(outcome), said)
}

/// Reads the reports of a run, and waits a little for its end.
async fn reports(visit: &Visit, run: &str) -> Vec<Report> {
    let until = Instant::now() + PATIENCE;
    // A process that does not work on the run has none; then the run itself says how it is.
    let Ok(answer) = visit.api.stream(&["runs", run, "reports"], &[]).await else {
        return Vec::new();
    };
    let mut pieces = answer.into_body().into_data_stream();
    let mut text = Vec::new();
    while let Ok(Some(Ok(piece))) = timeout_at(until, pieces.next()).await {
        text.extend_from_slice(&piece);
    }
    let lines = text.split(|byte| *byte == b'\n');
    let events = lines.filter_map(|line| serde_json::from_slice::<Event>(line).ok());
    events
        .filter_map(|event| match event {
            Event::Item(report) => Some(report),
            Event::Ended(_) => None,
        })
        .collect()
}
