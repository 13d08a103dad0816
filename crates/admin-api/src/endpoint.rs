//! What a call is: method, path, body, effect, budget and output, declared once per endpoint.
//!
//! An endpoint is a value. It can be built, turned into a [`Request`] and asserted without a network:
//!
//! ```
//! use easemob_admin_api::endpoint::Endpoint;
//! use easemob_admin_api::endpoints::devices::ListDevices;
//! use easemob_admin_api::{AppRoot, UserId};
//!
//! let root = AppRoot::parse("https://im.example.com/acme/chat")?;
//! let request = ListDevices { user: UserId::parse("a/b")? }.request(&root)?;
//! assert_eq!(request.url.as_str(), "https://im.example.com/acme/chat/users/a%2Fb/resources");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use bytes::Bytes;
pub use http::Method;
use secrecy::SecretString;
use url::Url;

use crate::app_root::AppRoot;
use crate::client::AnswerStream;
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError};
pub use crate::path::Path;
use crate::path::encode_query_value;
use crate::transport::limit::RateLimit;

/// What repeating a call could do, declared per endpoint and argued for there.
///
/// The verb is no evidence: a forced logout of all devices is a GET.
///
/// ```
/// use easemob_admin_api::endpoint::{Effect, Endpoint};
/// use easemob_admin_api::endpoints::{devices::ListDevices, sessions::LogoutAll};
///
/// assert_eq!(ListDevices::EFFECT, Effect::Read);
/// assert_eq!(LogoutAll::EFFECT, Effect::Once);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Changes nothing; may be repeated at will.
    Read,
    /// Changes something, and a second time changes nothing more.
    Repeatable,
    /// A second time may do harm: it is sent again only when the first is known not to have arrived or to
    /// have been refused.
    Once,
}

/// The rate budget a call is paid from.
///
/// Limits are per app key. The public pages put all account calls into one pool of 100 a second and give
/// `/token`, batch deletion, mutes and presence pools of their own (limitationapi page).
///
/// ```
/// use easemob_admin_api::endpoint::{Bucket, Endpoint};
/// use easemob_admin_api::endpoints::devices::ListDevices;
///
/// assert_eq!(ListDevices::BUCKET, Bucket::Accounts);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bucket {
    /// User, device and session calls.
    Accounts,
    /// `POST /token`.
    Token,
    /// Deletion of many users; paid from [`Bucket::Accounts`] as well.
    BatchDelete,
    /// Global mutes.
    Mutes,
    /// Presence.
    Presence,
    /// Statuses of many users; paid from [`Bucket::Accounts`] as well.
    BatchStatus,
    /// A pool of its own, by its name and the rate that the service allows: for calls that are counted apart from all of
    /// the above. Calls that name the same pool share it; the first that is sent says its rate.
    ///
    /// ```
    /// use easemob_admin_api::RateLimit;
    /// use easemob_admin_api::endpoint::Bucket;
    ///
    /// const THREADS: Bucket = Bucket::Own("threads", RateLimit::per_second(100));
    /// ```
    Own(&'static str, RateLimit),
}

/// Whose authority a call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authority {
    /// The client's credentials.
    App,
    /// None: the call itself proves who is asking, as `POST /token` does, or brings a token of its own
    /// ([`Endpoint::own_token`]).
    Anonymous,
}

/// One call of the REST API.
///
/// A call that this library has no method for is an implementation of this trait away, with the same token,
/// rate budget and retries:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, DecodeError};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// use easemob_admin_api::endpoint::{Effect, Endpoint, Method, Path};
/// use easemob_admin_api::envelope::Envelope;
///
/// /// Counts the users of the first page.
/// struct CountFirstPage;
///
/// impl Endpoint for CountFirstPage {
///     const NAME: &'static str = "users.count_first_page";
///     const EFFECT: Effect = Effect::Read;
///     type Output = usize;
///
///     fn method(&self) -> Method {
///         Method::GET
///     }
///
///     fn path(&self) -> Path {
///         Path::new(["users"])
///     }
///
///     fn decode(&self, answer: &Envelope<'_>) -> Result<usize, DecodeError> {
///         Ok(answer.entities::<serde_json::Value>()?.len())
///     }
/// }
///
/// sandbox.register("ann");
/// assert_eq!(client.execute(&CountFirstPage).await?, 1);
/// # Ok(()) }
/// ```
pub trait Endpoint: Send + Sync {
    /// Name in logs, errors and records, such as `devices.list`.
    const NAME: &'static str;
    /// What repeating the call could do.
    const EFFECT: Effect;
    /// The rate budget it is paid from.
    const BUCKET: Bucket = Bucket::Accounts;
    /// Whose authority it carries.
    const AUTHORITY: Authority = Authority::App;
    /// True if a server may lack the call altogether; "no such route" then means unsupported.
    const OPTIONAL: bool = false;
    /// True if the request or its answer holds a secret; errors then keep nothing of an answer but what the server
    /// documents: a gateway may send the request back, and an answer that cannot be read may hold a token.
    const SECRET: bool = false;
    /// What a successful answer is decoded to.
    type Output: Send;

    /// Returns the HTTP method.
    fn method(&self) -> Method;

    /// Returns the path below the app root.
    fn path(&self) -> Path;

    /// Returns the query, in order; values are encoded later.
    fn query(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns the JSON body, if the call has one.
    fn body(&self) -> Option<serde_json::Value> {
        None
    }

    /// Returns the token that an [`Authority::Anonymous`] call is sent with, if it brings one.
    fn own_token(&self) -> Option<&SecretString> {
        None
    }

    /// Checks limits that the server documents, before anything is sent.
    ///
    /// # Errors
    /// When the call would be refused in any case, such as 61 users in one batch.
    fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }

    /// Returns whom the call is about, for errors and records.
    fn target(&self) -> Option<String> {
        None
    }

    /// The most bytes of an answer that are read as a whole. A longer one cannot be used, unless the call
    /// [streams](Self::STREAMS); what it has done is not known then.
    const LONGEST_WHOLE: usize = crate::transport::http::LARGEST;

    /// Whether an answer that is longer than [`LONGEST_WHOLE`](Self::LONGEST_WHOLE) is passed on as it comes, by
    /// [`pass_on`](Self::pass_on). Only for calls whose answers nobody has to understand.
    const STREAMS: bool = false;

    /// Passes on a long answer, whose beginning is that of an answer of the server. Calls that do not stream have none.
    ///
    /// # Errors
    /// When the call does not stream.
    fn pass_on(&self, answer: AnswerStream) -> Result<Self::Output, DecodeError> {
        Err(answer.unexpected())
    }

    /// Decodes the answer of a call that the server did not refuse.
    ///
    /// # Errors
    /// When the answer lacks what the call is made for.
    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError>;

    /// Builds the request, without sending it.
    ///
    /// # Errors
    /// When a name cannot be addressed (`.` and `..`) or a documented limit is exceeded.
    fn request(&self, root: &AppRoot) -> Result<Request, BuildError> {
        self.check()?;
        let mut target = self.path().encode_below(root.path())?;
        let path = target.len();
        for (index, (name, value)) in self.query().iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(&encode_query_value(value));
        }
        let url = root.at(&target).ok_or_else(|| BuildError::Url(target.clone()))?;
        // The parser must have taken the path as it is: a route that changed would act on something else.
        if url.path() != &target[..path] {
            return Err(BuildError::Url(target));
        }
        let body = self.body().map(|value| Bytes::from(value.to_string()));
        Ok(Request {
            method: self.method(),
            url,
            body,
        })
    }
}

/// A request as it goes out, without its token.
///
/// ```
/// use easemob_admin_api::endpoint::{Endpoint, Method};
/// use easemob_admin_api::endpoints::sessions::LogoutAll;
/// use easemob_admin_api::{AppRoot, UserId};
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// let request = LogoutAll { user: UserId::parse("ann")? }.request(&root)?;
/// assert_eq!((request.method, request.body), (Method::GET, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// The JSON body, if there is one.
    pub body: Option<Bytes>,
}
