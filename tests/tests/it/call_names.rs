//! Client and sandbox call the same calls by the same names, so that a fault meets the call that it names.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_api::endpoints::NAMES;
use easemob_admin_sandbox::call_names;

/// Names that only the sandbox has, and why the client needs none.
fn only_in_the_sandbox() -> BTreeMap<&'static str, &'static str> {
    let (sdk, groups) = (
        "SDKs call it",
        "administration of groups: docs/vendor-calls.md says why there is no method",
    );
    let of_sdks = [
        "contacts.accept",
        "contacts.apply",
        "contacts.decline",
        "conversations.delete",
        "conversations.mark",
        "conversations.pin",
        "conversations.unmark",
        "conversations.unpin",
        "groups.get_attributes",
        "groups.set_attributes",
        "roaming.delete_by_id",
        "roaming.delete_by_time",
        "roaming.read",
        "threads.create",
        "threads.destroy",
        "threads.join",
        "threads.quit",
        "threads.rename",
        "token.expires",
    ];
    let of_groups = [
        "groups.add_admin",
        "groups.add_member",
        "groups.admins",
        "groups.block",
        "groups.create",
        "groups.destroy",
        "groups.get",
        "groups.invite",
        "groups.join",
        "groups.members",
        "groups.mute",
        "groups.mute_all",
        "groups.mutes",
        "groups.quit",
        "groups.remove_admin",
        "groups.remove_member",
        "groups.unblock",
        "groups.unmute",
        "groups.unmute_all",
        "groups.update",
        "groups.verify_applicant",
        "groups.verify_invitation",
    ];
    let of_sdks = of_sdks.into_iter().map(|name| (name, sdk));
    let of_groups = of_groups.into_iter().map(|name| (name, groups));
    of_sdks
        .chain(of_groups)
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
