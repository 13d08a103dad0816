//! One app of a service.

use super::error::ServiceError;
use super::service::{Asking, Service, part};
use crate::api::{AppView, Page, UserView};

/// One app of a service. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ServiceApp {
    pub(super) service: Service,
    view: AppView,
}

/// Why an app of a service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoApp {
    /// The service cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It has no such app, or the key is not for it.
    #[error("the service at {url} has no app `{name}` for this key")]
    Unknown {
        /// The address of the service.
        url: String,
        /// The name.
        name: String,
        /// The apps that the key is for.
        known: Vec<String>,
    },
    /// Another app of the key has the same org and app, on another server.
    #[error("the key is for several apps whose calls go to the same address: {}", names.join(", "))]
    Ambiguous {
        /// Their names.
        names: Vec<String>,
    },
}

impl ServiceApp {
    /// Finds an app of a service by its name, or the only one that the key is for. Blocks the thread.
    ///
    /// # Errors
    /// When the service cannot be used, or has no such app for this key.
    pub fn find(service: &Service, name: Option<&str>) -> Result<Self, NoApp> {
        let apps = service.apps()?;
        let found = match (name, apps.as_slice()) {
            (Some(name), apps) => apps.iter().find(|app| app.name == name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(view) = found else {
            return Err(NoApp::Unknown {
                url: service.url().to_owned(),
                name: name.unwrap_or_default().to_owned(),
                known: apps.into_iter().map(|app| app.name).collect(),
            });
        };
        let path = |app: &AppView| path_of(&app.app_root);
        let same: Vec<_> = apps.iter().filter(|app| path(app) == path(view)).collect();
        if same.len() > 1 {
            return Err(NoApp::Ambiguous {
                names: same.into_iter().map(|app| app.name.clone()).collect(),
            });
        }
        Ok(Self {
            service: service.clone(),
            view: view.clone(),
        })
    }

    /// Returns the app as the service describes it.
    #[must_use]
    pub fn view(&self) -> &AppView {
        &self.view
    }

    /// Returns the service.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Returns the root of the vendor's calls, which the service passes on.
    #[must_use]
    pub fn app_root(&self) -> String {
        format!("{}/{}", self.service.url(), path_of(&self.view.app_root))
    }

    /// Lets the service read something from the server of the app. Blocks the thread.
    ///
    /// # Errors
    /// When the service or the server cannot be used, or refuses.
    pub fn reach_server(&self) -> Result<(), ServiceError> {
        let asking = Asking::get(self.path("accounts?limit=1"));
        self.service.json::<Page<UserView>>(&asking).map(drop)
    }

    /// Returns a path below this app.
    pub(super) fn path(&self, below: &str) -> String {
        format!("apps/{}/{below}", part(&self.view.name))
    }
}

/// Returns the last two parts of the path of an app root: org and app, or `app-id` and the id.
fn path_of(app_root: &str) -> String {
    let mut parts: Vec<_> = app_root.trim_end_matches('/').rsplit('/').take(2).collect();
    parts.reverse();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_to_the_last_two_parts_of_the_root() {
        for (root, path) in [
            ("https://a1.easemob.com/acme/chat", "acme/chat"),
            ("https://a1.easemob.com/gateway/acme/chat/", "acme/chat"),
            ("https://a41.chat.agora.io/app-id/0123abcd", "app-id/0123abcd"),
        ] {
            assert_eq!(path_of(root), path);
        }
    }
}
