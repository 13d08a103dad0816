//! Which servers an app is on (the vendor's Java library, `DnsConfigEndpointProvider`).

use serde::Deserialize;
use url::{Host, Url};

use crate::app_root::{AppKey, AppRoot, InvalidAppRoot};
use crate::client::{Client, ClientBuilder, ConfigError};
use crate::credentials::Credentials;
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::Integer;
use crate::transport::limit::RateLimit;

/// Where the vendor's SDKs ask.
const SERVER: &str = "https://rs.easemob.com";

/// Asks which servers an app is on, and takes only those that the caller allows.
///
/// The answer decides where credentials go, so it is not taken at its word: a server must be in an origin that the caller has
/// named, and be reached over https (or be this machine). Ask once and keep the answer; the vendor's library asks once a day.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_api::endpoints::discovery::Discovery;
/// use easemob_admin_api::{AppKey, Client, Credentials};
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
///
/// let roots = Discovery::new(AppKey::parse(sandbox.app_key())?)
///     // Of one's own; the default asks the vendor.
///     .server(sandbox.rest_url())
///     // In earnest, `https://*.easemob.com` or the host that the console shows.
///     .allow(sandbox.rest_url())
///     .find()
///     .await?;
/// let client = Client::builder(roots[0].clone())
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .build()?;
/// client.fetch_token().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before `find`"]
pub struct Discovery {
    app_key: AppKey,
    server: String,
    allowed: Vec<String>,
}

impl Discovery {
    /// Asks for the servers of an app.
    pub fn new(app_key: AppKey) -> Self {
        Self {
            app_key,
            server: SERVER.to_owned(),
            allowed: Vec::new(),
        }
    }

    /// Sets whom to ask; default `https://rs.easemob.com`.
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = server.into();
        self
    }

    /// Allows servers in an origin, such as `https://a1.easemob.com`, or in all below a domain, such as
    /// `https://*.easemob.com`. Nothing is allowed otherwise.
    pub fn allow(mut self, origin: impl Into<String>) -> Self {
        self.allowed.push(origin.into());
        self
    }

    /// Asks, and returns the roots of the app on the servers that are allowed, in the order of the answer. One call.
    ///
    /// # Errors
    /// When an address is none, the call fails for any reason of [`Client::execute`], or none of the servers in the answer
    /// is allowed.
    pub async fn find(&self) -> Result<Vec<AppRoot>, DiscoveryError> {
        self.find_with(|builder| builder).await
    }

    /// As [`find`](Self::find), with a client that is set up by the caller: a proxy, certificates to trust, time-outs.
    ///
    /// # Errors
    /// As [`find`](Self::find), and when the client cannot be built.
    pub async fn find_with(
        &self,
        set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Vec<AppRoot>, DiscoveryError> {
        let origins: Result<Vec<Origin>, _> = self.allowed.iter().map(|text| Origin::parse(text)).collect();
        let origins = origins?;
        let address = format!("{}/easemob/server.json", self.server.trim_end_matches('/'));
        // The call is sent without a token; a client wants credentials all the same.
        let nobody = Credentials::fixed_token("none");
        let builder = Client::builder(AppRoot::parse(&address)?).credentials(nobody);
        let client = set_up(builder).build()?;
        let call = ListServers {
            app_key: self.app_key.clone(),
        };
        let servers = client.execute(&call).await?;
        let allowed: Vec<AppRoot> = servers
            .iter()
            .filter_map(|server| AppRoot::new(server, &self.app_key).ok())
            .filter(|root| is_safe(root) && origins.iter().any(|origin| origin.holds(root)))
            .collect();
        if allowed.is_empty() {
            return Err(DiscoveryError::NothingAllowed { offered: servers });
        }
        Ok(allowed)
    }
}

/// Why no server was found.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_api::endpoints::discovery::{Discovery, DiscoveryError};
/// use easemob_admin_api::AppKey;
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
///
/// let ask = Discovery::new(AppKey::parse(sandbox.app_key())?).server(sandbox.rest_url());
/// let error = ask.allow("https://*.easemob.com").find().await.unwrap_err();
/// assert!(matches!(error, DiscoveryError::NothingAllowed { .. }));
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// An address that was given is none.
    #[error("an address of the discovery cannot be used")]
    Address(#[from] InvalidAppRoot),
    /// The client could not be set up.
    #[error("the servers of the app could not be asked for")]
    Client(#[from] ConfigError),
    /// The call failed.
    #[error("the servers of the app could not be asked for")]
    Call(#[from] Error),
    /// None of the servers that the answer names is allowed.
    #[error(
        "none of the servers in the answer ({}) is allowed (https, and within the origins that were named): {}",
        offered.len(), shown(offered)
    )]
    NothingAllowed {
        /// What the answer names.
        offered: Vec<String>,
    },
}

/// Whoever answers chooses these texts.
fn shown(offered: &[String]) -> String {
    let texts = offered.iter().take(5).map(|text| {
        let text: String = text.chars().take(80).collect();
        text.escape_debug().to_string()
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Credentials go over https, or nowhere beyond this machine.
fn is_safe(root: &AppRoot) -> bool {
    root.is_loopback() || root.origin().starts_with("https://")
}

/// Where servers may be.
#[derive(Debug)]
struct Origin {
    /// With `x` for the `*`, if there is one.
    url: Url,
    below: bool,
}

impl Origin {
    fn parse(text: &str) -> Result<Self, InvalidAppRoot> {
        let below = text.contains("://*.");
        let invalid = || InvalidAppRoot::Url(text.to_owned());
        let url = Url::parse(&text.replacen("://*.", "://x.", 1)).map_err(|_| invalid())?;
        let plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        // Below a whole top-level domain is everybody.
        let narrow = match url.host() {
            Some(Host::Domain(name)) if name.contains('*') => false,
            Some(Host::Domain(name)) => !below || name.split('.').count() > 2,
            Some(_) => !below,
            None => false,
        };
        if plain && narrow && matches!(url.scheme(), "http" | "https") {
            Ok(Self { url, below })
        } else {
            Err(invalid())
        }
    }

    fn holds(&self, root: &AppRoot) -> bool {
        let Ok(url) = Url::parse(&root.origin()) else {
            return false;
        };
        let same = url.scheme() == self.url.scheme()
            && url.port_or_known_default() == self.url.port_or_known_default();
        let hosts = (url.host_str(), self.url.host_str());
        same && match hosts {
            (Some(host), Some(allowed)) if self.below => {
                let domain = allowed.strip_prefix('x').unwrap_or(allowed);
                host.len() > domain.len() && host.ends_with(domain)
            }
            (host, allowed) => host == allowed,
        }
    }
}

/// Asks for the servers of an app, below the root of [`Discovery`].
#[derive(Debug)]
pub(super) struct ListServers {
    app_key: AppKey,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireServers {
    rest: WireHosts,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireHosts {
    hosts: Vec<WireHost>,
}

/// A host has a domain or an address.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireHost {
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    port: Option<Integer>,
}

impl WireHost {
    fn address(self) -> Option<String> {
        let host = self.domain.filter(|domain| !domain.is_empty()).or(self.ip)?;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        let protocol = self.protocol.unwrap_or_else(|| "http".to_owned());
        Some(match self.port {
            Some(Integer(port)) => format!("{protocol}://{host}:{port}"),
            None => format!("{protocol}://{host}"),
        })
    }
}

impl Endpoint for ListServers {
    const NAME: &'static str = "discovery.servers";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = Bucket::Own("discovery", RateLimit::per_second(1));
    const AUTHORITY: Authority = Authority::Anonymous;
    type Output = Vec<String>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(Vec::<String>::new())
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("app_key", self.app_key.to_string())]
    }

    fn target(&self) -> Option<String> {
        Some(self.app_key.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<String>, DecodeError> {
        let servers: WireServers = answer.whole()?;
        Ok(servers
            .rest
            .hosts
            .into_iter()
            .filter_map(WireHost::address)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_the_java_library_reads_them() {
        let call = ListServers {
            app_key: AppKey::parse("acme#chat").unwrap(),
        };
        let root = AppRoot::parse("https://rs.example.com/easemob/server.json").unwrap();
        let url = call.request(&root).unwrap().url;
        assert_eq!(
            url.as_str(),
            "https://rs.example.com/easemob/server.json?app_key=acme%23chat"
        );
        let body = br#"{"deploy_name":"d","file_version":"17","rest":{"hosts":[
            {"protocol":"https","domain":"h.example","port":443},{"protocol":"http","ip":"10.0.0.9","port":80},
            {"protocol":"http","ip":"::1","port":8080},{"protocol":"https"}]}}"#;
        assert_eq!(
            Envelope::decode(&call, body).unwrap(),
            ["https://h.example:443", "http://10.0.0.9:80", "http://[::1]:8080"]
        );
    }

    #[test]
    fn only_https_within_the_named_origins_is_allowed() {
        let key = AppKey::parse("acme#chat").unwrap();
        for (server, origin, allowed) in [
            ("https://a1.easemob.com", "https://a1.easemob.com", true),
            ("https://a1.easemob.com:443", "https://a1.easemob.com/", true),
            ("https://A1.Easemob.com", "https://*.easemob.com", true),
            ("https://x.a1.easemob.com", "https://*.easemob.com", true),
            ("https://easemob.com", "https://*.easemob.com", false),
            ("https://evileasemob.com", "https://*.easemob.com", false),
            (
                "https://a1.easemob.com.evil.example",
                "https://*.easemob.com",
                false,
            ),
            ("https://a1.easemob.com:8443", "https://*.easemob.com", false),
            ("http://a1.easemob.com", "http://a1.easemob.com", false),
            ("http://a1.easemob.com", "https://*.easemob.com", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", true),
            ("http://127.0.0.1:8080", "https://*.easemob.com", false),
            ("https://user:pw@a1.easemob.com", "https://*.easemob.com", false),
        ] {
            let root = AppRoot::new(server, &key).ok();
            let origin = Origin::parse(origin).unwrap();
            let taken = root.is_some_and(|root| is_safe(&root) && origin.holds(&root));
            assert_eq!(taken, allowed, "{server} in {origin:?}");
        }
    }

    #[test]
    fn an_origin_is_no_more_and_no_less_than_one() {
        for text in [
            "a1.easemob.com",
            "https://*.com",
            "https://a1.easemob.com/path",
            "https://me:pw@a1.easemob.com",
            "ftp://a1.easemob.com",
            "https://*.*.easemob.com",
            "https://",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_answer_offers_is_shown_harmlessly() {
        let offered = vec!["http://\u{1b}[2Jevil".to_owned()];
        let text = DiscoveryError::NothingAllowed { offered }.to_string();
        assert!(
            text.contains("servers in the answer (1) is") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
