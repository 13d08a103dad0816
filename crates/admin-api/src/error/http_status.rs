//! What a service answers its own callers when a call fails.

use http::StatusCode;

use super::{Error, Reason};

impl Error {
    /// Returns the status with which a service can answer its own callers.
    ///
    /// | the call failed because | status |
    /// |---|---|
    /// | its arguments are wrong ([`is_invalid_call`](Self::is_invalid_call)) | 400, or 413 if it is too large |
    /// | the service does not know the user or thing ([`is_not_found`](Self::is_not_found)) | 404 |
    /// | this server does not offer the call ([`is_unsupported`](Self::is_unsupported)) | 501 |
    /// | the rate is too high ([`is_rate_limited`](Self::is_rate_limited)), no connection could be made, or waiting was given up | 503; [`retry_after`](Self::retry_after) may say for how long |
    /// | time ran out ([`is_timeout`](Self::is_timeout)) | 504 |
    /// | anything else, the credentials of the service itself included | 502 |
    ///
    /// Where [`is_outcome_unknown`](Self::is_outcome_unknown) holds, say so: the caller must look before it repeats the
    /// act. In an axum service:
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use axum::response::{IntoResponse, Response};
    ///
    /// struct CallFailed(easemob_admin_api::Error);
    ///
    /// impl IntoResponse for CallFailed {
    ///     fn into_response(self) -> Response {
    ///         let Self(error) = self;
    ///         let said = if error.is_outcome_unknown() {
    ///             "this may have happened; look before you repeat it"
    ///         } else {
    ///             "nothing has happened"
    ///         };
    ///         let mut response = (error.suggested_status(), said).into_response();
    ///         if let Some(wait) = error.retry_after() {
    ///             response.headers_mut().insert("retry-after", wait.as_secs().into());
    ///         }
    ///         response
    ///     }
    /// }
    ///
    /// use easemob_admin_api::endpoints::devices::ListDevices;
    /// use easemob_admin_api::{Error, UserId};
    /// let error = Error::refused(&ListDevices { user: UserId::parse("ann")? }, 429, r#"{"error":"reach_limit"}"#);
    /// assert_eq!(CallFailed(error).into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    /// # Ok::<(), easemob_admin_api::InvalidId>(())
    /// ```
    #[must_use]
    pub fn suggested_status(&self) -> StatusCode {
        if self.is_too_large() {
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        if self.is_invalid_call() {
            return StatusCode::BAD_REQUEST;
        }
        if self.is_not_found() {
            return StatusCode::NOT_FOUND;
        }
        if self.is_unsupported() {
            return StatusCode::NOT_IMPLEMENTED;
        }
        if self.is_timeout() {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        let reason = self.token_error().map_or(self.reason(), Self::reason);
        match reason {
            _ if self.is_rate_limited() => StatusCode::SERVICE_UNAVAILABLE,
            Reason::NoConnection
            | Reason::TooManyOpenFiles
            | Reason::GivenUp
            | Reason::NoTurn
            | Reason::BudgetAway => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}
