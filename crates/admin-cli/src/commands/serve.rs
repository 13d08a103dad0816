//! `serve`: lets people, scripts and backends act over HTTP, under their own names.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use easemob_admin_ops::documents::sqlite::SqliteDocuments;
use easemob_admin_ops::listening::Tls;
use easemob_admin_server::apps::App;
use easemob_admin_server::first_key;
use easemob_admin_server::service::{Parts, Service};
use easemob_admin_words::t;
use jiff::Timestamp;
use serde_json::json;

use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::apps::configured;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt::{self, Ended};
use crate::ownership::{require_data, require_settings};

/// The variable with the key of the first administrator.
const FIRST_KEY: &str = "EASEMOB_FIRST_KEY";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin --sandbox serve
  easemob-admin serve --profile prod
  easemob-admin serve --listen 0.0.0.0:7300 --tls-cert ./cert.pem --tls-key ./key.pem
  easemob-admin serve --check

Serves the apps of the profile that --profile names, or of all profiles and the environment, at /v1 (the document at \
/v1/openapi.json describes it). Prints one line of JSON when ready, and runs until Ctrl-C or SIGTERM: users in progress are \
finished, and runs can be resumed. While there is no key yet, it shows a code with which the first administrator makes one. \
Beyond this machine it listens only with a certificate, or behind a proxy that has one (--behind-proxy).")]
pub struct ServeArgs {
    /// Listen on this address; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7300")]
    listen: SocketAddr,
    /// A certificate, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, as a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy with TLS is in front, so plain HTTP is right on an address that other machines reach
    #[arg(long, conflicts_with = "tls_cert")]
    behind_proxy: bool,
    /// Only check the configuration, and say what is missing
    #[arg(long)]
    check: bool,
}

impl ServeArgs {
    /// Refuses to send keys over the network in clear text.
    fn require_tls(&self) -> Result<(), CommandError> {
        if self.listen.ip().is_loopback() || self.tls_cert.is_some() || self.behind_proxy {
            return Ok(());
        }
        let what = t!(
            "other machines reach {}, and keys would be sent in clear text",
            self.listen
        );
        Err(CommandError::new(exit::USAGE, what).hint(t!(
            "add --tls-cert and --tls-key, or --behind-proxy if a proxy with TLS is in front"
        )))
    }
}

/// Runs the command.
///
/// # Errors
/// When the configuration, the address, the certificate or the records cannot be used.
pub async fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CommandError> {
    args.require_tls()?;
    require_data(context)?;
    let sessions = sessions(context).await?;
    let service = service(context, &sessions)?;
    if let Some(text) = context.environment.get(FIRST_KEY) {
        let is_key = first_key(&service, text).map_err(unusable_keys)?;
        if !is_key {
            let what = t!("the value of {FIRST_KEY} is no key");
            return Err(CommandError::new(exit::CONFIG, what).hint(t!(
                "a key is ea_ID_SECRET: letters and digits, and a secret of 32 characters or more"
            )));
        }
    }
    let names: Vec<&str> = sessions.iter().map(|(name, _)| name.as_str()).collect();
    if args.check {
        context
            .ui
            .say(t!("the configuration can be used; apps: {}", names.join(", ")));
        return close(sessions).await;
    }
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(certificate, key)| Tls { certificate, key });
    let end = interrupt::until_told(context.deadline());
    let listening = service.listen(args.listen, tls.as_ref()).map_err(|error| {
        CommandError::new(exit::CONFIG, t!("cannot listen on {}", args.listen)).because(error)
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", listening.address);
    let mut out = (context.stdout)();
    let ready = json!({"url": url, "apps": names});
    // The process that started the service may not read this line; that is not a reason to end.
    let _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    context
        .ui
        .note(t!("serving {} at {url} until Ctrl-C", names.join(", ")));
    if let Some(code) = service.offer_first_key().map_err(unusable_keys)? {
        let body = json!({"code": code, "owner": "NAME"});
        let command = format!(
            "curl -X POST {url}/v1/keys/first \\\n    -H 'content-type: application/json' -d '{body}'"
        );
        context.ui.say(t!(
            "there is no key yet; the first administrator makes one within an hour, once, with:\n  {command}"
        ));
    }
    let why = match end.await {
        Ended::BySignal => t!("stopped by a signal"),
        Ended::ByDeadline => t!("--max-duration has ended"),
    };
    context.ui.note(t!("{why}: finishing the users in progress"));
    listening.stop().await;
    close(sessions).await
}

fn unusable_keys(why: String) -> CommandError {
    CommandError::new(exit::CONFIG, t!("cannot use the keys of the service")).because(why)
}

/// Opens the sessions of all apps.
async fn sessions(context: &Context) -> Result<Vec<(String, Session)>, CommandError> {
    if context.globals.sandbox {
        return Ok(vec![("sandbox".to_owned(), context.connect().await?)]);
    }
    let mut sessions = Vec::new();
    for app in configured(context)? {
        require_settings(&app.context)?;
        sessions.push((app.name, app.context.connect().await?));
    }
    Ok(sessions)
}

async fn close(sessions: Vec<(String, Session)>) -> Result<Exit, CommandError> {
    for (_, session) in sessions {
        session.close().await?;
    }
    Ok(exit::OK)
}

fn service(context: &Context, sessions: &[(String, Session)]) -> Result<Service, CommandError> {
    let records = context.records()?;
    let documents = SqliteDocuments::open(&context.places()?.service())?;
    let apps = sessions.iter().map(|(name, session)| App {
        name: name.clone(),
        target: session.target(),
        server: session.server.clone(),
    });
    Ok(Service::new(Parts {
        apps: apps.collect(),
        stores: records.stores,
        trails: records.trails,
        documents: Arc::new(documents),
        account: operator(None, context.environment.get("SUDO_USER")),
        in_files: records.in_files,
        openid: None,
        clock: Timestamp::now,
    }))
}
