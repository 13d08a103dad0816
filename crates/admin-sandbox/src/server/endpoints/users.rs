//! Accounts: register, read, delete, password, ban (pages `account_*`).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::habits::NextCursor;
use crate::rules::users::{NewUser, RegisterError, User, check_new_user};
use crate::server::auth::Caller;
use crate::server::envelope::{Envelope, entity};
use crate::server::errors::ApiError;
use crate::server::request::{Request, form};

/// The most users one registration may hold.
const BATCH: usize = 60;

#[derive(Deserialize)]
struct NewUserForm {
    username: Option<String>,
    password: Option<String>,
    nickname: Option<String>,
}

pub(in crate::server) fn register(request: &mut Request<'_>) -> Result<Value, ApiError> {
    match request.json()? {
        Value::Array(list) => register_batch(request, list),
        single => {
            let user = new_user(single)?;
            check_new_user(&user)?;
            let created = request
                .app
                .register(user, request.settings.max_users, request.now_ms)?;
            let entity = entity(created);
            Ok(Envelope::new(request, "post")
                .app()
                .path("/users")
                .field("entities", vec![entity])
                .finish())
        }
    }
}

/// Registers what it can; the rest is named in `data`, with a status of 200.
fn register_batch(request: &mut Request<'_>, list: Vec<Value>) -> Result<Value, ApiError> {
    if list.len() > BATCH {
        return Err(ApiError::illegal_argument(format!(
            "Request body array size[{}] had almost reached or been greater than the upper range value[{BATCH}].",
            list.len()
        )));
    }
    let users: Vec<_> = list.into_iter().map(new_user).collect::<Result<_, _>>()?;
    check_passwords_agree(&users)?;
    let new = users
        .iter()
        .filter(|user| request.app.users.find(&user.name).is_none())
        .count();
    if request
        .settings
        .max_users
        .is_some_and(|most| request.app.users.len() + new > most)
    {
        return Err(ApiError::quota());
    }

    let (mut entities, mut failures) = (Vec::new(), Vec::new());
    for user in users {
        let name = user.name.clone();
        let checked = check_new_user(&user);
        match checked.and_then(|()| request.app.register(user, None, request.now_ms)) {
            Ok(user) => entities.push(entity(user)),
            Err(error) => {
                failures.push(json!({"username": name, "registerUserFailReason": fail_reason(error)}));
            }
        }
    }
    Ok(Envelope::new(request, "post")
        .app()
        .path("/users")
        .field("entities", entities)
        .data(failures)
        .finish())
}

fn new_user(value: Value) -> Result<NewUser, ApiError> {
    let form: NewUserForm = form(value)?;
    let name = form
        .username
        .ok_or_else(|| ApiError::illegal_argument("Entity user requires a property named username"))?;
    let password = form
        .password
        .ok_or_else(|| ApiError::illegal_argument("password or pin must provided"))?;
    Ok(NewUser {
        name,
        password: Some(password),
        nickname: form.nickname,
    })
}

fn check_passwords_agree(users: &[NewUser]) -> Result<(), ApiError> {
    let mut passwords = HashMap::new();
    for user in users {
        let first = passwords
            .entry(user.name.to_lowercase())
            .or_insert(&user.password);
        if *first != &user.password {
            let text = format!("the same user {} has a different password,", user.name);
            return Err(ApiError::duplicate(text));
        }
    }
    Ok(())
}

fn fail_reason(error: RegisterError) -> String {
    match error {
        RegisterError::Exists(name) => format!("the {name} already exists"),
        RegisterError::NameNotLegal(name) => format!("username [{name}] is not legal"),
        RegisterError::NameTooLong => "USERNAME_TOO_LONG".to_owned(),
        RegisterError::NicknameTooLong => "NICKNAME_TOO_LONG".to_owned(),
        RegisterError::PasswordNotLegal => "password is not legal".to_owned(),
        RegisterError::Full => "the app holds as many users as it may".to_owned(),
    }
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    Ok(Envelope::new(request, "get")
        .path("/users")
        .entities([user])
        .field("count", 1)
        .finish())
}

pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let limit = request.number("limit", 10, 1..=100);
    let activated = match request.query.get("activated").map(String::as_str) {
        Some("1" | "true") => Some(true),
        Some("0" | "false") => Some(false),
        _ => None,
    };
    let page = request.app.users.page(cursor(request)?, limit, activated);
    let envelope = Envelope::new(request, "get")
        .path("/users")
        .field("params", params(request));
    let envelope = envelope.field("count", page.users.len()).entities(page.users);
    let more = page.next.is_some();
    let next = match request.settings.habits.cursor_after(page.last, more) {
        NextCursor::None => None,
        NextCursor::After(number) => Some(number),
        NextCursor::AsAsked => cursor(request)?,
    };
    Ok(with_cursor(envelope, next).finish())
}

pub(in crate::server) fn delete(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let name = request.arg(0).to_owned();
    let user = request.app.delete(&name).ok_or_else(ApiError::no_resource)?;
    Ok(Envelope::new(request, "delete")
        .app()
        .path("/users")
        .entities([&user])
        .finish())
}

/// Deletes the oldest users without naming them.
pub(in crate::server) fn delete_batch(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let limit = request.number("limit", 10, 1..=100);
    let page = request.app.users.page(cursor(request)?, limit, None);
    let (names, next): (Vec<_>, _) = (
        page.users.iter().map(|user| user.name.clone()).collect(),
        page.next,
    );
    let deleted: Vec<User> = names.iter().filter_map(|name| request.app.delete(name)).collect();
    let envelope = Envelope::new(request, "delete")
        .app()
        .path("/users")
        .field("params", params(request));
    let envelope = envelope.entities(&deleted).field("count", deleted.len());
    Ok(with_cursor(envelope, next).finish())
}

fn cursor(request: &Request<'_>) -> Result<Option<u64>, ApiError> {
    let Some(text) = request.query.get("cursor").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text
        .strip_prefix("ZGN")
        .and_then(|hex| u64::from_str_radix(hex, 16).ok());
    number
        .map(Some)
        .ok_or_else(|| ApiError::illegal_argument(format!("cursor [{text}] is not legal")))
}

fn with_cursor(envelope: Envelope<'_>, next: Option<u64>) -> Envelope<'_> {
    match next {
        Some(number) => envelope.field("cursor", format!("ZGN{number:016x}")),
        None => envelope,
    }
}

/// Writes the query back the way older servers do.
fn params(request: &Request<'_>) -> Value {
    request
        .query
        .iter()
        .map(|(name, value)| (name.clone(), json!([value])))
        .collect()
}

#[derive(Deserialize)]
struct PasswordForm {
    newpassword: Option<String>,
    oldpassword: Option<String>,
}

pub(in crate::server) fn set_password(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: PasswordForm = request.form()?;
    let name = request.arg(0).to_owned();
    let user = request.app.users.find(&name).ok_or_else(ApiError::no_entity)?;
    if matches!(request.caller, Caller::User(_)) {
        // Only an app token may skip the old password.
        let old = form
            .oldpassword
            .ok_or_else(|| ApiError::illegal_argument("oldPassword is required"))?;
        if user.password.as_ref() != Some(&old) {
            return Err(ApiError::illegal_argument("oldPassword does not match"));
        }
    }
    let new = form.newpassword.filter(|text| !text.is_empty());
    let new = new.ok_or_else(|| ApiError::illegal_argument("newpassword is required"))?;
    check_new_user(&NewUser {
        name: "any".to_owned(),
        password: Some(new.clone()),
        nickname: None,
    })?;
    request.app.set_password(&name, &new, request.now_ms);
    Ok(Envelope::new(request, "set user password").finish())
}

pub(in crate::server) fn ban(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let name = request.arg(0).to_owned();
    let entity = request
        .app
        .ban(&name, request.now_ms)
        .map(entity)
        .ok_or_else(ApiError::no_resource)?;
    Ok(Envelope::new(request, "Deactivate user")
        .field("entities", vec![entity])
        .finish())
}

pub(in crate::server) fn unban(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let name = request.arg(0).to_owned();
    request
        .app
        .unban(&name, request.now_ms)
        .ok_or_else(ApiError::no_resource)?;
    Ok(Envelope::new(request, "activate user").finish())
}
