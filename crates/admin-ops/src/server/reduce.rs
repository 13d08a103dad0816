//! Reduces an error of the client to what jobs base decisions on and rows show.

use std::error::Error as _;

use easemob_admin_api::Error;

use crate::server::calls::{CallError, Scope};

impl From<&Error> for CallError {
    fn from(error: &Error) -> Self {
        let said = error.to_string();
        // Call and user have their own columns.
        let what = said
            .strip_prefix(error.call())
            .and_then(|rest| rest.split_once(": "));
        let mut message = in_plain_words(error, what.map_or(said.as_str(), |(_, what)| what));
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        shorten(&mut message);
        let scope = scope_of(error);
        // A failure that reaches beyond the item says nothing about it: once the cause is gone, the same call
        // may succeed.
        let not_about_the_item = scope != Scope::Item && !error.is_unsupported();
        Self {
            call: error.call(),
            message,
            status: error.status(),
            retry_may_help: not_about_the_item
                || error.is_given_up()
                || error.is_budget_away()
                || error.is_retryable()
                || error.is_outcome_unknown(),
            outcome_unknown: error.is_outcome_unknown(),
            not_found: scope == Scope::Item && error.is_not_found(),
            given_up: error.is_given_up() || error.is_budget_away(),
            server_away: error.is_server_away(),
            scope,
            origin: Some(error.clone()),
        }
    }
}

/// How much of a server's message is kept, in bytes: it goes into rows, and into the record of a user.
const LONGEST_MESSAGE: usize = 4 * 1024;

fn shorten(message: &mut String) {
    if message.len() > LONGEST_MESSAGE {
        let mut end = LONGEST_MESSAGE;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
}

/// Puts the meaning before the server's words, where those are known to be confusing.
fn in_plain_words(error: &Error, said: &str) -> String {
    let missing = match error.call() {
        "sessions.logout_device" => "user or device",
        _ => "user",
    };
    match said.strip_prefix("the server refused with ") {
        Some(refusal) if error.is_not_found() && !error.is_unsupported() && error.target().is_some() => {
            format!("no such {missing} ({refusal})")
        }
        _ => said.to_owned(),
    }
}

/// Returns how far a failure reaches.
fn scope_of(error: &Error) -> Scope {
    if error.is_without_token() {
        Scope::Token
    } else if error.is_unauthorized() || error.is_wrong_app() || error.is_unsupported() || error.is_quota() {
        Scope::Run
    } else if is_silence(error) {
        Scope::Network
    } else {
        Scope::Item
    }
}

/// Returns true for failures that say nothing about the item: no answer, or the answer of a gateway or
/// another program. A request that is too large is about the item, whatever reports it.
#[must_use]
pub fn is_silence(error: &Error) -> bool {
    let about_the_request = error.is_rate_limited() || matches!(error.status(), Some(413 | 414 | 431));
    error.is_unreachable()
        || (is_foreign(error) && !about_the_request)
        || matches!(error.status(), Some(502..=504))
        || (error.status().is_none() && error.is_transient())
}

/// Returns true for answers that the service did not write: a gateway's page, foreign JSON, or an answer that
/// cannot be decoded.
///
/// They say nothing about any user, whatever their status.
#[must_use]
pub fn is_foreign(error: &Error) -> bool {
    error.undecoded().is_some() || error.is_foreign_answer()
}
