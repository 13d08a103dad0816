//! How the service is run, for administrators: roles of people who sign in elsewhere, and where notices go.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use easemob_admin_remote::api::{IssuerRoles, Problem, Scope, ServiceSettings, TestNotice};
use serde_json::json;
use utoipa_axum::routes;

use crate::access::openid::OpenId;
use crate::access::{Caller, EVERY_APP};
use crate::operation::notices::Notice;
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::{Service, random_name};

const ADMIN: Rule = Rule::Has(&[Scope::Admin]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(ADMIN, routes!(settings))
        .add(ADMIN, routes!(try_notices))
}

/// How the service is run, as its arguments and files say, without secrets.
#[utoipa::path(get, path = "/v1/settings", tag = "service",
    responses((status = 200, body = ServiceSettings), (status = "4XX", body = Problem)))]
async fn settings(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
) -> Json<ServiceSettings> {
    let issuers = service.openid().map(OpenId::roles).unwrap_or_default();
    Json(ServiceSettings {
        issuers: for_apps_of(&caller, issuers),
        notices: service.notices(),
        key_rate: service.settings().key_rate.map(Into::into),
    })
}

/// Leaves out what roles give for apps that the caller does not administer.
fn for_apps_of(caller: &Caller, mut issuers: Vec<IssuerRoles>) -> Vec<IssuerRoles> {
    let is_mine = |app: &String| app == EVERY_APP || caller.may(Scope::Admin, app);
    for issuer in &mut issuers {
        for role in &mut issuer.roles {
            role.apps.retain(is_mine);
        }
        issuer.roles.retain(|role| !role.apps.is_empty());
    }
    issuers
}

/// Posts a notice of the kind `test`, to see that the receiver takes it.
#[utoipa::path(post, path = "/v1/settings/test-notice", tag = "service",
    responses((status = 202, body = TestNotice), (status = "4XX", body = Problem)))]
async fn try_notices(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
) -> Result<(StatusCode, Json<TestNotice>), Refusal> {
    if service.notices().is_none() {
        return Err(Refusal::of(Kind::NobodyIsTold)
            .hint("start the service with `--notices URL --notices-secret-file FILE`"));
    }
    let id = format!("test/{}", random_name());
    service.tell(Notice {
        id: id.clone(),
        kind: "test",
        app: String::new(),
        at: service.now(),
        details: json!({"by": caller.owner}),
    });
    Ok((StatusCode::ACCEPTED, Json(TestNotice { id })))
}

#[cfg(test)]
mod tests {
    use easemob_admin_remote::api::GroupRole;

    use super::*;

    #[test]
    fn an_administrator_of_one_app_sees_no_roles_of_others() {
        let role = |group: &str, apps: &[&str]| GroupRole {
            group: group.into(),
            scopes: [Scope::DevicesRead].into(),
            apps: apps.iter().map(|app| (*app).to_owned()).collect(),
        };
        let issuers = vec![IssuerRoles {
            issuer: "https://login.example.com".into(),
            groups_claim: "groups".into(),
            roles: vec![
                role("all", &["*"]),
                role("both", &["chat", "other"]),
                role("others", &["other"]),
            ],
        }];
        let caller = Caller::of_test(&[(Scope::Admin, "chat"), (Scope::DevicesRead, "other")]);
        let seen = for_apps_of(&caller, issuers);
        assert_eq!(seen[0].roles, [role("all", &["*"]), role("both", &["chat"])]);
    }
}
