//! Sessions that were ended by somebody else than their device, for whoever holds the connections.

/// Why a device has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The account was deleted.
    Deleted,
    /// A newer sign-in took the place.
    Displaced,
    /// The password was changed.
    PasswordChanged,
    /// An operator ended it.
    Operator,
    /// The user was banned.
    Banned,
    /// It was signed out as its user would, by whoever controls the sandbox.
    Left,
}

impl Cause {
    /// Returns the word for the cause.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Displaced => "displaced",
            Self::PasswordChanged => "password_changed",
            Self::Operator => "operator",
            Self::Banned => "banned",
            Self::Left => "left",
        }
    }
}

/// A session that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The user.
    pub(crate) user: String,
    /// The device.
    pub(crate) resource: String,
    /// Why.
    pub(crate) cause: Cause,
    /// What the device that took the place says about itself.
    pub(crate) ext: Option<String>,
}
