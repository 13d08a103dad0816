//! Client and sandbox call the same calls by the same names, so that a fault meets the call that it names.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_api::endpoints::NAMES;
use easemob_admin_sandbox::call_names;

/// Names that only the sandbox has, and why the client needs none.
#[expect(clippy::too_many_lines, reason = "a list")]
fn only_in_the_sandbox() -> BTreeMap<&'static str, &'static str> {
    let (sdk, groups) = (
        "SDKs call it",
        "administration of groups: docs/vendor-calls.md says why there is no method",
    );
    let of_sdks = [
        "contacts.accept",
        "contacts.apply",
        "contacts.decline",
        "contacts.page",
        "contacts.set_remark",
        "contacts.version",
        "conversations.delete",
        "conversations.delete_all",
        "conversations.list",
        "conversations.mark",
        "conversations.pin",
        "conversations.unmark",
        "conversations.unpin",
        "files.download",
        "files.upload",
        "groups.get_attributes",
        "groups.set_attributes",
        "pins.add",
        "pins.list",
        "pins.remove",
        "profiles.delete",
        "profiles.get",
        "profiles.set",
        "reactions.add",
        "reactions.detail",
        "reactions.list",
        "reactions.remove",
        "roaming.delete_by_id",
        "roaming.delete_by_time",
        "roaming.read",
        "silent_mode.get",
        "silent_mode.language",
        "silent_mode.reminded",
        "silent_mode.set",
        "silent_mode.set_language",
        "threads.create",
        "threads.destroy",
        "threads.get",
        "threads.join",
        "threads.joined",
        "threads.kick",
        "threads.last_messages",
        "threads.members",
        "threads.of_group",
        "threads.quit",
        "threads.rename",
        "token.expires",
    ];
    let of_groups = [
        "groups.add_admin",
        "groups.add_member",
        "groups.admins",
        "groups.allow",
        "groups.allowed",
        "groups.announce",
        "groups.announcement",
        "groups.block",
        "groups.blocked",
        "groups.create",
        "groups.destroy",
        "groups.disallow",
        "groups.get",
        "groups.get_name_cards",
        "groups.invite",
        "groups.is_allowed",
        "groups.is_muted",
        "groups.join",
        "groups.joined_count",
        "groups.members",
        "groups.mute",
        "groups.mute_all",
        "groups.mutes",
        "groups.public",
        "groups.quit",
        "groups.read_by",
        "groups.remove_admin",
        "groups.remove_file",
        "groups.remove_member",
        "groups.set_name_card",
        "groups.share_file",
        "groups.shared_files",
        "groups.shield",
        "groups.unblock",
        "groups.unmute",
        "groups.unmute_all",
        "groups.unshield",
        "groups.update",
        "groups.verify_applicant",
        "groups.verify_invitation",
    ];
    let of_rooms = [
        "rooms.add_admin",
        "rooms.add_member",
        "rooms.add_members",
        "rooms.admins",
        "rooms.allow",
        "rooms.allowed",
        "rooms.announce",
        "rooms.announcement",
        "rooms.block",
        "rooms.blocked",
        "rooms.create",
        "rooms.destroy",
        "rooms.disallow",
        "rooms.get",
        "rooms.get_properties",
        "rooms.is_allowed",
        "rooms.is_muted",
        "rooms.joined",
        "rooms.list",
        "rooms.members",
        "rooms.mute",
        "rooms.mute_all",
        "rooms.mutes",
        "rooms.remove_admin",
        "rooms.remove_file",
        "rooms.remove_member",
        "rooms.remove_properties",
        "rooms.set_properties",
        "rooms.share_file",
        "rooms.shared_files",
        "rooms.unblock",
        "rooms.unmute",
        "rooms.unmute_all",
        "rooms.update",
    ];
    let rooms = "SDKs manage chat rooms with it; who is in a room is not a session";
    let of_sdks = of_sdks.into_iter().map(|name| (name, sdk));
    let of_groups = of_groups.into_iter().map(|name| (name, groups));
    let of_rooms = of_rooms.into_iter().map(|name| (name, rooms));
    of_sdks
        .chain(of_groups)
        .chain(of_rooms)
        .chain([("unknown", "any call that the sandbox does not answer")])
        .collect()
}

#[test]
fn client_and_sandbox_use_the_same_names() {
    let client: BTreeSet<&str> = NAMES.iter().copied().collect();
    let sandbox: BTreeSet<&str> = call_names().collect();
    let unserved: Vec<_> = client.difference(&sandbox).collect();
    assert!(unserved.is_empty(), "the sandbox does not have {unserved:?}");
    let reasons = only_in_the_sandbox();
    let more: BTreeSet<&str> = sandbox.difference(&client).copied().collect();
    assert_eq!(more, reasons.keys().copied().collect());
}
