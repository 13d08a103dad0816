//! `logins collect`: receives the events that the service posts when devices sign in and out.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use easemob_admin_api::webhooks::Secrets;
use easemob_admin_ops::collector::gaps::downtime;
use easemob_admin_ops::collector::recorder::Recorder;
use easemob_admin_ops::collector::server::{Addresses, Collector, listen};
use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::listening::Tls;
use easemob_admin_words::t;
use serde_json::json;

use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::times::now_ms;
use crate::config::credentials::from_file;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::interrupt;

/// Arguments of `logins collect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins collect --profile prod --listen 127.0.0.1:8090 --secret-file ./hook.secret
  easemob-admin logins collect --profile prod --listen 0.0.0.0:8443 --secret-file ./hook.secret \\
      --tls-cert ./cert.pem --tls-key ./key.pem

Prints one line of JSON when ready, and runs until Ctrl-C or SIGTERM. In the console, create a post-send rule for \
userStatus with any path of this address. The collector answers 200 once the event is on disk, and stores an event that \
arrives twice once. GET /healthz and GET /metrics (Prometheus) report its health; --metrics gives the metrics an address \
of their own, which the senders of posts need not reach. `logins show`, `top` and `report` \
show the stored events.")]
pub struct CollectArgs {
    /// Listen on this address; port 0 picks a free port
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Serve /metrics on this address instead, without TLS; port 0 picks a free port
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// A file with the secret of the rule; may be repeated while a secret is being replaced
    #[arg(
        long = "secret-file",
        value_name = "FILE",
        required_unless_present = "unsigned"
    )]
    secret_files: Vec<PathBuf>,
    /// Accept posts without verifying signatures; anybody who reaches the address can then invent events
    #[arg(long, conflicts_with = "secret_files")]
    unsigned: bool,
    /// A certificate, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the address, a secret, the certificate or the database cannot be used.
pub async fn run(context: &Context, args: &CollectArgs) -> Result<Exit, CommandError> {
    if let Some(at) = context.service_at()? {
        let what = t!(
            "the service {} collects events itself, so there is nothing to listen for here",
            at.url
        );
        let app = at.app.as_deref().unwrap_or("APP");
        return Err(CommandError::new(exit::CONFIG, what)
            .hint(t!(
                "where it runs: easemob-admin serve --callbacks {}=FILE; the rule of the console then posts to {}",
                quoted(Path::new(app)),
                format!("{}/callbacks/{app}", at.url.trim_end_matches('/'))
            ))
            .hint(t!(
                "to store posts that were kept in a file: {}",
                context.command("logins import FILE")
            )));
    }
    let app_key = context.app_key()?;
    let secrets: Vec<_> = args
        .secret_files
        .iter()
        .map(|file| from_file(file))
        .collect::<Result<_, _>>()?;
    let secrets = (!args.unsigned).then(|| Secrets::new(secrets));
    if args.unsigned {
        context.ui.warn(t!(
            "signatures are not verified: anybody who reaches the address can invent events"
        ));
    }
    let mut store = context.logins()?;
    if let Some(gap) = downtime(store.alive()?, now_ms()) {
        context.ui.warn(t!(
            "no collector ran for {}; events from that time are missing. If the service stored them, get them within three \
             days with: {}",
            counted((gap.until_ms - gap.since_ms).unsigned_abs() / 1_000, "second"),
            context.command("logins backfill")
        ));
        store.record_gap(&gap)?;
    }
    let ui = Arc::clone(&context.ui);
    let failed = move |error: &_| ui.warn(t!("cannot store events: {error}"));
    let (recorder, thread) = Recorder::start(store, now_ms, failed);
    let ui = Arc::clone(&context.ui);
    let warn = Box::new(move |text: &str| ui.warn(text));
    let collector = Arc::new(Collector::new(app_key.clone(), secrets, recorder, now_ms, warn));
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(certificate, key)| Tls { certificate, key });
    let end = interrupt::until_told(context.deadline());
    let addresses = Addresses {
        posts: args.listen,
        metrics: args.metrics,
    };
    let listening = listen(Arc::clone(&collector), &addresses, tls.as_ref()).map_err(|error| {
        let metrics = args.metrics.map(|address| t!(" and {address}"));
        let what = t!("cannot listen on {}{}", args.listen, metrics.unwrap_or_default());
        CommandError::new(exit::CONFIG, what).because(error)
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}/", listening.addresses.posts);
    let mut ready = json!({"url": url, "app_key": app_key});
    if let Some(metrics) = listening.addresses.metrics {
        ready["metrics"] = format!("http://{metrics}/metrics").into();
    }
    let mut out = (context.stdout)();
    // The process that started the collector may not read this line; that is not a reason to end.
    let _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    context
        .ui
        .note(t!("collecting events of {app_key} at {url} until Ctrl-C"));
    end.await;
    listening.stop().await;
    collector.recorder.alive(now_ms()).await;
    let metrics = &collector.metrics;
    let refused = [
        "malformed",
        "implausible_time",
        "other_app",
        "bad_signature",
        "too_large",
        "too_slow",
        "broken_off",
    ];
    let later = ["queue_full", "not_kept"];
    let sum = |outcomes: &[&'static str]| outcomes.iter().map(|one| metrics.posts(one)).sum::<u64>();
    context.ui.say(t!(
        "{} stored, {}, {} refused, {} to be sent again",
        counted(metrics.posts("kept"), "event"),
        counted(metrics.posts("duplicate"), "duplicate"),
        counted(sum(&refused), "post"),
        sum(&later)
    ));
    drop(collector);
    // Acknowledged events are on disk; write those that were queued but not acknowledged.
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    Ok(exit::OK)
}
