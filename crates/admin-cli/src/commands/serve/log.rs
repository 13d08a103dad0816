//! The log of the service, on stderr.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogForm {
    /// Lines for people: what went wrong
    Text,
    /// One JSON object in each line: every request, and what went wrong
    Json,
}

/// Begins to log. Nothing that is logged has a secret in it: of a request, its route is named, and neither its path nor its
/// headers or body.
pub(super) fn begin(form: LogForm) {
    let level = match form {
        LogForm::Text => LevelFilter::WARN,
        LogForm::Json => LevelFilter::INFO,
    };
    let ours = Targets::new()
        .with_target("easemob_admin_server", level)
        .with_target("easemob_admin_cli", level)
        .with_target("easemob_admin_ops", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    // With --verbose, the first subscriber stays.
    let _ = match form {
        LogForm::Text => {
            let lines = lines.with_target(false).with_filter(ours);
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines))
        }
        LogForm::Json => {
            let lines = lines
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_filter(ours);
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines))
        }
    };
}
