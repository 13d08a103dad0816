//! Asks issuers: for what they publish, and for the tokens that a code stands for.

use std::fmt;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::settings::is_safe;

/// The most bytes of an answer; a set of keys has a few thousand.
const LARGEST: usize = 256 * 1024;

/// How long an answer may take: a request waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A form that is posted.
#[derive(Debug, Clone, Copy)]
pub struct Form<'f> {
    /// Where to.
    pub address: &'f str,
    /// The form as it is sent, which may contain secrets.
    pub body: &'f SecretString,
    /// The value of the header `Authorization`.
    pub authorization: Option<&'f SecretString>,
}

/// Asks issuers.
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Returns the document at an address, or why it cannot be fetched.
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// Posts a form, and returns status and body of the answer, or why there is none.
    fn post<'a>(&'a self, form: Form<'a>) -> BoxFuture<'a, Result<(u16, Vec<u8>), String>>;
}

/// Asks over HTTP, without following redirects.
#[derive(Debug)]
pub struct HttpFetch(reqwest::Client);

impl HttpFetch {
    /// Creates a fetcher, which trusts the certificates of a PEM text besides those of the system.
    ///
    /// # Errors
    /// When the text has no certificate, or TLS cannot be set up.
    pub fn trusting(authorities: Option<&[u8]>) -> Result<Self, String> {
        let builder = match authorities {
            Some(pem) => with_authorities(reqwest::Client::builder(), pem)?,
            None => reqwest::Client::builder(),
        };
        let client = builder
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("easemob-admin/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(|error| with_causes(&error))
    }
}

/// Sends a request, and returns status and body of the answer.
async fn answer(request: reqwest::RequestBuilder, address: &str) -> Result<(u16, Vec<u8>), String> {
    if !is_safe(address) {
        return Err(format!("{address} is no https:// address"));
    }
    let failed = |error: reqwest::Error| with_causes(&error);
    let mut answer = request.send().await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST {
            return Err(format!("{address} answered more than {LARGEST} bytes"));
        }
    }
    Ok((answer.status().as_u16(), body))
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
fn with_authorities(builder: reqwest::ClientBuilder, pem: &[u8]) -> Result<reqwest::ClientBuilder, String> {
    let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| with_causes(&error))?;
    if authorities.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(builder.tls_certs_merge(authorities))
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn with_authorities(_: reqwest::ClientBuilder, _: &[u8]) -> Result<reqwest::ClientBuilder, String> {
    Err("this program was built without TLS".into())
}

impl Fetch for HttpFetch {
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async move {
            match answer(self.0.get(address), address).await? {
                (200..300, body) => Ok(body),
                (status, _) => Err(format!("{address} answered {status}")),
            }
        }
        .boxed()
    }

    fn post<'a>(&'a self, form: Form<'a>) -> BoxFuture<'a, Result<(u16, Vec<u8>), String>> {
        async move {
            let mut request = self
                .0
                .post(form.address)
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.body.expose_secret().to_owned());
            if let Some(value) = form.authorization {
                let value = HeaderValue::try_from(value.expose_secret());
                let mut value = value.map_err(|_| "the secret of the client cannot be sent".to_owned())?;
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
            answer(request, form.address).await
        }
        .boxed()
    }
}
