#![doc = include_str!("../README.md")]

#[cfg(all(feature = "jwt", not(any(feature = "aws-lc-rs", feature = "ring"))))]
compile_error!("the feature `jwt` needs one that signs: `aws-lc-rs` or `ring`");

mod app_root;
mod client;
mod credentials;
pub mod endpoint;
pub mod endpoints;
pub mod envelope;
mod error;
pub mod header_text;
mod model;
mod page;
mod path;
mod private_files;
mod redact;
mod settings;
pub mod transport;
#[cfg(feature = "webhooks")]
pub mod webhooks;

pub use app_root::{AppKey, AppRoot, InvalidAppRoot};
pub use client::{
    AnswerStream, BrokenAnswer, CallEnd, CallReport, Client, ClientBuilder, ConfigError, ExpiresIn,
    InvalidHeader, LARGEST_BODY, Leave, LeaveNow, Traffic,
};
pub use credentials::{BroughtToken, Credentials, UnusableSecret, check_secret};
#[cfg(feature = "jwt")]
pub use credentials::{JwtAlgorithm, JwtSigner};
pub use endpoints::devices::DeviceList;
pub use endpoints::discovery::{Discovery, DiscoveryError};
pub use endpoints::messages::Message;
pub use endpoints::sessions::{DisconnectVerb, LogoutElsewhere, LogoutOutcome};
pub use endpoints::token::{AgoraTokenSigner, DynamicTokenSigner, ExchangedToken, Token};
pub use endpoints::users::{RegisterOutcome, UserChanges, UserQuery};
pub use error::{ApiError, BuildError, DecodeError, Error, Excerpt, NoToken, Reason, SignError};
/// The streams that listings return.
pub use futures_util::Stream;
pub use http;
pub use model::{
    Device, DeviceId, DeviceLimits, InvalidId, LimitMode, NewUser, OnlineStatus, Platform, UnixMillis, User,
    UserId,
};
pub use page::{Cursor, CursorTrail, EndlessListing, OddEntry, Page};
#[cfg(feature = "tls")]
pub use rustls;
pub use secrecy::{ExposeSecret, SecretString};
/// JSON of calls and answers, in the version that this crate uses.
pub use serde_json;
#[cfg(feature = "tls")]
pub use transport::http::tls::tls_provider;
pub use transport::http::{Agreed, Connection, Transport};
pub use transport::limit::{Lane, PoolUse, RateLimit, Rates};
pub use transport::outage::Outage;
pub use transport::retry::RetryPolicy;
pub use transport::timeouts::Timeouts;
