//! Sign-ins and sign-outs (page "user login and logout events").

use crate::model::{DeviceId, UserId};
use crate::webhooks::fields::Fields;
use crate::webhooks::names::user_and_resource;
use crate::webhooks::post::InvalidPost;
use crate::webhooks::word::words;

words! {
    /// What a device did.
    SessionChange {
        /// It signed in.
        Login = "login",
        /// It signed out, or its connection ended. A lost network is noticed after up to 5 minutes.
        Logout = "logout",
        /// It was signed out: by another device on a full platform, or by the server. Posts do not tell these apart.
        Replaced = "replaced",
    }
}

/// A device signed in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// The user.
    pub user: UserId,
    /// The device, by the id of device lists.
    pub device: DeviceId,
    /// What it did.
    pub change: SessionChange,
    /// Whether the device is online now; `None` if the post does not say.
    pub online: Option<bool>,
    /// The address of the device, often with a port.
    pub ip: Option<String>,
    /// The system, such as `ios`; of the Web SDK `webim`.
    pub os: Option<String>,
    /// The version of the SDK.
    pub sdk_version: Option<String>,
}

impl SessionEvent {
    /// Returns whether a post looks like one, by a known change or by its status.
    pub(super) fn is_one(fields: Fields<'_>) -> bool {
        let known = |reason| !matches!(SessionChange::of(reason), SessionChange::Other(_));
        let status = matches!(fields.word("status"), Some("online" | "offline"));
        fields.word("user").is_some()
            && fields
                .word("reason")
                .is_some_and(|reason| status || known(reason))
    }

    pub(super) fn read(fields: Fields<'_>) -> Result<Self, InvalidPost> {
        let missing = |field| InvalidPost::Missing {
            event: "session",
            field,
        };
        let name = fields.word("user").ok_or_else(|| missing("user"))?;
        let change = fields.word("reason").ok_or_else(|| missing("reason"))?;
        // The name may become part of an answer, which the service wants to be short.
        let unknown = || InvalidPost::Session(name.chars().take(80).collect());
        let (user, resource) = fields
            .app_key()
            .and_then(|key| user_and_resource(name, key))
            .ok_or_else(unknown)?;
        Ok(Self {
            user: UserId::as_listed(user),
            device: DeviceId::parse(resource).map_err(|_| unknown())?,
            change: SessionChange::of(change),
            online: match fields.word("status") {
                Some("online") => Some(true),
                Some("offline") => Some(false),
                _ => None,
            },
            ip: fields.text("ip"),
            os: fields.text("os"),
            sdk_version: fields.text("version"),
        })
    }
}
