//! `login`: signs a person in at a service.

use clap::Args;
use easemob_admin_remote::api::SignIn;
use easemob_admin_remote::client::ServiceKey;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::config::service::ServiceAt;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};
use crate::sign_in::code_flow::{self, open_browser};
use crate::sign_in::device_grant;
use crate::sign_in::kept::Kept;
use crate::sign_in::provider::{Provider, Tokens};

/// Arguments of `login`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin login --profile ops
  easemob-admin login --browser
  easemob-admin login --issuer https://login.example.com/realms/staff

For a service (a profile with `service`, or EASEMOB_SERVICE) whose people sign in with OpenID. Shows a code to be entered in a \
browser on any device; --browser opens one on this machine instead (the program in BROWSER, or that of the desktop). Commands \
then go through the service in your name, until `logout`. A profile with a key of its own keeps using that. The token is kept in \
the data directory, readable by you only, and renewed while the issuer allows it.")]
pub struct LoginArgs {
    /// Open a browser on this machine, instead of showing a code for any device
    #[arg(long)]
    browser: bool,
    /// Sign in at this issuer, if the service knows several
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[derive(Debug, Serialize)]
struct LoginRow {
    service: String,
    person: String,
    issuer: String,
    until: Option<String>,
    renewable: bool,
}

impl Row for LoginRow {
    const COLUMNS: &'static [&'static str] = &["service", "person", "issuer", "until", "renewable"];
    const TABLE: &'static [&'static str] = Self::COLUMNS;

    fn cells(&self) -> Vec<String> {
        vec![
            self.service.clone(),
            self.person.clone(),
            self.issuer.clone(),
            self.until.clone().unwrap_or_default(),
            self.renewable.to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct LoginSummary {
    scopes: Vec<&'static str>,
    apps: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When no service is configured, nobody signs in, or the service does not know whoever did.
pub async fn run(context: &Context, args: &LoginArgs) -> Result<Exit, CommandError> {
    let at = context.service_to_sign_in()?;
    let client = chosen(context, &at, args)?;
    let provider = Provider::discover(&client.issuer, &context.authorities(&at)?).await?;
    let tokens = signed_in(context, args, &provider, &client).await?;
    // Before it is kept: a token that the service refuses would stop each later command.
    let caller = context
        .service_with(&at, ServiceKey::Fixed(tokens.token.clone()))?
        .whoami()?;
    let kept = Kept::new(&at.url, client, &tokens, Timestamp::now());
    context.sign_in_file(&at)?.write(&kept)?;
    let row = LoginRow {
        service: at.url.clone(),
        person: caller.owner.clone(),
        issuer: kept.client.issuer.clone(),
        until: kept.ends.map(|ends| format!("{ends:.0}")),
        renewable: kept.refresh().is_some(),
    };
    let mut report = context.local_report::<LoginRow>("login", false)?;
    report.row(&row).map_err(unwritten_rows)?;
    let summary = LoginSummary {
        scopes: caller.scopes.iter().map(|scope| scope.as_str()).collect(),
        apps: caller.apps.into_iter().collect(),
    };
    report.finish(&summary).map_err(unwritten_rows)?;
    context.ui.say(t!("signed in as {} at {}", caller.owner, at.url));
    if at.key.is_some() {
        context.ui.warn(t!(
            "a key is configured for this service, and is used instead of the sign-in"
        ));
    }
    Ok(exit::OK)
}

/// Returns the issuer to sign in at.
fn chosen(context: &Context, at: &ServiceAt, args: &LoginArgs) -> Result<SignIn, CommandError> {
    // What anybody may ask needs no key.
    let (url, nobody) = (&at.url, ServiceKey::Fixed("none".to_owned().into()));
    let known = context.service_with(at, nobody)?.sign_ins()?.issuers;
    let names: Vec<String> = known.iter().map(|client| client.issuer.clone()).collect();
    let mut fitting = known
        .into_iter()
        .filter(|client| args.issuer.as_ref().is_none_or(|wanted| *wanted == client.issuer));
    let refused = |what: &str| CommandError::new(exit::CONFIG, what.to_owned());
    match (fitting.next(), fitting.next()) {
        (Some(client), None) => Ok(client),
        (Some(_), Some(_)) => Err(refused(&t!("people sign in at several issuers of {url}"))
            .hint(t!("name one with --issuer: {}", names.join(", ")))),
        (None, _) if names.is_empty() => Err(refused(&t!("people cannot sign in at {url}"))
            .hint(t!("use a key of the service, or ask whoever runs it to set `client_id` of an issuer (serve --openid)"))),
        (None, _) => Err(refused(t!("the service does not know this issuer"))
            .hint(t!("name one with --issuer: {}", names.join(", ")))),
    }
}

async fn signed_in(
    context: &Context,
    args: &LoginArgs,
    provider: &Provider,
    client: &SignIn,
) -> Result<Tokens, CommandError> {
    if args.browser {
        let waiting = code_flow::begin(provider, client).await?;
        let opened = open_browser(context.environment.get("BROWSER"), &waiting.address);
        let address = &waiting.address;
        if opened {
            context
                .ui
                .say(t!("sign in with the browser; if none opens, go to:\n  {address}"));
        } else {
            context.ui.say(t!(
                "no browser can be opened; on this machine, go to:\n  {address}"
            ));
        }
        return Ok(waiting.finish(provider, client).await?);
    }
    let code = device_grant::begin(provider, client).await?;
    let (address, text) = (&code.verification_uri, &code.user_code);
    context.ui.say(t!("go to {address}\n  and enter the code {text}"));
    if let Some(whole) = &code.verification_uri_complete {
        context.ui.say(t!("or go to {whole}"));
    }
    Ok(device_grant::finish(provider, client, &code).await?)
}
