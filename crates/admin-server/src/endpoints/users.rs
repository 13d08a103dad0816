//! Users, their statuses and devices.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use easemob_admin_api::{Cursor, Lane, User, UserId, UserQuery};
use easemob_admin_ops::server::calls::SeenDevice;
use easemob_admin_ops::server::client::Server;
use easemob_admin_remote::api::{
    DeviceView, Page, Problem, Scope, StatusView, Statuses, UserDevices, UserView, Users,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa_axum::routes;

use super::most_of;
use crate::apps::App;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};

/// The most users whose statuses or devices one request asks for.
const MOST_USERS: usize = 10_000;

/// How many device lists are read at once for one request; the rate budget of the app applies all the same.
pub(super) const AT_ONCE: usize = 16;

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(accounts))
        .add(READ, routes!(show))
        .add(READ, routes!(devices))
        .add(READ, routes!(devices_of_many))
        .add(READ, routes!(statuses))
}

/// Reads a name as it stands in a path or body.
pub(super) fn user(text: &str) -> Result<UserId, Refusal> {
    UserId::parse(text).map_err(|error| Refusal::of(Kind::BadName).detail(error.to_string()))
}

pub(super) fn users(named: &[String]) -> Result<Vec<UserId>, Refusal> {
    if named.is_empty() {
        return Err(Refusal::of(Kind::NoUsers).detail("`users` is empty"));
    }
    if named.len() > MOST_USERS {
        return Err(
            Refusal::of(Kind::TooLarge).detail(format!("the most is {MOST_USERS} users in one request"))
        );
    }
    named.iter().map(|name| user(name)).collect()
}

/// People who wait come before bulk work in the same rate budget.
fn interactive(app: &App) -> Server {
    app.server.in_lane(Lane::Interactive)
}

fn view(user: User) -> UserView {
    UserView {
        banned: user.activated.map(|activated| !activated),
        created: user.created.and_then(|created| i64::try_from(created.0).ok()),
        nickname: user.nickname,
        user: user.username.to_string(),
    }
}

fn device(device: SeenDevice) -> DeviceView {
    let at = device.signed_in_at.and_then(|at| i64::try_from(at.0).ok());
    DeviceView {
        platform: device.id.platform().to_string(),
        device: device.id.to_string(),
        name: device.name,
        signed_in: at.and_then(|at| Timestamp::from_millisecond(at).ok()),
    }
}

/// Which accounts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accounts {
    /// Only those that are banned, or only those that are not.
    banned: Option<bool>,
    after: Option<String>,
    limit: Option<u32>,
}

/// The accounts of the app, as its server lists them, oldest first. With `banned`, only those that are banned or are not; a server
/// that does not know this filter is reported as unsupported. Users who are locked are banned, too.
#[utoipa::path(get, path = "/v1/apps/{app}/accounts", tag = "users",
    params(("app" = String, Path), ("banned" = Option<bool>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100)),
    responses((status = 200, body = Page<UserView>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn accounts(
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(which): Asked<Accounts>,
) -> Result<Json<Page<UserView>>, Refusal> {
    let most = most_of(which.limit)?.min(100);
    let mut query = UserQuery::default().page_size(most as usize);
    if let Some(banned) = which.banned {
        query = query.activated(!banned);
    }
    let cursor = which.after.map(Cursor::new);
    let server = interactive(&app);
    let found = server.client().list_users_page(&query, cursor.as_ref()).await;
    let found = found.map_err(|error| match error.status() {
        // The server alone knows what its places look like.
        Some(400) if cursor.is_some() => {
            Refusal::of(Kind::BadRequest).detail(format!("`after` is no place in this list: {error}"))
        }
        _ => error.into(),
    })?;
    if let Some(odd) = found.odd.first() {
        return Err(
            Refusal::of(Kind::Upstream).detail(format!("an entry of the listing cannot be read: {odd}"))
        );
    }
    let items: Vec<UserView> = found.items.into_iter().map(view).collect();
    // The vendor does not document this filter, and a server that ignores it lists everybody.
    if let Some(banned) = which.banned
        && items.iter().any(|user| user.banned != Some(banned))
    {
        return Err(
            Refusal::of(Kind::Unsupported).detail("it does not list users by whether they are banned")
        );
    }
    Ok(Json(Page {
        items,
        next: found.next.map(|cursor| cursor.as_str().to_owned()),
    }))
}

/// One user.
#[utoipa::path(get, path = "/v1/apps/{app}/users/{user}", tag = "users",
    params(("app" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    Extension(app): Extension<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<UserView>, Refusal> {
    let found = interactive(&app).client().get_user(&user(&name)?).await?;
    Ok(Json(view(found)))
}

/// The devices of one user that are online.
#[utoipa::path(get, path = "/v1/apps/{app}/users/{user}/devices", tag = "users",
    params(("app" = String, Path), ("user" = String, Path)),
    responses((status = 200, body = UserDevices), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn devices(
    Extension(app): Extension<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<UserDevices>, Refusal> {
    let user = user(&name)?;
    let (found, unreadable) = interactive(&app).read_devices(&user).await?;
    if let Some(error) = unreadable.into_iter().next() {
        return Err(error.into());
    }
    Ok(Json(UserDevices {
        user: user.to_string(),
        devices: Some(found.into_iter().map(device).collect()),
        error: None,
        retry_may_help: None,
    }))
}

/// The devices of several users: one line of JSON for each, in any order, as they are read.
#[utoipa::path(post, path = "/v1/apps/{app}/devices", tag = "users", params(("app" = String, Path)), request_body = Users,
    responses((status = 200, body = UserDevices, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn devices_of_many(
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Sent(named): Sent<Users>,
) -> Result<Response, Refusal> {
    let users = users(&named.users)?;
    let server = app.server.clone();
    let lines = stream::iter(users)
        .map(move |user| {
            let server = server.clone();
            async move { read(&server, &user).await }
        })
        .buffer_unordered(AT_ONCE)
        .map(|read| {
            let mut line = serde_json::to_vec(&read)?;
            line.push(b'\n');
            Ok::<_, std::io::Error>(line)
        });
    let form = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((form, Body::from_stream(lines)).into_response())
}

async fn read(server: &Server, user: &UserId) -> UserDevices {
    let failed = |error: &easemob_admin_ops::server::calls::CallError| UserDevices {
        user: user.to_string(),
        devices: None,
        error: Some(error.to_string()),
        retry_may_help: Some(error.retry_may_help),
    };
    match server.read_devices(user).await {
        Err(error) => failed(&error),
        Ok((_, unreadable)) if !unreadable.is_empty() => failed(&unreadable[0]),
        Ok((found, _)) => UserDevices {
            user: user.to_string(),
            devices: Some(found.into_iter().map(device).collect()),
            error: None,
            retry_may_help: None,
        },
    }
}

/// Whether users are online: one call to the server for a hundred of them.
#[utoipa::path(post, path = "/v1/apps/{app}/statuses", tag = "users", params(("app" = String, Path)), request_body = Users,
    responses((status = 200, body = Statuses), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn statuses(
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Sent(named): Sent<Users>,
) -> Result<Json<Statuses>, Refusal> {
    let users = users(&named.users)?;
    let read = interactive(&app).client().statuses(&users).await;
    let statuses = read.into_iter().map(|(user, status)| {
        let view = match status {
            Ok(status) => StatusView {
                status: Some(status.to_string()),
                error: None,
            },
            Err(error) => StatusView {
                status: None,
                error: Some(error.to_string()),
            },
        };
        (user.to_string(), view)
    });
    Ok(Json(Statuses {
        statuses: statuses.collect(),
    }))
}
