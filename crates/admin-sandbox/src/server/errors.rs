//! Error answers. Types and texts are those of the documented error pages and of recorded answers.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use crate::rules::habits::{LogoutAnswer, Refusal};
use crate::rules::limits::LimitError;
use crate::rules::tokens::TokenError;
use crate::rules::users::RegisterError;

/// An answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    kind: Cow<'static, str>,
    exception: &'static str,
    description: String,
}

impl ApiError {
    fn new(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        exception: &'static str,
        text: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind: kind.into(),
            exception,
            description: text.into(),
        }
    }

    pub(crate) fn illegal_argument(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "illegal_argument",
            "java.lang.IllegalArgumentException",
            text,
        )
    }

    pub(crate) fn json_parse(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "json_parse",
            "com.fasterxml.jackson.core.JsonParseException",
            text,
        )
    }

    pub(crate) fn invalid_grant(status: StatusCode, text: &str) -> Self {
        Self::new(status, "invalid_grant", "InvalidGrantException", text)
    }

    pub(crate) fn property_not_found(text: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "required_property_not_found",
            "RequiredPropertyNotFoundException",
            text,
        )
    }

    pub(crate) fn duplicate(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "duplicate_unique_property_exists",
            "org.apache.usergrid.persistence.exceptions.DuplicateUniquePropertyExistsException",
            text,
        )
    }

    /// The resource, or the path, does not exist: the service does not tell them apart.
    pub(crate) fn no_resource() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "service_resource_not_found",
            "org.apache.usergrid.services.exceptions.ServiceResourceNotFoundException",
            "Service resource not found",
        )
    }

    /// The answer of the password and token pages for an unknown user.
    pub(crate) fn no_entity() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "entity_not_found",
            "EntityNotFoundException",
            "User null not found",
        )
    }

    pub(crate) fn no_app(org: &str, app: &str, path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "organization_application_not_found",
            "org.apache.usergrid.rest.exceptions.OrganizationApplicationNotFoundException",
            format!("Could not find application for {org}/{app} from URI: {path}"),
        )
    }

    pub(crate) fn wrong_method(method: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method Not Allowed",
            "HttpRequestMethodNotSupportedException",
            format!("Request method '{method}' not supported"),
        )
    }

    pub(crate) fn content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "web_application",
            "javax.ws.rs.WebApplicationException",
            "HTTP 415 Unsupported Media Type",
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request Entity Too Large",
            "RequestEntityTooLargeException",
            "Request Entity Too Large",
        )
    }

    /// There are too many calls a second, in the words of the server.
    pub(crate) fn rate(error: &str) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            error.to_owned(),
            "ReachLimitException",
            "This request has reached api limit",
        )
    }

    pub(crate) fn quota() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "resource_limited",
            "com.easemob.exception.ResourceLimitedException",
            "You have exceeded the limit of the community edition,Please upgrade to the enterprise edition",
        )
    }

    pub(crate) fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "org.apache.shiro.authz.UnauthorizedException",
            text,
        )
    }

    /// The real service answers 401, not 403, when a token lacks a right.
    pub(crate) fn no_permission(what: &str) -> Self {
        Self::unauthorized(format!("Subject does not have permission [{what}]"))
    }

    pub(crate) fn no_token() -> Self {
        Self::unauthorized("Unable to authenticate (OAuth)")
    }

    pub(crate) fn bad_token(text: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "auth_bad_access_token",
            "org.apache.usergrid.rest.exceptions.AuthErrorInfo",
            text,
        )
    }

    /// The feature is not bought, or something was done too often today.
    pub(crate) fn forbidden(text: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden_op",
            "EasemobForbiddenOpException",
            text,
        )
    }

    /// The answer of the recall page.
    pub(crate) fn recall(status: StatusCode, text: &str) -> Self {
        Self::new(status, "message_recall_error", "MessageRecallException", text)
    }

    /// There is no file of past messages of that time.
    pub(crate) fn no_file(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "storage_object_not_found",
            "StorageObjectNotFoundException",
            text,
        )
    }

    /// A refusal that somebody chose.
    pub(crate) fn chosen(refusal: &Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, refusal.error.clone(), "", "refused")
    }

    /// Returns the usual error of a status, for faults that only name one.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::rate("reach_limit"),
            StatusCode::UNAUTHORIZED => Self::no_token(),
            StatusCode::NOT_FOUND => Self::no_resource(),
            StatusCode::BAD_REQUEST => Self::illegal_argument("injected fault"),
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::content_type(),
            StatusCode::FORBIDDEN => {
                Self::new(status, "forbidden_op", "ForbiddenOpException", "injected fault")
            }
            StatusCode::INTERNAL_SERVER_ERROR => Self::new(
                status,
                "no_full_text_index",
                "NoFullTextIndexException",
                "injected fault",
            ),
            _ => Self::new(
                status,
                status.canonical_reason().unwrap_or_default(),
                "",
                "injected fault",
            ),
        }
    }

    /// Returns true if the error is of this type.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// Returns the body in the form of recorded answers.
    pub(crate) fn body(&self, now_ms: u64) -> Value {
        json!({
            "error": self.kind,
            "exception": self.exception,
            "timestamp": now_ms,
            "duration": 0,
            "error_description": self.description,
        })
    }
}

/// Returns the `result` of an answer to a logout that ended nothing.
///
/// # Errors
/// When the server refuses such a logout.
pub(crate) fn result_of(answer: &LogoutAnswer) -> Result<bool, ApiError> {
    match answer {
        LogoutAnswer::Result(result) => Ok(*result),
        LogoutAnswer::Refused(refusal) => Err(ApiError::chosen(refusal)),
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Malformed => Self::bad_token("Unable to authenticate due to corrupt access token"),
            TokenError::Foreign => Self::bad_token("Unable to authenticate"),
            TokenError::Revoked => Self::no_token(),
            TokenError::Expired => Self::unauthorized("Unable to authenticate due to expired access token"),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::NameNotLegal(name) => {
                Self::illegal_argument(format!("username [{name}] is not legal"))
            }
            RegisterError::NameTooLong => Self::illegal_argument("USERNAME_TOO_LONG"),
            RegisterError::PasswordNotLegal => Self::illegal_argument("password is not legal"),
            RegisterError::NicknameTooLong => Self::illegal_argument("NICKNAME_TOO_LONG"),
            RegisterError::Exists(name) => Self::duplicate(format!(
                "Application null Entity user requires that property named username be unique, \
                 value of {name} exists"
            )),
            RegisterError::Full => Self::quota(),
        }
    }
}

impl From<LimitError> for ApiError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::UnknownUser(_) => Self::no_resource(),
            other => Self::illegal_argument(other.to_string()),
        }
    }
}
