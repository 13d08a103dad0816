//! What the service does, without HTTP: every rule is a method on [`App`] or a pure function beside it.
//!
//! A rule gets the time as an argument and returns what it did (who was evicted, who was kicked), so
//! that whoever holds the connections can tell the devices.

pub(crate) mod agora_token;
pub(crate) mod app;
pub(crate) mod broadcasts;
pub(crate) mod civil;
pub(crate) mod clock;
pub(crate) mod contacts;
pub(crate) mod content;
pub(crate) mod conversations;
mod dynamic_token;
pub(crate) mod ended;
pub(crate) mod files;
mod forget;
pub(crate) mod groups;
pub(crate) mod habits;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod limits;
pub(crate) mod live_event;
pub(crate) mod login_id;
pub(crate) mod messages;
pub(crate) mod mutes;
pub(crate) mod notes;
pub(crate) mod notices;
pub(crate) mod platform;
pub(crate) mod presence;
pub(crate) mod profiles;
pub(crate) mod push;
pub(crate) mod reactions;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod silent_mode;
pub(crate) mod stored_callbacks;
pub(crate) mod threads;
pub(crate) mod tokens;
pub(crate) mod users;

pub(crate) use app::App;
