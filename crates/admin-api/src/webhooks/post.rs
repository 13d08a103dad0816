//! One post: what all events have in common.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::model::{UnixMillis, without_lone_surrogates};
use crate::webhooks::event::Event;
use crate::webhooks::fields::Fields;
use crate::webhooks::signature::{Secrets, signature};

/// A post of the service.
///
/// It may come from anybody until [`Post::is_signed_with`] says that it is the service's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Post {
    /// The service's id of the call, the same when a post is sent again; `None` if the post has none.
    pub call_id: Option<String>,
    /// The app, `org#app`: the field `appkey`, else what precedes the last `_` of the call's id.
    pub app_key: Option<String>,
    /// When it happened, by the clock of the service; `None` if the post does not say.
    ///
    /// Any number is accepted. Check that it is plausible before decisions depend on it.
    pub at: Option<UnixMillis>,
    /// What happened.
    pub event: Event,
    security: String,
    /// The time as it is signed: a number in decimal, a text as it is.
    stamp: String,
}

/// Why a body is not a post of the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPost {
    /// It is not a JSON object.
    #[error("cannot read the post: {0}")]
    NotJson(String),
    /// It does not say what its event is about.
    #[error("cannot read the {event}: the field `{field}` is missing")]
    Missing {
        /// The kind of event.
        event: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The name of its session is malformed, or does not begin with the app key.
    #[error("cannot read the session: `{}` does not name one of the app", .0.escape_debug())]
    Session(String),
}

impl Post {
    /// Reads the body of a post.
    ///
    /// ```
    /// use easemob_admin_api::webhooks::{Event, Post};
    ///
    /// let body = br#"{"callId":"o#a_1","timestamp":"1712000000003","appkey":"o#a","chat_type":"roster",
    ///     "from":"o#a_ann@easemob.com","to":"bob","payload":{"operation":"add","reason":"hello"}}"#;
    /// let Event::Contact(contact) = Post::parse(body)?.event else { panic!() };
    /// assert_eq!(contact.from.unwrap().as_str(), "ann");
    /// # Ok::<(), easemob_admin_api::webhooks::InvalidPost>(())
    /// ```
    ///
    /// # Errors
    /// When the body is not a JSON object, or does not say what its event is about.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidPost> {
        let object = object(body)?;
        let plain = Fields::of(&object, None);
        let call_id = plain.text("callId");
        let app_key = plain.text("appkey").or_else(|| {
            let (key, _) = call_id.as_deref()?.rsplit_once('_')?;
            key.contains('#').then(|| key.to_owned())
        });
        let at = plain.millis("timestamp");
        let stamp = match plain.word("timestamp") {
            Some(text) => Some(text.to_owned()),
            None => at.map(|UnixMillis(at)| at.to_string()),
        };
        let security = plain.text("security");
        Ok(Self {
            event: Event::read(&object, app_key.as_deref())?,
            call_id,
            app_key,
            at,
            security: security.unwrap_or_default(),
            stamp: stamp.unwrap_or_default(),
        })
    }

    /// Returns whether one of the secrets signed the post, in time that does not depend on how much of it is right.
    ///
    /// The signature is the MD5 of call id, secret and time (page `callback_overview`): it does not cover the event.
    /// Receive posts over TLS, and ignore a call id that you know already.
    ///
    /// A post without id or time is never signed.
    #[must_use]
    pub fn is_signed_with(&self, secrets: &Secrets) -> bool {
        let Some(call_id) = self.call_id.as_deref().filter(|_| !self.stamp.is_empty()) else {
            return false;
        };
        let given = self.security.to_ascii_lowercase();
        // Try all of them, so that the time does not reveal which one matches.
        secrets.iter().fold(false, |signed, secret| {
            let expected = signature(call_id, secret, &self.stamp);
            signed | bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
        })
    }
}

/// Reads an object; a name that was cut inside an emoji is mended.
fn object(body: &[u8]) -> Result<Map<String, Value>, InvalidPost> {
    let first = match serde_json::from_slice(body) {
        Ok(object) => return Ok(object),
        Err(error) => error,
    };
    std::str::from_utf8(body)
        .ok()
        .and_then(without_lone_surrogates)
        .and_then(|mended| serde_json::from_str(&mended).ok())
        .ok_or_else(|| InvalidPost::NotJson(first.to_string()))
}
