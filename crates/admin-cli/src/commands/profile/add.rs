//! `profile add`: adds or replaces a profile.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use easemob_admin_api::AppRoot;
use easemob_admin_words::t;
use secrecy::{ExposeSecret, SecretString};

use super::doctor::{self, DoctorArgs};
use super::wizard;
use crate::command_error::CommandError;
use crate::config::credentials::{LARGEST, from_file, from_stdin};
use crate::config::origin::plain_http;
use crate::config::precedence::Address;
use crate::config::profile::Profile;
use crate::config::profile_file::ProfileFile;
use crate::config::secret_file;
use crate::confirm::terminal;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `profile add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  easemob-admin profile add
  easemob-admin profile add prod --server https://a1.easemob.com --app acme#chat --client-id ID --secret-file FILE
  easemob-admin profile add prod --server https://a1.easemob.com --app acme#chat --client-id ID \\
      --secret-command 'pass show easemob/prod'
  easemob-admin profile add agora --app-root https://a41.chat.agora.io/app-id/ID --client-id ID --secret-stdin

Without options, the command asks for everything, makes a test call, and names the next command.
The secret is never an argument, because other users of the machine could see it. The first profile becomes the \
default. A profile without a secret takes it from EASEMOB_CLIENT_SECRET or EASEMOB_TOKEN. On a terminal, \
--secret-stdin asks for the secret without showing it.
For ready and signed tokens, edit the profile file by hand: see docs/configuration.md.")]
pub struct AddArgs {
    /// The name of the profile
    #[arg(value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// The client id of the app
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file that contains the client secret
    #[arg(long, value_name = "FILE", group = "secret")]
    secret_file: Option<PathBuf>,
    /// A command that prints the client secret
    #[arg(long, value_name = "COMMAND", group = "secret")]
    secret_command: Option<String>,
    /// Read the client secret from stdin and store it in a separate file
    #[arg(long, group = "secret")]
    secret_stdin: bool,
    /// Allow a server on another machine without TLS
    #[arg(long)]
    allow_plain_http: bool,
    /// Replace an existing profile of this name
    #[arg(long)]
    force: bool,
}

pub(crate) fn name(text: &str) -> Result<String, String> {
    let legal = |character: char| character.is_ascii_alphanumeric() || ['-', '_'].contains(&character);
    if !text.is_empty() && text.len() <= 64 && text.chars().all(legal) {
        return Ok(text.to_owned());
    }
    Err(t!("a name consists of letters, digits, `-` and `_`").into())
}

/// Runs the command.
///
/// # Errors
/// When server and app are missing or malformed, or a file cannot be written.
pub async fn run(context: &Context, args: &AddArgs) -> Result<Exit, CommandError> {
    let terminal = (!is_anything_given(context, args)).then(terminal).flatten();
    let Some(mut terminal) = terminal else {
        let name = args.name.clone().ok_or_else(|| {
            CommandError::new(exit::USAGE, t!("a profile needs a name, a server and an app")).hint(t!(
                "add NAME --server https://HOST --app ORG#APP, or NAME --app-root URL"
            ))
        })?;
        let secret = args.secret_stdin.then(secret_from_stdin);
        return write(context, args, &name, secret);
    };
    if let Some(name) = &args.name {
        refuse_known(&context.profiles()?, args, name)?;
    }
    let usable = |server: &str, app: &str| {
        let of_person = with_target(context, server, app);
        target(&of_person, args.allow_plain_http).map(drop)
    };
    let secret = || rpassword::prompt_password(t!("client secret (not shown): "));
    let said = wizard::ask(&context.ui, &mut terminal, args.name.as_deref(), usable, secret)?;
    let asked = AddArgs {
        client_id: Some(said.client_id),
        ..args.clone()
    };
    let of_person = with_target(context, &said.server, &said.app);
    write(&of_person, &asked, &said.name, Some(Ok(said.secret)))?;
    let mut with_profile = context.clone();
    with_profile.globals.profile = Some(said.name.clone());
    let exit = doctor::run(&with_profile, &DoctorArgs::default()).await?;
    if exit == exit::OK {
        context.ui.say(t!(
            "try: easemob-admin --profile {} users list --limit 5",
            said.name
        ));
    }
    Ok(exit)
}

/// Returns true if there is an option that describes the profile.
fn is_anything_given(context: &Context, args: &AddArgs) -> bool {
    let globals = &context.globals;
    let target =
        globals.sandbox || globals.server.is_some() || globals.app.is_some() || globals.app_root.is_some();
    let secret = args.secret_file.is_some() || args.secret_command.is_some() || args.secret_stdin;
    target || secret || args.client_id.is_some()
}

fn with_target(context: &Context, server: &str, app: &str) -> Context {
    let mut context = context.clone();
    context.globals.server = Some(server.to_owned());
    context.globals.app = Some(app.to_owned());
    context
}

/// Writes the profile; `secret` reads a secret that is stored beside it.
fn write(
    context: &Context,
    args: &AddArgs,
    name: &str,
    secret: Option<Result<SecretString, CommandError>>,
) -> Result<Exit, CommandError> {
    let mut keys = target(context, args.allow_plain_http)?;
    let places = context.places()?;
    let path = places.profile_file();
    // Before a secret is asked for, which may take a while.
    refuse_known(&context.profiles()?, args, name)?;
    keys.extend(args.client_id.clone().map(|id| ("client_id", id)));
    if let Some(file) = &args.secret_file {
        keys.push(("client_secret_file", secret_at(context, file)?));
    }
    if let Some(command) = &args.secret_command {
        keys.push(("client_secret_command", command.clone()));
    }
    let secret = secret.transpose()?;
    let mut edit = context.edit_profiles()?;
    refuse_known(edit.profiles(), args, name)?;
    if let Some(secret) = secret {
        let file = places.secret_file(name);
        edit.keep_secret(&file, secret.expose_secret())?;
        keys.push(("client_secret_file", file.display().to_string()));
    }
    if !keys.iter().any(|(key, _)| key.starts_with("client_secret_")) {
        keys.push(("credentials", "environment".into()));
    }
    edit.put(name, &keys, args.allow_plain_http);
    edit.save()?;
    context
        .ui
        .note(t!("wrote profile `{name}` to {}", path.display()));
    if edit.profiles().profiles.is_empty() {
        context
            .ui
            .note(t!("it is the default profile, because it is the first"));
    }
    context
        .ui
        .note(t!("check it with: easemob-admin --profile {name} profile doctor"));
    Ok(exit::OK)
}

/// Takes the target from the global options and checks its form.
fn target(context: &Context, allow_plain_http: bool) -> Result<Vec<(&'static str, String)>, CommandError> {
    let globals = &context.globals;
    if globals.sandbox {
        return Err(
            CommandError::new(exit::USAGE, t!("the sandbox does not need a profile")).hint(t!(
                "use it with --sandbox: easemob-admin --sandbox users list --limit 5"
            )),
        );
    }
    if let Some(root) = &globals.app_root {
        let address = Address::Root(root.clone());
        permit(&Context::app_root(&address)?, context, allow_plain_http)?;
        return Ok(vec![("app_root", root.clone())]);
    }
    let (Some(server), Some(app)) = (&globals.server, &globals.app) else {
        return Err(
            CommandError::new(exit::USAGE, t!("a profile needs a server and an app"))
                .hint(t!("add --server https://HOST --app ORG#APP, or --app-root URL")),
        );
    };
    let address = Address::ServerAndApp {
        server: server.clone(),
        app: app.clone(),
    };
    permit(&Context::app_root(&address)?, context, allow_plain_http)?;
    Ok(vec![("server", server.clone()), ("app", app.clone())])
}

/// Refuses a server that must not receive credentials.
fn permit(root: &AppRoot, context: &Context, allow_plain_http: bool) -> Result<(), CommandError> {
    let profile = Profile {
        allow_plain_http: Some(allow_plain_http),
        ..Profile::default()
    };
    Ok(plain_http(root, &context.environment, Some(&profile))?)
}

/// Checks a secret file and returns its absolute path, so that it works from every directory.
fn secret_at(context: &Context, file: &Path) -> Result<String, CommandError> {
    let absolute = file.canonicalize().map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot read the secret file {}", file.display())).because(error)
    })?;
    from_file(&absolute)?;
    if let Some(warning) = secret_file::readers(&absolute) {
        context.ui.warn(warning);
    }
    Ok(absolute.display().to_string())
}

fn refuse_known(profiles: &ProfileFile, args: &AddArgs, name: &str) -> Result<(), CommandError> {
    if !profiles.profiles.contains_key(name) || args.force {
        return Ok(());
    }
    let what = t!("profile `{name}` already exists");
    Err(CommandError::new(exit::USAGE, what).hint(t!("add --force to replace it")))
}

fn secret_from_stdin() -> Result<SecretString, CommandError> {
    let given = if io::stdin().is_terminal() {
        rpassword::prompt_password(t!("client secret (not shown): ")).map(String::into_bytes)
    } else {
        let mut bytes = Vec::new();
        let most = LARGEST as u64 + 1;
        io::stdin().take(most).read_to_end(&mut bytes).map(|_| bytes)
    };
    let given = given.map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot read the secret from stdin")).because(error)
    })?;
    Ok(from_stdin(given)?)
}
