//! What happens in the sandbox, for whoever watches.

use serde::Serialize;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Happened {
    /// Milliseconds since 1970 by the clock of the sandbox.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: LiveEvent,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LiveEvent {
    /// A device signed in.
    SignIn {
        /// The user.
        user: String,
        /// The device.
        resource: String,
        /// Whether it holds a connection; others are simulated.
        live: bool,
    },
    /// A device left by itself, or its connection was lost.
    SignOut {
        /// The user.
        user: String,
        /// The device.
        resource: String,
    },
    /// A session was ended by somebody else than its device.
    Ended {
        /// The user.
        user: String,
        /// The device.
        resource: String,
        /// Why: `displaced`, `operator`, `password_changed`, `deleted`, or `banned`.
        cause: &'static str,
    },
    /// A message was sent.
    Message {
        /// The sender.
        from: String,
        /// The device that sent it.
        resource: String,
        /// The recipient, with the device if one is meant.
        to: String,
        /// How many devices got it at once; it waits for those that come later.
        devices: usize,
    },
    /// The devices of a user were told of something.
    Told {
        /// The user.
        user: String,
        /// What: `message` (one sent by REST), `recall`, `conversation`, `roaming_delete`, `contact`, `group`,
        /// `thread`, `reaction`, `presence`, or `silent_mode`.
        what: &'static str,
        /// How many devices were told.
        devices: usize,
    },
    /// A call was refused, or is not known to the sandbox.
    Refused {
        /// The endpoint's name; `unknown` if no endpoint matched.
        call: &'static str,
        /// The HTTP method.
        method: String,
        /// The path as it arrived, without the query.
        path: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// A device sent a frame that was refused, or that the sandbox does not know.
    RefusedFrame {
        /// The user; empty if the device was not let in.
        user: String,
        /// The device; empty if it was not let in.
        resource: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The state could not be saved; this is tried again, and told once until it has worked.
    NotSaved {
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for LiveEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignIn { user, resource, live } => {
                let how = if *live { "" } else { " (simulated)" };
                write!(f, "sign-in   {user}/{resource}{how}")
            }
            Self::SignOut { user, resource } => write!(f, "sign-out  {user}/{resource}"),
            Self::Ended {
                user,
                resource,
                cause,
            } => {
                write!(f, "ended     {user}/{resource}: {}", cause.replace('_', " "))
            }
            Self::Message {
                from,
                resource,
                to,
                devices,
            } => write!(f, "message   {from}/{resource} -> {to} ({devices} devices)"),
            Self::Refused {
                call,
                method,
                path,
                status,
            } => write!(f, "refused   {method} {path}: {status} ({call})"),
            Self::RefusedFrame {
                user,
                resource,
                reason,
            } if user.is_empty() && resource.is_empty() => write!(f, "refused   a frame: {reason}"),
            Self::RefusedFrame {
                user,
                resource,
                reason,
            } => write!(f, "refused   {user}/{resource}: {reason}"),
            Self::NotSaved { reason } => write!(f, "not saved {reason}"),
            Self::Told { user, what, devices } => write!(f, "told      {user}: {what} ({devices} devices)"),
        }
    }
}
