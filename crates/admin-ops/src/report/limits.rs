//! The report of a change of device limits, of a user or of the app.

use std::collections::BTreeMap;

use easemob_admin_api::{DeviceLimits, UserId};
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome};
use crate::server::calls::CallError;

/// One user whose limits are set, or the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsReport {
    /// Whether the limits are those of a user or of the app.
    pub scope: Scope,
    /// The user; `None` for the limits of the app.
    pub user: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
    /// The limits before; `None` if they could not be read.
    pub before: Option<LimitsView>,
    /// The requested limits; `None` if the user's limits are removed, or those before could not be read.
    pub after: Option<LimitsView>,
    /// The failure, if any.
    #[serde(flatten)]
    pub failure: Failure,
}

/// Whose limits they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The limits of all users without limits of their own.
    App,
    /// The limits of one user.
    User,
}

impl Scope {
    /// Returns the scope of a user, or of the app if there is no user.
    #[must_use]
    pub fn of(user: Option<&UserId>) -> Self {
        user.map_or(Self::App, |_| Self::User)
    }

    /// Returns the word, as it is serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::User => "user",
        }
    }
}

/// Limits, with the names of the platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsView {
    /// `multi` or `single`, if the server reports it.
    pub mode: Option<String>,
    /// The limit of platforms without a limit of their own.
    pub default: Option<u32>,
    /// The limits of platforms.
    pub platforms: BTreeMap<String, u32>,
}

impl From<&DeviceLimits> for LimitsView {
    fn from(limits: &DeviceLimits) -> Self {
        let platforms = limits.platforms.iter();
        Self {
            mode: limits.mode.as_ref().map(ToString::to_string),
            default: limits.default,
            platforms: platforms
                .map(|(platform, limit)| (platform.to_string(), *limit))
                .collect(),
        }
    }
}

impl LimitsReport {
    /// Creates a report without failure about a user, or about the app.
    #[must_use]
    pub fn new(user: Option<&UserId>, outcome: Outcome) -> Self {
        Self {
            scope: Scope::of(user),
            user: user.map(ToString::to_string),
            outcome,
            before: None,
            after: None,
            failure: Failure::default(),
        }
    }

    /// Adds the limits before and after.
    #[must_use]
    pub fn between(mut self, before: &DeviceLimits, after: Option<&DeviceLimits>) -> Self {
        self.before = Some(before.into());
        self.after = after.map(LimitsView::from);
        self
    }

    /// Converts it to the report of a failed call.
    #[must_use]
    pub fn failed(mut self, error: &CallError) -> Self {
        self.outcome = error.outcome();
        self.failure = error.into();
        self
    }

    /// Creates the report of a user, or of the app, whose job was interrupted.
    #[must_use]
    pub fn cut_off(user: Option<&UserId>) -> Self {
        Self {
            failure: Failure::cut_off(),
            ..Self::new(user, Outcome::Unknown)
        }
    }
}
