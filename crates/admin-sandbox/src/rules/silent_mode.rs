//! When a user wants no push notifications, at all or of one conversation (page "offline push settings").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::App;
use super::notices::News;

/// The settings of all users: by user, then by what they are about.
pub(crate) type SilentModes = BTreeMap<String, BTreeMap<String, SilentMode>>;

/// What settings are about: all conversations, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silenced<'a> {
    All,
    User(&'a str),
    Group(&'a str),
}

/// When there are no notifications.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SilentMode {
    /// `ALL`, `AT` or `NONE`; what holds for all conversations if it is not set.
    pub(crate) remind: Option<String>,
    /// `HOUR:MINUTE-HOUR:MINUTE` of every day.
    pub(crate) interval: Option<String>,
    /// Until this time, in milliseconds since 1970.
    pub(crate) until_ms: Option<u64>,
}

impl Silenced<'_> {
    fn key(self) -> String {
        match self {
            Self::All => String::new(),
            Self::User(name) => format!("user/{name}"),
            Self::Group(id) => format!("group/{id}"),
        }
    }
}

impl SilentMode {
    /// Writes it as the service does.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({});
        if let Some(remind) = &self.remind {
            json["type"] = json!(remind);
        }
        if let Some(interval) = &self.interval {
            json["ignoreInterval"] = json!(interval);
        }
        if let Some(until_ms) = self.until_ms {
            json["ignoreDuration"] = json!(until_ms);
        }
        json
    }
}

impl App {
    /// Changes settings as far as `change` does; the user's other devices are told.
    pub(crate) fn set_silent_mode(
        &mut self,
        user: &str,
        device: &str,
        about: Silenced<'_>,
        change: impl FnOnce(&mut SilentMode),
    ) -> SilentMode {
        let mode = self
            .silent_modes
            .entry(user.to_owned())
            .or_default()
            .entry(about.key())
            .or_default();
        change(mode);
        let mode = mode.clone();
        let mut value = json!({"operator_resource": device, "data": mode.to_json()});
        match about {
            Silenced::All => value["user"] = json!(user),
            Silenced::User(name) => value["user"] = json!(name),
            Silenced::Group(id) => value["group"] = json!(id),
        }
        let news = News::Notify(json!({"type": "user_notification_mute", "values": [value]}));
        self.tell(user, Some(device), news);
        mode
    }

    /// Returns settings.
    pub(crate) fn silent_mode(&self, user: &str, about: Silenced<'_>) -> SilentMode {
        let own = self.silent_modes.get(user).and_then(|own| own.get(&about.key()));
        own.cloned().unwrap_or_default()
    }

    /// Returns the conversations of a user that have a setting of their own of what to remind of: whether each is a group, its
    /// name, and the setting.
    pub(crate) fn reminded(&self, user: &str) -> Vec<(bool, &str, &str)> {
        let own = self.silent_modes.get(user).into_iter().flatten();
        own.filter_map(|(key, mode)| {
            let (kind, name) = key.split_once('/')?;
            Some((kind == "group", name, mode.remind.as_deref()?))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_apart_and_told_to_the_other_devices() {
        let mut app = App::new("o#a", None);
        app.set_silent_mode("ann", "ios_1", Silenced::All, |mode| {
            mode.remind = Some("NONE".into());
        });
        app.set_silent_mode("ann", "ios_1", Silenced::Group("7"), |mode| {
            mode.until_ms = Some(9);
        });
        assert_eq!(
            app.silent_mode("ann", Silenced::All).to_json(),
            json!({"type": "NONE"})
        );
        assert_eq!(
            app.silent_mode("ann", Silenced::Group("7")).to_json(),
            json!({"ignoreDuration": 9})
        );
        assert_eq!(app.silent_mode("ann", Silenced::User("7")), SilentMode::default());
        assert_eq!(app.reminded("ann"), []);
        app.set_silent_mode("ann", "", Silenced::User("bob"), |mode| {
            mode.remind = Some("ALL".into());
        });
        assert_eq!(app.reminded("ann"), [(false, "bob", "ALL")]);
        assert_eq!(app.told.len(), 3);
        assert_eq!(app.told[0].but.as_deref(), Some("ios_1"));
    }
}
