//! Answers that say no: the error envelope and the catalogue of statuses.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Delivery, Excerpt};

/// The server's own words about a refusal: `error` and `error_description` of the error envelope.
///
/// Branch on [`ApiError::error`]; the description embeds names and its wording varies between servers.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// let error = client.get_user(&UserId::parse("nobody")?).await.unwrap_err();
/// assert_eq!(error.api_error().unwrap().error, "service_resource_not_found");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The type, such as `reach_limit`; an open set, inconsistent in case, may hold spaces or be empty.
    pub error: String,
    /// The text for people.
    pub description: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.error.is_empty() {
            "error without a type"
        } else {
            &self.error
        };
        write!(f, "{}", kind.escape_debug())?;
        if !self.description.is_empty() {
            write!(f, ": {}", self.description.escape_debug())?;
        }
        Ok(())
    }
}

/// An answer that says no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) api: Option<ApiError>,
    /// It is in the form of the service, and not of something in between.
    pub(crate) by_the_service: bool,
    pub(crate) excerpt: Excerpt,
    pub(crate) retry_after: Option<Duration>,
    /// Where a redirect leads.
    pub(crate) location: Option<String>,
    /// A proxy names itself as its author.
    pub(crate) by_a_proxy: bool,
}

impl Refusal {
    /// The same without anything that may be a secret: `body` is the request, which a gateway may send back.
    pub(crate) fn withheld(self, body: Option<&[u8]>) -> Self {
        let secrets = body.map_or_else(Vec::new, texts_of);
        let clean = |mut text: String| {
            if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                text.clear();
            }
            text
        };
        Self {
            api: self.api.map(|api| ApiError {
                error: clean(api.error),
                description: clean(api.description),
            }),
            excerpt: self.excerpt.withheld(),
            ..self
        }
    }

    pub(crate) fn error_type(&self) -> &str {
        self.api.as_ref().map_or("", |api| api.error.as_str())
    }

    /// Whether a proxy refused to pass the request on: it says so by its status, or in a header that only proxies write.
    pub(crate) fn is_a_proxys(&self) -> bool {
        let refused = self.status == 407 || (self.by_a_proxy && (400..500).contains(&self.status));
        refused && !self.by_the_service
    }

    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status == 429 && self.error_type() != "resource_limited"
    }

    /// Whether it is about the request at all: what something in between says is not, except of the size of the request.
    pub(crate) fn may_pass(&self) -> bool {
        self.is_transient() || (!self.by_the_service && !matches!(self.status, 413 | 414 | 431))
    }

    /// Whether the same request could succeed soon (error catalogue of the error page).
    pub(crate) fn is_transient(&self) -> bool {
        match self.status {
            409 => self.error_type() == "concurrent_operation_error",
            429 => self.is_rate_limit(),
            500 => !matches!(
                self.error_type(),
                "no_full_text_index" | "unsupported_service_operation" | "web_application"
            ),
            501 | 505 => false,
            // Gateways have numbers of their own, such as 524 for a service that did not answer in time.
            408 | 502..=599 => true,
            _ => false,
        }
    }

    /// What is known about the effect: a gateway that gave up on the service cannot tell, even if it names a time to
    /// come back at, and it may put a page of its own in place of any answer.
    pub(crate) fn delivery(&self) -> Delivery {
        match self.status {
            // These are said before a request is passed on, or it is to be sent elsewhere.
            307 | 308 | 401 | 405 | 407 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 429 | 431 => {
                Delivery::Rejected
            }
            501 | 505 => Delivery::Rejected,
            // A 503 of the service itself comes before any work; one that a proxy makes up may come after.
            503 if self.by_the_service => Delivery::Rejected,
            // A 2xx with an error in it says no, but not how far it came.
            200..=299 | 408 | 500..=599 => Delivery::Unknown,
            _ if !self.by_the_service => Delivery::Unknown,
            _ => Delivery::Rejected,
        }
    }
}

/// The texts of a request, but for those that say what it is about.
pub(crate) fn texts_of(body: &[u8]) -> Vec<String> {
    const HARMLESS: [&str; 4] = ["grant_type", "client_id", "username", "nickname"];
    fn gather(value: Value, texts: &mut Vec<String>) {
        match value {
            Value::String(text) if !text.is_empty() => texts.push(text),
            Value::Array(values) => values.into_iter().for_each(|value| gather(value, texts)),
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(name, _)| !HARMLESS.contains(&name.as_str()))
                .for_each(|(_, value)| gather(value, texts)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    gather(serde_json::from_slice(body).unwrap_or_default(), &mut texts);
    texts
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.api {
            Some(api) => write!(f, "{} {api}", self.status),
            None => write!(f, "{}; {}", self.status, self.excerpt),
        }?;
        match &self.location {
            Some(location) => write!(f, "; a redirect to {}", location.escape_debug()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, error: &str) -> Refusal {
        let api = (!error.is_empty()).then(|| ApiError {
            error: error.to_owned(),
            description: String::new(),
        });
        Refusal {
            status,
            by_the_service: api.is_some(),
            api,
            excerpt: Excerpt::new(None, b""),
            retry_after: None,
            location: None,
            by_a_proxy: false,
        }
    }

    #[test]
    fn a_refusal_that_repeats_the_request_keeps_nothing_of_it() {
        let said = Refusal {
            api: Some(ApiError {
                error: "illegal_argument".into(),
                description: "hunter22 is too short".into(),
            }),
            excerpt: Excerpt::new(Some("text/html"), b"hunter22"),
            ..refusal(400, "illegal_argument")
        };
        let withheld = said.withheld(Some(br#"{"newpassword":"hunter22"}"#));
        assert!(!format!("{withheld:?}").contains("hunter22"));
        assert_eq!(
            (withheld.status, withheld.error_type()),
            (400, "illegal_argument")
        );
    }

    #[test]
    fn the_texts_of_a_request_are_found_at_any_depth_but_for_those_that_name_its_target() {
        for (body, texts) in [
            (r#"{"newpassword":"hunter22"}"#, &["hunter22"][..]),
            (r#"{"a":{"b":["one",{"c":"two"}]},"d":""}"#, &["one", "two"]),
            (r#"[{"username":"ann","password":"hunter22"}]"#, &["hunter22"]),
            (
                r#"{"grant_type":"password","client_id":"x","nickname":"y","n":7}"#,
                &[],
            ),
            (r#""alone""#, &["alone"]),
            ("not json", &[]),
        ] {
            assert_eq!(texts_of(body.as_bytes()), texts, "{body}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_server_or_by_what_came_instead() {
        let known = refusal(400, "illegal_argument");
        assert_eq!(known.to_string(), "400 illegal_argument");
        let page = Refusal {
            excerpt: Excerpt::new(Some("text/html"), b"<h1>Gone</h1>"),
            ..refusal(502, "")
        };
        let told = page.to_string();
        assert!(told.starts_with("502; ") && told.contains("Gone"), "{told}");
        let moved = Refusal {
            location: Some("https://a2.easemob.com/\n".into()),
            ..refusal(307, "")
        };
        let told = moved.to_string();
        assert!(
            told.ends_with("; a redirect to https://a2.easemob.com/\\n"),
            "{told}"
        );
    }

    #[test]
    fn the_catalogue_of_refusals_is_told_apart() {
        use Delivery::{Rejected, Unknown};
        for (status, error, transient, delivery) in [
            (400, "illegal_argument", false, Rejected),
            (401, "unauthorized", false, Rejected),
            (404, "service_resource_not_found", false, Rejected),
            (408, "", true, Unknown),
            (409, "concurrent_operation_error", true, Rejected),
            (409, "other", false, Rejected),
            (429, "reach_limit", true, Rejected),
            (429, "", true, Rejected),
            (429, "resource_limited", false, Rejected),
            (500, "web_application", false, Unknown),
            (500, "internal", true, Unknown),
            (501, "", false, Rejected),
            (502, "", true, Unknown),
            (503, "busy", true, Rejected),
            (503, "", true, Unknown),
            (504, "", true, Unknown),
            (505, "", false, Rejected),
            (520, "", true, Unknown),
            (524, "", true, Unknown),
            (599, "", true, Unknown),
            (200, "illegal_argument", false, Unknown),
        ] {
            let refusal = refusal(status, error);
            assert_eq!(refusal.is_transient(), transient, "{status} {error}");
            assert_eq!(refusal.delivery(), delivery, "{status} {error}");
        }
    }

    #[test]
    fn what_something_in_between_says_leaves_the_outcome_open_unless_the_status_rules_it_out() {
        use Delivery::{Rejected, Unknown};
        for (status, may_pass, delivery) in [
            (301, true, Unknown),
            (302, true, Unknown),
            (307, true, Rejected),
            (400, true, Unknown),
            (401, true, Rejected),
            (403, true, Unknown),
            (404, true, Unknown),
            (405, true, Rejected),
            (407, true, Rejected),
            (409, true, Unknown),
            (410, true, Unknown),
            (413, false, Rejected),
            (414, false, Rejected),
            (418, true, Unknown),
            (429, true, Rejected),
            (451, true, Unknown),
            (501, true, Rejected),
            (502, true, Unknown),
        ] {
            let refusal = refusal(status, "");
            assert_eq!(
                (refusal.may_pass(), refusal.delivery()),
                (may_pass, delivery),
                "{status}"
            );
        }
    }

    #[test]
    fn a_proxy_refuses_by_its_status_or_in_a_header_of_its_own() {
        for (status, by_a_proxy, by_the_service, is_a_proxys) in [
            (407, false, false, true),
            (407, false, true, false),
            (403, true, false, true),
            (403, true, true, false),
            (403, false, false, false),
            (399, true, false, false),
            (500, true, false, false),
        ] {
            let refusal = Refusal {
                by_the_service,
                by_a_proxy,
                ..refusal(status, "")
            };
            assert_eq!(refusal.is_a_proxys(), is_a_proxys, "{refusal:?}");
        }
    }

    #[test]
    fn a_time_to_come_back_at_proves_nothing() {
        let proxy = Refusal {
            retry_after: Some(Duration::from_secs(5)),
            ..refusal(503, "")
        };
        assert_eq!(proxy.delivery(), Delivery::Unknown);
    }

    #[test]
    fn terminal_sequences_of_a_server_are_not_shown_raw() {
        let error = ApiError {
            error: "a\u{1b}[2J".into(),
            description: "b\u{7}".into(),
        };
        assert_eq!(error.to_string(), "a\\u{1b}[2J: b\\u{7}");
    }
}
