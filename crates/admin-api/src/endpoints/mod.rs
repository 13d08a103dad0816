//! The calls, one file or folder per resource; docs/vendor-calls.md has the whole list.
//!
//! The structs here are requests; [`crate::Client`] has a method for each. Use them directly to assert
//! requests in tests, or with [`crate::Client::execute`].

pub mod bans;
pub mod callbacks;
pub mod contacts;
pub mod devices;
pub mod discovery;
pub mod groups;
pub mod limits;
pub mod messages;
pub mod mutes;
pub mod offline;
pub mod password;
pub mod presence;
pub mod push;
pub mod sessions;
pub mod status;
pub mod token;
pub mod users;

use crate::endpoint::Endpoint;

/// The names of all calls, each once: what errors, logs and faults of the sandbox call them.
///
/// ```
/// assert!(easemob_admin_api::endpoints::NAMES.contains(&"devices.list"));
/// ```
pub const NAMES: &[&str] = &[
    bans::Ban::NAME,
    bans::Unban::NAME,
    callbacks::ListStoredCallbacks::NAME,
    callbacks::RetryCallbacks::NAME,
    contacts::AddContact::NAME,
    contacts::BlockUsers::NAME,
    contacts::ListBlocked::NAME,
    contacts::ListContacts::NAME,
    contacts::RemoveContact::NAME,
    contacts::UnblockUser::NAME,
    devices::ListDevices::NAME,
    discovery::ListServers::NAME,
    groups::AddGroupMembers::NAME,
    groups::ListGroups::NAME,
    groups::ListJoinedGroups::NAME,
    limits::ClearLimits::NAME,
    limits::GetLimits::NAME,
    limits::SetLimits::NAME,
    messages::BroadcastToAll::NAME,
    messages::BroadcastToOnline::NAME,
    messages::ExportMessages::NAME,
    messages::RecallMessage::NAME,
    messages::SendOlder::NAME,
    messages::SendToGroups::NAME,
    messages::SendToUsers::NAME,
    mutes::GetMutes::NAME,
    mutes::ListMutes::NAME,
    mutes::SetMutes::NAME,
    offline::CountOfflineMessages::NAME,
    offline::GetOfflineMessageStatus::NAME,
    password::SetPassword::NAME,
    presence::CountOnline::NAME,
    presence::GetPresence::NAME,
    presence::ListSubscriptions::NAME,
    presence::SetPresence::NAME,
    presence::Subscribe::NAME,
    presence::Unsubscribe::NAME,
    push::BindPush::NAME,
    push::ListPushBindings::NAME,
    sessions::LogoutAll::NAME,
    sessions::LogoutDevice::NAME,
    status::GetStatus::NAME,
    status::GetStatusBatch::NAME,
    token::AppToken::NAME,
    token::ExchangeAgoraToken::NAME,
    token::InheritUserToken::NAME,
    token::UserTokenByPassword::NAME,
    users::DeleteOldestUsers::NAME,
    users::DeleteUser::NAME,
    users::GetUser::NAME,
    users::ListUsers::NAME,
    users::RegisterOpenly::NAME,
    users::RegisterUser::NAME,
    users::RegisterUsers::NAME,
    users::UpdateUser::NAME,
];
