//! Every route of the service, with the rule that decides who may use it.

use axum::Router;
use axum::middleware::from_fn_with_state;
use easemob_admin_remote::api::Scope;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder, RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::access::authorize;
use crate::endpoints;
use crate::operation::follow_request;
use crate::problem::problem_kinds;
use crate::service::Service;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anybody, without a key.
    Anybody,
    /// Whoever has a valid key, whatever it may do.
    AnyKey,
    /// A key with one of these scopes, whatever its apps.
    Has(&'static [Scope]),
    /// A key for the app in the path, with one of these scopes. The route may ask for more, by what is done.
    HasForApp(&'static [Scope]),
    /// As [`HasForApp`](Self::HasForApp), for a call of the vendor: the path has the org and name of the app, or `app-id` and its
    /// id, and a refusal has the form of the vendor's.
    HasForVendorApp(&'static [Scope]),
}

impl Rule {
    /// Returns the scopes, any one of which is enough.
    #[must_use]
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Anybody | Self::AnyKey => &[],
            Self::Has(scopes) | Self::HasForApp(scopes) | Self::HasForVendorApp(scopes) => scopes,
        }
    }
}

/// Routes that are being collected. One can only be added with its rule.
pub(crate) struct Routes(Vec<(Rule, UtoipaMethodRouter<Service>)>);

impl Routes {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds routes with one address and one rule.
    pub(crate) fn add(mut self, rule: Rule, routes: UtoipaMethodRouter<Service>) -> Self {
        self.0.push((rule, routes));
        self
    }

    /// Adds the routes of a resource.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Builds the router.
pub(crate) fn router(service: &Service) -> Router {
    let mut router = OpenApiRouter::<Service>::default();
    for (rule, (schemas, paths, methods)) in endpoints::all().0 {
        let guarded = methods.layer(from_fn_with_state((service.clone(), rule), authorize));
        router = router.routes((schemas, paths, guarded));
    }
    let (router, _) = router.split_for_parts();
    router
        .fallback(endpoints::no_such_path)
        .method_not_allowed_fallback(endpoints::wrong_method)
        .layer(from_fn_with_state(service.clone(), follow_request))
        .with_state(service.clone())
}

/// Returns the OpenAPI document of the service.
#[must_use]
pub fn openapi() -> OpenApi {
    let info = InfoBuilder::new()
        .title("easemob-admin")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Sessions of the users of an Easemob IM app: who is signed in where, signing out, limits, logins, and the audit trail."))
        .license(Some(License::new("Apache-2.0")));
    let mut router = OpenApiRouter::<Service>::with_openapi(OpenApiBuilder::new().info(info.build()).build());
    for (rule, (schemas, mut paths, methods)) in endpoints::all().0 {
        for item in paths.paths.values_mut() {
            for (_, operation) in operations(item) {
                operation.security = Some(security(rule));
                // The refusals of the vendor's calls have the form of the vendor's.
                if !matches!(rule, Rule::HasForVendorApp(_)) {
                    problems(operation);
                }
            }
        }
        router = router.routes((schemas, paths, methods));
    }
    let (_, mut document) = router.split_for_parts();
    let key = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", key);
    if let Some(RefOr::T(Schema::Object(problem))) = components.schemas.get_mut("Problem")
        && let Some(RefOr::T(Schema::Object(kind))) = problem.properties.get_mut("type")
    {
        let kinds = problem_kinds().map(|(_, word)| format!("/problems/{word}").into());
        kind.enum_values = Some(kinds.collect());
    }
    document
}

/// Returns every route: its method, its address, and its rule.
#[must_use]
pub fn table() -> Vec<(&'static str, String, Rule)> {
    let mut rows = Vec::new();
    for (rule, (_, mut paths, _)) in endpoints::all().0 {
        for (path, item) in &mut paths.paths {
            let methods = operations(item);
            rows.extend(
                methods
                    .into_iter()
                    .map(|(method, _)| (method, path.clone(), rule)),
            );
        }
    }
    rows.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    rows
}

/// Problems have a type of their own, which the macro of a route does not know.
fn problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response
                .content
                .insert("application/problem+json".into(), content);
        }
    }
}

fn security(rule: Rule) -> Vec<SecurityRequirement> {
    match rule {
        Rule::Anybody => Vec::new(),
        Rule::AnyKey => vec![SecurityRequirement::new("key", Vec::<String>::new())],
        Rule::Has(scopes) | Rule::HasForApp(scopes) | Rule::HasForVendorApp(scopes) => scopes
            .iter()
            .map(|scope| SecurityRequirement::new("key", [scope.as_str()]))
            .collect(),
    }
}

fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
        .collect()
}
