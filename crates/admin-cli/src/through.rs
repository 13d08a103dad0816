//! The service that acts for a command: its address, its key and its app.

use easemob_admin_api::{Client, Credentials};
use easemob_admin_remote::client::service::root_of;
use easemob_admin_remote::client::{Service, ServiceApp};
use easemob_admin_words::t;
use secrecy::{ExposeSecret as _, SecretString};

use crate::command_error::CommandError;
use crate::config::credentials::SecretPlace;
use crate::config::origin;
use crate::config::precedence::Layer;
use crate::config::profile::Profile;
use crate::config::secret_file;
use crate::config::service::{SERVICE, ServiceAt, configured};
use crate::context::{Context, USER_AGENT};
use crate::exit;
use crate::ownership::{require_settings, warn_of_settings};

/// A service that acts for a command.
#[derive(Clone)]
pub struct Remote {
    /// The app.
    pub app: ServiceApp,
    /// The profile that names the service, with its name.
    pub profile: Option<(String, Profile)>,
    /// The key.
    pub key: SecretString,
}

/// Returns the error of a command that does not go through a service.
#[must_use]
pub fn not_through(service: &ServiceAt) -> CommandError {
    let what = t!(
        "this command does not go through a service, and {} is one",
        service.url
    );
    CommandError::new(exit::CONFIG, what).hint(t!(
        "run it on the machine of the service, or with a profile that has a server and credentials of its own"
    ))
}

impl Context {
    /// Returns the service that is configured, without asking it anything.
    ///
    /// # Errors
    /// When the profile file cannot be used, two targets are named at once, or there is no key.
    pub fn service_at(&self) -> Result<Option<ServiceAt>, CommandError> {
        if self.globals.sandbox {
            return Ok(None);
        }
        let (flags, environment) = self.layers();
        let is_direct = |layer: &Layer| {
            let named = [&layer.server, &layer.app, &layer.app_root];
            layer.profile.is_none() && named.into_iter().any(Option::is_some)
        };
        let by_variable = self.environment.get(SERVICE).is_some();
        // Where no profile has a say, a file that cannot be used must not stop the command.
        if is_direct(&flags) || (flags == Layer::default() && is_direct(&environment) && !by_variable) {
            return Ok(None);
        }
        Ok(configured(
            &flags,
            &environment,
            &self.environment,
            &self.profiles()?,
        )?)
    }

    /// Returns the service that acts for this command, if one is configured. It is asked for its apps once for each command,
    /// which blocks the thread.
    ///
    /// # Errors
    /// When the configuration or the key cannot be used, or the service refuses or gives no usable answer.
    pub fn service(&self) -> Result<Option<Remote>, CommandError> {
        if let Some(known) = self.service.get() {
            return Ok(Some(known.clone()));
        }
        let Some(at) = self.service_at()? else {
            return Ok(None);
        };
        let remote = self.found(at)?;
        Ok(Some(self.service.get_or_init(|| remote).clone()))
    }

    fn found(&self, at: ServiceAt) -> Result<Remote, CommandError> {
        let profile = at.profile.as_ref().map(|(_, profile)| profile);
        let unusable = |error| {
            CommandError::new(exit::CONFIG, t!("cannot use the address of the service"))
                .because(error)
                .hint(t!("a service looks like https://ops.example.com"))
        };
        let root = root_of(&at.url).map_err(unusable)?;
        origin::plain_http(&root, &self.environment, profile)?;
        if root.origin().starts_with("http://") && !root.is_loopback() {
            self.ui.warn(t!(
                "the connection does not use TLS; credentials and answers can be read on the network"
            ));
        }
        match &at.key {
            SecretPlace::Command(_) => require_settings(self)?,
            SecretPlace::File(file) => {
                if let Some(warning) = secret_file::readers(file) {
                    self.ui.warn(warning);
                }
            }
            SecretPlace::Value(..) => {}
        }
        if profile.is_some() && !matches!(at.key, SecretPlace::Command(_)) {
            warn_of_settings(self)?;
        }
        let key = at.key.fetch_now()?;
        let client = Client::builder(root)
            .credentials(Credentials::fixed_token(key.expose_secret()))
            .timeouts(self.timeouts())
            .user_agent(USER_AGENT);
        let client = self.trust(profile)?.given_to(client).build();
        let client = client.map_err(|error| CommandError::new(exit::CONFIG, error.to_string()))?;
        let service = Service::at(&at.url, key.clone(), client, self.globals.timeout).map_err(unusable)?;
        Ok(Remote {
            app: ServiceApp::find(&service, at.app.as_deref())?,
            profile: at.profile,
            key,
        })
    }
}
