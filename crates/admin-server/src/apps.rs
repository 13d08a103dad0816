//! The apps that a service acts on.

use std::collections::BTreeMap;
use std::sync::Arc;

use easemob_admin_ops::operations::Operations;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::target::Target;

/// One app, with the credentials that the service holds for it.
#[derive(Debug, Clone)]
pub struct App {
    /// Its name in paths, such as that of a profile.
    pub name: String,
    /// The server and app.
    pub target: Target,
    /// The server.
    pub server: Server,
}

impl App {
    /// Returns true if the path of the app's root ends with these parts: org and name, or `app-id` and the id.
    pub(crate) fn has_path(&self, [first, second]: [&str; 2]) -> bool {
        let mut parts = self.target.app_root.trim_end_matches('/').rsplit('/');
        parts.next() == Some(second) && parts.next() == Some(first)
    }

    /// Returns the engine for this app, in the name of an operator.
    #[must_use]
    pub fn operations(&self, stores: &Stores, operator: Operator) -> Operations<Server> {
        Operations::new(self.server.clone(), stores.clone(), self.target.clone(), operator)
    }
}

/// The apps of a service, by their names.
#[derive(Debug, Clone, Default)]
pub struct Apps(Arc<BTreeMap<String, Arc<App>>>);

impl FromIterator<App> for Apps {
    fn from_iter<I: IntoIterator<Item = App>>(apps: I) -> Self {
        let named = apps.into_iter().map(|app| (app.name.clone(), Arc::new(app)));
        Self(Arc::new(named.collect()))
    }
}

impl Apps {
    /// Returns the app with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<App>> {
        self.0.get(name)
    }

    /// Returns the app with this root.
    #[must_use]
    pub fn at(&self, app_root: &str) -> Option<&Arc<App>> {
        self.iter().find(|app| app.target.app_root == app_root)
    }

    /// Returns all apps, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.0.values()
    }
}
