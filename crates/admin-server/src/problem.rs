//! Why a request was refused: the only place that maps errors to statuses and hints.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use easemob_admin_audit::AuditError;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::locks::store::LockStoreError;
use easemob_admin_ops::names::Unclear;
use easemob_admin_ops::operations::OperationError;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::store::RunError;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::trails::TrailError;
use easemob_admin_remote::api::{Problem, Scope};

macro_rules! kinds {
    ($($name:ident = $status:literal $word:literal $title:literal,)+) => {
        /// The kinds of problems. Their words stay the same from version to version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($name,)+
        }

        impl Kind {
            /// All kinds.
            const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the status, the last part of the type, and the title.
            pub(crate) fn facts(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($status, $word, $title),)+
                }
            }
        }
    };
}

kinds! {
    BadRequest = 400 "bad-request" "The request cannot be understood",
    UnknownField = 400 "unknown-field" "The request has a field or filter that does not exist",
    BadName = 400 "bad-name" "A name could match nobody",
    NoUsers = 400 "no-users" "The selection is empty",
    NoReason = 400 "no-reason" "A reason is required",
    NotSignedIn = 401 "not-signed-in" "The request has no key, or one that is not valid",
    NotLetIn = 401 "not-let-in" "You were not signed in",
    MissingScope = 403 "missing-scope" "The key may not do this",
    OtherApp = 403 "other-app" "The key is not for this app",
    NotFromVendor = 403 "not-from-vendor" "The post is not signed with the secret, or is about another app",
    NoSuchPath = 404 "no-such-path" "There is nothing at this address",
    NoSuchApp = 404 "no-such-app" "The service has no such app",
    NoSuchUser = 404 "no-such-user" "The app has no such user",
    NoSuchRun = 404 "no-such-run" "There is no such run",
    NoSuchLock = 404 "no-such-lock" "The user is not locked",
    NoSuchKey = 404 "no-such-key" "There is no such key",
    NoSuchApproval = 404 "no-such-approval" "Nobody asked for this approval",
    NoSuchOperation = 404 "no-such-operation" "Nobody sent this call, or it was long ago",
    NoSuchEntry = 404 "no-such-entry" "The audit trail has no such entry",
    NoSuchScan = 404 "no-such-scan" "Nobody asked for this scan",
    NoSuchSnapshot = 404 "no-such-snapshot" "There is no such scan",
    NoSuchSchedule = 404 "no-such-schedule" "There is no such schedule",
    NoSuchWatch = 404 "no-such-watch" "There is no such watch",
    NoSuchPolicy = 404 "no-such-policy" "There is no such version of the policy",
    NoSuchDraft = 404 "no-such-draft" "There is no such draft, or it has ended",
    NobodyIsTold = 404 "nobody-is-told" "The service has no receiver of notices",
    NothingKept = 404 "nothing-kept" "Nothing was recorded yet",
    NotHere = 404 "not-here" "This process does not work on the run",
    WrongMethod = 405 "wrong-method" "The address does not take this method",
    OtherContent = 409 "other-content" "There is a run with this id and other content",
    KeyExists = 409 "key-exists" "There is a key with this id already",
    NewerVersion = 409 "newer-version" "Somebody else has kept a newer version",
    Busy = 409 "busy" "Another process is at work",
    NotResumable = 409 "not-resumable" "This cannot be done with the run as it is",
    NeedsApproval = 409 "needs-approval" "The run begins only when others have approved it",
    NeedsPlan = 409 "needs-plan" "Only a plan can be approved",
    CannotDecide = 409 "cannot-decide" "You cannot decide this request",
    Archived = 410 "archived" "The entries are in an archive",
    TooLarge = 413 "too-large" "The body is too large",
    WrongType = 415 "wrong-type" "The body is of a type that is not understood",
    TooMany = 429 "too-many-requests" "The key sends too many requests",
    Unsupported = 422 "unsupported" "The server of the app cannot do this",
    Broken = 500 "broken" "A defect of the service, or a fault of its machine",
    Upstream = 502 "upstream" "The server of the app refused, or its answer cannot be used",
    IssuerAway = 502 "issuer-away" "The identity provider cannot be used at the moment",
    StoreAway = 503 "store-away" "The records cannot be used, so nothing was sent",
    Stopping = 503 "stopping" "The service is stopping",
    UpstreamAway = 504 "upstream-away" "The server of the app did not answer",
}

/// Returns the titles of all problems.
pub fn problem_titles() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().map(|kind| kind.facts().2)
}

/// Returns the statuses of all kinds of problems, and the last parts of their types.
pub fn problem_kinds() -> impl Iterator<Item = (u16, &'static str)> {
    Kind::ALL.iter().map(|kind| {
        let (status, word, _) = kind.facts();
        (status, word)
    })
}

/// Why a request was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    kind: Kind,
    detail: Option<String>,
    hint: Option<String>,
    retry_may_help: bool,
    /// After how many seconds repeating may help.
    after: u64,
}

impl Refusal {
    /// Creates a refusal of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            hint: None,
            after: 1,
            retry_may_help: matches!(
                kind,
                Kind::Busy
                    | Kind::TooMany
                    | Kind::IssuerAway
                    | Kind::StoreAway
                    | Kind::Stopping
                    | Kind::UpstreamAway
            ),
        }
    }

    /// Adds what happened.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// Adds what to do next.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Says how long to wait before the request is sent again.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        // Whole seconds, and not too early.
        let after = wait.as_secs() + 1;
        Self { after, ..self }
    }

    /// The service is stopping.
    pub(crate) fn stopping() -> Self {
        Self::of(Kind::Stopping).hint("send the request again; another process answers it")
    }

    /// The key lacks every one of these scopes.
    pub(crate) fn missing(scopes: &[Scope]) -> Self {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        Self::of(Kind::MissingScope)
            .detail(format!("this needs the scope {}", words.join(" or ")))
            .hint("ask an administrator of the service for a key with this scope")
    }

    /// Returns after how long repeating may help, if it may.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_may_help.then(|| Duration::from_secs(self.after))
    }

    /// Returns its kind.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the problem as it is sent.
    pub(crate) fn problem(&self) -> Problem {
        let (status, word, title) = self.kind.facts();
        Problem {
            kind: format!("/problems/{word}"),
            title: title.into(),
            status,
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            retry_may_help: self.retry_may_help,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(
                status = problem.status,
                problem = problem.kind,
                detail = problem.detail,
                "refused"
            );
        }
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if self.kind == Kind::NotSignedIn {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.retry_may_help {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.after));
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Busy(_) | StoreError::Taken(_) | StoreError::Watched(_) => Kind::Busy,
            StoreError::ServiceAway(_) | StoreError::ServiceRefused(_) => Kind::Upstream,
            StoreError::Away(_) | StoreError::Full(_) | StoreError::Unwritten(_) => Kind::StoreAway,
            _ => Kind::Broken,
        };
        Self::of(kind).detail(with_causes(&error))
    }
}

impl From<LockStoreError> for Refusal {
    fn from(error: LockStoreError) -> Self {
        let detail = with_causes(&error);
        Self::from(error.source).detail(detail)
    }
}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Self {
        let detail = with_causes(&error);
        let this = |kind| Self::of(kind).detail(detail.clone());
        match error {
            RunError::NoName | RunError::NoSuchRun(_) => this(Kind::NoSuchRun),
            RunError::Ambiguous(_) => this(Kind::NoSuchRun).hint("give the whole id"),
            RunError::Exists(_) => this(Kind::OtherContent),
            RunError::Busy(..) => this(Kind::Busy).hint("follow the run, or stop it first"),
            RunError::OneMachine(_) | RunError::OnlyTheOwner => this(Kind::NotResumable),
            RunError::Store { source, .. } => Self::from(source).detail(detail),
            // A disk that is full or cannot be written, which is no defect of the service.
            RunError::Io { source, .. } => Self::from(source).detail(detail),
            RunError::Journal { .. } | RunError::InputChanged(_) => this(Kind::Broken),
        }
    }
}

impl From<CannotBegin> for Refusal {
    fn from(error: CannotBegin) -> Self {
        let detail = with_causes(&error);
        match error {
            CannotBegin::Run(error) => error.into(),
            CannotBegin::Trail(error) => error.into(),
            _ => Self::of(Kind::StoreAway).detail(detail),
        }
    }
}

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        let kind = match error {
            AuditError::Busy { .. } => Kind::Busy,
            // A disk that is full or cannot be written now.
            AuditError::Io { .. } => Kind::StoreAway,
            _ => Kind::Broken,
        };
        Self::of(kind).detail(with_causes(&error)).hint(error.hint())
    }
}

impl From<TrailError> for Refusal {
    fn from(error: TrailError) -> Self {
        let detail = with_causes(&error);
        match error {
            TrailError::Missing(_) => {
                Self::of(Kind::NothingKept).hint("the first change of the app makes its audit trail")
            }
            TrailError::Store { source, .. } => Self::from(source).detail(detail),
            TrailError::Audit(error) => error.into(),
            TrailError::Changed(_) => Self::of(Kind::Broken)
                .detail(detail)
                .hint("find out what happened with: easemob-admin audit verify"),
        }
    }
}

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        let detail = with_causes(&error);
        match error {
            OperationError::NotResumable | OperationError::NoPreview => {
                Self::of(Kind::NotResumable).detail(detail)
            }
            OperationError::Begin(error) => error.into(),
            _ => Self::of(Kind::StoreAway).detail(detail),
        }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let unsupported = error
            .origin
            .as_ref()
            .is_some_and(easemob_admin_api::Error::is_unsupported);
        let kind = if error.not_found {
            Kind::NoSuchUser
        } else if unsupported {
            Kind::Unsupported
        } else if error.server_away || error.status.is_none() {
            Kind::UpstreamAway
        } else {
            Kind::Upstream
        };
        Self {
            retry_may_help: error.retry_may_help,
            ..Self::of(kind).detail(error.to_string())
        }
    }
}

impl From<easemob_admin_api::Error> for Refusal {
    fn from(error: easemob_admin_api::Error) -> Self {
        CallError::from(&error).into()
    }
}

impl From<Unclear> for Refusal {
    fn from(error: Unclear) -> Self {
        Self::of(Kind::BadName).detail(error.to_string())
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::of(Kind::StoreAway).detail(with_causes(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_and_passes() {
        let full = RunError::Io {
            what: "cannot write",
            at: "runs/1/input.jsonl".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let refusal = Refusal::from(full);
        assert_eq!(refusal.kind(), Kind::StoreAway);
        let problem = refusal.problem();
        assert!(problem.retry_may_help);
        assert!(problem.detail.unwrap().contains("runs/1/input.jsonl"));
    }

    #[test]
    fn every_kind_has_a_status_and_a_word_of_its_own() {
        let mut words: Vec<_> = Kind::ALL.iter().map(|kind| kind.facts().1).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let (status, word, title) = kind.facts();
            assert!((400..600).contains(&status), "{word}");
            assert!(
                !title.ends_with('.') && word.chars().all(|sign| sign == '-' || sign.is_ascii_lowercase())
            );
        }
    }
}
