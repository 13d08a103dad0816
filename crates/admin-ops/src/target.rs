//! The server and app that a run acts on.

use easemob_admin_api::AppRoot;
use easemob_admin_audit::directory_name;

use crate::run::journal::header::Header;

/// A server and an app, and the profile that names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The app key, or the app root if there is no key.
    pub app: String,
    /// The root URL of all calls.
    pub app_root: String,
    /// The profile, if one is used.
    pub profile: Option<String>,
    /// Whether it is the embedded sandbox, whose port differs each time.
    pub sandbox: bool,
}

impl Target {
    /// Creates the target for the app at `root`, without a profile.
    #[must_use]
    pub fn of(root: &AppRoot) -> Self {
        let app_root = root.to_string();
        Self {
            app: root
                .app_key()
                .map_or_else(|| app_root.clone(), ToString::to_string),
            app_root,
            profile: None,
            sandbox: false,
        }
    }

    /// Returns the root that locks are entered with; `None` is the embedded sandbox, whose root differs each
    /// time.
    #[must_use]
    pub fn lasting_root(&self) -> Option<&str> {
        (!self.sandbox).then_some(self.app_root.as_str())
    }

    /// Returns the name under which its trail and its locks are stored.
    #[must_use]
    pub fn name(&self) -> String {
        directory_name(self.sandbox, self.profile.as_deref(), &self.app_root)
    }
}

impl From<&Header> for Target {
    fn from(header: &Header) -> Self {
        Self {
            app: header.app.clone(),
            app_root: header.app_root.clone(),
            profile: header.profile.clone(),
            sandbox: header.sandbox,
        }
    }
}
