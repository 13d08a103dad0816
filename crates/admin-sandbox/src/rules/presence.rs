use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use serde_json::json;

use super::App;
use super::notices::{News, Told};
use super::users::User;

/// What a user has published about himself, and whom he follows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// Status by resource or platform, as published.
    published: BTreeMap<String, String>,
    pub(crate) ext: String,
    pub(crate) last_ms: u64,
    /// Until when (milliseconds since 1970), by user followed.
    subscriptions: BTreeMap<String, u64>,
}

impl Presence {
    /// Publishes a status for one device or platform.
    pub(crate) fn publish(&mut self, resource: &str, status: &str, ext: &str, now_ms: u64) {
        self.published.insert(resource.to_owned(), status.to_owned());
        ext.clone_into(&mut self.ext);
        self.last_ms = now_ms;
    }

    pub(super) fn subscribe(&mut self, user: &str, until_ms: u64) {
        self.subscriptions.insert(user.to_owned(), until_ms);
    }

    pub(super) fn unsubscribe(&mut self, user: &str) {
        self.subscriptions.remove(user);
    }

    /// Returns whom the user follows or has followed.
    pub(super) fn followed(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.keys().map(String::as_str)
    }

    /// Returns until when (milliseconds since 1970) the user follows another one.
    pub(super) fn follows(&self, user: &str) -> Option<u64> {
        self.subscriptions.get(user).copied()
    }

    /// Returns the subscriptions that still hold, by name.
    pub(crate) fn subscriptions(&self, now_ms: u64) -> Vec<(&str, u64)> {
        let held = self.subscriptions.iter().filter(|(_, until)| **until > now_ms);
        held.map(|(user, until)| (user.as_str(), *until)).collect()
    }
}

impl App {
    /// Tells everybody who follows a user what others see of that user now.
    pub(crate) fn tell_presence(&mut self, user: &str, now_ms: u64) {
        let Some(user) = self.users.find(user) else {
            return;
        };
        let followers: Vec<(String, u64)> = self
            .users
            .followers(&user.name)
            .filter(|(_, until_ms)| *until_ms > now_ms)
            .map(|(follower, until_ms)| (follower.name.clone(), until_ms))
            .collect();
        let mut value = json!({
            "uid": user.name,
            "last_time": (user.presence.last_ms.max(now_ms) / 1_000).to_string(),
            "ext": user.presence.ext,
            "status": visible_status(user),
        });
        for (follower, until_ms) in followers {
            value["expiry"] = json!((until_ms / 1_000).to_string());
            let news = json!({"type": "presence", "data": {"values": [value]}});
            self.told.push(Told {
                user: follower,
                but: None,
                online_only: true,
                news: News::Notify(news),
            });
        }
    }
}

/// Returns what others see: "1" for each device online, unless something else was published for it.
pub(crate) fn visible_status(user: &User) -> BTreeMap<String, String> {
    let mut status: BTreeMap<_, _> = user
        .devices
        .iter()
        .map(|device| (device.resource.clone(), "1".to_owned()))
        .collect();
    for (resource, value) in &user.presence.published {
        let online = user.devices.iter().any(|device| {
            device.resource == *resource || device.platform == super::platform::normalize(resource)
        });
        // Whoever is gone shows as offline, whatever was published before.
        status.insert(
            resource.clone(),
            if online { value.clone() } else { "0".to_owned() },
        );
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::App;
    use crate::rules::sign_in::SignInRequest;

    #[test]
    fn a_published_status_holds_while_online() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.sign_in("ann", SignInRequest::with_resource("ios_1"), 1)
            .unwrap();
        app.users
            .find_mut("ann")
            .unwrap()
            .presence
            .publish("ios_1", "101", "busy", 2);
        assert_eq!(visible_status(app.users.find("ann").unwrap())["ios_1"], "101");
        app.sign_out("ann", "ios_1");
        assert_eq!(visible_status(app.users.find("ann").unwrap())["ios_1"], "0");
    }

    #[test]
    fn followers_are_told_while_their_subscription_holds() {
        let mut app = App::new("o#a", None);
        for user in ["ann", "bob"] {
            app.register_for_test(user);
        }
        app.users.follow("bob", "ann", 10);
        app.tell_presence("ann", 9);
        assert_eq!(app.told.len(), 1);
        assert_eq!(app.told[0].user, "bob");
        app.tell_presence("ann", 10);
        app.tell_presence("bob", 9);
        assert_eq!(app.told.len(), 1);
    }

    #[test]
    fn subscriptions_run_out() {
        let mut presence = Presence::default();
        presence.subscribe("bob", 10);
        assert_eq!(presence.subscriptions(9), [("bob", 10)]);
        assert!(presence.subscriptions(10).is_empty());
    }
}
