//! Failed commands: what happened, which exit code, and what to type next.
//!
//! The one place where errors of the client, the configuration and the user list become exit codes and hints.

use std::error::Error as StdError;
use std::fmt;

use easemob_admin_api::Error as ApiError;

use crate::audit::AuditError;
use crate::bulk::breaker::Fatal;
use crate::bulk::calls::{CallError, Scope};
use crate::bulk::recorder::RecordError;
use crate::bulk::runs::directory::RunError;
use crate::config::credentials::CredentialError;
use crate::config::places::NoHome;
use crate::config::precedence::NoTarget;
use crate::config::profile_file::ProfileFileError;
use crate::exit::{self, Exit};
use crate::input::encoding::quoted;
use crate::input::lines::NotText;
use crate::input::user_list::ListError;
use crate::locks::book::LockBookError;
use crate::logins::store::StoreError;
use crate::policy::PolicyError;

type Source = Box<dyn StdError + Send + Sync>;

/// A command that could not do what it was asked for.
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

    /// Adds something to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns what to do next.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Takes over the words and causes of another error.
    fn of(exit: Exit, error: &(dyn StdError + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let source = causes
            .into_iter()
            .rev()
            .fold(None, |below, message| Some(Box::new(Cause { message, below })));
        Self {
            exit,
            message: error.to_string(),
            source: source.map(|cause: Box<Cause>| cause as Source),
            hints: Vec::new(),
        }
    }
}

/// A link of a chain whose original could not be kept.
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

const TRY_SANDBOX: &str =
    "to look around without a server, add --sandbox: easemob-admin --sandbox users list --limit 5";
const ADD_PROFILE: &str = "add one: easemob-admin profile add prod --server https://a1.easemob.com --app ORG#APP \
                           --client-id ID --secret-file FILE";
const DOCTOR: &str = "check the configuration step by step: easemob-admin profile doctor";
const CONSOLE: &str = "set the limits in the console (功能配置 → 多端多设备在线), or keep users within limits of your \
                       own with: easemob-admin limits enforce POLICY";

impl From<NoTarget> for CommandError {
    fn from(error: NoTarget) -> Self {
        let exit = match &error {
            NoTarget::SandboxAndServer(_) => exit::USAGE,
            _ => exit::CONFIG,
        };
        let this = Self::of(exit, &error);
        match error {
            NoTarget::Nothing => this.hint(ADD_PROFILE).hint(TRY_SANDBOX),
            NoTarget::NoSuchProfile {
                nearest: Some(nearest),
                ..
            } => this.hint(format!("did you mean `{nearest}`?")),
            NoTarget::NoSuchProfile { known, .. } if known.is_empty() => this.hint(ADD_PROFILE),
            NoTarget::NoSuchProfile { known, .. } => this.hint(format!("there are: {}", known.join(", "))),
            NoTarget::NoApp(_) => this.hint("add --app ORG#APP, or set EASEMOB_APP"),
            NoTarget::NoServer(_) => this.hint("add --server https://HOST, or set EASEMOB_SERVER"),
            NoTarget::SandboxAndServer(_) => this.hint("leave out one of them"),
            NoTarget::TwoForms(_) => this,
        }
    }
}

impl From<CredentialError> for CommandError {
    fn from(error: CredentialError) -> Self {
        let this = Self::of(exit::CONFIG, &error);
        match error {
            CredentialError::Nothing | CredentialError::NoSecret | CredentialError::NoId => this
                .hint("set EASEMOB_CLIENT_ID and EASEMOB_CLIENT_SECRET (or EASEMOB_TOKEN), or add them to the profile")
                .hint(DOCTOR),
            _ => this.hint(DOCTOR),
        }
    }
}

impl From<ProfileFileError> for CommandError {
    fn from(error: ProfileFileError) -> Self {
        let this = Self::of(exit::CONFIG, &error);
        match error {
            ProfileFileError::Content { .. } | ProfileFileError::Profile { .. } => {
                this.hint("nothing was sent; docs/configuration.md has every key")
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
                let this =
                    this.hint("nothing was sent; correct the lines, or leave them out with --skip-invalid");
                if shortened == 0 {
                    return this;
                }
                this.hint("format the column as text before the numbers are entered, and export it again")
            }
            ListError::NotText {
                path,
                source: NotText::Foreign { foreign, .. },
                ..
            } => this.hint(foreign.remedy(path.as_deref())),
            ListError::NotList { path, what, .. } => {
                this.hint(what.remedy(&path.as_deref().map_or_else(|| "-".to_owned(), quoted)))
            }
            ListError::Empty(_) => this
                .hint("a list has one user per line; blank lines and lines that start with # do not count"),
            _ => this,
        }
    }
}

impl From<PolicyError> for CommandError {
    fn from(error: PolicyError) -> Self {
        let this = Self::of(exit::USAGE, &error);
        match error {
            PolicyError::Content { .. } => this.hint(
                "nothing was sent; contrib/limits-policy.toml shows a policy, contrib/limits-policy.schema.json describes it",
            ),
            PolicyError::NotText { path, foreign, .. } => this.hint(foreign.remedy(Some(&path))),
            PolicyError::Read { .. } => this,
        }
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        Self::of(exit::INTERNAL, &error).hint(
            "check that the disk is writable and not full; what was sent before is on record as far as it could be written",
        )
    }
}

impl From<LockBookError> for CommandError {
    fn from(error: LockBookError) -> Self {
        Self::of(exit::INTERNAL, &error)
            .hint("the file is left as it is; look whether the disk is full, or put back a copy")
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NoSuchSnapshot(_) => exit::USAGE,
            _ => exit::INTERNAL,
        };
        let this = Self::of(exit, &error);
        match error {
            StoreError::NoSuchSnapshot(_) => {
                this.hint("see which there are with: easemob-admin logins snapshots")
            }
            StoreError::File { .. } | StoreError::Failed(_) => this.hint(
                "look whether the disk is full or may not be written; what was kept before is still there",
            ),
            StoreError::Newer { .. } => this.hint("use the newer version of easemob-admin that wrote it"),
            StoreError::Foreign { .. } | StoreError::Damaged { .. } => {
                this.hint("move the file away, or put back a copy; a new one is made then")
            }
        }
    }
}

impl From<AuditError> for CommandError {
    fn from(error: AuditError) -> Self {
        Self::new(
            exit::INTERNAL,
            "the audit trail cannot be written, so nothing was sent",
        )
        .hint(error.hint())
        .because(error)
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::NoName | RunError::NoSuchRun(_) | RunError::Ambiguous(_) => exit::USAGE,
            _ => exit::INTERNAL,
        };
        let this = Self::of(exit, &error);
        match error {
            RunError::NoName => {
                this.hint("give the id, the beginning of it, or `last`: easemob-admin runs list")
            }
            RunError::NoSuchRun(_) => this.hint("see all runs: easemob-admin runs list"),
            RunError::Ambiguous(_) => this.hint("give more of the id: easemob-admin runs list"),
            RunError::Busy(id) => this.hint(format!("see how far it is: easemob-admin runs show {id}")),
            RunError::InputChanged(_) | RunError::Journal { .. } => {
                this.hint("nothing was sent, and the files of the run are left as they are")
            }
            RunError::Io { .. } => {
                this.hint("look whether the disk is full or may not be written; nothing was sent")
            }
        }
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        if error.is_unsupported() {
            let what = "this server does not manage device limits over its API";
            return Self::new(exit::UNSUPPORTED, what)
                .because(error.to_string())
                .hint(CONSOLE);
        }
        let this = Self::of(exit_of(&error), &error);
        if error.is_wrong_app() {
            this.hint("check the app key, and that the server is the one of the app's data centre (both are in the console)")
        } else if error.is_unauthorized() {
            this.hint("check client id and secret, and what the token may do")
                .hint(DOCTOR)
        } else if error.is_not_found() {
            this.hint("check the spelling; names are compared without case")
        } else if error.is_quota() {
            this.hint("a quota of the plan is used up; waiting does not help")
        } else if error.is_unreachable() {
            this.hint("check the server name, the network and the proxy variables")
                .hint(DOCTOR)
        } else if error.is_transient() {
            this.hint("the server may recover; try again later")
        } else if error.undecoded().is_some() {
            this.hint("something else than the server may have answered, such as a proxy; check --server")
                .hint(DOCTOR)
        } else {
            this
        }
    }
}

fn exit_of(error: &ApiError) -> Exit {
    if error.is_unreachable() || error.is_transient() || error.undecoded().is_some() {
        exit::UNREACHABLE
    } else {
        exit::REFUSED
    }
}

/// Tells failures that say nothing about the item: no answer, a gateway's, or one of something else.
fn is_silence(error: &ApiError) -> bool {
    error.is_unreachable()
        || error.undecoded().is_some()
        || matches!(error.status(), Some(502..=504))
        || (error.status().is_none() && error.is_transient())
}

/// Reduces a client error to what jobs decide by and rows show.
#[must_use]
pub fn call_error(error: &ApiError) -> CallError {
    let said = error.to_string();
    // Call and user have columns of their own.
    let what = said
        .strip_prefix(error.call())
        .and_then(|rest| rest.split_once(": "));
    let mut message = in_plain_words(error, what.map_or(said.as_str(), |(_, what)| what));
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    let scope =
        if error.is_unauthorized() || error.is_wrong_app() || error.is_unsupported() || error.is_quota() {
            Scope::Run
        } else if is_silence(error) {
            Scope::Network
        } else {
            Scope::Item
        };
    CallError {
        call: error.call(),
        message,
        status: error.status(),
        // What cannot be read may come from something in between, which will not be there for ever.
        retry_may_help: error.is_retryable() || error.is_outcome_unknown() || error.undecoded().is_some(),
        outcome_unknown: error.is_outcome_unknown(),
        not_found: error.is_not_found(),
        scope,
        origin: Some(error.clone()),
    }
}

/// Says first what the server's words mean, where they are known to puzzle.
fn in_plain_words(error: &ApiError, said: &str) -> String {
    let missing = match error.call() {
        "sessions.logout_device" => "user or device",
        _ => "user",
    };
    match said.strip_prefix("the server refused with ") {
        Some(refusal) if error.is_not_found() && !error.is_unsupported() && error.target().is_some() => {
            format!("no such {missing} ({refusal})")
        }
        _ => said.to_owned(),
    }
}

impl From<Fatal> for CommandError {
    fn from(fatal: Fatal) -> Self {
        let (error, what) = match &fatal {
            Fatal::Refused(error) => (
                error,
                "the run was stopped, because the server would refuse every further request",
            ),
            Fatal::Unreachable(error) => (error, "the server gives no usable answer"),
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
mod tests {
    use super::*;

    #[test]
    fn the_first_error_teaches_the_way() {
        let error = CommandError::from(NoTarget::Nothing);
        assert_eq!(error.exit(), exit::CONFIG);
        let hints = error.hints().join("\n");
        assert!(
            hints.contains("profile add") && hints.contains("--sandbox"),
            "{hints}"
        );
    }

    #[test]
    fn causes_are_told_once_each() {
        let io = std::io::Error::other("disk on fire");
        let error = CommandError::from(ListError::Spool(io));
        assert_eq!(error.source().unwrap().to_string(), "disk on fire");
        assert!(!error.to_string().contains("disk on fire"));
    }
}
