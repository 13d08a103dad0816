//! The apps for which a worker has credentials, each with its session once it was needed.

use std::collections::BTreeMap;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::run::journal::header::Header;

use crate::command_error::CommandError;
use crate::context::{Context, Session};

/// The apps of a worker, by the root of all calls.
pub(super) struct Apps(BTreeMap<String, App>);

struct App {
    /// The profile that has the credentials; `None` for those of the environment.
    profile: Option<String>,
    session: Option<Session>,
}

impl Apps {
    /// Finds the apps of the profile that is named, or of all profiles and the environment.
    ///
    /// # Errors
    /// When nothing is configured, or the configuration cannot be used.
    pub(super) fn of(context: &Context) -> Result<Self, CommandError> {
        let mut apps = BTreeMap::new();
        let mut add = |context: &Context, profile: Option<String>| -> Result<(), CommandError> {
            if let Some(configured) = context.configured()? {
                let app = App {
                    profile,
                    session: None,
                };
                apps.entry(configured.root.to_string()).or_insert(app);
            }
            Ok(())
        };
        let default = add(context, None);
        if context.globals.profile.is_some()
            || context.globals.app_root.is_some()
            || context.globals.server.is_some()
        {
            default?;
            return Ok(Self(apps));
        }
        for name in context.profiles()?.profiles.keys() {
            // A profile that cannot be used is told when it is used, and does not keep the others from work.
            if let Err(error) = add(&with_profile(context, name), Some(name.clone())) {
                context
                    .ui
                    .warn(format_args!("profile `{name}`: {}", with_causes(&error)));
            }
        }
        if apps.is_empty() {
            default?;
        }
        Ok(Self(apps))
    }

    /// Returns true if there are credentials for the app of a run.
    pub(super) fn has(&self, header: &Header) -> bool {
        !header.sandbox && self.0.contains_key(&header.app_root)
    }

    /// Opens a session for the app of a run, or returns the one that is open.
    ///
    /// # Errors
    /// When none can be opened.
    pub(super) async fn session(
        &mut self,
        context: &Context,
        header: &Header,
    ) -> Result<&Session, CommandError> {
        let app = self.0.get_mut(&header.app_root).ok_or_else(|| {
            CommandError::new(
                crate::exit::CONFIG,
                format!("there are no credentials for {}", header.app_root),
            )
        })?;
        if app.session.is_none() {
            let context = match &app.profile {
                Some(name) => &with_profile(context, name),
                None => context,
            };
            app.session = Some(context.connect().await?);
        }
        app.session
            .as_ref()
            .ok_or_else(|| CommandError::new(crate::exit::INTERNAL, "there is no session"))
    }

    /// Ends all sessions.
    pub(super) async fn close(self) -> Result<(), CommandError> {
        for app in self.0.into_values() {
            if let Some(session) = app.session {
                session.close().await?;
            }
        }
        Ok(())
    }
}

fn with_profile(context: &Context, name: &str) -> Context {
    let mut context = context.clone();
    context.globals.profile = Some(name.to_owned());
    context
}
