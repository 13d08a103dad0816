//! The table of imitated calls.

use http::Method;
use serde_json::Value;

use super::chatfiles;
use super::endpoints::groups::{attributes, details, membership, roles, rooms, shared_files, threads};
use super::endpoints::{
    callbacks, contacts, conversations, devices, groups, limits, messages, mutes, offline, presence,
    profiles, push, reactions, roaming, sessions, silent_mode, status, tokens, users,
};
use super::errors::ApiError;
use super::rate::Pool;
use super::request::Request;
use crate::rules::groups::Kind;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever calls; the endpoint itself asks for more where it must.
    Anyone,
    /// The app, or a signed token with this scope.
    Scope(&'static str),
    /// The same, and the user the path names.
    ScopeOrSelf(&'static str),
    /// The same, and every user; the endpoint looks who it is.
    AnyUser(&'static str),
}

/// What answers a call.
pub(crate) type Endpoint = fn(&mut Request<'_>) -> Result<Value, ApiError>;

/// One imitated call.
pub(crate) struct Route {
    /// The name used in faults and recorded calls.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// Segments below the app root; `{}` stands for any one.
    pattern: &'static [&'static str],
    pub(crate) access: Access,
    pub(crate) pool: Pool,
    pub(crate) endpoint: Endpoint,
}

impl Route {
    /// Returns whether it is about groups or chat rooms.
    pub(crate) fn kind(&self) -> Kind {
        if self.name.starts_with("rooms.") {
            Kind::Room
        } else {
            Kind::Group
        }
    }

    /// Returns true if the body is a form with a file, which may be larger than other bodies.
    pub(crate) fn takes_file(&self) -> bool {
        matches!(
            self.name,
            chatfiles::UPLOAD | "groups.share_file" | "rooms.share_file"
        )
    }

    /// Returns false if the call only reads, whatever its verb says.
    pub(crate) fn changes_state(&self) -> bool {
        let reading_post = matches!(
            self.name,
            "status.batch"
                | "presence.get"
                | "roaming.read"
                | "groups.get_attributes"
                | "profiles.get"
                | "groups.get_name_cards"
                | "rooms.get_properties"
                | "threads.last_messages"
                | "files.upload"
        );
        self.name.starts_with("sessions.") || (self.method != Method::GET && !reading_post)
    }
}

/// What a path leads to.
pub(crate) enum Found {
    Route(&'static Route, Vec<String>),
    /// The path exists, with another method.
    OtherMethod,
    Nothing,
}

/// Returns the names of all routes; some have several.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|route| route.name)
}

/// Finds the route of a call; `segments` are those below the app root.
pub(crate) fn find(method: &Method, segments: &[String]) -> Found {
    let mut matching = ROUTES
        .iter()
        .filter_map(|route| Some((route, arguments(route.pattern, segments)?)));
    let Some(first) = matching.next() else {
        return Found::Nothing;
    };
    let with_method = std::iter::once(first)
        .chain(matching)
        .find(|(route, _)| route.method == *method);
    with_method.map_or(Found::OtherMethod, |(route, args)| Found::Route(route, args))
}

fn arguments(pattern: &[&str], segments: &[String]) -> Option<Vec<String>> {
    if pattern.len() != segments.len() {
        return None;
    }
    let mut args = Vec::new();
    for (part, segment) in pattern.iter().zip(segments) {
        match *part {
            "{}" if !segment.is_empty() => args.push(segment.clone()),
            literal if literal == segment => {}
            _ => return None,
        }
    }
    Some(args)
}

const fn route(
    name: &'static str,
    method: Method,
    pattern: &'static [&'static str],
    access: Access,
    pool: Pool,
    endpoint: Endpoint,
) -> Route {
    Route {
        name,
        method,
        pattern,
        access,
        pool,
        endpoint,
    }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

const USERS_READ: Access = Access::Scope("users:read");
const USERS_WRITE: Access = Access::Scope("users:write");
const LIMITS_WRITE: Access = Access::Scope("limits:write");
const DEVICES_READ: Access = Access::Scope("devices:read");
const OWN_USERS_READ: Access = Access::ScopeOrSelf("users:read");
const OWN_USERS_WRITE: Access = Access::ScopeOrSelf("users:write");
const OWN_DEVICES_READ: Access = Access::ScopeOrSelf("devices:read");
const OWN_LOGOUT: Access = Access::ScopeOrSelf("sessions:logout");

const USERS: Access = Access::AnyUser("users:write");

const DEVICE: &[&str] = &["users", "{}", "disconnect", "{}"];
const LIMITS: &[&str] = &["devices", "limits"];
const USER_LIMITS: &[&str] = &["users", "{}", "devices", "limits"];
const PUSH_BINDING: &[&str] = &["users", "{}", "push", "binding"];
const PRESENCE: &[&str] = &["users", "{}", "presence"];

/// Of two patterns that match, the first with the right method wins: literal ones come first.
#[rustfmt::skip] // one call a line reads as the table it is
static ROUTES: &[Route] = &[
    route("token", POST, &["token"], Access::Anyone, Pool::Token, tokens::issue),

    route("token.expires", GET, &["sdk", "users", "{}", "token", "expires"], OWN_USERS_READ, Pool::Users, tokens::expires),

    route("users.register", POST, &["users"], USERS_WRITE, Pool::Users, users::register),
    route("users.list", GET, &["users"], USERS_READ, Pool::Users, users::list),
    route("users.delete_batch", DELETE, &["users"], USERS_WRITE, Pool::BatchDelete, users::delete_batch),
    route("users.get", GET, &["users", "{}"], OWN_USERS_READ, Pool::Users, users::get),
    route("users.update", PUT, &["users", "{}"], OWN_USERS_WRITE, Pool::Users, push::update),
    route("users.delete", DELETE, &["users", "{}"], USERS_WRITE, Pool::Users, users::delete),
    route("users.set_password", PUT, &["users", "{}", "password"], OWN_USERS_WRITE, Pool::Users, users::set_password),
    route("users.ban", POST, &["users", "{}", "deactivate"], USERS_WRITE, Pool::Users, users::ban),
    route("users.unban", POST, &["users", "{}", "activate"], USERS_WRITE, Pool::Users, users::unban),

    route("status.batch", POST, &["users", "batch", "status"], DEVICES_READ, Pool::BatchStatus, status::batch),
    route("status.get", GET, &["users", "{}", "status"], OWN_DEVICES_READ, Pool::Users, status::get),
    route("devices.list", GET, &["users", "{}", "resources"], OWN_DEVICES_READ, Pool::Users, devices::list),
    route("sessions.logout_all", GET, &["users", "{}", "disconnect"], OWN_LOGOUT, Pool::Users, sessions::logout_all),
    // The page documents DELETE, the vendor's Java library sends GET.
    route("sessions.logout_device", DELETE, DEVICE, OWN_LOGOUT, Pool::Users, sessions::logout_device),
    route("sessions.logout_device", GET, DEVICE, OWN_LOGOUT, Pool::Users, sessions::logout_device),

    route("limits.get", GET, LIMITS, DEVICES_READ, Pool::Users, limits::get),
    route("limits.get", GET, USER_LIMITS, DEVICES_READ, Pool::Users, limits::get_user),
    route("limits.set", PUT, LIMITS, LIMITS_WRITE, Pool::Users, limits::set),
    route("limits.set", PUT, USER_LIMITS, LIMITS_WRITE, Pool::Users, limits::set_user),
    route("limits.clear", DELETE, USER_LIMITS, LIMITS_WRITE, Pool::Users, limits::clear_user),

    route("mutes.set", POST, &["mutes"], USERS_WRITE, Pool::Mutes, mutes::set),
    route("mutes.list", GET, &["mutes"], USERS_READ, Pool::Mutes, mutes::list),
    route("mutes.get", GET, &["mutes", "{}"], USERS_READ, Pool::Mutes, mutes::get),

    route("offline.count", GET, &["users", "{}", "offline_msg_count"], OWN_DEVICES_READ, Pool::Users, offline::count),
    route("offline.message_status", GET, &["users", "{}", "offline_msg_status", "{}"], OWN_DEVICES_READ, Pool::Users, offline::message_status),

    route("push.bind", PUT, PUSH_BINDING, OWN_USERS_WRITE, Pool::Users, push::bind),
    route("push.bindings", GET, PUSH_BINDING, OWN_USERS_READ, Pool::Users, push::bindings),

    route("contacts.list", GET, &["users", "{}", "contacts", "users"], OWN_USERS_READ, Pool::Others, contacts::list),
    route("contacts.apply", POST, &["users", "{}", "contacts", "apply"], OWN_USERS_WRITE, Pool::Others, contacts::apply),
    route("contacts.accept", POST, &["users", "{}", "contacts", "accept", "users", "{}"], OWN_USERS_WRITE, Pool::Others, contacts::accept),
    route("contacts.decline", POST, &["users", "{}", "contacts", "decline", "users", "{}"], OWN_USERS_WRITE, Pool::Others, contacts::decline),
    route("contacts.add", POST, &["users", "{}", "contacts", "users", "{}"], USERS_WRITE, Pool::Others, contacts::add),
    route("contacts.remove", DELETE, &["users", "{}", "contacts", "users", "{}"], OWN_USERS_WRITE, Pool::Others, contacts::remove),

    route("contacts.page", GET, &["users", "{}", "contacts"], OWN_USERS_READ, Pool::Others, contacts::page),
    route("contacts.version", GET, &["user", "{}", "roster", "metadata", "version"], OWN_USERS_READ, Pool::Others, contacts::version),
    route("contacts.set_remark", PUT, &["users", "{}", "contacts", "users", "{}"], OWN_USERS_WRITE, Pool::Others, contacts::set_remark),

    route("profiles.get", POST, &["metadata", "user", "get"], Access::AnyUser("users:read"), Pool::Others, profiles::get_many),
    route("profiles.get", GET, &["metadata", "user", "{}"], Access::AnyUser("users:read"), Pool::Others, profiles::get),
    route("profiles.set", PUT, &["metadata", "user", "{}"], OWN_USERS_WRITE, Pool::Others, profiles::set),
    route("profiles.delete", DELETE, &["metadata", "user", "{}"], OWN_USERS_WRITE, Pool::Others, profiles::delete),

    route("silent_mode.reminded", GET, &["users", "{}", "notification", "mute", "type"], OWN_USERS_READ, Pool::Others, silent_mode::reminded),
    route("silent_mode.get", GET, &["users", "{}", "notification", "{}", "{}"], OWN_USERS_READ, Pool::Others, silent_mode::get),
    route("silent_mode.get", GET, &["users", "{}", "notification"], OWN_USERS_READ, Pool::Others, silent_mode::get_many),
    route("silent_mode.set", PUT, &["users", "{}", "notification", "{}", "{}"], OWN_USERS_WRITE, Pool::Others, silent_mode::set),
    route("silent_mode.language", GET, &["users", "{}", "notification", "language"], OWN_USERS_READ, Pool::Others, silent_mode::language),
    route("silent_mode.set_language", PUT, &["users", "{}", "notification", "language"], OWN_USERS_WRITE, Pool::Others, silent_mode::set_language),

    route(chatfiles::UPLOAD, POST, &["chatfiles"], USERS, Pool::Others, chatfiles::upload),

    route("reactions.add", POST, &["reaction", "user", "{}"], OWN_USERS_WRITE, Pool::Others, reactions::add),
    route("reactions.remove", DELETE, &["reaction", "user", "{}"], OWN_USERS_WRITE, Pool::Others, reactions::remove),
    route("reactions.list", GET, &["reaction", "user", "{}"], OWN_USERS_READ, Pool::Others, reactions::list),
    route("reactions.detail", GET, &["reaction", "user", "{}", "detail"], OWN_USERS_READ, Pool::Others, reactions::detail),
    route("pins.add", POST, &["sdk", "user", "{}", "user_channel", "pin"], OWN_USERS_WRITE, Pool::Others, reactions::pin),
    route("pins.remove", DELETE, &["sdk", "user", "{}", "user_channel", "pin"], OWN_USERS_WRITE, Pool::Others, reactions::unpin),
    route("pins.list", GET, &["sdk", "user", "{}", "user_channel", "pin"], OWN_USERS_READ, Pool::Others, reactions::pinned),

    route("contacts.blocked", GET, &["users", "{}", "blocks", "users"], OWN_USERS_READ, Pool::Others, contacts::blocked),
    route("contacts.block", POST, &["users", "{}", "blocks", "users"], OWN_USERS_WRITE, Pool::Others, contacts::block),
    route("contacts.block", POST, &["sdk", "user", "{}", "blocks"], OWN_USERS_WRITE, Pool::Others, contacts::block),
    route("contacts.unblock", DELETE, &["users", "{}", "blocks", "users", "{}"], OWN_USERS_WRITE, Pool::Others, contacts::unblock_one),
    route("contacts.unblock", DELETE, &["sdk", "user", "{}", "blocks"], OWN_USERS_WRITE, Pool::Others, contacts::unblock),

    route("groups.list", GET, &["chatgroups"], USERS_READ, Pool::Others, groups::list),
    route("groups.joined", GET, &["chatgroups", "user", "{}"], OWN_USERS_READ, Pool::Others, details::joined),
    route("groups.joined", GET, &["users", "{}", "joined_chatgroups"], OWN_USERS_READ, Pool::Others, groups::joined),
    route("groups.joined_count", GET, &["chatgroups", "user", "{}", "joined_count"], OWN_USERS_READ, Pool::Others, details::joined_count),
    route("groups.public", GET, &["publicchatgroups"], Access::AnyUser("users:read"), Pool::Others, details::public),
    route("groups.create", POST, &["chatgroups"], USERS, Pool::Others, groups::create),
    route("groups.get", GET, &["chatgroups", "{}"], USERS, Pool::Others, details::get),
    route("groups.update", PUT, &["chatgroups", "{}"], USERS, Pool::Others, groups::update),
    route("groups.destroy", DELETE, &["chatgroups", "{}"], USERS, Pool::Others, groups::destroy),
    route("groups.join", POST, &["chatgroups", "{}", "apply"], USERS, Pool::Others, membership::join),
    route("groups.verify_applicant", POST, &["chatgroups", "{}", "apply_verify"], USERS, Pool::Others, membership::verify_applicant),
    route("groups.invite", POST, &["chatgroups", "{}", "invite"], USERS, Pool::Others, membership::invite),
    route("groups.verify_invitation", POST, &["chatgroups", "{}", "invite_verify"], USERS, Pool::Others, membership::verify_invitation),
    route("groups.quit", DELETE, &["chatgroups", "{}", "quit"], USERS, Pool::Others, membership::quit),
    route("groups.members", GET, &["chatgroups", "{}", "users"], USERS, Pool::Others, membership::list),
    route("groups.add_members", POST, &["chatgroups", "{}", "users"], USERS_WRITE, Pool::Others, membership::add_many),
    route("groups.add_member", POST, &["chatgroups", "{}", "users", "{}"], USERS_WRITE, Pool::Others, membership::add),
    route("groups.remove_member", DELETE, &["chatgroups", "{}", "users", "{}"], USERS, Pool::Others, membership::remove),
    route("groups.blocked", GET, &["chatgroups", "{}", "blocks", "users"], USERS, Pool::Others, details::blocked),
    route("groups.block", POST, &["chatgroups", "{}", "blocks", "users"], USERS, Pool::Others, membership::block_many),
    route("groups.block", POST, &["chatgroups", "{}", "blocks", "users", "{}"], USERS, Pool::Others, membership::block),
    route("groups.unblock", DELETE, &["chatgroups", "{}", "blocks", "users", "{}"], USERS, Pool::Others, membership::unblock),
    route("groups.admins", GET, &["chatgroups", "{}", "admin"], USERS, Pool::Others, roles::admins),
    route("groups.add_admin", POST, &["chatgroups", "{}", "admin"], USERS, Pool::Others, roles::add_admin),
    route("groups.remove_admin", DELETE, &["chatgroups", "{}", "admin", "{}"], USERS, Pool::Others, roles::remove_admin),
    route("groups.mutes", GET, &["chatgroups", "{}", "mute"], USERS, Pool::Others, roles::mutes),
    route("groups.mute", POST, &["chatgroups", "{}", "mute"], USERS, Pool::Others, roles::mute),
    route("groups.unmute", DELETE, &["chatgroups", "{}", "mute", "{}"], USERS, Pool::Others, roles::unmute),
    route("groups.mute_all", POST, &["chatgroups", "{}", "ban"], USERS, Pool::Others, roles::mute_all),
    route("groups.unmute_all", DELETE, &["chatgroups", "{}", "ban"], USERS, Pool::Others, roles::unmute_all),
    route("groups.is_muted", GET, &["sdk", "chatgroups", "{}", "mute", "{}"], USERS, Pool::Others, details::is_muted),
    route("groups.allowed", GET, &["chatgroups", "{}", "white", "users"], USERS, Pool::Others, details::allowed),
    route("groups.is_allowed", GET, &["chatgroups", "{}", "white", "users", "{}"], USERS, Pool::Others, details::is_allowed),
    route("groups.allow", POST, &["chatgroups", "{}", "white", "users"], USERS, Pool::Others, details::allow),
    route("groups.disallow", DELETE, &["chatgroups", "{}", "white", "users", "{}"], USERS, Pool::Others, details::disallow),
    route("groups.announcement", GET, &["chatgroups", "{}", "announcement"], USERS, Pool::Others, details::announcement),
    route("groups.announce", POST, &["chatgroups", "{}", "announcement"], USERS, Pool::Others, details::announce),
    route("groups.read_by", GET, &["chatgroups", "{}", "acks", "{}"], USERS, Pool::Others, details::read_by),
    route("groups.shield", POST, &["chatgroups", "{}", "shield"], USERS, Pool::Others, details::shield),
    route("groups.unshield", DELETE, &["chatgroups", "{}", "shield"], USERS, Pool::Others, details::unshield),
    route("groups.get_attributes", POST, &["sdk", "metadata", "chatgroup", "{}", "get"], USERS, Pool::Others, attributes::get),
    route("groups.get_name_cards", POST, &["sdk", "chatgroups", "{}", "nameCard", "batch", "get"], USERS, Pool::Others, attributes::name_cards),
    route("groups.set_name_card", PUT, &["sdk", "chatgroups", "{}", "nameCard"], USERS, Pool::Others, attributes::set_name_card),
    route("groups.set_attributes", PUT, &["sdk", "metadata", "chatgroup", "{}", "user", "{}"], USERS, Pool::Others, attributes::set),
    route("groups.share_file", POST, &["chatgroups", "{}", "share_files"], USERS, Pool::Others, shared_files::share),
    route("groups.shared_files", GET, &["chatgroups", "{}", "share_files"], USERS, Pool::Others, shared_files::list),
    route("groups.remove_file", DELETE, &["chatgroups", "{}", "share_files", "{}"], USERS, Pool::Others, shared_files::remove),

    route("rooms.joined", GET, &["users", "{}", "joined_chatrooms"], OWN_USERS_READ, Pool::Others, rooms::joined),
    route("rooms.list", GET, &["chatrooms"], Access::AnyUser("users:read"), Pool::Others, rooms::list),
    route("rooms.create", POST, &["chatrooms"], USERS, Pool::Others, rooms::create),
    route("rooms.get", GET, &["chatrooms", "{}"], USERS, Pool::Others, rooms::get),
    route("rooms.update", PUT, &["chatrooms", "{}"], USERS, Pool::Others, rooms::update),
    route("rooms.destroy", DELETE, &["chatrooms", "{}"], USERS, Pool::Others, rooms::destroy),
    route("rooms.members", GET, &["chatrooms", "{}", "users"], USERS, Pool::Others, membership::list),
    route("rooms.add_members", POST, &["chatrooms", "{}", "users"], USERS, Pool::Others, membership::add_many),
    route("rooms.add_member", POST, &["chatrooms", "{}", "users", "{}"], USERS, Pool::Others, membership::add),
    route("rooms.remove_member", DELETE, &["chatrooms", "{}", "users", "{}"], USERS, Pool::Others, membership::remove),
    route("rooms.blocked", GET, &["chatrooms", "{}", "blocks", "users"], USERS, Pool::Others, details::blocked),
    route("rooms.block", POST, &["chatrooms", "{}", "blocks", "users"], USERS, Pool::Others, membership::block_many),
    route("rooms.block", POST, &["chatrooms", "{}", "blocks", "users", "{}"], USERS, Pool::Others, membership::block),
    route("rooms.unblock", DELETE, &["chatrooms", "{}", "blocks", "users", "{}"], USERS, Pool::Others, membership::unblock),
    route("rooms.admins", GET, &["chatrooms", "{}", "admin"], USERS, Pool::Others, roles::admins),
    route("rooms.add_admin", POST, &["chatrooms", "{}", "admin"], USERS, Pool::Others, roles::add_admin),
    route("rooms.remove_admin", DELETE, &["chatrooms", "{}", "admin", "{}"], USERS, Pool::Others, roles::remove_admin),
    route("rooms.mutes", GET, &["chatrooms", "{}", "mute"], USERS, Pool::Others, roles::mutes),
    route("rooms.mute", POST, &["chatrooms", "{}", "mute"], USERS, Pool::Others, roles::mute),
    route("rooms.unmute", DELETE, &["chatrooms", "{}", "mute", "{}"], USERS, Pool::Others, roles::unmute),
    route("rooms.mute_all", POST, &["chatrooms", "{}", "ban"], USERS, Pool::Others, roles::mute_all),
    route("rooms.unmute_all", DELETE, &["chatrooms", "{}", "ban"], USERS, Pool::Others, roles::unmute_all),
    route("rooms.is_muted", GET, &["sdk", "chatrooms", "{}", "mute", "{}"], USERS, Pool::Others, details::is_muted),
    route("rooms.allowed", GET, &["chatrooms", "{}", "white", "users"], USERS, Pool::Others, details::allowed),
    route("rooms.is_allowed", GET, &["chatrooms", "{}", "white", "users", "{}"], USERS, Pool::Others, details::is_allowed),
    route("rooms.allow", POST, &["chatrooms", "{}", "white", "users"], USERS, Pool::Others, details::allow),
    route("rooms.disallow", DELETE, &["chatrooms", "{}", "white", "users", "{}"], USERS, Pool::Others, details::disallow),
    route("rooms.announcement", GET, &["chatrooms", "{}", "announcement"], USERS, Pool::Others, details::announcement),
    route("rooms.announce", POST, &["chatrooms", "{}", "announcement"], USERS, Pool::Others, details::announce),
    route("rooms.share_file", POST, &["chatrooms", "{}", "share_files"], USERS, Pool::Others, shared_files::share),
    route("rooms.shared_files", GET, &["chatrooms", "{}", "share_files"], USERS, Pool::Others, shared_files::list),
    route("rooms.remove_file", DELETE, &["chatrooms", "{}", "share_files", "{}"], USERS, Pool::Others, shared_files::remove),
    route("rooms.get_properties", POST, &["metadata", "chatroom", "{}"], USERS, Pool::Others, rooms::properties),
    route("rooms.set_properties", PUT, &["metadata", "chatroom", "{}", "user", "{}"], USERS, Pool::Others, rooms::set_properties),
    route("rooms.set_properties", PUT, &["metadata", "chatroom", "{}", "user", "{}", "forced"], USERS, Pool::Others, rooms::force_properties),
    route("rooms.remove_properties", DELETE, &["metadata", "chatroom", "{}", "user", "{}"], USERS, Pool::Others, rooms::remove_properties),
    route("rooms.remove_properties", DELETE, &["metadata", "chatroom", "{}", "user", "{}", "forced"], USERS, Pool::Others, rooms::force_removal),

    route("threads.last_messages", POST, &["thread", "message"], USERS, Pool::Others, threads::last_messages),
    route("threads.get", GET, &["thread", "{}"], USERS, Pool::Others, threads::get),
    route("threads.members", GET, &["thread", "{}", "users"], USERS, Pool::Others, threads::members),
    route("threads.kick", DELETE, &["thread", "{}", "users", "{}"], USERS, Pool::Others, threads::kick),
    route("threads.of_group", GET, &["threads", "chatgroups", "{}"], USERS, Pool::Others, threads::of_group),
    route("threads.joined", GET, &["threads", "chatgroups", "{}", "user", "{}"], USERS, Pool::Others, threads::joined_of_group),
    route("threads.joined", GET, &["threads", "user", "{}"], OWN_USERS_READ, Pool::Others, threads::joined),
    route("threads.create", POST, &["thread"], USERS, Pool::Others, threads::create),
    route("threads.join", POST, &["thread", "{}", "user", "{}", "join"], USERS, Pool::Others, threads::join),
    route("threads.quit", DELETE, &["thread", "{}", "user", "{}", "quit"], USERS, Pool::Others, threads::quit),
    route("threads.destroy", DELETE, &["thread", "{}"], USERS, Pool::Others, threads::destroy),
    route("threads.rename", PUT, &["thread", "{}"], USERS, Pool::Others, threads::rename),

    route("messages.send", POST, &["messages"], USERS_WRITE, Pool::Messages, messages::send),
    route("messages.send_to_users", POST, &["messages", "users"], USERS_WRITE, Pool::Messages, messages::send_to_users),
    route("messages.send_to_groups", POST, &["messages", "chatgroups"], USERS_WRITE, Pool::GroupMessages, messages::send_to_groups),
    route("messages.broadcast", POST, &["messages", "broadcast"], USERS_WRITE, Pool::Messages, messages::broadcast),
    route("messages.broadcast_online", POST, &["messages", "users", "broadcast"], USERS_WRITE, Pool::Messages, messages::broadcast_online),
    route("messages.recall", POST, &["messages", "msg_recall"], USERS_WRITE, Pool::Others, messages::recall),
    route("messages.history", GET, &["chatmessages", "{}"], USERS_READ, Pool::Others, messages::history),

    route("callbacks.stored", GET, &["callbacks", "storage", "info"], USERS_READ, Pool::Others, callbacks::stored),
    route("callbacks.retry", POST, &["callbacks", "storage", "retry"], USERS_WRITE, Pool::Others, callbacks::retry),

    route("conversations.list", GET, &["sdk", "user", "{}", "user_channels", "list"], OWN_USERS_READ, Pool::Others, conversations::list),
    route("conversations.list", GET, &["sdk", "user", "{}", "user_channels", "mark", "search"], OWN_USERS_READ, Pool::Others, conversations::list),
    route("conversations.list", GET, &["users", "{}", "user_channels"], OWN_USERS_READ, Pool::Others, conversations::list),
    route("conversations.list", GET, &["users", "{}", "user_channels", "page"], OWN_USERS_READ, Pool::Others, conversations::list),
    route("conversations.delete_all", POST, &["sdk", "message", "roaming", "user", "{}", "delete", "all"], OWN_USERS_WRITE, Pool::Others, conversations::delete_all),
    route("conversations.pin", POST, &["sdk", "user", "{}", "user_channel", "top"], OWN_USERS_WRITE, Pool::Others, conversations::pin),
    route("conversations.unpin", DELETE, &["sdk", "user", "{}", "user_channel", "top"], OWN_USERS_WRITE, Pool::Others, conversations::unpin),
    route("conversations.mark", POST, &["sdk", "user", "{}", "user_channels", "mark"], OWN_USERS_WRITE, Pool::Others, conversations::mark),
    route("conversations.unmark", DELETE, &["sdk", "user", "{}", "user_channels", "mark"], OWN_USERS_WRITE, Pool::Others, conversations::unmark),
    route("conversations.delete", DELETE, &["user", "{}", "user_channel"], OWN_USERS_WRITE, Pool::Others, conversations::delete),
    route("roaming.read", POST, &["users", "{}", "messageroaming"], OWN_DEVICES_READ, Pool::Others, roaming::read),
    route("roaming.delete_by_time", DELETE, &["sdk", "message", "roaming", "chat", "user", "{}", "time"], OWN_USERS_WRITE, Pool::Others, roaming::delete_of_user),
    route("roaming.delete_by_time", DELETE, &["sdk", "message", "roaming", "group", "user", "{}", "time"], OWN_USERS_WRITE, Pool::Others, roaming::delete_of_group),
    route("roaming.delete_by_id", DELETE, &["sdk", "message", "roaming", "chat", "user", "{}"], OWN_USERS_WRITE, Pool::Others, roaming::delete_of_user),
    route("roaming.delete_by_id", DELETE, &["sdk", "message", "roaming", "group", "user", "{}"], OWN_USERS_WRITE, Pool::Others, roaming::delete_of_group),

    route("presence.get", POST, PRESENCE, OWN_DEVICES_READ, Pool::Presence, presence::get),
    route("presence.unsubscribe", DELETE, PRESENCE, OWN_USERS_WRITE, Pool::Presence, presence::unsubscribe),
    route("presence.subscriptions", GET, &["users", "{}", "presence", "sublist"], OWN_DEVICES_READ, Pool::Presence, presence::subscriptions),
    route("presence.subscribe", POST, &["users", "{}", "presence", "{}"], OWN_USERS_WRITE, Pool::Presence, presence::subscribe),
    route("presence.set", POST, &["users", "{}", "presence", "{}", "{}"], OWN_USERS_WRITE, Pool::Presence, presence::set),
    route("presence.group_online", GET, &["presence", "online", "{}", "type", "{}"], DEVICES_READ, Pool::Presence, presence::group_online),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::call_names::call_names;

    fn name(method: &Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        let segments: Vec<_> = path.split('/').map(str::to_owned).collect();
        match find(method, &segments) {
            Found::Route(route, args) => Some((route.name, args)),
            Found::OtherMethod => Some(("405", Vec::new())),
            Found::Nothing => None,
        }
    }

    #[test]
    fn the_page_names_every_call() {
        let page = include_str!("../../README.md");
        let (_, from) = page.split_once("Endpoint names:").unwrap();
        let (list, _) = from.split_once("\n\n").unwrap();
        let named: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
        let known: BTreeSet<&str> = call_names().collect();
        assert_eq!(named, known);
    }

    #[test]
    fn a_user_called_batch_does_not_hide_a_call() {
        assert_eq!(name(&POST, "users/batch/status"), Some(("status.batch", vec![])));
        assert_eq!(
            name(&GET, "users/batch/status"),
            Some(("status.get", vec!["batch".into()]))
        );
    }

    #[test]
    fn wrong_methods_and_paths_differ() {
        assert_eq!(name(&Method::PATCH, "users").unwrap().0, "405");
        assert_eq!(name(&DELETE, "users/ann/resources").unwrap().0, "405");
        assert_eq!(name(&GET, "users/ann/nothing"), None);
        assert_eq!(name(&GET, "users//resources"), None);
    }

    #[test]
    fn arguments_keep_their_order() {
        let args = vec!["ann".to_owned(), "ios_1".to_owned()];
        assert_eq!(
            name(&DELETE, "users/ann/disconnect/ios_1"),
            Some(("sessions.logout_device", args))
        );
    }
}
