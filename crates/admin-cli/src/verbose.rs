//! `--verbose`: says in words what is sent, and why it is sent again.

use std::fmt;
use std::io;
use std::sync::Arc;

use easemob_admin_words::t;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::ui::Ui;

/// The target of the events that the client emits for this.
const SAID: &str = "easemob_admin_api::said";

/// Listens to the client: to nothing, to what becomes sentences, or to everything.
pub(crate) fn listen(ui: &Arc<Ui>, verbose: u8) {
    if verbose == 0 {
        return;
    }
    let sentences =
        Sentences(Arc::clone(ui)).with_filter(Targets::new().with_target(SAID, LevelFilter::DEBUG));
    // Libraries below the client log addresses and bytes that do not help here.
    let detail = if verbose > 1 {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    let ours = Targets::new()
        .with_target("easemob_admin_api", detail)
        // The span of a call would repeat in every line what the line says.
        .with_target("easemob_admin_api::call", LevelFilter::OFF)
        .with_target(SAID, LevelFilter::OFF)
        .with_target("easemob_admin_ops", detail);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_filter(ours);
    let subscriber = tracing_subscriber::registry().with(sentences).with(lines);
    // Tests run several commands in one process; the first subscriber stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Makes sentences of events.
struct Sentences(Arc<Ui>);

impl<S: Subscriber> Layer<S> for Sentences {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        self.0.note(said.sentence());
    }
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Said {
    call: String,
    attempt: u64,
    about: String,
    why: Option<String>,
    wait_ms: Option<u64>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "why" {
            self.why = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "call" => value.clone_into(&mut self.call),
            "about" => value.clone_into(&mut self.about),
            "why" => self.why = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "attempt" => self.attempt = value,
            "wait_ms" => self.wait_ms = Some(value),
            _ => {}
        }
    }
}

impl Said {
    fn sentence(&self) -> String {
        let what = in_words(&self.call);
        let Some(why) = &self.why else {
            let again = match self.attempt {
                0 | 1 => String::new(),
                attempt => t!(" (attempt {attempt})"),
            };
            let whom = if self.about.is_empty() {
                String::new()
            } else {
                format!(": {}", self.about)
            };
            return t!("sent: {what}{again}{whom}");
        };
        let wait = match self.wait_ms {
            None => t!("again now").to_owned(),
            Some(wait) => t!("again in {}.{} s", wait / 1000, wait % 1000 / 100),
        };
        t!("not done: {what}: {why}; {wait}")
    }
}

/// Returns what a call is for; calls that few commands make have only their name.
fn in_words(call: &str) -> &str {
    match call {
        "devices.list" => t!("list the devices of a user"),
        "status.get" => t!("ask whether a user is online"),
        "status.batch" => t!("ask which users are online"),
        "sessions.logout_all" => t!("sign out all devices of a user"),
        "sessions.logout_device" => t!("sign out one device"),
        "users.get" => t!("look a user up"),
        "users.list" => t!("list users"),
        "users.ban" => t!("ban a user"),
        "users.unban" => t!("unban a user"),
        "limits.get" => t!("read device limits"),
        "limits.set" => t!("set device limits"),
        "limits.clear" => t!("remove the device limits of a user"),
        "callbacks.stored" => t!("ask for stored posts"),
        "callbacks.retry" => t!("have a stored post sent again"),
        "token" | "token.agora" => t!("get a token"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_is_sent_and_why_again() {
        let said = |attempt, why: Option<&str>, wait_ms| {
            let said = Said {
                call: "users.ban".into(),
                attempt,
                about: "ann".into(),
                why: why.map(str::to_owned),
                wait_ms,
            };
            said.sentence()
        };
        for (sentence, expected) in [
            (said(1, None, None), "sent: ban a user: ann"),
            (said(2, None, None), "sent: ban a user (attempt 2): ann"),
            (
                said(0, Some("503: busy"), Some(1_290)),
                "not done: ban a user: 503: busy; again in 1.2 s",
            ),
            (
                said(0, Some("the token was refused"), None),
                "not done: ban a user: the token was refused; again now",
            ),
        ] {
            assert_eq!(sentence, expected);
        }
        assert_eq!(in_words("groups.joined"), "groups.joined");
    }
}
