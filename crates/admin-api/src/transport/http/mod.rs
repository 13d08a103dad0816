//! One request out, one answer in, over one of two transports.
//!
//! `direct` keeps connections of its own and does nothing that calls here do not need, which makes it twice as
//! fast; `general` is the HTTP library, which also knows proxies. What is known about the delivery of a request that
//! got no answer, the time-outs and the largest answer are the same for both, and so are their tests.

mod answer_body;
mod connect;
mod direct;
#[cfg(feature = "proxy")]
mod general;
mod link;
mod no_proxy;
mod pool;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod unpack;

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use self::direct::Direct;
#[cfg(feature = "proxy")]
use self::general::General;
use super::clock::Clock;
use super::timeouts::Timeouts;
use crate::app_root::AppRoot;
use crate::endpoint::Request;
use crate::envelope::Answer;
use crate::error::{Delivery, TransportError};

/// The longest `Retry-After` that is believed; a foreign number must not overflow the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What carries requests. All behave alike, apart from proxies.
///
/// ```
/// use easemob_admin_api::{AppRoot, Client, Credentials, Transport};
///
/// let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
///     .credentials(Credentials::fixed_token("YWMtx"))
///     .transport(Transport::General)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In configuration files, `automatic`, `direct` or `general`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transport {
    /// [`Transport::Direct`], unless a proxy may be in between: then [`Transport::General`].
    #[default]
    Automatic,
    /// Straight to the server, whatever the environment says of proxies; the fastest.
    Direct,
    /// By way of a proxy, where the environment names one for the server. Needs the feature `proxy`.
    General,
}

/// What a transport has to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) root: &'a AppRoot,
    pub(crate) timeouts: Timeouts,
    pub(crate) user_agent: &'a str,
    /// Whether the environment may name a proxy.
    pub(crate) proxy: bool,
    /// Certificates that are trusted besides those of the system, as texts in PEM form.
    pub(crate) trusted: &'a [Vec<u8>],
    pub(crate) transport: Transport,
}

/// Why a client cannot be set up.
pub(crate) type SetupError = Box<dyn StdError + Send + Sync>;

/// Adds what says that there is JSON, or nothing, in the body.
///
/// A POST or PUT without a body says so, as RFC 9110 asks for (8.6): gateways answer 411 otherwise, and the service 415
/// where the type is missing.
fn describe_body(request: &Request, headers: &mut HeaderMap) {
    let nothing = request.body.is_none();
    if nothing && !matches!(request.method, Method::POST | Method::PUT) {
        return;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if nothing {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// An answer with the headers that it came with.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Debug)]
pub(crate) struct Http {
    carrier: Carrier,
    /// What the address of every request begins with: scheme, host and port, up to the path.
    origin: String,
}

#[derive(Debug)]
enum Carrier {
    Direct(Box<Direct>),
    #[cfg(feature = "proxy")]
    General(General),
}

impl Http {
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, SetupError> {
        let root = settings.root;
        let variable = |name: &str| std::env::var_os(name);
        let settings = &Settings {
            proxy: settings.proxy && !root.is_loopback() && !names_an_exception(variable, root),
            ..settings.clone()
        };
        let proxied = || settings.proxy && names_a_proxy(variable);
        let direct = match settings.transport {
            Transport::Automatic => !proxied(),
            Transport::Direct => true,
            Transport::General => false,
        };
        let carrier = if direct {
            Carrier::Direct(Box::new(Direct::new(settings)?))
        } else {
            general(settings)?
        };
        Ok(Self {
            carrier,
            // With its slash, so that no longer host name begins with it.
            origin: format!("{}/", settings.root.origin()),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        clock: &dyn Clock,
    ) -> Result<Answer, TransportError> {
        // An endpoint may make its own address; the token is for this server only.
        if !request.url.as_str().starts_with(&self.origin) {
            let problem = "the address is not on the server of the app root";
            return Err(TransportError::new(Delivery::NotSent, problem).permanent());
        }
        let received = match &self.carrier {
            Carrier::Direct(direct) => direct.send(request, authorization).await?,
            // Large, and not needed by the other.
            #[cfg(feature = "proxy")]
            Carrier::General(general) => Box::pin(general.send(request, authorization)).await?,
        };
        let text_of = |name: &HeaderName| received.headers.get(name)?.to_str().ok();
        let (body, packed) = unpack::unpacked(&received.headers, received.body.clone());
        Ok(Answer {
            status: received.status.as_u16(),
            content_type: received.headers.get(CONTENT_TYPE).cloned(),
            retry_after: text_of(&RETRY_AFTER).and_then(|text| parse_retry_after(text, clock.system_time())),
            body,
            packed,
        })
    }
}

#[cfg(feature = "proxy")]
fn general(settings: &Settings<'_>) -> Result<Carrier, SetupError> {
    General::new(settings).map(Carrier::General)
}

/// Going past a proxy that was named would show the server, and whoever is on the way, what was to go through it.
#[cfg(not(feature = "proxy"))]
fn general(_: &Settings<'_>) -> Result<Carrier, SetupError> {
    Err("the environment names a proxy, and this program was built without the feature `proxy`; unset `HTTP_PROXY`, \
         `HTTPS_PROXY` and `ALL_PROXY`, or build the client with `no_proxy`"
        .into())
}

/// Returns true if the environment names a proxy for any server, in one of the spellings that are in use.
fn names_a_proxy<V: AsRef<std::ffi::OsStr>>(variable: impl Fn(&str) -> Option<V>) -> bool {
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].iter().any(|name| {
        [name.to_string(), name.to_lowercase()]
            .iter()
            .filter_map(|name| variable(name))
            .any(|value| !value.as_ref().is_empty())
    })
}

/// Returns true if the environment exempts a server from the proxy, in either spelling: an exception that was meant and
/// not heeded shows a token to the proxy.
fn names_an_exception<V: AsRef<std::ffi::OsStr>>(
    variable: impl Fn(&str) -> Option<V>,
    root: &AppRoot,
) -> bool {
    ["NO_PROXY", "no_proxy"]
        .into_iter()
        .filter_map(variable)
        .any(|list| no_proxy::exempts(&list.as_ref().to_string_lossy(), root.host(), root.port()))
}

/// Reads `Retry-After`: seconds, or a date.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_proxy_is_noticed_in_every_spelling() {
        let among = |set: &'static str, value: &'static str| move |name: &str| (name == set).then_some(value);
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            assert!(names_a_proxy(among(name, "http://proxy:3128")), "{name}");
            assert!(!names_a_proxy(among(name, "")), "{name}");
        }
        assert!(!names_a_proxy(among("NO_PROXY", "*")));
    }

    #[test]
    fn an_exception_is_noticed_in_every_spelling() {
        let root = AppRoot::parse("http://192.0.2.7/acme/chat").unwrap();
        for (name, value, exempt) in [
            ("NO_PROXY", "*", true),
            ("no_proxy", "*", true),
            ("NO_PROXY", "192.0.2.7:80", true),
            ("no_proxy", "192.0.2.7:443", false),
            ("NO_PROXY", "", false),
            ("HTTP_PROXY", "*", false),
        ] {
            let among = |asked: &str| (asked == name).then_some(value);
            assert_eq!(names_an_exception(among, &root), exempt, "{name}={value}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("18446744073709551615", Some(86_400)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now).map(|d| d.as_secs()),
                seconds,
                "{text}"
            );
        }
    }
}
