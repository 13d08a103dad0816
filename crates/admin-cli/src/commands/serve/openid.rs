//! Reads which issuers' people may sign in, and what their groups may do.

use std::path::Path;
use std::sync::Arc;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::files::bounded;
use easemob_admin_server::access::openid::{ConsoleClient, Fetch, HttpFetch, Issuer, OpenId, OpenIdSettings};
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::config::credentials::{from_command, from_file};
use crate::config::secret_file;
use crate::context::Context;
use crate::exit;

/// Reads a file of issuers, and the secrets of their clients. If `is_local`, only browsers of this machine reach the service.
///
/// # Errors
/// When something cannot be read, is missing, or is not safe.
pub(super) fn read(context: &Context, path: &Path, is_local: bool) -> Result<Arc<OpenId>, CommandError> {
    let unusable = || {
        let what = t!("cannot use the issuers in {}", path.display());
        CommandError::new(exit::CONFIG, what).hint(t!("docs/service.md has an example"))
    };
    let bytes = bounded::whole(path, bounded::WRITTEN_BY_HAND).map_err(|error| unusable().because(error))?;
    let text = String::from_utf8(bytes).map_err(|error| unusable().because(error))?;
    let mut settings: OpenIdSettings = toml::from_str(&text).map_err(|error| unusable().because(error))?;
    settings.check().map_err(|why| unusable().because(why))?;
    for issuer in &mut settings.issuers {
        let Some(client) = &mut issuer.console else {
            continue;
        };
        if client.address.is_none() && !is_local {
            let why = t!(
                "`console` of the issuer {} has no `address`, and other machines reach the service",
                issuer.issuer
            );
            return Err(unusable().because(why).hint(t!(
                "add the address of the service as browsers see it: address = \"https://ops.example.com\""
            )));
        }
        read_secret(context, client)?;
    }
    let openid = OpenId::new(settings, |issuer| reached(issuer, path));
    openid.map(Arc::new).map_err(|why| unusable().because(why))
}

/// Returns how an issuer is reached. The name of a file of certificates is relative to the file of the issuers.
fn reached(issuer: &Issuer, settings: &Path) -> Result<Arc<dyn Fetch>, String> {
    let Some(file) = &issuer.ca_file else {
        return Ok(Arc::new(HttpFetch::trusting(None)?));
    };
    let file = settings.parent().unwrap_or(Path::new("")).join(file);
    let unusable = |why: String| format!("cannot use the `ca_file` {}: {why}", file.display());
    let authorities = bounded::whole(&file, bounded::WRITTEN_BY_HAND);
    let authorities = authorities.map_err(|error| unusable(with_causes(&error)))?;
    let fetch = HttpFetch::trusting(Some(&authorities)).map_err(unusable)?;
    Ok(Arc::new(fetch))
}

fn read_secret(context: &Context, client: &mut ConsoleClient) -> Result<(), CommandError> {
    if let Some(file) = &client.client_secret_file {
        let file = context.environment.at_home(file);
        if let Some(warning) = secret_file::readers(&file) {
            context.ui.warn(warning);
        }
        client.secret = Some(from_file(&file)?);
    } else if let Some(command) = &client.client_secret_command {
        client.secret = Some(from_command(command)?);
    }
    Ok(())
}

/// Says to where browsers come back, which issuers have to know, and what keeps people from signing in now.
pub(super) async fn report(context: &Context, openid: &OpenId, url: &str) {
    for place in openid.places() {
        let address = place.address.as_deref().unwrap_or(url);
        let name = &place.name;
        context.ui.say(t!(
            "people sign in to the console with {name}, which needs this redirect URI: {}",
            easemob_admin_console::comes_back_to(address, &place)
        ));
    }
    for why in openid.missing_of_console().await {
        context
            .ui
            .warn(t!("nobody can sign in to the console with {why}"));
    }
}
