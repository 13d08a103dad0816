//! The imitated calls, one file per subject of the documentation.

pub(super) mod callbacks;
pub(super) mod contacts;
pub(super) mod conversations;
pub(super) mod devices;
pub(super) mod groups;
pub(super) mod limits;
pub(super) mod messages;
pub(super) mod mutes;
pub(super) mod offline;
pub(super) mod presence;
pub(super) mod profiles;
pub(super) mod push;
pub(super) mod reactions;
pub(super) mod roaming;
pub(super) mod sessions;
pub(super) mod silent_mode;
pub(super) mod status;
pub(super) mod tokens;
pub(super) mod users;
