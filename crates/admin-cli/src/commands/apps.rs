//! The apps that a worker or a service acts on: of the profile that is named, or of all profiles and the environment.

use easemob_admin_ops::causes::with_causes;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;

/// An app that is configured.
pub(super) struct ConfiguredApp {
    /// The name of the profile, or `default` for the environment and the options.
    pub(super) name: String,
    /// The root of all calls.
    pub(super) root: String,
    /// The context with its credentials.
    pub(super) context: Context,
}

/// Finds the apps; each root once.
///
/// # Errors
/// When nothing is configured, or the configuration cannot be used.
pub(super) fn configured(context: &Context) -> Result<Vec<ConfiguredApp>, CommandError> {
    let mut apps = Vec::new();
    let default = add(&mut apps, context.clone());
    let globals = &context.globals;
    if [&globals.profile, &globals.app_root, &globals.server]
        .into_iter()
        .any(Option::is_some)
    {
        default?;
        return Ok(apps);
    }
    for name in context.profiles()?.profiles.keys() {
        let mut of_profile = context.clone();
        of_profile.globals.profile = Some(name.clone());
        // One that cannot be used does not keep the others from work.
        if let Err(error) = add(&mut apps, of_profile) {
            context.ui.warn(t!("profile `{name}`: {}", with_causes(&error)));
        }
    }
    if apps.is_empty() {
        default?;
    }
    Ok(apps)
}

fn add(apps: &mut Vec<ConfiguredApp>, context: Context) -> Result<(), CommandError> {
    if let Some(configured) = context.configured()? {
        let root = configured.root.to_string();
        if apps.iter().all(|app| app.root != root) {
            let name = configured
                .profile
                .map_or_else(|| "default".to_owned(), |(name, _)| name);
            apps.push(ConfiguredApp { name, root, context });
        }
    }
    Ok(())
}
