//! The calls of the vendor that are passed on: each with its scope, and what the rules of approval count it as. Names, rate
//! budgets and secrets are those of the client.
//!
//! Left out are calls that would evade the service (tokens of users, which work without it; posts to any address), and the
//! content of conversations.

use easemob_admin_api::endpoint::{Bucket, Endpoint, Method};
use easemob_admin_api::endpoints::bans::{Ban, Unban};
use easemob_admin_api::endpoints::callbacks::ListStoredCallbacks;
use easemob_admin_api::endpoints::contacts::{
    AddContact, BlockUsers, ListBlocked, ListContacts, RemoveContact, UnblockUser,
};
use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::endpoints::groups::{ListGroups, ListJoinedGroups};
use easemob_admin_api::endpoints::limits::{ClearLimits, GetLimits, SetLimits};
use easemob_admin_api::endpoints::mutes::{GetMutes, ListMutes, SetMutes};
use easemob_admin_api::endpoints::offline::{CountOfflineMessages, GetOfflineMessageStatus};
use easemob_admin_api::endpoints::password::SetPassword;
use easemob_admin_api::endpoints::presence::{
    CountOnline, GetPresence, ListSubscriptions, SetPresence, Subscribe, Unsubscribe,
};
use easemob_admin_api::endpoints::push::{BindPush, ListPushBindings};
use easemob_admin_api::endpoints::sessions::{LogoutAll, LogoutDevice};
use easemob_admin_api::endpoints::status::{GetStatus, GetStatusBatch};
use easemob_admin_api::endpoints::users::{
    DeleteOldestUsers, DeleteUser, GetUser, ListUsers, RegisterUsers, UpdateUser,
};
use easemob_admin_remote::api::{Scope, Verb};

/// What a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    /// As what the rules of approval count it.
    pub(crate) verbs: &'static [Verb],
    /// Whom it is about.
    pub(crate) whom: Whom,
}

/// Whom a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The user in the path, and the device if there is one.
    InPath,
    /// `username` of the body, or of each of its entries.
    InBody,
    /// As many users as `limit` says, whom the call does not name.
    Oldest,
    /// Everybody.
    TheApp,
}

/// A call that is passed on.
pub(crate) trait Call: Send + Sync + 'static {
    const NAME: &'static str;
    const METHOD: Method;
    /// The path below the root of the app; parts in braces stand for anything.
    const PATH: &'static [&'static str];
    /// The parameters that it takes.
    const QUERY: &'static [&'static str];
    /// The fields that its body may have: a server may take others, which change more than the scope allows.
    const FIELDS: &'static [&'static str];
    const SCOPE: Scope;
    const ACT: Option<Act>;
    const BUCKET: Bucket;
    const OPTIONAL: bool;
    const SECRET: bool;
}

/// Does something with each call.
pub(crate) trait ForEach {
    fn call<C: Call>(&mut self);
}

macro_rules! calls {
    ($($name:ident: $like:ty, $method:ident [$($part:literal),+] ? [$($query:literal),*] {$($field:literal),*} $scope:ident $act:expr;)+) => {
        $(
            pub(crate) struct $name;

            impl Call for $name {
                const NAME: &'static str = <$like as Endpoint>::NAME;
                const METHOD: Method = Method::$method;
                const PATH: &'static [&'static str] = &[$($part),+];
                const QUERY: &'static [&'static str] = &[$($query),*];
                const FIELDS: &'static [&'static str] = &[$($field),*];
                const SCOPE: Scope = Scope::$scope;
                const ACT: Option<Act> = $act;
                const BUCKET: Bucket = <$like as Endpoint>::BUCKET;
                const OPTIONAL: bool = <$like as Endpoint>::OPTIONAL;
                const SECRET: bool = <$like as Endpoint>::SECRET;
            }
        )+

        /// Visits every call.
        pub(crate) fn each(visitor: &mut impl ForEach) {
            $(visitor.call::<$name>();)+
        }
    };
}

const READS: Option<Act> = None;

const fn act(whom: Whom, verbs: &'static [Verb]) -> Act {
    Act { verbs, whom }
}

const LOGOUT: Option<Act> = Some(act(Whom::InPath, &[Verb::Logout]));
const SETTINGS: Option<Act> = Some(act(Whom::InPath, &[Verb::Settings]));
// Who deletes a user or sets a password signs the user out, too: a rule for sign-outs must not be evaded with either.
const DELETE_ONE: Option<Act> = Some(act(Whom::InPath, &[Verb::Delete, Verb::Logout]));
const DELETE_OLDEST: Option<Act> = Some(act(Whom::Oldest, &[Verb::Delete, Verb::Logout]));
const PASSWORD: Option<Act> = Some(act(Whom::InPath, &[Verb::SetPassword, Verb::Logout]));

#[rustfmt::skip] // one call a line reads as the table it is
calls! {
    ReadUsers: ListUsers, GET ["users"] ? ["limit", "cursor", "activated"] {} DevicesRead READS;
    ReadUser: GetUser, GET ["users", "{user}"] ? [] {} DevicesRead READS;
    ReadDevices: ListDevices, GET ["users", "{user}", "resources"] ? [] {} DevicesRead READS;
    ReadStatus: GetStatus, GET ["users", "{user}", "status"] ? [] {} DevicesRead READS;
    ReadStatuses: GetStatusBatch, POST ["users", "batch", "status"] ? [] {"usernames"} DevicesRead READS;
    ReadLimits: GetLimits, GET ["devices", "limits"] ? [] {} DevicesRead READS;
    ReadLimitsOfUser: GetLimits, GET ["users", "{user}", "devices", "limits"] ? [] {} DevicesRead READS;
    ReadOffline: CountOfflineMessages, GET ["users", "{user}", "offline_msg_count"] ? [] {} DevicesRead READS;
    ReadOfflineStatus: GetOfflineMessageStatus, GET ["users", "{user}", "offline_msg_status", "{message}"] ? [] {} DevicesRead READS;
    ReadPresence: GetPresence, POST ["users", "{user}", "presence"] ? [] {"usernames"} DevicesRead READS;
    ReadOnline: CountOnline, GET ["presence", "online", "{group}", "type", "{kind}"] ? [] {} DevicesRead READS;
    ReadCallbacks: ListStoredCallbacks, GET ["callbacks", "storage", "info"] ? [] {} DevicesRead READS;

    EndAll: LogoutAll, GET ["users", "{user}", "disconnect"] ? [] {} SessionsApply LOGOUT;
    EndDevice: LogoutDevice, DELETE ["users", "{user}", "disconnect", "{device}"] ? [] {} SessionsApply LOGOUT;
    // The page documents DELETE, the vendor's Java library sends GET.
    EndDeviceByGet: LogoutDevice, GET ["users", "{user}", "disconnect", "{device}"] ? [] {} SessionsApply LOGOUT;

    BanUser: Ban, POST ["users", "{user}", "deactivate"] ? [] {} UsersWrite Some(act(Whom::InPath, &[Verb::Ban]));
    UnbanUser: Unban, POST ["users", "{user}", "activate"] ? [] {} UsersWrite Some(act(Whom::InPath, &[Verb::Unban]));

    LimitApp: SetLimits, PUT ["devices", "limits"] ? [] {"mode", "default", "platforms"} LimitsWrite Some(act(Whom::TheApp, &[Verb::SetLimits]));
    LimitUser: SetLimits, PUT ["users", "{user}", "devices", "limits"] ? [] {"mode", "default", "platforms"} LimitsWrite Some(act(Whom::InPath, &[Verb::SetLimits]));
    UnlimitUser: ClearLimits, DELETE ["users", "{user}", "devices", "limits"] ? [] {} LimitsWrite Some(act(Whom::InPath, &[Verb::SetLimits]));

    Register: RegisterUsers, POST ["users"] ? [] {"username", "password", "nickname"} AccountsWrite Some(act(Whom::InBody, &[Verb::Register]));
    ChangePassword: SetPassword, PUT ["users", "{user}", "password"] ? [] {"newpassword"} AccountsWrite PASSWORD;
    DeleteOne: DeleteUser, DELETE ["users", "{user}"] ? [] {} AccountsDelete DELETE_ONE;
    DeleteMany: DeleteOldestUsers, DELETE ["users"] ? ["limit", "cursor"] {} AccountsDelete DELETE_OLDEST;

    ReadContacts: ListContacts, GET ["users", "{user}", "contacts", "users"] ? [] {} SettingsRead READS;
    ReadBlocked: ListBlocked, GET ["users", "{user}", "blocks", "users"] ? [] {} SettingsRead READS;
    ReadGroups: ListGroups, GET ["chatgroups"] ? ["limit", "cursor"] {} SettingsRead READS;
    ReadJoined: ListJoinedGroups, GET ["chatgroups", "user", "{user}"] ? ["pagesize", "pagenum"] {} SettingsRead READS;
    ReadMutes: GetMutes, GET ["mutes", "{user}"] ? [] {} SettingsRead READS;
    ReadMuted: ListMutes, GET ["mutes"] ? ["pageNum", "pageSize"] {} SettingsRead READS;
    ReadPush: ListPushBindings, GET ["users", "{user}", "push", "binding"] ? [] {} SettingsRead READS;
    ReadSubscriptions: ListSubscriptions, GET ["users", "{user}", "presence", "sublist"] ? ["pageNum", "pageSize"] {} SettingsRead READS;

    Update: UpdateUser, PUT ["users", "{user}"] ? [] {"nickname", "notification_display_style", "notification_no_disturbing", "notification_no_disturbing_start", "notification_no_disturbing_end"} SettingsWrite SETTINGS;
    Mute: SetMutes, POST ["mutes"] ? [] {"username", "chat", "groupchat", "chatroom"} SettingsWrite Some(act(Whom::InBody, &[Verb::Settings]));
    Bind: BindPush, PUT ["users", "{user}", "push", "binding"] ? [] {"device_id", "device_token", "notifier_name"} SettingsWrite SETTINGS;
    Befriend: AddContact, POST ["users", "{user}", "contacts", "users", "{other}"] ? [] {} SettingsWrite SETTINGS;
    Unfriend: RemoveContact, DELETE ["users", "{user}", "contacts", "users", "{other}"] ? [] {} SettingsWrite SETTINGS;
    Block: BlockUsers, POST ["users", "{user}", "blocks", "users"] ? [] {"usernames"} SettingsWrite SETTINGS;
    Unblock: UnblockUser, DELETE ["users", "{user}", "blocks", "users", "{other}"] ? [] {} SettingsWrite SETTINGS;
    Announce: SetPresence, POST ["users", "{user}", "presence", "{device}", "{status}"] ? [] {"ext"} SettingsWrite SETTINGS;
    Watch: Subscribe, POST ["users", "{user}", "presence", "{expiry}"] ? [] {"usernames"} SettingsWrite SETTINGS;
    Unwatch: Unsubscribe, DELETE ["users", "{user}", "presence"] ? [] {"users"} SettingsWrite SETTINGS;
}
