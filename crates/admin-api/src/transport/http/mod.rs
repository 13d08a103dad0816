//! One request out, one answer in, over one of two transports.
//!
//! `direct` keeps connections of its own and does nothing that calls here do not need, which makes it twice as
//! fast; `general` is the HTTP library, which also knows proxies. What is known about the delivery of a request that
//! got no answer, the time-outs and the largest answer are the same for both, and so are their tests.

mod agreed;
mod answer_body;
mod bare;
#[cfg(feature = "tls")]
mod certificate_text;
mod connect;
mod connections;
mod direct;
mod environment;
#[cfg(feature = "proxy")]
mod general;
mod link;
#[cfg(feature = "tls")]
pub(crate) mod named_certificates;
mod no_proxy;
mod pool;
#[cfg(feature = "proxy")]
mod proxy;
mod rest;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(feature = "proxy")]
mod tunnel;
mod unpack;
#[cfg(feature = "tls")]
mod validity;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Method, StatusCode};

pub use self::agreed::Agreed;
pub(crate) use self::answer_body::{Extent, LARGEST};
pub use self::bare::Connection;
pub(crate) use self::connections::{Connections, Settings, Slot, TlsSettings};
use self::direct::Direct;
#[cfg(feature = "proxy")]
use self::general::General;
#[cfg(feature = "proxy")]
pub(crate) use self::proxy::ProxyAddress;
pub(crate) use self::rest::Rest;
use super::clock::Clock;
use super::limit::Lane;
use crate::app_root::AppRoot;
use crate::endpoint::Request;
use crate::envelope::Answer;
use crate::error::TransportError;

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

/// Why a client cannot be set up.
pub(crate) type SetupError = Box<dyn StdError + Send + Sync>;

/// Adds the headers of the caller's own, which are none that the client sets.
fn add_own(own: &HeaderMap, headers: &mut HeaderMap) {
    for (name, value) in own {
        headers.insert(name, value.clone());
    }
}

/// Adds what says that there is JSON, or nothing, in the body, unless the request says what there is.
///
/// A POST or PUT without a body says so, as RFC 9110 asks for (8.6): gateways answer 411 otherwise, and the service 415
/// where the type is missing.
fn describe_body(request: &Request, headers: &mut HeaderMap) {
    let nothing = request.body.is_none();
    if nothing && !matches!(request.method, Method::POST | Method::PUT) {
        return;
    }
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    if nothing {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// An answer with the headers that it came with.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// What was not read yet.
    rest: Option<Rest>,
}

/// What carries the requests of one client.
#[derive(Debug)]
pub(crate) struct Http {
    connections: Arc<Connections>,
    carrier: Carrier,
    /// What the address of every request begins with: scheme, host and port, up to the path.
    origin: String,
}

#[derive(Debug)]
enum Carrier {
    Direct(Arc<Direct>),
    #[cfg(feature = "proxy")]
    General(General),
}

impl Http {
    pub(crate) fn new(root: &AppRoot, connections: &Arc<Connections>) -> Result<Self, SetupError> {
        Ok(Self {
            carrier: connections.carrier(root)?,
            connections: Arc::clone(connections),
            // With its slash, so that no longer host name begins with it.
            origin: format!("{}/", root.origin()),
        })
    }

    /// Returns what other clients can share.
    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Waits until one more request may be on its way, and says whether it had to wait.
    pub(crate) async fn slot(&self, lane: Lane) -> (Slot, bool) {
        self.connections.slot(lane).await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        own: &HeaderMap,
        clock: &dyn Clock,
    ) -> Result<Answer, TransportError> {
        let whole = self.begin(request, authorization, own, clock, Extent::Whole(LARGEST));
        whole.await.map(|(answer, _)| answer)
    }

    /// Sends a request and reads the answer; returns what is left of one that is not read to its end.
    pub(crate) async fn begin(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        own: &HeaderMap,
        clock: &dyn Clock,
        extent: Extent,
    ) -> Result<(Answer, Option<Rest>), TransportError> {
        // An endpoint may make its own address; the token is for this server only.
        if !request.url.as_str().starts_with(&self.origin) {
            let problem = "the address is not on the server of the app root";
            return Err(TransportError::unusable_request(problem));
        }
        let received = match &self.carrier {
            Carrier::Direct(direct) => direct.send(request, authorization, own, extent).await?,
            // Large, and not needed by the other.
            #[cfg(feature = "proxy")]
            Carrier::General(general) => Box::pin(general.send(request, authorization, own, extent)).await?,
        };
        let text_of = |name: &HeaderName| received.headers.get(name)?.to_str().ok();
        let (body, packed) = match received.rest {
            // Half of what is packed cannot be unpacked.
            Some(_) => unpack::plain_beginning(&received.headers, received.body.clone()),
            None => unpack::unpacked(&received.headers, received.body.clone()),
        };
        let answer = Answer {
            status: received.status.as_u16(),
            content_type: received.headers.get(CONTENT_TYPE).cloned(),
            retry_after: text_of(&RETRY_AFTER).and_then(|text| parse_retry_after(text, clock.system_time())),
            location: text_of(&LOCATION).and_then(|text| leads_to(&request.url, text)),
            by_a_proxy: is_by_a_proxy(&received.headers),
            body,
            packed,
        };
        Ok((answer, received.rest))
    }

    /// Makes a connection of its own and says what both sides agreed on.
    pub(crate) async fn agree(&self, root: &AppRoot) -> Result<Agreed, TransportError> {
        agreed::agree(root, &self.connections).await
    }

    /// Makes a connection of its own for another protocol.
    pub(crate) async fn bare(&self, server: &AppRoot) -> Result<Connection, TransportError> {
        bare::connect(server, &self.connections).await.map(Connection::of)
    }

    /// Makes a connection of its own for another protocol, by way of a proxy where calls go by one.
    pub(crate) async fn by_the_way_of_calls(&self, server: &AppRoot) -> Result<Connection, TransportError> {
        #[cfg(feature = "proxy")]
        if let Some(proxy) = self.connections.proxy_to(server)? {
            return tunnel::connect(server, &self.connections, &proxy).await;
        }
        #[cfg(not(feature = "proxy"))]
        self.connections.no_proxy_to(server)?;
        self.bare(server).await
    }
}

/// Returns whether a proxy says that it wrote the answer: `Proxy-Status` names an error only then (RFC 9209).
fn is_by_a_proxy(headers: &HeaderMap) -> bool {
    let names_error = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value
            .split(';')
            .skip(1)
            .any(|part| part.trim_start().starts_with("error="))
    };
    headers.contains_key("x-squid-error") || headers.get_all("proxy-status").iter().any(names_error)
}

/// Returns the address that a redirect leads to, without what may be a secret in it.
fn leads_to(from: &url::Url, location: &str) -> Option<HeaderValue> {
    let mut to = from.join(location).ok()?;
    to.set_query(None);
    to.set_fragment(None);
    let _ = to.set_username("");
    let _ = to.set_password(None);
    HeaderValue::from_str(to.as_str()).ok()
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
    fn where_a_redirect_leads_is_told_without_secrets() {
        let from = url::Url::parse("https://im.example.com/acme/chat/users?limit=1").unwrap();
        for (location, expected) in [
            ("https://a2.example.com/x", Some("https://a2.example.com/x")),
            ("/login?token=YWMtx#top", Some("https://im.example.com/login")),
            (
                "//ann:pass@other.example.com/",
                Some("https://other.example.com/"),
            ),
            ("http://[", None),
        ] {
            let found = leads_to(&from, location);
            let found = found.as_ref().and_then(|value| value.to_str().ok());
            assert_eq!(found, expected, "{location}");
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
