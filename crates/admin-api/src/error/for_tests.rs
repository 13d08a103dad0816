//! Errors made by hand, for tests of code that handles them.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::{Error, Kind, Reason, TransportError};
use crate::endpoint::Endpoint;
use crate::envelope::{Answer, Classified, classify};
use crate::error::BuildError;
use crate::transport::limit::schedule::BudgetAway;

impl Error {
    /// Makes the error of a call that was answered with this status and body, as a client would return it.
    ///
    /// A body in the form of the service is taken for the service's; anything else for a gateway's. An answer that is a
    /// success becomes the error of one that cannot be understood.
    ///
    /// ```
    /// use easemob_admin_api::endpoints::sessions::LogoutAll;
    /// use easemob_admin_api::{Error, UserId};
    ///
    /// let logout = LogoutAll { user: UserId::parse("ann")? };
    /// let refused = Error::refused(&logout, 404, r#"{"error":"service_resource_not_found"}"#);
    /// assert!(refused.is_not_found());
    /// let gateway = Error::refused(&logout, 502, "<h1>Bad Gateway</h1>");
    /// assert!(gateway.is_foreign_answer() && gateway.is_outcome_unknown());
    /// # Ok::<(), easemob_admin_api::InvalidId>(())
    /// ```
    #[must_use]
    pub fn refused<E: Endpoint>(endpoint: &E, status: u16, body: &str) -> Self {
        let answer = Answer {
            status,
            content_type: serde_json::from_str::<serde::de::IgnoredAny>(body)
                .is_ok()
                .then_some(HeaderValue::from_static("application/json")),
            retry_after: None,
            location: None,
            by_a_proxy: false,
            body: Bytes::copy_from_slice(body.as_bytes()),
            packed: None,
        };
        let kind = match classify(&answer) {
            Classified::Refused(refusal) => Kind::Refused(refusal),
            Classified::Undecodable(error) => Kind::Decode(error),
            Classified::Success(envelope) => {
                Kind::Decode(envelope.problem("the answer lacks what the call is made for"))
            }
        };
        Self::new(endpoint, kind, 1, Duration::ZERO)
    }

    /// Makes the error of a call that got no answer, as a client would return it.
    ///
    /// For a reason that comes with an answer, this is [`Reason::NoConnection`]: see [`Error::refused`].
    ///
    /// ```
    /// use easemob_admin_api::endpoints::sessions::LogoutAll;
    /// use easemob_admin_api::{Error, Reason, UserId};
    ///
    /// let logout = LogoutAll { user: UserId::parse("ann")? };
    /// let late = Error::unanswered(&logout, Reason::NoAnswerInTime);
    /// assert!(late.is_timeout() && late.is_outcome_unknown());
    /// # Ok::<(), easemob_admin_api::InvalidId>(())
    /// ```
    #[must_use]
    pub fn unanswered<E: Endpoint>(endpoint: &E, reason: Reason) -> Self {
        let transport = match reason {
            Reason::InvalidCall => {
                let kind = Kind::Build(BuildError::Url(String::new()));
                return Self::new(endpoint, kind, 0, Duration::ZERO);
            }
            Reason::NoAnswerInTime => TransportError::no_answer_in_time(),
            Reason::ConnectionLost => TransportError::broke_before_the_answer(),
            Reason::DeadlinePassed => TransportError::deadline_passed(true),
            Reason::GivenUp => TransportError::given_up(),
            Reason::NoTurn => TransportError::no_turn(),
            Reason::BudgetAway => {
                let why: Box<dyn std::error::Error + Send + Sync> = "there is no connection to it".into();
                TransportError::budget_away(BudgetAway(why.into()))
            }
            Reason::Tls => TransportError::insecure(),
            Reason::TooManyOpenFiles => TransportError::no_descriptors(),
            _ => TransportError::no_connection(),
        };
        Self::new(endpoint, Kind::Transport(transport), 1, Duration::ZERO)
    }
}
