//! Requests to a service: one connection each, so that nothing depends on one that was cut meanwhile.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use easemob_admin_api::{AppKey, AppRoot, Client, InvalidAppRoot, NoToken};
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::error::ServiceError;
use super::lines::{Lines, RawLines};
use crate::api::{AppView, Caller, Page, Problem, SignIns};

/// The largest answer that is kept in memory: the progress of a run of some million users.
const LARGEST: usize = 256 * 1024 * 1024;

/// The largest problem.
const LARGEST_PROBLEM: usize = 64 * 1024;

/// How long a service may take to record a run.
const TO_RECORD: Duration = Duration::from_secs(15 * 60);

/// How long to wait where the key has sent too many requests.
const TOO_EARLY: Duration = Duration::from_millis(500);

/// How much of a file is sent at once.
const PIECE: usize = 64 * 1024;

/// How many lines of an answer wait for their reader.
const LINES_AHEAD: usize = 256;

/// The characters that stay as they are in a part of a path or query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A service, and the key with which it is used. Clones are the same one.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// With what a service is used.
#[derive(Clone)]
pub enum ServiceKey {
    /// A key, or a token that is used until it ends.
    Fixed(SecretString),
    /// The token of somebody who is signed in, which is asked for before each request, and once more with the token that the
    /// service has refused; or why there is none.
    SignedIn(Arc<SignedIn>),
}

/// Brings the token of somebody who is signed in, which is another one than the one that was refused.
pub type SignedIn =
    dyn Fn(Option<SecretString>) -> BoxFuture<'static, Result<SecretString, NoToken>> + Send + Sync;

impl ServiceKey {
    async fn now(&self, refused: Option<SecretString>) -> Result<SecretString, NoToken> {
        match self {
            Self::Fixed(key) => Ok(key.clone()),
            Self::SignedIn(token) => token(refused).await,
        }
    }

    fn is_renewed(&self) -> bool {
        matches!(self, Self::SignedIn(_))
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").finish_non_exhaustive()
    }
}

struct Inner {
    /// Its certificates, and how long it may take to connect.
    client: Client,
    /// Where all paths begin.
    base: AppRoot,
    url: String,
    key: ServiceKey,
    silence: Duration,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("url", &self.0.url)
            .finish_non_exhaustive()
    }
}

/// Returns the root of a service's HTTP API, for a client that connects to it.
///
/// # Errors
/// When the text is not a plain `http` or `https` address.
pub fn root_of(url: &str) -> Result<AppRoot, InvalidAppRoot> {
    AppRoot::new(url, &AppKey::parse("v1#apps")?)
}

/// Writes a text as a part of a path or query.
#[must_use]
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A request that can be sent again.
pub(super) struct Asking {
    method: Method,
    /// The path below `/v1`, encoded.
    path: String,
    body: Sending,
    /// Whether the answer may take as long as it takes to record a run.
    is_patient: bool,
}

enum Sending {
    Nothing,
    Json(Vec<u8>),
    /// Lines.
    Text(Vec<u8>),
    /// A first line, and the lines of a file.
    Lines(Vec<u8>, File),
}

impl Asking {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: Sending::Nothing,
            is_patient: false,
        }
    }

    /// # Errors
    /// When the value cannot be written as JSON.
    pub(super) fn post(path: impl Into<String>, body: &impl Serialize) -> io::Result<Self> {
        Ok(Self {
            method: Method::POST,
            path: path.into(),
            body: Sending::Json(serde_json::to_vec(body)?),
            is_patient: false,
        })
    }

    /// # Errors
    /// When the value cannot be written as JSON.
    pub(super) fn put(path: impl Into<String>, body: &impl Serialize) -> io::Result<Self> {
        Ok(Self {
            method: Method::PUT,
            ..Self::post(path, body)?
        })
    }

    /// Posts lines.
    pub(super) fn post_text(path: impl Into<String>, lines: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Sending::Text(lines),
            is_patient: true,
        }
    }

    /// Posts a first line and those of a file.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub(super) fn post_lines(
        path: impl Into<String>,
        first: &impl Serialize,
        rest: File,
    ) -> io::Result<Self> {
        let mut line = serde_json::to_vec(first)?;
        line.push(b'\n');
        Ok(Self {
            method: Method::POST,
            path: path.into(),
            body: Sending::Lines(line, rest),
            is_patient: true,
        })
    }

    /// Gives the service time to read the records of a run of some million users first.
    pub(super) fn patient(self) -> Self {
        Self {
            is_patient: true,
            ..self
        }
    }

    fn longest(&self, silence: Duration) -> Duration {
        if self.is_patient { TO_RECORD } else { silence }
    }
}

impl Service {
    /// Describes a service; nothing is sent. `client` has the certificates and time-outs, and is of [`root_of`] this address;
    /// `silence` is how long an answer may take to begin, and to go on.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn at(url: &str, key: ServiceKey, client: Client, silence: Duration) -> Result<Self, InvalidAppRoot> {
        Ok(Self(Arc::new(Inner {
            client,
            base: root_of(url)?,
            url: url.trim_end_matches('/').to_owned(),
            key,
            silence,
        })))
    }

    /// Returns its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the apps that the key is for. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or refuses.
    pub fn apps(&self) -> Result<Vec<AppView>, ServiceError> {
        self.json(&Asking::get("apps"))
    }

    /// Returns whose the key is, and what it may do. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or refuses.
    pub fn whoami(&self) -> Result<Caller, ServiceError> {
        self.json(&Asking::get("whoami"))
    }

    /// Returns where people sign in, which needs no key. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used.
    pub fn sign_ins(&self) -> Result<SignIns, ServiceError> {
        self.json(&Asking::get("sign-in"))
    }

    fn away(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServiceError {
        ServiceError::Away {
            url: self.0.url.clone(),
            source: source.into(),
        }
    }

    pub(super) fn unusable(&self, why: impl fmt::Display) -> ServiceError {
        ServiceError::Unusable {
            url: self.0.url.clone(),
            why: why.to_string(),
        }
    }

    /// Sends a request and returns the answer, if it is a success of the service. One that came too early for the rate of the key
    /// is sent again, and so is one whose token had ended, with another one: neither has done anything.
    pub(super) async fn send(&self, asking: &Asking) -> Result<http::Response<Incoming>, ServiceError> {
        let began = Instant::now();
        let mut refused = None;
        loop {
            let token = self.0.key.now(refused.clone()).await;
            let token = token.map_err(|source| ServiceError::NoToken {
                url: self.0.url.clone(),
                source,
            })?;
            match self.sent(asking, &token).await {
                Err(error)
                    if error.kind() == Some("too-many-requests") && began.elapsed() < self.0.silence =>
                {
                    sleep(TOO_EARLY).await;
                }
                Err(error)
                    if error.kind() == Some("not-signed-in")
                        && refused.is_none()
                        && self.0.key.is_renewed() =>
                {
                    refused = Some(token);
                }
                answer => return answer,
            }
        }
    }

    async fn sent(
        &self,
        asking: &Asking,
        key: &SecretString,
    ) -> Result<http::Response<Incoming>, ServiceError> {
        let request = self.request(asking, key)?;
        let Inner { client, base, .. } = &*self.0;
        let connection = client
            .connect_by_proxy(base)
            .await
            .map_err(|error| self.away(error))?;
        let shaken = handshake(TokioIo::new(connection)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.away(error))?;
        // It ends with the answer, or when nobody waits for that any more.
        tokio::spawn(connection);
        let longest = asking.longest(self.0.silence);
        let answer = timeout(longest, sender.send_request(request)).await;
        let answer = answer.map_err(|_| self.unusable(format!("it did not begin within {longest:?}")))?;
        let answer = answer.map_err(|error| self.away(error))?;
        self.judged(answer).await
    }

    fn request(&self, asking: &Asking, key: &SecretString) -> Result<Request<Body>, ServiceError> {
        let base = self.0.base.to_string();
        let origin = self.0.base.origin();
        let below = base.strip_suffix("apps").unwrap_or(&base);
        let target = format!("{}{}", below.strip_prefix(&origin).unwrap_or(below), asking.path);
        let host = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
        let mut token = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
            .map_err(|_| self.unusable("the key has characters that no header can have"))?;
        token.set_sensitive(true);
        let request = Request::builder()
            .method(asking.method.clone())
            .uri(target)
            .header(HOST, host)
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json, application/x-ndjson")
            .header(USER_AGENT, concat!("easemob-admin/", env!("CARGO_PKG_VERSION")));
        let request = match &asking.body {
            Sending::Nothing => request.body(full(Bytes::new())),
            Sending::Json(json) => request
                .header(CONTENT_TYPE, "application/json")
                .body(full(json.clone())),
            Sending::Text(lines) => request
                .header(CONTENT_TYPE, "application/x-ndjson")
                .body(full(lines.clone())),
            Sending::Lines(first, rest) => request
                .header(CONTENT_TYPE, "application/x-ndjson")
                .body(lines_of(first, rest).map_err(|error| self.unusable(error))?),
        };
        request.map_err(|error| self.unusable(error))
    }

    /// Tells the service from something in between, and a success from a problem.
    async fn judged(
        &self,
        answer: http::Response<Incoming>,
    ) -> Result<http::Response<Incoming>, ServiceError> {
        let status = answer.status();
        let form = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|form| form.to_str().ok());
        let form = form.unwrap_or_default();
        let foreign = || ServiceError::Foreign {
            url: self.0.url.clone(),
            status: status.as_u16(),
        };
        if status.is_success() {
            let known = form.starts_with("application/json") || form.starts_with("application/x-ndjson");
            return if known { Ok(answer) } else { Err(foreign()) };
        }
        if !form.starts_with("application/problem+json") {
            return Err(foreign());
        }
        let body = Limited::new(answer.into_body(), LARGEST_PROBLEM).collect();
        let body = timeout(self.0.silence, body).await.map_err(|_| foreign())?;
        let problem = body
            .ok()
            .and_then(|body| serde_json::from_slice::<Problem>(&body.to_bytes()).ok());
        Err(problem.map_or_else(foreign, ServiceError::Refused))
    }

    /// Sends a request and reads its answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, asking: &Asking) -> Result<T, ServiceError> {
        self.read_with_headers(asking).await.map(|(answer, _)| answer)
    }

    /// Sends a request and reads its answer, and the headers that it came with.
    pub(super) async fn read_with_headers<T: DeserializeOwned>(
        &self,
        asking: &Asking,
    ) -> Result<(T, HeaderMap), ServiceError> {
        let (head, body) = self.send(asking).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect();
        let longest = self.0.silence.max(TO_RECORD);
        let body = timeout(longest, body)
            .await
            .map_err(|_| self.unusable("it did not end in time"))?;
        let body = body.map_err(|error| self.unusable(error))?.to_bytes();
        let answer = serde_json::from_slice(&body).map_err(|error| self.unusable(error))?;
        Ok((answer, head.headers))
    }

    /// Sends a request and reads its answer. Blocks the thread.
    pub(super) fn json<T: DeserializeOwned + Send>(&self, asking: &Asking) -> Result<T, ServiceError> {
        waited_for(async { self.read(asking).await }).map_err(|error| self.unusable(error))?
    }

    /// Reads all pages of a listing. Blocks the thread.
    pub(super) fn pages<T: DeserializeOwned + Send>(&self, path: &str) -> Result<Vec<T>, ServiceError> {
        let (mut rows, mut after) = (Vec::new(), None::<String>);
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let from = after.as_ref().map(|after| format!("&after={}", part(after)));
            let path = format!("{path}{mark}limit=1000{}", from.unwrap_or_default());
            let page: Page<T> = self.json(&Asking::get(path))?;
            rows.extend(page.items);
            match page.next {
                // One that sends the same page for ever is no service.
                Some(next) if after.as_ref() == Some(&next) => {
                    return Err(self.unusable("its pages do not end"));
                }
                Some(next) => after = Some(next),
                None => return Ok(rows),
            }
        }
    }

    /// Streams the lines of an answer. Blocks the thread until it begins, and the reader while it waits.
    pub(super) fn lines(&self, asking: Asking) -> Result<RawLines, ServiceError> {
        let (begun, beginning) = mpsc::sync_channel(1);
        let (sender, lines) = mpsc::sync_channel(LINES_AHEAD);
        let this = self.clone();
        let started = std::thread::Builder::new().name("service".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(begun.send(Err(this.unusable(error)))),
            };
            runtime.block_on(async {
                let answer = match this.send(&asking).await {
                    Ok(answer) => answer,
                    Err(error) => return drop(begun.send(Err(error))),
                };
                let _ = begun.send(Ok(()));
                let mut lines = Lines::of(answer.into_body());
                loop {
                    let line = timeout(this.0.silence, lines.next()).await;
                    let line = line
                        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                        .transpose();
                    let Some(line) = line else { return };
                    let failed = line.is_err();
                    if sender.send(line).is_err() || failed {
                        return;
                    }
                }
            });
        });
        started.map_err(|error| self.unusable(error))?;
        let gone = || self.unusable("the thread that reads it has ended");
        beginning.recv().map_err(|_| gone())??;
        Ok(RawLines(lines))
    }
}

/// Runs a future to its end on a thread of its own, for callers that may be on a thread of a runtime.
fn waited_for<T: Send>(work: impl Future<Output = T> + Send) -> io::Result<T> {
    let run = || -> io::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(work))
    };
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Streams a first line and a file, from its start.
fn lines_of(first: &[u8], rest: &File) -> io::Result<Body> {
    use std::io::Seek as _;
    let mut rest = rest.try_clone()?;
    rest.rewind()?;
    let first = Bytes::copy_from_slice(first);
    let pieces = stream::try_unfold((Some(first), rest), |(first, mut rest)| async move {
        if let Some(first) = first {
            return Ok(Some((Frame::data(first), (None, rest))));
        }
        let mut piece = vec![0; PIECE];
        let read = rest.read(&mut piece)?;
        piece.truncate(read);
        let frame = (read > 0).then(|| (Frame::data(Bytes::from(piece)), (None, rest)));
        Ok::<_, io::Error>(frame)
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}
