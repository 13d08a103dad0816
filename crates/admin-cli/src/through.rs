//! The service that acts for a command: its address, its key and its app.

use std::sync::Arc;

use easemob_admin_api::{BroughtToken, Client, Credentials, NoToken};
use easemob_admin_ops::causes::with_causes;
use easemob_admin_remote::client::service::root_of;
use easemob_admin_remote::client::{Service, ServiceApp, ServiceKey};
use easemob_admin_words::t;
use jiff::Timestamp;
use secrecy::SecretString;

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
use crate::sign_in::SignInError;
use crate::sign_in::kept::{Kept, SignInFile};
use crate::sign_in::provider::Authorities;

/// A service that acts for a command.
#[derive(Clone)]
pub struct Remote {
    /// The app.
    pub app: ServiceApp,
    /// The profile that names the service, with its name.
    pub profile: Option<(String, Profile)>,
    /// The key, or the sign-in.
    pub credentials: Credentials,
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
    /// When the profile file cannot be used, or two targets are named at once.
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
        let key = self.key_of(&at)?;
        let (credentials, key) = match &at.key {
            Some(_) => (Credentials::fixed_token(key.clone()), ServiceKey::Fixed(key)),
            None => renewed(&self.sign_in_file(&at)?),
        };
        let service = self.service_with(&at, key)?;
        Ok(Remote {
            app: ServiceApp::find(&service, at.app.as_deref())?,
            profile: at.profile,
            credentials,
        })
    }

    /// Returns the key that is configured, or the token of whoever is signed in.
    fn key_of(&self, at: &ServiceAt) -> Result<SecretString, CommandError> {
        let is_of_profile = at.profile.is_some();
        match &at.key {
            Some(SecretPlace::Command(_)) => require_settings(self)?,
            Some(SecretPlace::File(file)) => {
                if let Some(warning) = secret_file::readers(file) {
                    self.ui.warn(warning);
                }
            }
            Some(SecretPlace::Value(..)) | None => {}
        }
        if is_of_profile && !matches!(at.key, Some(SecretPlace::Command(_))) {
            warn_of_settings(self)?;
        }
        if let Some(key) = &at.key {
            return Ok(key.fetch_now()?);
        }
        let file = self.sign_in_file(at)?;
        let kept = waited_for(file.renewed(Timestamp::now(), None))?;
        let token = kept.map(|kept| kept.token());
        token.ok_or_else(|| {
            CommandError::new(
                exit::CONFIG,
                t!(
                    "there is no key for the service {}, and nobody is signed in",
                    at.url
                ),
            )
            .hint(t!("sign in with: {}", self.command("login")))
            .hint(t!(
                "or add `service_key_file` or `service_key_command` to the profile; for EASEMOB_SERVICE, set \
                     EASEMOB_SERVICE_KEY or EASEMOB_SERVICE_KEY_FILE"
            ))
        })
    }

    /// Returns the service of this command, for whoever signs in there or out.
    ///
    /// # Errors
    /// When the configuration cannot be used, or there is no service.
    pub fn service_to_sign_in(&self) -> Result<ServiceAt, CommandError> {
        self.service_at()?.ok_or_else(|| {
            CommandError::new(
                exit::CONFIG,
                t!("people sign in at a service, and none is configured"),
            )
            .hint(t!(
                "add `service = \"https://ops.example.com\"` to the profile, or set EASEMOB_SERVICE"
            ))
        })
    }

    /// Returns the file with the sign-in at a service.
    ///
    /// # Errors
    /// When there is no data directory, or the `ca_file` of the profile cannot be read.
    pub fn sign_in_file(&self, at: &ServiceAt) -> Result<SignInFile, CommandError> {
        let authorities = self.authorities(at)?;
        Ok(SignInFile::of(&self.places()?.sign_ins(), &at.url, authorities))
    }

    /// Returns the certificates with which the issuers of a service are reached: the pinned one is that of the service.
    ///
    /// # Errors
    /// When the `ca_file` of the profile cannot be read.
    pub fn authorities(&self, at: &ServiceAt) -> Result<Authorities, CommandError> {
        let profile = at.profile.as_ref().map(|(_, profile)| profile);
        let trusted = profile.map_or(Ok(None), |profile| self.trusted_certificates(profile))?;
        Ok(Authorities(trusted))
    }

    /// Prepares requests to a service with a key. Sends nothing.
    ///
    /// # Errors
    /// When the address or the certificates cannot be used.
    pub fn service_with(&self, at: &ServiceAt, key: ServiceKey) -> Result<Service, CommandError> {
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
        let client = Client::builder(root)
            // It only makes connections.
            .credentials(Credentials::fixed_token("none"))
            .timeouts(self.timeouts())
            .user_agent(USER_AGENT);
        let client = self.trust(profile)?.given_to(client).build();
        let client = client.map_err(|error| CommandError::new(exit::CONFIG, error.to_string()))?;
        Service::at(&at.url, key, client, self.globals.timeout).map_err(unusable)
    }
}

/// Returns the token of whoever is signed in for the two kinds of calls, renewed when it ends or is refused: a command may take
/// hours.
fn renewed(file: &SignInFile) -> (Credentials, ServiceKey) {
    let for_calls = file.clone();
    let credentials = Credentials::brought(move |refused| {
        let file = for_calls.clone();
        async move {
            let now = Timestamp::now();
            let kept = signed_in(&file, now, refused).await?;
            Ok(BroughtToken {
                token: kept.token(),
                lives: kept.lives(now),
            })
        }
    });
    let file = file.clone();
    let key = ServiceKey::SignedIn(Arc::new(move |refused| {
        let file = file.clone();
        Box::pin(async move { Ok(signed_in(&file, Timestamp::now(), refused).await?.token()) })
    }));
    (credentials, key)
}

async fn signed_in(
    file: &SignInFile,
    now: Timestamp,
    refused: Option<SecretString>,
) -> Result<Kept, NoToken> {
    match file.renewed(now, refused.as_ref()).await {
        Ok(Some(kept)) => Ok(kept),
        Ok(None) => Err(NoToken::refused(t!("nobody is signed in any more"))),
        Err(error @ SignInError::Unusable { .. }) => Err(NoToken::away(with_causes(&error))),
        Err(error) => Err(NoToken::refused(with_causes(&error))),
    }
}

/// Runs a future to its end on a thread of its own: this may be a thread of a runtime.
fn waited_for<T: Send, E: Into<CommandError> + Send>(
    work: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, CommandError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot start a runtime")).because(error)
        })?;
        runtime.block_on(work).map_err(Into::into)
    };
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
