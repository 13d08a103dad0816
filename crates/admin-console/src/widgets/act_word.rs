//! What was done, as the audit trail has it, in words.

use easemob_admin_audit::{Entry, Kind};
use easemob_admin_words::t;

/// Returns the word for what an entry is about; what is not known is shown as it is.
pub(crate) fn of_entry(entry: &Entry) -> &str {
    let event = &entry.event;
    let what = match (&event.kind, &event.call) {
        (Kind::Intent | Kind::Outcome, Some(call)) => call.as_str(),
        // An outcome that needed none.
        (Kind::Outcome, None) => return t!("No call"),
        (kind, _) => kind.as_str(),
    };
    in_words(what)
}

fn in_words(what: &str) -> &str {
    match what {
        "sessions.logout_device" => t!("Sign out a device"),
        "sessions.logout_all" => t!("Sign out all devices"),
        // A lock is a ban with an end.
        "users.ban" => t!("Lock or ban"),
        "users.unban" => t!("Lift a lock or ban"),
        "run.started" => t!("Begin a run"),
        "run.ended" => t!("End a run"),
        "policy.kept" => t!("Keep a policy"),
        "watch.made" => t!("Begin a watch"),
        "watch.removed" => t!("End a watch"),
        "schedule.made" => t!("Make a schedule"),
        "schedule.removed" => t!("Remove a schedule"),
        other if other.starts_with("limits.") => t!("Set device limits"),
        other => other,
    }
}
