//! Why the console refuses something itself. What the service refuses comes with its own problem.

use easemob_admin_remote::api::Problem;

/// Returns a text that is translated where it is shown.
fn told(text: &str) -> String {
    debug_assert!(
        easemob_admin_words::chinese(text).is_some(),
        "not in the catalogue: {text}"
    );
    text.to_owned()
}

/// Returns a problem of a kind, which is the last part of its type.
pub(crate) fn problem(status: u16, kind: &str, title: &str) -> Problem {
    Problem {
        kind: format!("/problems/{kind}"),
        title: told(title),
        status,
        detail: None,
        hint: None,
        retry_may_help: false,
    }
}

/// Returns a problem, and what to do next.
pub(crate) fn with_hint(status: u16, kind: &str, title: &str, hint: &str) -> Problem {
    Problem {
        hint: Some(told(hint)),
        ..problem(status, kind, title)
    }
}

/// Returns what is wrong with a form, and what to do next.
pub(crate) fn bad_request(status: u16, title: &str, hint: &str) -> Problem {
    with_hint(status, "bad-request", title, hint)
}

/// Returns a problem, and what happened this time.
pub(crate) fn with_detail(status: u16, kind: &str, title: &str, detail: &str) -> Problem {
    Problem {
        detail: Some(detail.to_owned()),
        ..problem(status, kind, title)
    }
}
