//! The context of a command: options, environment, streams and the way to a server.

use std::io::{BufWriter, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use easemob_admin_api::{
    AppKey, AppRoot, Client, ClientBuilder, Credentials, DisconnectVerb, ExpiresIn, LARGEST_BODY,
    RetryPolicy, Timeouts,
};
use easemob_admin_audit::directory_name;
use easemob_admin_ops::files::bounded;
use easemob_admin_ops::logins::ages::KnownAges;
use easemob_admin_ops::logins::store::{LoginStore, StoreError};
use easemob_admin_ops::probe::obeyed::Obeyed;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::select::ages::{Ages, IdStamps};
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::target::Target;
use easemob_admin_ops::trails::Trail;
use easemob_admin_remote::client::ServiceApp;
use easemob_admin_sandbox::Sandbox;
#[cfg(feature = "postgres")]
use easemob_admin_store_pg::trail::{PgTrail, PgTrails};
use easemob_admin_words::t;
use jiff::tz::TimeZone;

use crate::budget::{Budget, rates_with};
use crate::capability_file::Known;
use crate::cli::Globals;
use crate::command_error::CommandError;
use crate::config::credentials::{self, Plan};
use crate::config::environment::Environment;
use crate::config::origin::{self, Layer as CredentialLayer};
use crate::config::places::Places;
use crate::config::precedence::{Address, Aim, Layer, target};
use crate::config::profile::{LifeUnit, LogoutVerb, Profile};
use crate::config::profile_edit::ProfileEdit;
use crate::config::profile_file::ProfileFile;
use crate::config::secret_file;
use crate::config::store::{self, StoreAt, StorePassword};
use crate::embedded;
use crate::exit;
use crate::ownership::{require_settings, warn_of_settings};
use crate::pauses::Pauses;
use crate::present::trail_place::in_words;
use crate::progress::{Beside, Progress};
use crate::render::report::{Report, Row};
use crate::render::table::Terminal;
use crate::render::view::{Shown, View};
use crate::render::{self, Format};
use crate::stores::{self, Records, Surroundings, TeamBudget};
use crate::through::{Remote, not_through};
use crate::ui::Ui;

/// What this program is called in requests.
pub(crate) const USER_AGENT: &str = concat!("easemob-admin/", env!("CARGO_PKG_VERSION"));

/// Opens stdout; a function, because a report owns its writer.
pub type Stdout = Arc<dyn Fn() -> Box<dyn Write + Send> + Send + Sync>;

/// What is known of the terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screen {
    /// The width of stdout, if it is a terminal.
    pub width: Option<usize>,
    /// Whether stdout shows colours.
    pub color: bool,
    /// Whether stderr is a terminal.
    pub stderr: bool,
}

/// The context of a command.
#[derive(Clone)]
pub struct Context {
    /// The global options.
    pub globals: Globals,
    /// The options that name a server and a store on the command line, as [`aim_of`](crate::commands::aim::aim_of) returns them.
    pub aim: String,
    /// The arguments of the program, for commands that are printed for the user to paste.
    pub arguments: Vec<String>,
    /// The environment.
    pub environment: Environment,
    /// Where messages go.
    pub ui: Arc<Ui>,
    /// Where data goes.
    pub stdout: Stdout,
    /// The terminal.
    pub screen: Screen,
    /// When the command started.
    pub began: Instant,
    /// The records, once they were opened: one command uses the same ones from its beginning to its end.
    pub records: Arc<OnceLock<Records>>,
    /// The name of this process among those that share a database, if it was given one.
    pub worker: Option<String>,
    /// The service that acts for this command, once it was asked for its apps.
    pub service: Arc<OnceLock<Remote>>,
}

/// A server that requests can be sent to.
pub struct Session {
    /// The server.
    pub server: Server,
    /// The app key, or the app root where there is no key.
    pub app: String,
    /// The root URL of all calls.
    pub app_root: String,
    /// The profile, if one is used.
    pub profile: Option<String>,
    /// The subject of the signed token, if there is one.
    pub subject: Option<String>,
    /// Host and port of the server.
    pub address: String,
    /// What may be sent to it.
    pub budget: Budget,
    /// What the server was found to do, if it was asked.
    pub known: Option<Known>,
    /// The app of a service that acts for this command: calls that read go through it, and it works on runs.
    pub service: Option<ServiceApp>,
    sandbox: Option<Sandbox>,
    /// Reports pauses to the operator while the session lasts.
    _pauses: Pauses,
}

impl Session {
    /// Returns the target of acts on this server.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            app: self.app.clone(),
            app_root: self.app_root.clone(),
            profile: self.profile.clone(),
            sandbox: self.is_sandbox(),
        }
    }

    /// Says before an act which server it is about; the sandbox has said so already.
    pub fn announce(&self, ui: &Ui) {
        if self.is_sandbox() {
            return;
        }
        let profile = match &self.profile {
            Some(profile) => t!("profile {profile}"),
            None => t!("no profile").to_owned(),
        };
        if let Some(service) = &self.service {
            let url = service.service().url();
            ui.note(t!("app {} through the service at {url} ({profile})", self.app));
            return;
        }
        ui.note(t!("app {} at {} ({profile})", self.app, self.app_root));
    }

    /// Returns what of the answers of a probe is obeyed.
    #[must_use]
    pub fn obeyed(&self) -> Obeyed {
        self.known
            .as_ref()
            .and_then(|known| known.obeyed)
            .unwrap_or_default()
    }

    /// Returns true if the server is the embedded sandbox, of this process or of a service.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.sandbox.is_some() || self.service.as_ref().is_some_and(|app| app.view().sandbox)
    }

    /// Returns the embedded sandbox, if that is the server.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }

    /// Ends the session; the sandbox saves its state.
    ///
    /// # Errors
    /// When the state cannot be saved.
    pub async fn close(self) -> Result<(), CommandError> {
        match self.sandbox {
            Some(sandbox) => embedded::stop(sandbox).await,
            None => Ok(()),
        }
    }
}

/// A server that is configured, but not yet contacted.
pub struct Configured {
    /// The root URL of all calls.
    pub root: AppRoot,
    /// The profile that contributes to it, with its name.
    pub profile: Option<(String, Profile)>,
    /// Where credentials come from.
    pub credentials: Plan,
}

/// Which certificates are trusted.
pub(crate) struct Trust {
    /// Those besides the ones of the system (PEM).
    trusted: Option<Vec<u8>>,
    /// The fingerprint of the only one.
    pinned: Option<String>,
}

impl Trust {
    /// Lets a client trust them.
    pub(crate) fn given_to(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = match &self.trusted {
            Some(pem) => builder.trust_certificates(pem.clone()),
            None => builder,
        };
        match &self.pinned {
            #[cfg(feature = "tls")]
            Some(sha256) => builder.pin_certificate(sha256),
            _ => builder,
        }
    }
}

/// How a server is used.
#[derive(Clone, Copy)]
struct Handling {
    /// Whether commands share a token.
    shares_tokens: bool,
    /// How long to wait while it is away.
    wait_for_server: Duration,
    /// Whether raw answers are wanted: then nothing is repeated, and no earlier answer is obeyed.
    probes: bool,
}

impl Context {
    /// Returns when `--max-duration` ends; all passes of a command share it.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        // A time too far in the future is no deadline.
        self.began.checked_add(self.globals.max_duration?)
    }

    /// Returns where files are stored.
    ///
    /// # Errors
    /// When no home directory is known.
    pub fn places(&self) -> Result<Places, CommandError> {
        Ok(Places::find(&self.environment)?)
    }

    /// Reads the profiles, and warns if other users can read them too.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn profiles(&self) -> Result<ProfileFile, CommandError> {
        let path = self.places()?.profile_file();
        if let Some(warning) = secret_file::readers(&path) {
            self.ui.warn(warning);
        }
        Ok(ProfileFile::load(&path)?)
    }

    /// Reads the profiles to change them, as [`Context::profiles`] does, and keeps other processes from changing them.
    ///
    /// # Errors
    /// When the file cannot be used, or another process is changing it.
    pub fn edit_profiles(&self) -> Result<ProfileEdit, CommandError> {
        // Beside a file that cannot be used, no lock is created.
        self.profiles()?;
        Ok(ProfileEdit::begin(&self.places()?.profile_file())?)
    }

    /// Returns a command for the same server, for the user to paste.
    #[must_use]
    pub fn command(&self, command: &str) -> String {
        format!("easemob-admin {}{command}", self.aim)
    }

    fn target(&self, profiles: &ProfileFile) -> Result<Aim, CommandError> {
        let (flags, environment) = self.layers();
        Ok(target(self.globals.sandbox, &flags, &environment, profiles)?)
    }

    /// Returns what the command line and the environment say of the target.
    pub(crate) fn layers(&self) -> (Layer, Layer) {
        let own = |value: &Option<String>| value.clone();
        let globals = &self.globals;
        let flags = Layer {
            profile: own(&globals.profile),
            server: own(&globals.server),
            app: own(&globals.app),
            app_root: own(&globals.app_root),
        };
        let variable = |name| self.environment.get(name).map(str::to_owned);
        let environment = Layer {
            profile: variable("EASEMOB_PROFILE"),
            server: variable("EASEMOB_SERVER"),
            app: variable("EASEMOB_APP"),
            app_root: variable("EASEMOB_APP_ROOT"),
        };
        (flags, environment)
    }

    /// Returns a context for the server of a run, unless the command line names another one.
    ///
    /// # Errors
    /// When the run was made without a profile, and the environment names another server.
    pub fn aimed_at(&self, run: &Header) -> Result<Self, CommandError> {
        let mut this = self.clone();
        // The profile of the run is one of the service's.
        if self.service()?.is_some() {
            return Ok(this);
        }
        let globals = &mut this.globals;
        if run.sandbox {
            globals.sandbox = true;
        } else if globals.sandbox
            || [&globals.profile, &globals.server, &globals.app, &globals.app_root]
                .into_iter()
                .any(Option::is_some)
        {
            return Ok(this);
        } else if run.profile.is_some() {
            globals.profile.clone_from(&run.profile);
        } else {
            let root = Self::app_root(&Address::Root(run.app_root.clone()))?;
            origin::of_run(&root, &self.environment)?;
            globals.app_root = Some(run.app_root.clone());
        }
        Ok(this)
    }

    /// Returns the audit trail of the configured server, or the only trail there is.
    ///
    /// # Errors
    /// When no server is configured, and there is no trail or more than one, or the records cannot be used.
    pub fn audit_trail(&self) -> Result<Box<dyn Trail>, CommandError> {
        let trails = self.records()?.trails;
        if let Some(service) = self.service()? {
            return Ok(trails.of(&service.app.view().name)?);
        }
        let name = self.target_name(|| Ok(trails.names()?)).map_err(|error| {
            error.hint(t!(
                "or name a trail with --dir; the trails are in {}",
                in_words(&trails.place())
            ))
        })?;
        Ok(trails.of(&name)?)
    }

    /// Returns the trails in the database, and the name and the trail of the configured server, or of the only one there is.
    ///
    /// # Errors
    /// When no database or server is configured, or the trail does not exist.
    #[cfg(feature = "postgres")]
    pub fn database_trail(&self) -> Result<(PgTrails, String, PgTrail), CommandError> {
        let records = self.records()?;
        let Some(trails) = records.pg_trails() else {
            let what = t!("this is for a trail in a database, and none is configured");
            return Err(CommandError::new(exit::CONFIG, what).hint(
                t!("add --store postgres://USER@HOST/DATABASE; files of a trail in a directory can be moved away (see docs/audit.md)"),
            ));
        };
        let name = self.target_name(|| Ok(records.trails.names()?))?;
        let trail = trails.kept(&name)?.ok_or_else(|| {
            let what = t!(
                "there is no audit trail of {name} in {}",
                in_words(&records.trails.place())
            );
            CommandError::new(exit::USAGE, what)
        })?;
        Ok((trails, name, trail))
    }

    /// Opens what is kept about logins of the server that is configured, or of the only one there is, and makes it if there
    /// is nothing.
    ///
    /// # Errors
    /// When no server is configured, and logins of none or more than one are kept, or they cannot be used.
    pub fn logins(&self) -> Result<Box<dyn LoginStore>, CommandError> {
        let (stores, name) = self.login_target()?;
        Ok(stores.logins().of(&name)?)
    }

    /// Opens what is kept about logins of the server that is configured, or of the only one there is, if there is anything.
    ///
    /// # Errors
    /// When no server is configured, and logins of none or more than one are kept, or they cannot be used.
    pub fn kept_logins(&self) -> Result<Option<Box<dyn LoginStore>>, CommandError> {
        let (stores, name) = self.login_target()?;
        Ok(stores.logins().kept(&name)?)
    }

    /// Returns the stores, and the name under which the logins are kept.
    fn login_target(&self) -> Result<(Stores, String), CommandError> {
        let stores = self.stores()?;
        if let Some(service) = self.service()? {
            return Ok((stores, service.app.view().name.clone()));
        }
        let name = self.target_name(|| Ok(stores.logins().targets()?))?;
        Ok((stores, name))
    }

    /// Returns the app key of the configured server.
    ///
    /// # Errors
    /// When no server is configured, or its address contains no app key and none was given, or the service cannot be asked.
    pub fn app_key(&self) -> Result<String, CommandError> {
        if let Some(app) = &self.globals.app {
            return Ok(app.clone());
        }
        if let Some(remote) = self.service()? {
            return Ok(remote.app.view().app.clone());
        }
        let root = self.server_root()?.ok_or_else(|| {
            CommandError::new(exit::USAGE, t!("the sandbox of --sandbox does not post events"))
                .hint(t!("start one that does: easemob-admin sandbox serve --add-profile local --webhook URL --webhook-secret-file FILE"))
        })?;
        let key = root.app_key().map(ToString::to_string);
        key.ok_or_else(|| {
            CommandError::new(exit::CONFIG, t!("{root} does not contain the app key"))
                .hint(t!("add --app ORG#APP"))
        })
    }

    /// Returns the root of all calls of the configured server; `None` for the sandbox.
    ///
    /// # Errors
    /// When no server is configured.
    pub fn server_root(&self) -> Result<Option<AppRoot>, CommandError> {
        if let Some(service) = self.service_at()? {
            return Err(not_through(&service));
        }
        match self.target(&self.profiles()?)? {
            Aim::Sandbox => Ok(None),
            Aim::Server { address, .. } => Self::app_root(&address).map(Some),
        }
    }

    /// Returns the name under which things are kept for the server that is configured, or the only one of `kept` that is
    /// of a real server: the sandbox's is never taken by accident.
    fn target_name(
        &self,
        kept: impl FnOnce() -> Result<Vec<String>, CommandError>,
    ) -> Result<String, CommandError> {
        let sandbox = || directory_name(true, None, "");
        if self.globals.sandbox {
            return Ok(sandbox());
        }
        let (address, profile) = match self.target(&self.profiles()?) {
            Ok(Aim::Sandbox) => return Ok(sandbox()),
            Ok(Aim::Server { address, profile }) => (address, profile),
            Err(error) => {
                let mut kept = kept()?;
                kept.retain(|name| *name != sandbox());
                let [only] = kept.as_slice() else {
                    return Err(error);
                };
                self.ui.note(t!(
                    "no server is configured; this is what is kept of {only}, the only one on record"
                ));
                return Ok(only.clone());
            }
        };
        let root = Self::app_root(&address)?;
        Ok(directory_name(false, profile.as_deref(), &root.to_string()))
    }

    /// Parses an address.
    ///
    /// # Errors
    /// When it is malformed. The message omits the part of a URL before `@`, which may be a password.
    pub fn app_root(address: &Address) -> Result<AppRoot, CommandError> {
        let (what, looks, found) = match address {
            Address::Root(root) => (
                t!("cannot use the app root"),
                t!("an app root looks like https://a1.easemob.com/acme/chat or https://HOST/app-id/ID"),
                AppRoot::parse(root),
            ),
            Address::ServerAndApp { server, app } => match AppKey::parse(app) {
                Ok(key) => (
                    t!("cannot use the server"),
                    t!("a server looks like https://a1.easemob.com"),
                    AppRoot::new(server, &key),
                ),
                Err(error) => (
                    t!("cannot use the app key"),
                    t!("an app key looks like acme#chat"),
                    Err(error),
                ),
            },
        };
        found.map_err(|error| CommandError::new(exit::CONFIG, what).because(error).hint(looks))
    }

    /// Returns where runs, trails, locks and logins are kept.
    ///
    /// # Errors
    /// When there is no place for them, or the database cannot be used.
    pub fn stores(&self) -> Result<Stores, CommandError> {
        Ok(self.records()?.stores)
    }

    /// Opens the records, once for each command.
    ///
    /// # Errors
    /// When there is no place for them, or the database cannot be used.
    pub fn records(&self) -> Result<Records, CommandError> {
        if let Some(records) = self.records.get() {
            return Ok(records.clone());
        }
        if let Some(service) = self.service()? {
            let records = stores::of_service(service.app, self.globals.store.is_some())?;
            return Ok(self.records.get_or_init(|| records).clone());
        }
        let longest = self.globals.timeout.saturating_mul(2);
        let records = stores::open(
            self.store_at()?.as_ref(),
            &self.places()?,
            longest,
            self.worker.as_deref(),
            &Surroundings {
                environment: &self.environment,
                ui: &self.ui,
            },
        )?;
        Ok(self.records.get_or_init(|| records).clone())
    }

    /// Returns the database that keeps the records, if one is configured.
    ///
    /// # Errors
    /// When the profile file cannot be used.
    pub fn store_at(&self) -> Result<Option<StoreAt>, CommandError> {
        let globals = &self.globals;
        let named = |profile: Option<&Profile>| {
            store::configured(
                globals.store.as_deref(),
                globals.sandbox,
                &self.environment,
                profile,
            )
        };
        // Where the profile has no say, a file that cannot be used must not stop the command.
        let at = named(None);
        if at.is_some() || globals.sandbox {
            return Ok(at);
        }
        let profiles = self.profiles()?;
        let profile = match self.target(&profiles) {
            Ok(Aim::Server { profile, .. }) => profile,
            _ => None,
        };
        let at = named(profile.and_then(|name| profiles.profiles.get(&name)));
        if at
            .as_ref()
            .is_some_and(|at| matches!(at.password, StorePassword::Command(_)))
        {
            // Nothing that others could have written is run.
            require_settings(self)?;
        }
        Ok(at)
    }

    /// Returns the credential variables that are set.
    fn credential_variables(&self) -> Vec<&'static str> {
        let mut names = credentials::VARIABLES.to_vec();
        names.retain(|name| self.environment.get(name).is_some());
        names
    }

    /// Finds server, app and credentials without fetching a secret; `None` for the sandbox.
    ///
    /// # Errors
    /// When nothing is configured, or the configuration cannot be used.
    pub fn configured(&self) -> Result<Option<Configured>, CommandError> {
        if let Some(service) = self.service_at()? {
            return Err(not_through(&service));
        }
        // The sandbox needs no profile, so an unusable file must not stop it.
        let profiles = if self.globals.sandbox {
            ProfileFile::default()
        } else {
            self.profiles()?
        };
        let (address, profile) = match self.target(&profiles)? {
            Aim::Sandbox => return Ok(None),
            Aim::Server { address, profile } => (address, profile),
        };
        let root = Self::app_root(&address)?;
        let profile = profile.and_then(|name| Some((name.clone(), profiles.profiles.get(&name)?.clone())));
        let named = profile.as_ref().map(|(name, profile)| (name.as_str(), profile));
        let layer = origin::layer(&root, named)?;
        let profile_only = named.map(|(_, profile)| profile);
        origin::plain_http(&root, &self.environment, profile_only)?;
        let credentials = credentials::plan(&self.environment, profile_only, layer).map_err(|error| {
            let lost = self.credential_variables();
            match named {
                Some((name, _)) if layer == CredentialLayer::Profile && !lost.is_empty() => {
                    CommandError::from(error).hint(t!(
                        "{} is not sent to the server of a profile; to allow it, add to profile `{name}`: \
                         credentials = \"environment\"",
                        lost.join(", ")
                    ))
                }
                _ => error.into(),
            }
        })?;
        Ok(Some(Configured {
            root,
            profile,
            credentials,
        }))
    }

    /// Prepares a server for requests. Sends nothing.
    ///
    /// # Errors
    /// When the configuration cannot be used, a secret cannot be fetched, or the sandbox cannot be started.
    pub async fn connect(&self) -> Result<Session, CommandError> {
        self.connected(Handling {
            shares_tokens: !self.globals.no_token_cache,
            wait_for_server: self.globals.wait_for_server,
            probes: false,
        })
        .await
    }

    /// Prepares a server as [`connect`](Self::connect) does, with a token that no other command has used, and without
    /// waiting for a server that is away: that shows whether it answers and accepts the credentials now.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_anew(&self) -> Result<Session, CommandError> {
        self.connected(Handling {
            shares_tokens: false,
            wait_for_server: Duration::ZERO,
            probes: false,
        })
        .await
    }

    /// Prepares a server for a probe, as [`connect_anew`](Self::connect_anew) does: requests are sent once, and what an
    /// earlier probe found out is not obeyed.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_to_probe(&self) -> Result<Session, CommandError> {
        self.connected(Handling {
            shares_tokens: false,
            wait_for_server: Duration::ZERO,
            probes: true,
        })
        .await
    }

    /// Returns what the server at `root` was found to do.
    fn known(&self, root: &AppRoot, sandbox: bool, handling: Handling) -> Option<Known> {
        let places = self.places().ok().filter(|_| !handling.probes)?;
        Known::find(&self.ui, &places, root, sandbox)
    }

    /// Prepares the calls that a service passes on, under the key of the service.
    fn through(&self, service: Remote, handling: Handling) -> Result<Session, CommandError> {
        let Remote {
            app,
            profile,
            credentials,
        } = service;
        let root = app.app_root();
        let root = AppRoot::parse(&root).map_err(|error| {
            CommandError::new(exit::CONFIG, t!("cannot use the address of the service")).because(error)
        })?;
        let (name, profile) = profile.unzip();
        let budget = Budget::of(self.globals.rate, self.globals.share, profile.as_ref(), None);
        let builder = Client::builder(root.clone())
            .credentials(credentials)
            .rate(budget.rate)
            .timeouts(self.timeouts())
            .wait_for_server(handling.wait_for_server)
            .user_agent(USER_AGENT);
        let client = self.trust(profile.as_ref())?.given_to(builder).build();
        let client = client.map_err(|error| CommandError::new(exit::CONFIG, error.to_string()))?;
        let server = Server::new(client, self.ages()).hearing_reasons(true);
        let view = app.view();
        Ok(Session {
            _pauses: self.pauses(&server)?,
            app_root: view.app_root.clone(),
            profile: name,
            subject: None,
            server,
            app: view.app.clone(),
            address: address(&root),
            budget,
            known: None,
            service: Some(app),
            sandbox: None,
        })
    }

    async fn connected(&self, handling: Handling) -> Result<Session, CommandError> {
        if let Some(service) = self.service()? {
            return self.through(service, handling);
        }
        match self.configured()? {
            None => {
                let sandbox = embedded::start(&self.places()?).await?;
                self.ui.say(t!(
                    "sandbox: {} (local, no real server is contacted)",
                    sandbox.app_key()
                ));
                let root = AppRoot::parse(&sandbox.app_root()).map_err(|error| {
                    CommandError::new(exit::INTERNAL, t!("the sandbox has no address"))
                        .because(error.to_string())
                })?;
                let credentials = Credentials::client_secret(sandbox.client_id(), sandbox.client_secret());
                let app = sandbox.app_key().to_owned();
                let address = address(&root);
                let known = self.known(&root, true, handling);
                let budget = Budget::of(self.globals.rate, self.globals.share, None, None);
                let server = self.server(
                    &root,
                    &credentials,
                    None,
                    handling,
                    known.as_ref(),
                    (budget, None),
                )?;
                Ok(Session {
                    _pauses: self.pauses(&server)?,
                    app_root: root.to_string(),
                    profile: None,
                    subject: None,
                    server,
                    app,
                    address,
                    budget,
                    known,
                    service: None,
                    sandbox: Some(sandbox),
                })
            }
            Some(Configured {
                root,
                profile,
                credentials,
            }) => {
                if let Some(warning) = credentials.exposed() {
                    self.ui.warn(warning);
                }
                if credentials.runs_a_command() {
                    require_settings(self)?;
                } else if profile.is_some() {
                    warn_of_settings(self)?;
                }
                let unused = self.credential_variables();
                if let (Some((name, profile)), [first, ..]) = (&profile, unused.as_slice())
                    && profile.credentials.is_none()
                {
                    self.ui.note(t!(
                        "using the credentials of profile `{name}`, not {first} from the environment"
                    ));
                }
                if root.origin().starts_with("http://") && !root.is_loopback() {
                    self.ui.warn(t!(
                        "the connection does not use TLS; credentials and answers can be read on the network"
                    ));
                }
                let (app, address) = (label(&root), address(&root));
                let (name, profile) = profile.unzip();
                let app_root = root.to_string();
                let subject = credentials.subject().map(str::to_owned);
                let fetched = credentials.fetch().await?;
                let known = self.known(&root, false, handling);
                let (budget, team) = self.budget_of(&root, profile.as_ref());
                let server = self.server(
                    &root,
                    &fetched.credentials,
                    profile.as_ref(),
                    handling,
                    known.as_ref(),
                    (budget, team),
                )?;
                let server = server.hearing_reasons(fetched.is_of_a_service);
                Ok(Session {
                    _pauses: self.pauses(&server)?,
                    app_root,
                    profile: name,
                    subject,
                    server,
                    app,
                    address,
                    budget,
                    known,
                    service: None,
                    sandbox: None,
                })
            }
        }
    }

    fn pauses(&self, server: &Server) -> Result<Pauses, CommandError> {
        let (deadline, live) = (self.deadline(), self.shows_progress());
        Pauses::watch(&self.ui, server.client(), deadline, live)
    }

    /// Returns what may be sent to an app, and the budget that it is part of if machines share one.
    fn budget_of(&self, root: &AppRoot, profile: Option<&Profile>) -> (Budget, Option<TeamBudget>) {
        match self.team_budget(root, profile) {
            Ok(team) => {
                let rate = team.as_ref().map(|team| team.rate);
                let budget = Budget::of(self.globals.rate, self.globals.share, profile, rate);
                (budget, team)
            }
            Err(error) => {
                self.ui.warn(t!(
                    "cannot use the rate budget that machines share, so this command sends one request a second: {error}"
                ));
                (Budget::without_the_team(), None)
            }
        }
    }

    /// Returns the rate budget that this machine shares with others, if the records are in a database.
    fn team_budget(
        &self,
        root: &AppRoot,
        profile: Option<&Profile>,
    ) -> Result<Option<TeamBudget>, CommandError> {
        if self.store_at()?.is_none() {
            return Ok(None);
        }
        let packs = profile.and_then(|profile| profile.packs).unwrap_or_default();
        self.records()?.team_budget(root, rates_with(packs))
    }

    fn server(
        &self,
        root: &AppRoot,
        credentials: &Credentials,
        profile: Option<&Profile>,
        handling: Handling,
        known: Option<&Known>,
        (budget, team): (Budget, Option<TeamBudget>),
    ) -> Result<Server, CommandError> {
        let obeyed = known.and_then(|known| known.obeyed).unwrap_or_default();
        let retry = if handling.probes {
            RetryPolicy::none()
        } else {
            RetryPolicy::default()
        };
        let unit = match profile.and_then(|profile| profile.expires_in) {
            Some(LifeUnit::Milliseconds) => ExpiresIn::Milliseconds,
            Some(LifeUnit::Seconds) | None => ExpiresIn::Seconds,
        };
        let verb = match profile.and_then(|profile| profile.disconnect_verb) {
            Some(LogoutVerb::Get) => DisconnectVerb::Get,
            Some(LogoutVerb::Delete) => DisconnectVerb::Delete,
            None => obeyed.verb.unwrap_or_default(),
        };
        let builder = || {
            Client::builder(root.clone())
                .expires_in(unit)
                .disconnect_verb(verb)
                .largest_body(obeyed.largest_body.unwrap_or(LARGEST_BODY))
                .retry(retry.clone())
                .credentials(credentials.clone())
                .rate(budget.rate)
                .timeouts(self.timeouts())
                .wait_for_server(handling.wait_for_server)
                .user_agent(USER_AGENT)
        };
        let trust = self.trust(profile)?;
        let builder = || trust.given_to(builder());
        // The embedded sandbox belongs to this process alone.
        let places = (!self.globals.sandbox).then(|| self.places()).transpose()?;
        let builder = || match &places {
            Some(places) if handling.shares_tokens => builder().token_cache(places.tokens()),
            _ => builder(),
        };
        let shared = match (&places, team) {
            (None, _) => None,
            (Some(_), Some(team)) => Some(builder().rates(budget.own_rates()).budget(team.budget).build()),
            (Some(places), None) => Some(builder().shared_budget(places.rate_budgets()).build()),
        };
        let client = match shared {
            Some(Ok(client)) => Ok(client),
            None => builder().build(),
            Some(Err(error)) => builder().build().inspect(|_| {
                self.ui.warn(t!(
                    "{}; the rate limit is not shared with other processes on this machine",
                    error.problems().join("; ")
                ));
            }),
        };
        let client = client.map_err(|error| {
            let this = CommandError::new(exit::CONFIG, error.to_string());
            match profile.and_then(|profile| profile.ca_file.as_ref()) {
                Some(file) => this.hint(t!("the profile trusts the certificates in {}", file.display())),
                None => this,
            }
        })?;
        Ok(Server::new(client, self.ages()))
    }

    /// Reads which certificates a profile trusts.
    pub(crate) fn trust(&self, profile: Option<&Profile>) -> Result<Trust, CommandError> {
        let trusted = profile.map_or(Ok(None), |profile| self.trusted_certificates(profile))?;
        let pinned = profile.and_then(|profile| profile.pin_sha256.clone());
        if pinned.is_some() && !cfg!(feature = "tls") {
            let what = t!("cannot check `pin_sha256`: this program was built without TLS");
            return Err(CommandError::new(exit::CONFIG, what).hint(t!("use a release of easemob-admin")));
        }
        Ok(Trust { trusted, pinned })
    }

    /// Reads the certificates that a profile trusts.
    pub(crate) fn trusted_certificates(&self, profile: &Profile) -> Result<Option<Vec<u8>>, CommandError> {
        let Some(file) = &profile.ca_file else {
            return Ok(None);
        };
        let path = self.environment.at_home(file);
        bounded::whole(&path, bounded::WRITTEN_BY_HAND)
            .map(Some)
            .map_err(|error| {
                let what = t!("cannot read {}, the `ca_file` of the profile", path.display());
                CommandError::new(exit::CONFIG, what).because(error)
            })
    }

    /// Returns how long a request may take: an answer that trickles may take twice as long as one that does
    /// not start.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let silence = self.globals.timeout;
        let usual = Timeouts::default();
        usual
            .connect(usual.connect.min(silence))
            .read(silence)
            .total(silence.saturating_mul(2))
    }

    /// Refuses to choose devices by their age while what is kept about logins is of a newer version: a device that has
    /// signed in since would count as old.
    ///
    /// # Errors
    /// When `selection` selects by age, and the login database is newer than this version.
    pub fn require_ages(&self, selection: &Selection) -> Result<(), CommandError> {
        match selection.keep_newest.as_ref().map(|_| self.collected()) {
            Some(Err(error @ StoreError::Newer { .. })) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Returns the source of devices' sign-in times: the login data of this server, or else only the device
    /// ids.
    fn ages(&self) -> Arc<dyn Ages> {
        match self.collected() {
            Ok(Some(store)) => Arc::new(KnownAges::of(store)),
            Ok(None) => Arc::new(IdStamps),
            Err(error) => {
                self.ui.warn(t!(
                    "cannot use the login data, so device ages come only from device ids: {error}"
                ));
                Arc::new(IdStamps)
            }
        }
    }

    /// Opens what is kept about logins of this server, if there is anything and it is known which server that is.
    fn collected(&self) -> Result<Option<Box<dyn LoginStore>>, StoreError> {
        if let Err(error) = self.records()
            && self.store_at().is_ok_and(|at| at.is_some())
        {
            return Err(StoreError::Failed(Box::new(error)));
        }
        let known = self.login_target().ok();
        known.map_or(Ok(None), |(stores, name)| stores.logins().kept(&name))
    }

    /// Shows a progress bar for `total` items, where there is a terminal and more than one item.
    #[must_use]
    pub fn bar(&self, total: u64, verb: &'static str) -> Option<Progress> {
        if total > 1 {
            self.progress(Some(total), verb)
        } else {
            None
        }
    }

    /// Shows how many items are done, if there is a terminal and the total is unknown.
    #[must_use]
    pub fn counter(&self, verb: &'static str) -> Option<Progress> {
        self.progress(None, verb)
    }

    /// Returns whether lines on stderr may change while somebody looks.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        let globals = &self.globals;
        self.screen.stderr && !globals.quiet && !globals.no_progress
    }

    fn progress(&self, total: Option<u64>, verb: &'static str) -> Option<Progress> {
        let bar = self.shows_progress().then(|| Progress::on_stderr(total, verb));
        if let Some(bar) = &bar {
            self.ui.raise(bar.clone());
        }
        bar
    }

    /// Finds the columns that `--fields` and `--sort` name.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn shown(&self, columns: &'static [&'static str]) -> Result<Shown, CommandError> {
        let view = View {
            fields: self.globals.fields.clone(),
            sort: self.globals.sort.clone(),
            no_headers: self.globals.no_headers,
        };
        view.of(columns).map_err(|error| {
            let hint = t!("the columns are {}", error.known.join(", "));
            CommandError::new(exit::USAGE, error.to_string()).hint(hint)
        })
    }

    /// Opens the report of a command that contacts a server.
    ///
    /// # Errors
    /// When its rows have no column that `--fields` or `--sort` names.
    pub fn report<R: Row>(
        &self,
        session: &Session,
        command: &'static str,
        bar: Option<Progress>,
    ) -> Result<Report, CommandError> {
        self.open::<R>(command, session.is_sandbox(), Some(session.app.clone()), bar)
    }

    /// Opens the report of a command that contacts no server.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn local_report<R: Row>(&self, command: &'static str, sandbox: bool) -> Result<Report, CommandError> {
        self.open::<R>(command, sandbox, None, None)
    }

    fn open<R: Row>(
        &self,
        command: &'static str,
        sandbox: bool,
        app: Option<String>,
        bar: Option<Progress>,
    ) -> Result<Report, CommandError> {
        let format = self.globals.output;
        let shown = self.shown(R::COLUMNS)?;
        let columns = match &shown.columns {
            _ if shown.no_headers => None,
            Some(chosen) => Some(chosen.iter().map(|column| R::COLUMNS[*column]).collect()),
            None if format == Format::Table => Some(R::TABLE.to_vec()),
            None => Some(R::COLUMNS.to_vec()),
        };
        let least = if shown.columns.is_none() && format == Format::Table {
            let place = |name: &&str| R::TABLE.iter().position(|column| column == name);
            R::LEAST.iter().filter_map(place).collect()
        } else {
            Vec::new()
        };
        let header = render::Header {
            command,
            sandbox,
            app,
            columns,
            least,
        };
        let out = (self.stdout)();
        // The bar must be cleared before bytes reach the terminal, so it wraps the writer below the buffer.
        let out: Box<dyn Write + Send> = match bar {
            Some(bar) if self.screen.width.is_some() => Box::new(Beside::new(out, bar)),
            _ => out,
        };
        let out = Box::new(BufWriter::new(out));
        let terminal = self.screen.width.map(|width| Terminal {
            width,
            color: self.screen.color,
            zone: TimeZone::system(),
        });
        Ok(Report::new(format, header, shown, out, terminal))
    }
}

/// Returns the short name of an app: its key, or the root where there is no key.
#[must_use]
pub fn label(root: &AppRoot) -> String {
    root.app_key()
        .map_or_else(|| root.to_string(), ToString::to_string)
}

/// Returns host and port of a root.
fn address(root: &AppRoot) -> String {
    let url = root.to_string();
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", &url));
    let authority = rest.split('/').next().unwrap_or(rest);
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (has_port, scheme) {
        (true, _) => authority.to_owned(),
        (false, "http") => format!("{authority}:80"),
        (false, _) => format!("{authority}:443"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_follows_from_the_scheme() {
        let of = |root: &str| address(&AppRoot::parse(root).unwrap());
        assert_eq!(of("https://a1.easemob.com/acme/chat"), "a1.easemob.com:443");
        assert_eq!(of("http://a1.easemob.com/acme/chat"), "a1.easemob.com:80");
        assert_eq!(of("http://127.0.0.1:8080/acme/chat"), "127.0.0.1:8080");
        assert_eq!(of("http://[::1]/acme/chat"), "[::1]:80");
    }
}
