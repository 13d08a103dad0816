//! `serve`: lets people, scripts and backends act over HTTP, under their own names.

mod browser;
mod callbacks;
mod certificate;
mod demo;
mod log;
mod openid;

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use easemob_admin_ops::listening::Tls;
use easemob_admin_server::access::openid::OpenId;
use easemob_admin_server::apps::App;
use easemob_admin_server::first_key;
use easemob_admin_server::operation::notices::Receiver;
use easemob_admin_server::service::{Addresses, Listening, Parts, Service, Settings};
use easemob_admin_words::t;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::certificate::CertificateFiles;
use self::demo::Demo;
use self::log::LogForm;
use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::apps::configured;
use crate::commands::signing::Signing;
use crate::config::credentials::from_file;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt::{self, Ended};
use crate::ownership::{require_data, require_settings};
use crate::posting::client_for;

/// The variable with the key of the first administrator.
const FIRST_KEY: &str = "EASEMOB_FIRST_KEY";

/// How often to look whether the certificate has changed.
const LOOK: Duration = Duration::from_secs(10);

/// How long the receiver of a notice may take.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin --sandbox serve
  easemob-admin serve --profile prod
  easemob-admin serve --listen 0.0.0.0:7300 --tls-cert ./cert.pem --tls-key ./key.pem
  easemob-admin serve --metrics 127.0.0.1:7301 --log json
  easemob-admin serve --openid ./issuers.toml
  easemob-admin serve --profile prod --callbacks prod=./hook.secret
  easemob-admin serve --check

Serves the apps of the profile that --profile names, or of all profiles and the environment, at /v1 (the document at \
/v1/openapi.json describes it). Prints one line of JSON when ready, and runs until Ctrl-C or SIGTERM: users in progress are \
finished, and runs can be resumed. While there is no key yet, it shows a code with which the first administrator makes one. \
Beyond this machine it listens only with a certificate, or behind a proxy that has one (--behind-proxy); SIGHUP, or new files, \
make it read the certificate again. With a database (--store), any number of processes serve the same apps and work on the \
same runs.")]
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
    /// Answer /healthz, /readyz and /metrics (Prometheus) on this address, without TLS and keys
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// The form of the log on stderr
    #[arg(long, value_enum, default_value = "text")]
    log: LogForm,
    /// The most requests that each key may send to this process in a second; 0 for no limit
    #[arg(long, value_name = "N", default_value = "100")]
    key_rate: u32,
    /// Post notices to this address: a run has ended, a cap was hit, locks are overdue, the rate was reduced
    #[arg(long, value_name = "URL", requires = "notices_secret_file")]
    notices: Option<String>,
    /// A file with the secret that signs notices
    #[arg(long, value_name = "FILE", requires = "notices")]
    notices_secret_file: Option<PathBuf>,
    /// A TOML file with the issuers whose people may sign in (OpenID), and what their groups may do
    #[arg(long, value_name = "FILE")]
    openid: Option<PathBuf>,
    /// Show a link that signs you in to the console once, as an administrator of all apps; open it where there is a desktop. With
    /// --sandbox, there are 1,000 demo users who sign in and out, and a run
    #[arg(long)]
    open: bool,
    /// Receive the posts of the server of an app at /callbacks/APP, signed with the secret in the file; may be repeated, also for
    /// one app while its secret is being replaced
    #[arg(long, value_name = "APP=FILE", value_parser = callbacks::of_app)]
    callbacks: Vec<(String, PathBuf)>,
    /// Only check the configuration, and say what is missing
    #[arg(long)]
    check: bool,
}

impl ServeArgs {
    /// Returns how browsers of this machine reach an address.
    fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

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
    log::begin(args.log);
    require_data(context)?;
    let sessions = sessions(context, args).await?;
    let issuers = issuers(context, args)?;
    let service = service(context, args, &sessions, issuers.clone())?;
    keep_first_key(context, &service)?;
    let names: Vec<&str> = sessions.iter().map(|(name, _)| name.as_str()).collect();
    if args.check {
        context
            .ui
            .say(t!("the configuration can be used; apps: {}", names.join(", ")));
        if let Some(issuers) = &issuers {
            openid::report(context, issuers, &args.url(args.listen)).await;
        }
        return close(sessions).await;
    }
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(certificate, key)| Tls { certificate, key });
    let (end, hangups) = interrupt::until_told_but_not_by_hangup(context.deadline());
    let addresses = Addresses {
        clients: args.listen,
        metrics: args.metrics,
    };
    let over_tls = tls.is_some() || args.behind_proxy;
    let routes = service
        .routes()
        .merge(easemob_admin_console::routes(&service, over_tls));
    let listening = service
        .listen(routes, &addresses, tls.as_ref())
        .map_err(|error| {
            let metrics = args.metrics.map(|address| t!(" and {address}"));
            let what = t!("cannot listen on {}{}", args.listen, metrics.unwrap_or_default());
            CommandError::new(exit::CONFIG, what).because(error)
        })?;
    let url = args.url(listening.addresses.clients);
    let mut out = (context.stdout)();
    let mut ready = json!({"url": url, "apps": names});
    if let Some(metrics) = listening.addresses.metrics {
        ready["metrics"] = format!("http://{metrics}/metrics").into();
    }
    // The process that started the service may not read this line; that is not a reason to end.
    let _ = writeln!(out, "{ready}").and_then(|()| out.flush());
    context
        .ui
        .note(t!("serving {} at {url} until Ctrl-C", names.join(", ")));
    // A code in a log would be a secret in it.
    if args.log == LogForm::Text
        && let Some(code) = service.offer_first_key().map_err(unusable_keys)?
    {
        let body = json!({"code": code, "owner": "NAME"});
        let command = format!(
            "curl -X POST {url}/v1/keys/first \\\n    -H 'content-type: application/json' -d '{body}'"
        );
        context.ui.say(t!(
            "there is no key yet; the first administrator makes one within an hour, once, with:\n  {command}"
        ));
    }
    let owner = operator(None, context.environment.get("SUDO_USER")).os_user;
    let opened = if args.open {
        let code = service.offer_sign_in(&owner).map_err(unusable_keys)?;
        context.ui.say(t!(
            "open this link within an hour; it signs you in once:\n  {url}/console/enter?code={code}"
        ));
        browser::open(context, &format!("{url}/console/enter?code={code}"))
    } else {
        None
    };
    let demo = sessions
        .first()
        .filter(|_| args.open)
        .and_then(|(name, session)| {
            Some(Demo {
                sandbox: session.sandbox()?,
                service: &service,
                stores: context.records().ok()?.stores,
                app: name,
                target: session.target().name(),
                owner,
                ui: &context.ui,
            })
        });
    let staying = stay(context, &listening, tls.as_ref(), end, hangups);
    let ended = match demo {
        None => staying.await,
        Some(demo) => tokio::select! {
            ended = staying => ended,
            never = demo.play() => match never {},
        },
    };
    let why = match ended {
        Ended::BySignal => t!("stopped by a signal"),
        Ended::ByDeadline => t!("--max-duration has ended"),
    };
    drop(opened);
    context.ui.note(t!("{why}: finishing the users in progress"));
    listening.stop().await;
    close(sessions).await
}

/// Reads the issuers whose people may sign in.
fn issuers(context: &Context, args: &ServeArgs) -> Result<Option<Arc<OpenId>>, CommandError> {
    let is_local = args.listen.ip().is_loopback() && !args.behind_proxy;
    let file = args.openid.as_deref();
    file.map(|file| openid::read(context, file, is_local)).transpose()
}

/// Keeps the key of the first administrator that the environment brings.
fn keep_first_key(context: &Context, service: &Service) -> Result<(), CommandError> {
    let Some(text) = context.environment.get(FIRST_KEY) else {
        return Ok(());
    };
    if first_key(service, text).map_err(unusable_keys)? {
        return Ok(());
    }
    let what = t!("the value of {FIRST_KEY} is no key");
    Err(CommandError::new(exit::CONFIG, what).hint(t!(
        "a key is ea_ID_SECRET: letters and digits, and a secret of 32 characters or more"
    )))
}

/// Reads the certificate again when it has changed, and signs what was added to the trails, until the end.
async fn stay(
    context: &Context,
    listening: &Listening,
    tls: Option<&Tls>,
    end: impl Future<Output = Ended>,
    mut hangups: mpsc::Receiver<()>,
) -> Ended {
    let mut files = tls.map(CertificateFiles::of);
    let mut end = pin!(end);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut signing = Signing::default();
    loop {
        let told = tokio::select! {
            ended = &mut end => return ended,
            Some(()) = hangups.recv() => true,
            _ = ticks.tick() => false,
        };
        signing.sign(context).await;
        let changed = files.as_mut().is_some_and(CertificateFiles::have_changed);
        if files.is_some() && (told || changed) {
            match listening.read_certificate_again() {
                Ok(()) => context.ui.note(t!("read the certificate again")),
                Err(error) => context.ui.warn(t!(
                    "cannot read the certificate again, so the old one stays in use: {error}"
                )),
            }
        }
    }
}

fn unusable_keys(why: String) -> CommandError {
    CommandError::new(exit::CONFIG, t!("cannot use the keys of the service")).because(why)
}

/// Opens the sessions of all apps.
async fn sessions(context: &Context, args: &ServeArgs) -> Result<Vec<(String, Session)>, CommandError> {
    // What a session knows of ages is in the records of logins, which must be there before it begins.
    let receive = |context: &Context, name: &str| {
        let is_told = args.callbacks.iter().any(|(app, _)| app == name);
        is_told.then(|| context.logins()).transpose().map(drop)
    };
    if context.globals.sandbox {
        receive(context, "sandbox")?;
        return Ok(vec![("sandbox".to_owned(), context.connect().await?)]);
    }
    let mut sessions = Vec::new();
    for app in configured(context)? {
        require_settings(&app.context)?;
        receive(&app.context, &app.name)?;
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

/// Returns who is told of what somebody should know of.
fn notices(args: &ServeArgs) -> Result<Option<Receiver>, CommandError> {
    let Some((address, file)) = args.notices.as_ref().zip(args.notices_secret_file.as_ref()) else {
        return Ok(None);
    };
    let secret = from_file(file)?.expose_secret().as_bytes().to_owned();
    let client = client_for(address, NOTICE_TIMEOUT, None).map_err(|error| {
        CommandError::new(
            exit::CONFIG,
            t!("nothing can be posted to the address of --notices"),
        )
        .because(error)
    })?;
    Ok(Some(Receiver {
        client,
        address: address.clone(),
        secret,
    }))
}

fn service(
    context: &Context,
    args: &ServeArgs,
    sessions: &[(String, Session)],
    openid: Option<Arc<OpenId>>,
) -> Result<Service, CommandError> {
    let records = context.records()?;
    let settings = Settings {
        key_rate: NonZeroU32::new(args.key_rate),
        notices: notices(args)?,
        outside_head: records.outside_head(),
        callbacks: callbacks::read(&args.callbacks, sessions)?,
    };
    let documents = records.documents(&context.places()?)?;
    let apps = sessions.iter().map(|(name, session)| App {
        name: name.clone(),
        target: session.target(),
        server: session.server.clone(),
    });
    Ok(Service::new(Parts {
        apps: apps.collect(),
        stores: records.stores,
        trails: records.trails,
        documents,
        account: operator(None, context.environment.get("SUDO_USER")),
        in_files: records.in_files,
        openid,
        clock: Timestamp::now,
        settings,
    }))
}
