//! What the audit trail has of a call.

use easemob_admin_audit::{Event, EventTime, Outcome};
use easemob_admin_ops::record::happened;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_remote::api::{Operation, OperationState};
use serde_json::json;

use super::orphans::Sender;
use crate::apps::App;
use crate::service::Service;

/// Returns the entries of a call that is about to be sent.
pub(super) fn intents(service: &Service, app: &App, operation: &Operation, sender: &Sender) -> Vec<Event> {
    entries(service, app, operation, sender, "intent", |_| {})
}

/// Returns the entries of what became of a call; `failures` are users who are an exception, with why, and `at` is the time of
/// the server in milliseconds since 1970.
pub(super) fn outcomes(
    service: &Service,
    app: &App,
    operation: &Operation,
    sender: &Sender,
    failures: &[(String, String)],
    at: Option<u64>,
) -> Vec<Event> {
    let server_time = at.and_then(|at| i64::try_from(at).ok());
    let outcome = outcome_of(operation);
    entries(service, app, operation, sender, "outcome", |event| {
        event.outcome = Some(outcome.clone());
        event.status = operation.status;
        event.error.clone_from(&operation.error);
        event.server_time = server_time.map(EventTime::from_millis);
        let user = event.user.as_deref().map(str::to_lowercase);
        if let Some((_, why)) = failures.iter().find(|(name, _)| Some(name) == user.as_ref()) {
            event.outcome = Some(Outcome::Refused);
            event.error = Some(why.clone());
        }
    })
}

/// Returns an entry for each user, or one if the call names nobody.
fn entries(
    service: &Service,
    app: &App,
    operation: &Operation,
    sender: &Sender,
    kind: &str,
    complete: impl Fn(&mut Event),
) -> Vec<Event> {
    let by = Operator {
        subject: Some(operation.by.clone()),
        ..service.account().clone()
    };
    let event = |user: Option<&String>| {
        let details = [
            ("operation", json!(operation.id)),
            ("key", json!(sender.key)),
            ("through", json!("the vendor's API")),
            ("users", json!(sender.size)),
        ];
        let mut event = happened(&app.target, &by, service.now(), kind, details);
        event.user = user.cloned();
        event.devices = operation.device.iter().cloned().collect();
        event.call = Some(operation.call.clone());
        event.reason = Some(operation.reason.clone());
        event.ticket.clone_from(&operation.ticket);
        complete(&mut event);
        event
    };
    if operation.users.is_empty() {
        return vec![event(None)];
    }
    operation.users.iter().map(|user| event(Some(user))).collect()
}

/// Returns the word of the trail.
fn outcome_of(operation: &Operation) -> Outcome {
    let ends = operation.call.starts_with("sessions.")
        || [
            "users.ban",
            "users.set_password",
            "users.delete",
            "users.delete_batch",
        ]
        .contains(&operation.call.as_str());
    match operation.state {
        OperationState::Done if ends => Outcome::Ended,
        OperationState::Done => Outcome::Done,
        OperationState::Refused => Outcome::Refused,
        OperationState::NotSent => Outcome::Failed,
        OperationState::Sent | OperationState::Unknown => Outcome::Unknown,
    }
}
