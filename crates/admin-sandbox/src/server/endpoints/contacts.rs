//! Contacts, with the calls of the vendor's SDKs and of the page "contacts".

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::contacts::{ContactAct, ContactError};
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Application {
    usernames: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Remark {
    remark: String,
}

pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let contacts = request.app.contacts.of(&user);
    if request
        .query
        .get("needReturnRemark")
        .is_some_and(|text| text == "true")
    {
        let rows = with_remarks(request, &user, &contacts);
        return Ok(Envelope::new(request, "get")
            .app()
            .field("entities", rows)
            .finish());
    }
    Ok(listed(request, &contacts))
}

/// Lists contacts by pages, each with what the user calls it.
pub(in crate::server) fn page(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let limit = request.number("limit", 10, 1..=50);
    let after = request.query.get("cursor").cloned().unwrap_or_default();
    let all = request.app.contacts.of(&user);
    let mut rest = all.into_iter().filter(|name| *name > after);
    let page: Vec<String> = rest.by_ref().take(limit).collect();
    let cursor = rest.next().and_then(|_| page.last().cloned()).unwrap_or_default();
    let rows = with_remarks(request, &user, &page);
    let data = json!({"contacts": rows, "cursor": cursor});
    let envelope = Envelope::new(request, "get").app();
    Ok(envelope.data(data).field("count", page.len()).finish())
}

fn with_remarks(request: &Request<'_>, user: &str, contacts: &[String]) -> Vec<Value> {
    let remark = |name: &String| json!({"username": name, "remark": request.app.contacts.remark(user, name)});
    contacts.iter().map(remark).collect()
}

/// Says that the list of contacts has to be read again: no older one is kept.
pub(in crate::server) fn version(request: &mut Request<'_>) -> Result<Value, ApiError> {
    request.user()?;
    let version = request.now_ms.to_string();
    Ok(Envelope::new(request, "get")
        .field("version", version)
        .field("needSync", true)
        .finish())
}

/// Sets what the user calls a contact.
pub(in crate::server) fn set_remark(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Remark { remark } = request.form()?;
    let (user, other) = (request.user()?.name.clone(), request.arg(1).to_lowercase());
    if !request.app.contacts.set_remark(&user, &other, &remark) {
        return Err(ApiError::no_resource());
    }
    Ok(done(request, "put"))
}

pub(in crate::server) fn blocked(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let blocked = request.app.contacts.blocked(&user);
    Ok(listed(request, &blocked))
}

fn listed(request: &mut Request<'_>, names: &[String]) -> Value {
    Envelope::new(request, "get")
        .app()
        .data(json!(names))
        .field("count", names.len())
        .finish()
}

pub(in crate::server) fn block(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_listed(request, ContactAct::Block, "post")
}

pub(in crate::server) fn unblock(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_listed(request, ContactAct::Unblock, "delete")
}

fn act_on_listed(request: &mut Request<'_>, contact_act: ContactAct, verb: &str) -> Result<Value, ApiError> {
    let Application { usernames, .. } = request.form()?;
    for other in &usernames {
        act(request, contact_act, other, "")?;
    }
    Ok(Envelope::new(request, verb).app().data(json!(usernames)).finish())
}

pub(in crate::server) fn apply(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Application { usernames, reason } = request.form()?;
    for other in &usernames {
        act(
            request,
            ContactAct::Apply,
            other,
            reason.as_deref().unwrap_or_default(),
        )?;
    }
    Ok(done(request, "post"))
}

pub(in crate::server) fn accept(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_path(request, ContactAct::Accept)?;
    Ok(done(request, "post"))
}

pub(in crate::server) fn decline(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_path(request, ContactAct::Decline)?;
    Ok(done(request, "post"))
}

/// Makes two users contacts of each other, without a question.
pub(in crate::server) fn add(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_path(request, ContactAct::Add)?;
    about_other(request, "post")
}

pub(in crate::server) fn remove(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_path(request, ContactAct::Remove)?;
    about_other(request, "delete")
}

pub(in crate::server) fn unblock_one(request: &mut Request<'_>) -> Result<Value, ApiError> {
    act_on_path(request, ContactAct::Unblock)?;
    about_other(request, "delete")
}

/// Answers with the other user.
fn about_other(request: &mut Request<'_>, verb: &str) -> Result<Value, ApiError> {
    let other = request
        .app
        .users
        .find(request.arg(1))
        .ok_or_else(ApiError::no_resource)?;
    let envelope = Envelope::new(request, verb).app().entities([other]);
    // The SDKs' forms of these calls look at this.
    Ok(envelope.data(json!({"result": true})).finish())
}

fn act_on_path(request: &mut Request<'_>, contact_act: ContactAct) -> Result<(), ApiError> {
    let other = request.arg(1).to_owned();
    act(request, contact_act, &other, "")
}

fn act(
    request: &mut Request<'_>,
    contact_act: ContactAct,
    other: &str,
    reason: &str,
) -> Result<(), ApiError> {
    let actor = request.user()?.name.clone();
    let device = request.query.get("resource").cloned();
    request
        .app
        .change_contact(&actor, device.as_deref(), contact_act, other, reason)
        .map_err(|error| match error {
            ContactError::NoSuchUser => ApiError::no_resource(),
            ContactError::Oneself => ApiError::illegal_argument("a user cannot be a contact of himself"),
        })
}

fn done(request: &mut Request<'_>, verb: &str) -> Value {
    Envelope::new(request, verb)
        .app()
        .data(json!({"result": true}))
        .finish()
}
