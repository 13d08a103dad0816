//! The apps whose servers may post events, and the secrets of these posts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use easemob_admin_api::webhooks::Secrets;
use easemob_admin_words::t;
use secrecy::SecretString;

use crate::command_error::CommandError;
use crate::config::credentials::from_file;
use crate::context::Session;
use crate::exit;

/// Reads an argument: an app and a file.
pub(super) fn of_app(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((app, file)) if !app.is_empty() && !file.is_empty() => Ok((app.to_owned(), file.into())),
        _ => Err(t!("give an app and a file, such as prod=./hook.secret").to_owned()),
    }
}

/// Reads the secrets of all apps.
///
/// # Errors
/// When a file cannot be read, or an app is not served.
pub(super) fn read(
    named: &[(String, PathBuf)],
    sessions: &[(String, Session)],
) -> Result<BTreeMap<String, Secrets>, CommandError> {
    let mut of_apps: BTreeMap<String, Vec<SecretString>> = BTreeMap::new();
    for (app, file) in named {
        if sessions.iter().all(|(name, _)| name != app) {
            let served: Vec<&str> = sessions.iter().map(|(name, _)| name.as_str()).collect();
            let what = t!("--callbacks names {app}, which is not served");
            return Err(CommandError::new(exit::USAGE, what).hint(t!("served are: {}", served.join(", "))));
        }
        of_apps.entry(app.clone()).or_default().push(from_file(file)?);
    }
    let of_apps = of_apps.into_iter();
    Ok(of_apps
        .map(|(app, secrets)| (app, Secrets::new(secrets)))
        .collect())
}
