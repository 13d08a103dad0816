//! A call that changes something: counted by the rules of approval, on record before it is sent, sent at most once, finished
//! even if nobody waits for the answer any more, and on record again with what became of it.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use easemob_admin_api::{Error, RetryPolicy, UserId};
use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::locks::store::{LockStore, LockStoreError};
use easemob_admin_remote::api::{Operation, OperationState};
use serde_json::Value;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::calls::{self, Call};
use super::envelope::{envelope, vendor_answer};
use super::orphans::{self, Sender};
use super::passed::{Answered, Passed, client, given, not_given};
use super::{operations, records};
use crate::access::Caller;
use crate::approvals::gate::{CountedCall, count_call, take_back};
use crate::apps::App;
use crate::blocking::blocking;
use crate::problem::Refusal;
use crate::service::Service;

/// The header with the id of the operation.
const OPERATION_ID: HeaderName = HeaderName::from_static("x-operation-id");

/// The error of a call whose outcome nobody knows.
const UNKNOWN: &str = "service_outcome_unknown";

/// The calls that are being made. The service ends after them.
#[derive(Debug, Default)]
pub(crate) struct InFlight(watch::Sender<Flights>);

#[derive(Debug, Default)]
struct Flights {
    count: usize,
    is_draining: bool,
}

/// Counts one call for as long as it lives.
pub(crate) struct Flight(Arc<InFlight>);

impl InFlight {
    fn begin(self: &Arc<Self>) -> Result<Flight, Refusal> {
        let begun = self.0.send_if_modified(|flights| {
            flights.count += usize::from(!flights.is_draining);
            !flights.is_draining
        });
        if begun {
            Ok(Flight(Arc::clone(self)))
        } else {
            Err(Refusal::stopping())
        }
    }

    /// Begins no more calls.
    pub(crate) fn drain(&self) {
        self.0.send_modify(|flights| flights.is_draining = true);
    }

    /// Waits until no call is being made.
    pub(crate) async fn ended(&self) {
        let mut flights = self.0.subscribe();
        // The sender is here.
        let _ = flights.wait_for(|flights| flights.count == 0).await;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.0.send_modify(|flights| flights.count -= 1);
    }
}

/// Whom a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// The users that it names.
    pub(crate) users: Vec<UserId>,
    pub(crate) device: Option<String>,
    /// How many users it can change.
    pub(crate) size: u64,
}

/// Why somebody makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Why {
    pub(crate) reason: String,
    pub(crate) ticket: Option<String>,
}

/// A call that somebody sent.
pub(crate) struct Act<C> {
    pub(crate) service: Service,
    pub(crate) app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) rules: calls::Act,
    pub(crate) about: About,
    pub(crate) why: Why,
    pub(crate) call: Passed<C>,
}

/// What is needed to keep the records of a call.
struct Ledger {
    service: Service,
    app: Arc<App>,
    caller: Caller,
    rules: calls::Act,
    about: About,
    call: &'static str,
    sender: Sender,
}

/// Makes a call. If the client goes away, the call is finished and recorded all the same.
pub(crate) async fn perform<C: Call>(act: Act<C>) -> Response {
    let flight = match act.service.in_flight().begin() {
        Ok(flight) => flight,
        Err(refusal) => return vendor_answer(&refusal),
    };
    let carried = async move {
        let answer = act.carry_out().await;
        drop(flight);
        answer
    };
    let task = tokio::spawn(carried.in_current_span());
    task.await.unwrap_or_else(|_| {
        envelope(
            500,
            UNKNOWN,
            "a defect of the service: the outcome of the call is unknown",
        )
    })
}

impl<C: Call> Act<C> {
    async fn carry_out(self) -> Response {
        match self.recorded().await {
            Ok(response) => response,
            Err(refusal) => vendor_answer(&refusal),
        }
    }

    /// # Errors
    /// When the rules leave the call to others, or it cannot be put on record. Nothing was sent then.
    async fn recorded(self) -> Result<Response, Refusal> {
        let Self {
            service,
            app,
            caller,
            rules,
            about,
            why,
            call,
        } = self;
        let bans = Bans::of::<C>(&service, &app, &about)?;
        // The end of a lock must not lift a ban that was set meanwhile.
        let _guard = match &bans {
            Some(bans) => Some(bans.locks.guard(&bans.user).await?),
            None => None,
        };
        let size = (about.users.is_empty() && about.size != u64::MAX).then_some(about.size);
        let ledger = Arc::new(Ledger {
            sender: Sender::of(&service, &caller.key, size),
            service,
            app,
            caller,
            rules,
            about,
            call: C::NAME,
        });
        let this = Arc::clone(&ledger);
        let (mut operation, counted) = blocking(move || this.begin(why)).await?;
        let taken = match &bans {
            Some(bans) if bans.is_ban => bans.take_out()?,
            _ => None,
        };
        let client = client(&ledger.app).with_retries(RetryPolicy::none());
        let result = client.execute(&call).await;
        let state = became(&mut operation, &result);
        if let Some(bans) = &bans {
            let kept = match state {
                OperationState::Done => bans.take_out().map(drop),
                OperationState::Unknown => Ok(()),
                _ => taken.map_or(Ok(()), |lock| bans.put_back(&lock)),
            };
            if let Err(error) = kept {
                tracing::error!(operation = operation.id, %error, "the lock of a user does not say what was done");
            }
        }
        let id = operation.id.clone();
        let (response, at) = match result {
            Ok(answered) => {
                let at = answered.at;
                let body = answered.said.whole();
                let partly = failures(&body);
                let response = (state != OperationState::Unknown).then(|| given(body));
                (response, (at, partly))
            }
            Err(error) if state != OperationState::Unknown => {
                (Some(not_given(&client, &error)), (None, Vec::new()))
            }
            Err(_) => (None, (None, Vec::new())),
        };
        let mut response = response.unwrap_or_else(|| unknown(&operation, &ledger.app.name));
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(OPERATION_ID, id);
        }
        // What the vendor said is answered even if it cannot be put on record: it has happened, and the intent is on record.
        let noted = blocking(move || ledger.end(operation, &at.1, at.0, &counted)).await;
        if let Err(refusal) = noted {
            let why = refusal.problem().to_string();
            tracing::error!(operation = id, why, "what became of a call could not be recorded");
        }
        Ok(response)
    }
}

/// Answers that nobody knows what became of a call.
fn unknown(operation: &Operation, app: &str) -> Response {
    let why = operation.error.as_deref().unwrap_or("the answer does not say");
    let what = format!(
        "the outcome of {} is unknown: {why}. Read the state before you send it again. Operation {}: GET /v1/apps/{app}/operations/{}",
        operation.call, operation.id, operation.id
    );
    envelope(504, UNKNOWN, &what)
}

/// Notes what became of a call.
fn became(operation: &mut Operation, result: &Result<Answered, Error>) -> OperationState {
    operation.state = match result {
        Ok(answered) => match answered.was_done {
            Some(true) => OperationState::Done,
            Some(false) => {
                operation.error = Some("the server answered that it was not done".into());
                OperationState::Refused
            }
            None => {
                operation.error = Some("the answer does not say whether it was done".into());
                OperationState::Unknown
            }
        },
        Err(error) => {
            operation.error = Some(error.to_string());
            operation.status = error.status();
            if error.is_outcome_unknown() {
                OperationState::Unknown
            } else if error.status().is_some() && error.token_error().is_none() {
                OperationState::Refused
            } else {
                OperationState::NotSent
            }
        }
    };
    operation.state
}

/// Returns whom an answer names as not registered: a success may be one in part.
fn failures(body: &[u8]) -> Vec<(String, String)> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = body["data"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| {
            let why = entry["registerUserFailReason"].as_str()?;
            Some((entry["username"].as_str()?.to_lowercase(), why.to_owned()))
        })
        .collect()
}

impl Ledger {
    /// Counts the call, and puts it on record.
    fn begin(&self, why: Why) -> Result<(Operation, CountedCall), Refusal> {
        let Self { service, app, .. } = self;
        let counted = count_call(service, app, &self.caller, self.rules, self.about.size)?;
        let begun = self.on_record(why);
        if begun.is_err() {
            take_back(service, &counted)?;
        }
        Ok((begun?, counted))
    }

    fn on_record(&self, why: Why) -> Result<Operation, Refusal> {
        let service = &self.service;
        let now = service.now();
        let operation = Operation {
            id: operations::new_id(now)?,
            app: self.app.name.clone(),
            call: self.call.to_owned(),
            users: self.about.users.iter().map(ToString::to_string).collect(),
            device: self.about.device.clone(),
            by: self.caller.owner.clone(),
            reason: why.reason,
            ticket: why.ticket,
            at: now,
            state: OperationState::Sent,
            ended: None,
            status: None,
            error: None,
        };
        orphans::note(service, &operation.id, &self.sender)?;
        operations::begin(service, &operation)?;
        let intents = records::intents(service, &self.app, &operation, &self.sender);
        if let Err(error) = service.stores().runs().enter(&self.app.target, &intents) {
            let not_sent = Operation {
                state: OperationState::NotSent,
                ..operation
            };
            operations::end(service, &not_sent)?;
            return Err(error.into());
        }
        Ok(operation)
    }

    /// Records what became of the call, and takes back what was counted for one that never left.
    fn end(
        &self,
        mut operation: Operation,
        failures: &[(String, String)],
        at: Option<u64>,
        counted: &CountedCall,
    ) -> Result<(), Refusal> {
        let service = &self.service;
        operation.ended = Some(service.now());
        let outcomes = records::outcomes(service, &self.app, &operation, &self.sender, failures, at);
        service.stores().runs().enter(&self.app.target, &outcomes)?;
        operations::end(service, &operation)?;
        if operation.state == OperationState::NotSent {
            take_back(service, counted)?;
        }
        Ok(())
    }
}

/// The lock of a user who is banned or unbanned.
struct Bans {
    locks: Arc<dyn LockStore>,
    user: UserId,
    is_ban: bool,
}

impl Bans {
    fn of<C: Call>(service: &Service, app: &App, about: &About) -> Result<Option<Self>, Refusal> {
        let is_ban = C::NAME == "users.ban";
        let (true, [user]) = (is_ban || C::NAME == "users.unban", about.users.as_slice()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            locks: service.stores().locks(&app.target)?,
            user: user.clone(),
            is_ban,
        }))
    }

    /// Takes the user's lock out of the book: a ban by name has no end, and what was lifted need not be lifted again.
    fn take_out(&self) -> Result<Option<Lock>, LockStoreError> {
        let mut found = self.locks.lock_of(&self.user)?;
        if found.is_some() {
            self.locks.change(&[&self.user], &mut |_, held| {
                found = held;
                None
            })?;
        }
        Ok(found)
    }

    fn put_back(&self, lock: &Lock) -> Result<(), LockStoreError> {
        let held_or_this = &mut |_, held: Option<Lock>| held.or_else(|| Some(lock.clone()));
        self.locks.change(&[&self.user], held_or_this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_service_ends_after_the_calls_and_begins_none_while_it_ends() {
        let flights = Arc::new(InFlight::default());
        let flight = flights.begin().unwrap();
        flights.drain();
        assert!(flights.begin().is_err());
        let ended = tokio::spawn({
            let flights = Arc::clone(&flights);
            async move { flights.ended().await }
        });
        tokio::task::yield_now().await;
        assert!(!ended.is_finished());
        drop(flight);
        ended.await.unwrap();
    }

    #[test]
    fn a_success_in_part_names_who_failed() {
        let body = br#"{"data": [{"username": "Bob", "registerUserFailReason": "the bob already exists"}, {"username": "ann"}]}"#;
        assert_eq!(
            failures(body),
            [("bob".to_owned(), "the bob already exists".to_owned())]
        );
        assert_eq!(failures(b"{}"), []);
    }
}
