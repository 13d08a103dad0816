//! The apps for which a worker has credentials, each with its session once it was needed.

use std::collections::BTreeMap;

use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_words::t;

use crate::acts::attempt::{prove_readable, prove_recordable};
use crate::command_error::CommandError;
use crate::commands::apps::configured;
use crate::context::{Context, Session};
use crate::exit;
use crate::ownership::require_settings;

/// The apps of a worker, by the root of all calls.
pub(super) struct Apps(BTreeMap<String, App>);

struct App {
    /// The context with the profile that has the credentials.
    context: Context,
    session: Option<Session>,
}

impl Apps {
    /// Finds the apps of the profile that is named, or of all profiles and the environment.
    ///
    /// # Errors
    /// When nothing is configured, or the configuration cannot be used.
    pub(super) fn of(context: &Context) -> Result<Self, CommandError> {
        let apps = configured(context)?.into_iter().map(|app| {
            let session = None;
            let context = app.context;
            (app.root, App { context, session })
        });
        Ok(Self(apps.collect()))
    }

    /// Returns true if there are credentials for the app of a run.
    pub(super) fn has(&self, header: &Header) -> bool {
        !header.sandbox && self.0.contains_key(&header.app_root)
    }

    /// Opens a session for the app of a run, or returns the one that is open, and checks what an act needs.
    ///
    /// # Errors
    /// When none can be opened, others could have written the settings, or what the act depends on cannot be read or
    /// recorded. Nothing may be sent then.
    pub(super) async fn session(&mut self, header: &Header) -> Result<&Session, CommandError> {
        let App { context, session } = self.0.get_mut(&header.app_root).ok_or_else(|| {
            let what = t!("there are no credentials for {}", header.app_root);
            CommandError::new(exit::CONFIG, what)
        })?;
        let session = match session {
            Some(session) => session,
            None => session.insert(context.connect().await?),
        };
        if session.profile.is_some() {
            require_settings(context)?;
        }
        prove_recordable(context, session)?;
        prove_readable(context, session, &header.action)?;
        Ok(session)
    }

    /// Ends all sessions.
    pub(super) async fn close(self) -> Result<(), CommandError> {
        for session in self.0.into_values().filter_map(|app| app.session) {
            session.close().await?;
        }
        Ok(())
    }
}
