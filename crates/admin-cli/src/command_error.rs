//! Errors of commands: what happened, the exit code, and what to type next.
//!
//! This is the only place that maps errors of the client, the configuration and the user list to exit codes
//! and hints.

use std::error::Error as StdError;
use std::fmt;

use easemob_admin_api::{Error as ApiError, SignError};
use easemob_admin_audit::AuditError;
use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::files::lines::NotText;
use easemob_admin_ops::jobs::execute::CannotExecute;
use easemob_admin_ops::jobs::lock::CannotLock;
use easemob_admin_ops::locks::store::LockStoreError;
use easemob_admin_ops::policy::PolicyError;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::recorder::RecordError;
use easemob_admin_ops::run::store::RunError;
use easemob_admin_ops::schedule::breaker::Fatal;
use easemob_admin_ops::server::reduce::{is_foreign, is_silence};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::trails::TrailError;
use easemob_admin_remote::client::ServiceError;
use easemob_admin_remote::client::app::NoApp;
use easemob_admin_words::{t, told_later, translated};

#[cfg(feature = "postgres")]
use easemob_admin_store_pg::{
    database::{DatabaseCause, DatabaseError},
    schema::SchemaRefusal,
    trail::archive::ArchiveError,
};

use crate::busy;
use crate::config::credentials::CredentialError;
use crate::config::origin::NotTrusted;
use crate::config::places::NoHome;
use crate::config::precedence::NoTarget;
use crate::config::profile_file::ProfileFileError;
use crate::config::service::NoService;
use crate::disk_hint::{disk_hint, full_disk_hint};
use crate::exit::{self, Exit};
use crate::input::user_list::ListError;
use crate::present::causes::said;
use crate::present::trail_place::in_words;
use crate::sign_in::SignInError;

type Source = Box<dyn StdError + Send + Sync>;

/// The error of a command, with its exit code and hints.
#[derive(Debug)]
pub struct CommandError {
    exit: Exit,
    message: String,
    source: Option<Source>,
    hints: Vec<String>,
}

impl CommandError {
    /// Creates an error with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a hint about what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the options that name the server to the commands in hints, unless they are there.
    #[must_use]
    pub fn aimed(mut self, options: &str) -> Self {
        for hint in &mut self.hints {
            *hint = aimed_hint(hint, options);
        }
        self
    }

    /// Returns the exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the hints about what to do next.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Copies the message and causes of another error.
    fn of(exit: Exit, error: &(dyn StdError + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(said(error));
            cause = error.source();
        }
        let source = causes
            .into_iter()
            .rev()
            .fold(None, |below, message| Some(Box::new(Cause { message, below })));
        Self {
            exit,
            message: said(error),
            source: source.map(|cause: Box<Cause>| cause as Source),
            hints: Vec::new(),
        }
    }
}

/// Adds options to each command of this program in a text; they end with a space.
fn aimed_hint(hint: &str, options: &str) -> String {
    const NAME: &str = "easemob-admin ";
    const ABOUT_A_SERVER: [&str; 8] = [
        "devices", "sessions", "users", "limits", "logins", "runs", "audit", "store",
    ];
    let mut parts = hint.split(NAME);
    let mut aimed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let word = part.split([' ', '`']).next().unwrap_or_default();
        let is_aimed = ABOUT_A_SERVER.contains(&word) || part.starts_with("profile doctor");
        aimed.push_str(NAME);
        aimed.push_str(if is_aimed { options } else { "" });
        aimed.push_str(part);
    }
    aimed
}

/// A link of an error chain whose original could not be kept.
#[derive(Debug)]
struct Cause {
    message: String,
    below: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.below.as_ref().map(|cause| cause as &dyn StdError)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for CommandError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source.as_ref() as &dyn StdError)
    }
}

const TRY_SANDBOX: &str = told_later!(
    "to try the tool without a server, add --sandbox: easemob-admin --sandbox users list --limit 5"
);
const ADD_PROFILE: &str = told_later!(
    "add one: easemob-admin profile add prod --server https://a1.easemob.com --app ORG#APP \
                           --client-id ID --secret-file FILE"
);
const DOCTOR: &str = told_later!("check the configuration step by step: easemob-admin profile doctor");
const CHECK_NETWORK: &str = told_later!("check the server name, the network and the proxy variables");
const WAIT_LONGER: &str = told_later!(
    "nothing more was sent, since the server stayed away; to wait longer, add --wait-for-server 30m"
);
/// What to do on a server that manages no device limits.
pub(crate) const CONSOLE: &str = told_later!(
    "set the limits in the console (功能配置 → 多端多设备在线), or enforce limits of your own with: \
                       easemob-admin limits enforce POLICY"
);

impl From<NoTarget> for CommandError {
    fn from(error: NoTarget) -> Self {
        let exit = match &error {
            NoTarget::SandboxAndServer(_) => exit::USAGE,
            _ => exit::CONFIG,
        };
        let this = Self::of(exit, &error);
        match error {
            NoTarget::Nothing => this.hint(translated(ADD_PROFILE)).hint(translated(TRY_SANDBOX)),
            NoTarget::NoSuchProfile {
                nearest: Some(nearest),
                ..
            } => this.hint(t!("did you mean `{nearest}`?")),
            NoTarget::NoSuchProfile { known, .. } if known.is_empty() => this.hint(translated(ADD_PROFILE)),
            NoTarget::NoSuchProfile { known, .. } => this.hint(t!("profiles: {}", known.join(", "))),
            NoTarget::NoApp(_) => this.hint(t!("add --app ORG#APP, or set EASEMOB_APP")),
            NoTarget::NoServer(_) => this.hint(t!("add --server https://HOST, or set EASEMOB_SERVER")),
            NoTarget::SandboxAndServer(_) => this.hint(t!("remove one of them")),
            NoTarget::TwoForms(_) => this,
        }
    }
}

impl From<CredentialError> for CommandError {
    fn from(error: CredentialError) -> Self {
        let this = Self::of(exit::CONFIG, &error);
        match error {
            CredentialError::Nothing | CredentialError::NoSecret | CredentialError::NoId => this
                .hint(t!("set EASEMOB_CLIENT_ID and EASEMOB_CLIENT_SECRET (or EASEMOB_TOKEN), or add them to the profile"))
                .hint(translated(DOCTOR)),
            _ => this.hint(translated(DOCTOR)),
        }
    }
}

impl From<NotTrusted> for CommandError {
    fn from(error: NotTrusted) -> Self {
        let this = Self::of(exit::CONFIG, &error);
        match error {
            NotTrusted::OtherOrigin { origin, profile } => this
                .hint(t!(
                    "to trust that server, add to profile `{profile}`: origins = [\"{origin}\"]"
                ))
                .hint(
                    t!("for another server, pass --server and --app, and its credentials in EASEMOB_CLIENT_ID and \
                     EASEMOB_CLIENT_SECRET"),
                ),
            NotTrusted::OtherRun { run, variable } => this.hint(t!(
                "nothing was sent; set the variables for the run's server, or run: env -u {variable} with the credentials of {run}"
            )),
            NotTrusted::Malformed { .. } => this.hint(t!("nothing was sent; docs/configuration.md lists every key")),
            NotTrusted::PlainHttp(_) => this.hint(
                t!("use https; to allow plain http anyway, add to the profile: allow_plain_http = true, or set \
                 EASEMOB_ALLOW_PLAIN_HTTP=1"),
            ),
        }
    }
}

impl From<ProfileFileError> for CommandError {
    fn from(error: ProfileFileError) -> Self {
        let exit = match &error {
            ProfileFileError::Busy { .. } => exit::BUSY,
            _ => exit::CONFIG,
        };
        let this = Self::of(exit, &error);
        match error {
            ProfileFileError::Busy { .. } => this.hint(t!("nothing was changed; run the command again")),
            ProfileFileError::Content { .. } | ProfileFileError::Profile { .. } => {
                this.hint(t!("nothing was sent; docs/configuration.md lists every key"))
            }
            ProfileFileError::Read { .. } | ProfileFileError::Write { .. } => this,
        }
    }
}

impl From<NoHome> for CommandError {
    fn from(error: NoHome) -> Self {
        Self::of(exit::CONFIG, &error)
    }
}

impl From<ListError> for CommandError {
    fn from(error: ListError) -> Self {
        let exit = match &error {
            ListError::Spool(_) => exit::INTERNAL,
            _ => exit::USAGE,
        };
        let this = Self::of(exit, &error);
        match error {
            ListError::Invalid { shortened, .. } => {
                let this = this.hint(t!(
                    "nothing was sent; correct the lines, or skip them with --skip-invalid"
                ));
                if shortened == 0 {
                    return this;
                }
                this.hint(t!(
                    "format the column as text before entering the numbers, and export it again"
                ))
            }
            ListError::NotText {
                path,
                source: NotText::Foreign { foreign, .. },
                ..
            } => this.hint(foreign.remedy(path.as_deref())),
            ListError::NotList { path, what, .. } => {
                this.hint(what.remedy(&path.as_deref().map_or_else(|| "-".to_owned(), quoted)))
            }
            ListError::Empty(_) => this.hint(t!(
                "a list has one user per line; blank lines and lines that start with # are ignored"
            )),
            _ => this,
        }
    }
}

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        let this = Self::of(exit::USAGE, &error);
        match error {
            PolicyError::Content { .. } => this.hint(
                t!("nothing was sent; see contrib/limits-policy.toml for an example and contrib/limits-policy.schema.json for the schema"),
            ),
            PolicyError::NotText { path, foreign, .. } => this.hint(foreign.remedy(Some(&path))),
            PolicyError::Read { .. } => this,
        }
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        Self::of(busy::exit_of(&error), &error).hint(disk_hint(
            &error,
            t!("earlier requests are recorded as far as they could be written"),
        ))
    }
}

impl From<LockStoreError> for CommandError {
    fn from(error: LockStoreError) -> Self {
        let hint = match &error.source {
            StoreError::Foreign { .. } | StoreError::Damaged { .. } => t!(
                "restore a copy of the file; without one, move it away and lift the bans of its locks with \
                 `easemob-admin users unban`, because nothing else lifts them"
            )
            .into(),
            source => store_hint(source, t!("no lock was changed")),
        };
        Self::of(exit_of_store(&error.source), &error).hint(hint)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let this = Self::of(exit_of_store(&error), &error);
        this.hint(store_hint(&error, t!("data stored earlier is still there")))
    }
}

impl From<TrailError> for CommandError {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Store { ref source, .. } => {
                let this = Self::of(exit_of_store(source), &error);
                this.hint(store_hint(source, t!("nothing was sent")))
            }
            TrailError::Missing(place) => {
                let what = t!("there is no audit trail in {}", in_words(&place));
                Self::new(exit::USAGE, what).hint(t!(
                    "the first change on a server creates the trail; to read another one, add --dir DIR"
                ))
            }
            TrailError::Audit(error) => unreadable_trail(error),
            TrailError::Changed(_) => Self::of(exit::FINDINGS, &error).hint(t!(
                "find out what happened with: easemob-admin audit verify; see docs/team.md"
            )),
        }
    }
}

#[cfg(feature = "postgres")]
impl From<ArchiveError> for CommandError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Trail(error) => error.into(),
            ArchiveError::Archive(_) => Self::of(exit::FINDINGS, &error).hint(
                t!("nothing was removed; find out what happened with: easemob-admin audit verify --dir DIR"),
            ),
            ArchiveError::NotTheOwner => Self::of(exit::REFUSED, &error)
                .hint(t!("name the account that owns the tables: --store postgres://OWNER@HOST/DATABASE (see docs/team.md)")),
        }
    }
}

#[cfg(feature = "postgres")]
impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        let (exit, hint) = match &error.cause {
            DatabaseCause::Password(_) => (
                exit::CONFIG,
                t!(
                    "name a file or a command: EASEMOB_STORE_PASSWORD_FILE, EASEMOB_STORE_PASSWORD_COMMAND or PGPASSFILE (see \
                 docs/team.md)"
                ),
            ),
            DatabaseCause::Tls(_) => (exit::CONFIG, t!("check sslmode and sslrootcert of the address")),
            DatabaseCause::Away(_) => (
                exit::UNREACHABLE,
                t!("check host and port of the address; run the command again when the database is back"),
            ),
            DatabaseCause::Refused(_) => (
                exit::REFUSED,
                t!(
                    "check the account, its password and its rights; see what is configured with: easemob-admin store status"
                ),
            ),
            DatabaseCause::Schema(SchemaRefusal::NotMade) => (
                exit::CONFIG,
                t!("make the tables, as the account that shall own them, with: easemob-admin store init"),
            ),
            DatabaseCause::Schema(SchemaRefusal::NotMigrated { .. }) => (
                exit::CONFIG,
                t!("migrate them, as the account that owns them, with: easemob-admin store migrate"),
            ),
            DatabaseCause::Schema(SchemaRefusal::Pooled) => (
                exit::CONFIG,
                t!("name host and port of the server itself in the address"),
            ),
            DatabaseCause::Schema(_) => (exit::CONFIG, t!("install a newer easemob-admin on this machine")),
        };
        Self::of(exit, &error).hint(hint)
    }
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Taken(_) | StoreError::Watched(_) | StoreError::Busy(_) => exit::BUSY,
        StoreError::ServiceAway(cause) | StoreError::ServiceRefused(cause) if is_broken(&**cause) => {
            exit::INTERNAL
        }
        StoreError::Away(_) | StoreError::ServiceAway(_) => exit::UNREACHABLE,
        StoreError::ServiceRefused(_) => exit::REFUSED,
        _ => exit::INTERNAL,
    }
}

/// Returns what to do about an unusable store, followed by what is true in any case.
fn store_hint(error: &StoreError, in_any_case: &str) -> String {
    match error {
        StoreError::Full(_) | StoreError::Unwritten(_) => full_disk_hint(in_any_case),
        StoreError::File { .. } | StoreError::Failed(_) => disk_hint(error, in_any_case),
        StoreError::Taken(_) => t!("wait until the other scan ends, or stop it").into(),
        StoreError::Watched(_) => t!("stop the other one first, or leave the work to it").into(),
        StoreError::Busy(_) => t!("run the command again; {in_any_case}"),
        StoreError::Away(_) => {
            t!("run the command again when the database is back; {in_any_case}")
        }
        StoreError::ServiceAway(cause) if is_broken(&**cause) => in_any_case.to_owned(),
        StoreError::ServiceAway(_) => {
            t!("run the command again when the service answers; {in_any_case}")
        }
        StoreError::ServiceRefused(cause) => match cause.downcast_ref::<ServiceError>() {
            Some(error) => service_hint(error),
            None => t!("run the command where the records are: on the machine of the service").into(),
        },
        StoreError::NoLocks(_) => {
            t!("move the data to a local disk, and set EASEMOB_DATA_DIR to it; {in_any_case}")
        }
        StoreError::NotOpen(_) => t!("begin a new one with: easemob-admin logins scan").into(),
        StoreError::Newer { .. } => t!("use the newer version of easemob-admin that wrote it").into(),
        StoreError::Foreign { .. } | StoreError::Damaged { .. } => {
            t!("move the file away and a new one is created, or restore a copy").into()
        }
    }
}

/// Returns true if a service says that it is defect itself, or its machine or its records: that it was reached changes nothing.
fn is_broken(cause: &(dyn StdError + 'static)) -> bool {
    let error = cause.downcast_ref::<ServiceError>();
    error.is_some_and(|error| error.kind() == Some("broken"))
}

/// Returns what to do about a service that refused or gave no usable answer.
fn service_hint(error: &ServiceError) -> String {
    match (error.hint(), error) {
        (Some(hint), _) => hint.to_owned(),
        (None, ServiceError::Foreign { .. }) => t!(
            "something other than the service, such as a proxy, may have answered; check the address of the service"
        )
        .into(),
        (None, ServiceError::Refused(problem)) if [401, 403].contains(&problem.status) => {
            t!("see what the key may do: GET /v1/whoami of the service").into()
        }
        (None, ServiceError::Refused(_)) if is_broken(error) => {
            t!("look at the log and the disk of the service's machine").into()
        }
        (None, ServiceError::Refused(problem)) if problem.retry_may_help => t!("run the command again").into(),
        (None, ServiceError::Refused(_)) => t!("change what is asked for: the same is refused again").into(),
        (None, ServiceError::NoToken { source, .. }) if source.is_refusal() => {
            t!("sign in again: easemob-admin login").into()
        }
        (None, ServiceError::NoToken { .. } | ServiceError::Away { .. } | ServiceError::Unusable { .. }) => {
            t!("check the address of the service and the network; run the command again when it answers").into()
        }
    }
}

impl From<ServiceError> for CommandError {
    fn from(error: ServiceError) -> Self {
        let exit = if error.is_refusal() {
            exit::REFUSED
        } else if is_broken(&error) {
            exit::INTERNAL
        } else {
            exit::UNREACHABLE
        };
        Self::of(exit, &error).hint(service_hint(&error))
    }
}

impl From<NoApp> for CommandError {
    fn from(error: NoApp) -> Self {
        match error {
            NoApp::Service(error) => error.into(),
            NoApp::Unknown { url, name, known } => {
                let what = if name.is_empty() {
                    t!("the key is for several apps of the service at {url}, or for none")
                } else {
                    t!("the service at {url} has no app `{name}` for this key")
                };
                Self::new(exit::REFUSED, what)
                    .hint(t!("the key is for: {}", known.join(", ")))
                    .hint(t!(
                        "name one with `service_app` in the profile, or EASEMOB_SERVICE_APP"
                    ))
            }
            NoApp::Ambiguous { names } => {
                let what = t!(
                    "the key is for several apps whose calls have the same address: {}",
                    names.join(", ")
                );
                Self::new(exit::REFUSED, what).hint(t!("use a key that is for one of them"))
            }
        }
    }
}

impl From<NoService> for CommandError {
    fn from(error: NoService) -> Self {
        match error {
            NoService::Profile(error) => error.into(),
            NoService::TwoTargets(other) => {
                Self::of(exit::CONFIG, &error).hint(t!("unset one of them: env -u {other}"))
            }
            NoService::Server { .. } => Self::of(exit::USAGE, &error).hint(t!("remove one of them")),
        }
    }
}

impl From<SignInError> for CommandError {
    fn from(error: SignInError) -> Self {
        let exit = match error {
            SignInError::Denied | SignInError::Expired | SignInError::Refused(_) | SignInError::Ended(_) => {
                exit::REFUSED
            }
            SignInError::Unusable { .. } => exit::UNREACHABLE,
            SignInError::Unsafe(_)
            | SignInError::NotOffered(_)
            | SignInError::OtherAudience(_)
            | SignInError::File { .. } => exit::CONFIG,
        };
        let this = Self::of(exit, &error);
        match error {
            SignInError::Ended(_) | SignInError::Expired => {
                this.hint(t!("sign in again: easemob-admin login"))
            }
            SignInError::NotOffered(_) => {
                this.hint(t!("sign in in the other way: with --browser, or without it"))
            }
            SignInError::OtherAudience(_) => this.hint(t!(
                "whoever runs the issuer must put the audience of the service into the tokens of this client"
            )),
            _ => this,
        }
    }
}

/// Returns the error for a trail that cannot be read.
#[must_use]
pub fn unreadable_trail(error: AuditError) -> CommandError {
    let hint = error.hint();
    CommandError::new(busy::exit_of(&error), t!("cannot read the audit trail"))
        .hint(hint)
        .because(error)
}

impl From<AuditError> for CommandError {
    fn from(error: AuditError) -> Self {
        Self::new(
            busy::exit_of(&error),
            t!("cannot write the audit trail, so nothing was sent"),
        )
        .hint(error.hint())
        .because(error)
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::NoName | RunError::NoSuchRun(_) | RunError::Ambiguous(_) | RunError::OneMachine(_) => {
                exit::USAGE
            }
            RunError::Busy(..) => exit::BUSY,
            RunError::Store { source, .. } => exit_of_store(source),
            _ => exit::INTERNAL,
        };
        let this = Self::of(exit, &error);
        let disk = disk_hint(&error, t!("nothing was sent"));
        match error {
            RunError::NoName => this
                .hint(t!("give an id, the start of one, or `last`; list the runs with: easemob-admin runs list")),
            RunError::NoSuchRun(_) => this.hint(t!("list all runs: easemob-admin runs list")),
            RunError::Ambiguous(_) => {
                this.hint(t!("give more of the id; list the runs with: easemob-admin runs list"))
            }
            RunError::Exists(id) => this.hint(t!("see it: easemob-admin runs show {id}")),
            RunError::OnlyTheOwner => this.hint(t!(
                "use the account that owns the tables: easemob-admin --store postgres://OWNER@HOST/DATABASE runs prune"
            )),
            RunError::Busy(id, None) => this.hint(t!("see its progress: easemob-admin runs show {id}")),
            RunError::Busy(id, Some(left)) => this.hint(t!(
                "see its progress: easemob-admin runs show {id}; if that process is gone, its lease ends in {} s, and the run \
                 can be resumed then",
                left.as_secs() + 1
            )),
            RunError::OneMachine(_) => this.hint(
                t!("stop the command that works on it with Ctrl-C; runs that several machines share need a database (--store)"),
            ),
            RunError::InputChanged(_) | RunError::Journal { .. } => {
                this.hint(t!("nothing was sent, and the files of the run are unchanged"))
            }
            RunError::Store { source, .. } => this.hint(store_hint(&source, t!("nothing was sent"))),
            RunError::Io { .. } => this.hint(disk),
        }
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        if error.is_unsupported() {
            let what = t!("this server's API does not manage device limits");
            return Self::new(exit::UNSUPPORTED, what)
                .because(said(&error))
                .hint(translated(CONSOLE));
        }
        if error.is_given_up() {
            let what = t!("stopped while a request waited for its turn; the request was not sent");
            return Self::new(exit::INTERRUPTED, what).because(said(&error));
        }
        if error.is_budget_away() {
            let why = t!("run the command again when the database is back; the request was not sent");
            return Self::of(exit::UNREACHABLE, &error).hint(why);
        }
        let this = Self::of(exit_of(&error), &error);
        if cannot_sign(&error) {
            return this
                .hint(t!(
                    "check the profile's signing key, and that it matches the algorithm"
                ))
                .hint(translated(DOCTOR));
        }
        if error.is_refused_by_proxy() {
            return this.hint(t!(
                "the proxy is the cause, not the server; check HTTPS_PROXY and HTTP_PROXY \
                 (http://USER:PASSWORD@HOST:PORT), or exempt the server with NO_PROXY"
            ));
        }
        if error.is_server_away() {
            let this = this.hint(translated(WAIT_LONGER));
            return if error.is_unreachable() {
                this.hint(translated(CHECK_NETWORK)).hint(translated(DOCTOR))
            } else {
                this
            };
        }
        if let Some(location) = error.redirect() {
            let origin = location.split('/').take(3).collect::<Vec<_>>().join("/");
            return this
                .hint(t!(
                    "redirects are not followed, because they would hand the credentials to another server"
                ))
                .hint(t!("if that is the right server, add: --server {origin}"))
                .hint(translated(DOCTOR));
        }
        let says_nothing_of_trouble = !error.is_transient() || is_gateways_refusal(&error);
        if is_foreign(&error) && says_nothing_of_trouble {
            return this
                .hint(t!(
                    "something other than the server, such as a proxy, may have answered; check --server"
                ))
                .hint(translated(DOCTOR));
        }
        if error.is_wrong_app() {
            this.hint(t!("check the app key, and that the server belongs to the app's data centre (the console shows both)"))
        } else if error.is_unauthorized() {
            this.hint(t!("check the client id and secret, and the token's permissions"))
                .hint(translated(DOCTOR))
        } else if error.is_not_found() {
            this.hint(t!("check the spelling; case does not matter"))
        } else if error.is_quota() {
            this.hint(t!("a quota of the app's plan is used up; waiting does not help"))
        } else if error.is_unreachable() {
            this.hint(translated(CHECK_NETWORK)).hint(translated(DOCTOR))
        } else if error.is_incomplete_listing() {
            this.hint(t!("the list of users is incomplete"))
        } else if error.is_transient() {
            this.hint(t!("the server may recover; try again later"))
        } else {
            this
        }
    }
}

fn exit_of(error: &ApiError) -> Exit {
    let refused = error.is_unauthorized() || error.is_wrong_app() || error.is_quota();
    let unusable = is_foreign(error) || is_silence(error) || error.is_incomplete_listing();
    if cannot_sign(error) {
        exit::CONFIG
    } else if unusable || error.is_transient() || (error.is_without_token() && !refused) {
        exit::UNREACHABLE
    } else {
        exit::REFUSED
    }
}

/// Returns true if a token could not be signed on this machine; no request was sent.
fn cannot_sign(error: &ApiError) -> bool {
    error.source().is_some_and(<dyn StdError>::is::<SignError>)
}

/// Returns true for the page of an intermediary that does not report a server in trouble.
fn is_gateways_refusal(error: &ApiError) -> bool {
    let in_trouble = matches!(error.status(), Some(408 | 429 | 500 | 502..));
    error.is_foreign_answer() && !in_trouble
}

impl From<CannotBegin> for CommandError {
    fn from(error: CannotBegin) -> Self {
        match error {
            CannotBegin::Run(error) => error.into(),
            CannotBegin::Trail(error) => error.into(),
            CannotBegin::Compare(_) => Self::of(busy::exit_of(&error), &error)
                .hint(t!("verify the trail: easemob-admin audit verify")),
            CannotBegin::Thread(_) => Self::of(exit::INTERNAL, &error),
            CannotBegin::Record(ref cause) => {
                let hint = disk_hint(cause, t!("nothing was sent; see the cause above"));
                Self::of(busy::exit_of(&error), &error).hint(hint)
            }
        }
    }
}

impl From<CannotExecute> for CommandError {
    fn from(error: CannotExecute) -> Self {
        match error {
            CannotExecute::Locks(error) | CannotExecute::Lock(CannotLock::Locks(error)) => error.into(),
            CannotExecute::Items(_) | CannotExecute::Lock(CannotLock::Run(_)) => {
                Self::of(exit::INTERNAL, &error)
            }
        }
    }
}

impl From<Fatal> for CommandError {
    fn from(fatal: Fatal) -> Self {
        let (error, what) = match &fatal {
            Fatal::Refused(error) => (
                error,
                t!("the run was stopped because the server would refuse every further request"),
            ),
            Fatal::NoToken(error) => (
                error,
                t!("the run was stopped because there is no token for further requests"),
            ),
            Fatal::Unreachable(error) => (error, t!("the server does not give a usable answer")),
        };
        let Some(origin) = &error.origin else {
            let exit = if matches!(fatal, Fatal::Refused(_)) {
                exit::REFUSED
            } else {
                exit::UNREACHABLE
            };
            return Self::new(exit, what).because(error.to_string());
        };
        let inner = Self::from(origin.clone());
        Self {
            exit: inner.exit,
            message: what.into(),
            hints: inner.hints.clone(),
            source: Some(Box::new(inner)),
        }
    }
}

#[cfg(test)]
mod tests;
