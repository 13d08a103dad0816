use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::broadcasts::Broadcasts;
use super::contacts::Contacts;
use super::conversations::Conversations;
use super::ended::Ended;
use super::groups::Groups;
use super::history::History;
use super::ids::Ids;
use super::limits::DeviceLimits;
use super::live_event::LiveEvent;
use super::notices::Told;
use super::profiles::Profiles;
use super::reactions::Pin;
use super::sign_in::SignInPolicy;
use super::silent_mode::SilentModes;
use super::stored_callbacks::{Again, StoredCallbacks};
use super::tokens::Tokens;
use super::users::Users;

/// Everything the service knows of one app; this is also what the state file keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct App {
    /// `org#app`.
    pub(crate) key: String,
    pub(crate) uuid: Uuid,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// What stands for the app key in roots of Agora's kind.
    #[serde(default = "random_id")]
    pub(crate) agora_id: String,
    /// What tokens of Agora's kind are signed with.
    #[serde(default = "random_id")]
    pub(crate) agora_certificate: String,
    pub(crate) users: Users,
    pub(crate) tokens: Tokens,
    pub(crate) limits: DeviceLimits,
    pub(crate) policy: SignInPolicy,
    /// How far the clock was moved by hand, so that a restart does not turn time back.
    pub(crate) clock_offset_ms: u64,
    /// Sessions that were ended since somebody last asked; their connections have to be closed.
    #[serde(skip)]
    pub(crate) ended: Vec<Ended>,
    /// When a device of a user last went, for statuses that lag.
    #[serde(skip)]
    pub(crate) departures: HashMap<String, u64>,
    /// What devices are to be told since somebody last asked.
    #[serde(skip)]
    pub(crate) told: Vec<Told>,
    /// Comings and goings since somebody last asked, for whoever watches.
    #[serde(skip)]
    pub(crate) happened: Vec<LiveEvent>,
    /// Users who were deleted since somebody last asked; what waits for them has to go, too.
    #[serde(skip)]
    pub(crate) forgotten: Vec<String>,
    #[serde(default, rename = "last_message_id")]
    pub(crate) ids: Ids,
    #[serde(default)]
    pub(crate) groups: Groups,
    #[serde(default)]
    pub(crate) contacts: Contacts,
    #[serde(default)]
    pub(crate) conversations: Conversations,
    /// Beside the state file.
    #[serde(skip)]
    pub(crate) history: History,
    #[serde(default)]
    pub(crate) profiles: Profiles,
    #[serde(default)]
    pub(crate) silent_modes: SilentModes,
    /// What is pinned, by conversation.
    #[serde(default)]
    pub(crate) pins: BTreeMap<String, Vec<Pin>>,
    #[serde(default)]
    pub(crate) broadcasts: Broadcasts,
    #[serde(skip)]
    pub(crate) stored_callbacks: StoredCallbacks,
    /// What is to be posted again since somebody last asked.
    #[serde(skip)]
    pub(crate) callbacks_again: Vec<Again>,
}

impl App {
    /// Creates an app without users; `app_key` is `org#app`.
    pub(crate) fn new(app_key: &str, credentials: Option<(String, String)>) -> Self {
        let (client_id, client_secret) = credentials.unwrap_or_else(random_credentials);
        Self {
            key: app_key.to_owned(),
            uuid: Uuid::new_v4(),
            client_id,
            client_secret,
            agora_id: random_id(),
            agora_certificate: random_id(),
            users: Users::default(),
            tokens: Tokens::default(),
            limits: DeviceLimits::default(),
            policy: SignInPolicy::default(),
            clock_offset_ms: 0,
            ended: Vec::new(),
            departures: HashMap::new(),
            told: Vec::new(),
            forgotten: Vec::new(),
            groups: Groups::default(),
            ids: Ids::default(),
            happened: Vec::new(),
            contacts: Contacts::default(),
            conversations: Conversations::default(),
            history: History::default(),
            profiles: Profiles::default(),
            silent_modes: SilentModes::default(),
            pins: BTreeMap::new(),
            broadcasts: Broadcasts::default(),
            stored_callbacks: StoredCallbacks::default(),
            callbacks_again: Vec::new(),
        }
    }

    /// Returns the organization's and the app's name.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.key.split_once('#').unwrap_or((&self.key, ""))
    }

    /// Forgets users, limits and user tokens; the credentials and the app tokens made from them stay good.
    pub(crate) fn reset(&mut self) {
        self.users = Users::default();
        self.departures.clear();
        self.contacts = Contacts::default();
        self.groups = Groups::default();
        self.conversations = Conversations::default();
        self.history.clear();
        self.profiles.clear();
        self.silent_modes.clear();
        self.pins.clear();
        self.broadcasts = Broadcasts::default();
        self.stored_callbacks = StoredCallbacks::default();
        self.tokens.revoke_users();
        self.limits = DeviceLimits::default();
        self.policy = SignInPolicy::default();
    }
}

/// Ids and certificates of Agora's kind are 32 hexadecimal digits.
fn random_id() -> String {
    Uuid::new_v4().simple().to_string()
}

fn random_credentials() -> (String, String) {
    // Real ids and secrets start with these four characters.
    let random = || format!("YXA6{}", Uuid::new_v4().simple());
    (random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_random_unless_given() {
        assert_ne!(
            App::new("o#a", None).client_secret,
            App::new("o#a", None).client_secret
        );
        let given = App::new("o#a", Some(("id".into(), "secret".into())));
        assert_eq!(
            (given.client_id.as_str(), given.client_secret.as_str()),
            ("id", "secret")
        );
    }

    #[test]
    fn reset_keeps_the_credentials() {
        let mut app = App::new("o#a", None);
        let id = app.client_id.clone();
        app.register_for_test("ann");
        app.reset();
        assert!(app.users.is_empty());
        assert_eq!(app.client_id, id);
    }
}
