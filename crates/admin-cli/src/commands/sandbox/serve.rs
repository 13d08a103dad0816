//! `sandbox serve`: serves a sandbox to other programs.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use easemob_admin_sandbox::{Happened, Sandbox, SandboxError, StateFileError, Webhook};
use easemob_admin_words::t;
use secrecy::ExposeSecret;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::like::{imitate, load as load_answers};
use super::seed::load;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::profile::add::name;
use crate::config::credentials;
use crate::config::profile_file::ProfileFile;
use crate::context::Context;
use crate::embedded;
use crate::exit::{self, Exit};
use crate::interrupt::{self, Ended};

/// Arguments of `sandbox serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sandbox serve --seed demo
  easemob-admin sandbox serve --listen 127.0.0.1:8080 --state ./sandbox.json --app acme#chat
  easemob-admin sandbox serve --add-profile local
  easemob-admin sandbox serve --like capabilities.json
  easemob-admin sandbox serve --webhook http://127.0.0.1:8090/ --webhook-secret-file ./hook.secret

Prints one line of JSON when ready, with addresses and credentials, and runs until Ctrl-C or SIGTERM. Shows sign-ins, \
kicks, messages and what devices receive as they happen; with --log json, as JSON lines on stdout.")]
pub struct ServeArgs {
    /// Listen on this address; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Store the state in this file
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Start with `demo` or a JSON file, unless the state file already contains users
    #[arg(long, value_name = "demo|FILE")]
    seed: Option<String>,
    /// Store the address and the credentials as this profile, for other terminals; replaced at every start
    #[arg(long, value_name = "NAME", value_parser = name)]
    add_profile: Option<String>,
    /// Post session events to this address, as the service does (`userStatus`); may be repeated
    #[arg(long, value_name = "URL", requires = "webhook_secret_file")]
    webhook: Vec<String>,
    /// A file that contains the secret for signing posts
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret_file: Option<PathBuf>,
    /// Behave like the server that `profile doctor --probe` wrote this file about
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
    /// How to show events
    #[arg(long, value_name = "FORM", default_value = "text")]
    log: LogForm,
}

/// The values of `--log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogForm {
    /// A line on stderr
    Text,
    /// A JSON object per line on stdout, after the ready line
    Json,
    /// Not at all
    Off,
}

/// Runs the command.
///
/// # Errors
/// When the address or a file cannot be used.
pub async fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CommandError> {
    let mut builder = Sandbox::builder().listen(args.listen);
    if let Some(app) = &context.globals.app {
        builder = builder.app(app.as_str());
    }
    if let Some(file) = &args.state {
        builder = builder.state_file(file);
    }
    if let Some(data) = &args.seed {
        builder = builder.seed(load(data)?);
    }
    if let Some(file) = &args.like {
        builder = imitate(builder, &load_answers(file)?);
    }
    if let Some(file) = &args.webhook_secret_file {
        let secret = credentials::from_file(file)?;
        for url in &args.webhook {
            builder = builder.webhook(Webhook::new(url, secret.expose_secret()));
        }
    }
    if let Some(profile) = &args.add_profile {
        refuse_real(&context.profiles()?, profile)?;
    }
    let sandbox = builder.start().await.map_err(|error| {
        let exit = match &error {
            SandboxError::StateFile(StateFileError::Locked { .. }) => exit::BUSY,
            _ => exit::CONFIG,
        };
        CommandError::new(exit, t!("cannot start the sandbox")).because(error)
    })?;
    if !args.listen.ip().is_loopback() {
        context.ui.warn(t!(
            "other machines can reach the sandbox, which stores passwords in clear text"
        ));
    }
    if let Some(profile) = &args.add_profile {
        keep_profile(context, &sandbox, profile)?;
        context.ui.note(t!(
            "sandbox: in another terminal, use --profile {profile}, for example: easemob-admin --profile {profile} users list"
        ));
    }
    let mut out = (context.stdout)();
    // The process that started the sandbox may not read this line; that is not a reason to end.
    let end = interrupt::until_told(context.deadline());
    let _ = writeln!(out, "{}", sandbox.ready_line()).and_then(|()| out.flush());
    context
        .ui
        .note(t!("sandbox: serving {} until Ctrl-C", sandbox.app_root()));
    let shown = tokio::spawn(show(context.clone(), sandbox.watch(), args.log));
    let why = match end.await {
        Ended::BySignal => t!("stopped by a signal"),
        Ended::ByDeadline => t!("--max-duration has ended"),
    };
    embedded::stop(sandbox).await?;
    // The last events arrive when the connections end.
    let _ = shown.await;
    context.ui.note(t!("sandbox: {why}"));
    Ok(exit::OK)
}

/// Makes sure that no profile of a real server is replaced.
fn refuse_real(profiles: &ProfileFile, name: &str) -> Result<(), CommandError> {
    let local =
        |server: &String| server.starts_with("http://127.0.0.1:") || server.starts_with("http://[::1]:");
    let known = profiles.profiles.get(name);
    if known.is_some_and(|profile| !profile.server.as_ref().is_some_and(local)) {
        let why = t!("cannot replace profile `{name}`: it is not for a sandbox on this machine");
        return Err(CommandError::new(exit::USAGE, why).hint(t!("choose another name for --add-profile")));
    }
    Ok(())
}

fn keep_profile(context: &Context, sandbox: &Sandbox, name: &str) -> Result<(), CommandError> {
    let mut edit = context.edit_profiles()?;
    refuse_real(edit.profiles(), name)?;
    let file = context.places()?.secret_file(name);
    edit.keep_secret(&file, sandbox.client_secret())?;
    let keys = [
        ("server", sandbox.rest_url()),
        ("app", sandbox.app_key().to_owned()),
        ("client_id", sandbox.client_id().to_owned()),
        ("client_secret_file", file.display().to_string()),
    ];
    edit.put(name, &keys, false);
    Ok(edit.save()?)
}

/// Shows events until the sandbox has ended.
async fn show(context: Context, mut events: Receiver<Happened>, form: LogForm) {
    let mut out = (context.stdout)();
    loop {
        let happened = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                context
                    .ui
                    .warn(t!("skipped {} that arrived too fast", counted(missed, "event")));
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        match form {
            LogForm::Off => {}
            LogForm::Text => context.ui.note(happened.event),
            LogForm::Json => {
                let line = serde_json::to_string(&happened).unwrap_or_default();
                // The process that started the sandbox may be gone; that is not a reason to end.
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
        }
    }
}
