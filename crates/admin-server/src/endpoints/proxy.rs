//! The vendor's calls, under the app's own address.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on, post};
use easemob_admin_api::header_text::decoded;
use easemob_admin_api::{DisconnectVerb, UserId};
use easemob_admin_remote::api::Scope;
use serde_json::Value;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType,
};
use utoipa::openapi::{Content, Paths, RefOr, Required, ResponseBuilder};

use crate::access::Caller;
use crate::apps::App;
use crate::extract::{json, media_type, whole_up_to, wrong_type};
use crate::problem::{Kind, Refusal};
use crate::proxy::act::{About, Act, Why, perform};
use crate::proxy::calls::{self, Call, ForEach, Whom};
use crate::proxy::envelope::{NO_SUCH_CALL, envelope, vendor_answer};
use crate::proxy::passed::{Passed, read};
use crate::proxy::token;
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// The largest request that is passed on. The vendor itself refuses more than 5,000 bytes; other servers may take more.
const LARGEST: usize = 64 * 1024;

/// The most characters of a reason or a ticket.
const LONGEST: usize = 500;

/// Signs that a server may read once more as a part of the path: the user would be another one than the trail has.
const OF_PATHS: [char; 6] = ['%', ';', '/', '\\', '?', '#'];

/// How many users the vendor deletes unless the call says.
const OLDEST: u64 = 10;

pub(super) fn routes() -> Routes {
    struct Each(Option<Routes>);
    impl ForEach for Each {
        fn call<C: Call>(&mut self) {
            let routes = self.0.take().unwrap_or_else(Routes::new);
            let rule = Rule::HasForVendorApp(const { &[C::SCOPE] as &[Scope] });
            self.0 = Some(routes.add(rule, route::<C>()));
        }
    }
    let mut each = Each(None);
    calls::each(&mut each);
    let sign_in = Described {
        method: "POST",
        path: &["token"],
        query: &[],
        fields: &["grant_type", "client_id", "client_secret", "ttl"],
        // Whoever signs in proves who it is in the body.
        acts: false,
        takes_many: false,
        about: "A token that stands for a key of the service",
    };
    let sign_in = sign_in.paths();
    let routes = each.0.unwrap_or_else(Routes::new);
    routes.add(Rule::Anybody, (Vec::new(), sign_in, post(token::issue)))
}

type Route = (
    Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
    Paths,
    MethodRouter<Service>,
);

fn route<C: Call>() -> Route {
    let filter = MethodFilter::try_from(C::METHOD).unwrap_or(MethodFilter::GET);
    let about = format!("The vendor's call `{}`, passed on", C::NAME);
    let method = C::METHOD;
    let described = Described {
        method: method.as_str(),
        path: C::PATH,
        query: C::QUERY,
        fields: C::FIELDS,
        acts: C::ACT.is_some(),
        takes_many: C::ACT.is_some_and(|act| act.whom == Whom::InBody),
        about: &about,
    };
    (Vec::new(), described.paths(), on(filter, received::<C>))
}

/// A call, as the OpenAPI document describes it.
struct Described<'a> {
    method: &'a str,
    path: &'a [&'a str],
    query: &'a [&'a str],
    fields: &'a [&'a str],
    /// Whether it changes something, and takes a reason.
    acts: bool,
    /// Whether its body may be a list.
    takes_many: bool,
    about: &'a str,
}

impl Described<'_> {
    fn paths(&self) -> Paths {
        let in_path = self.path.iter().filter_map(|part| placeholder(part));
        let words = self.path.iter().map(|part| placeholder(part).unwrap_or(part));
        let id = format!(
            "vendor_{}_{}",
            self.method.to_lowercase(),
            words.collect::<Vec<_>>().join("_")
        );
        let mut operation = OperationBuilder::new()
            .tag("vendor")
            .operation_id(Some(id))
            .summary(Some(self.about));
        for name in ["org", "name"].into_iter().chain(in_path) {
            operation = operation.parameter(parameter(name, ParameterIn::Path).build());
        }
        for name in self.query {
            operation = operation.parameter(parameter(name, ParameterIn::Query).build());
        }
        if self.acts {
            let why = "Why, for the audit trail; needed unless the key has a reason. May be percent-encoded behind UTF-8''";
            let reason = parameter("X-Reason", ParameterIn::Header).description(Some(why));
            let ticket =
                parameter("X-Ticket", ParameterIn::Header).description(Some("The ticket that belongs to it"));
            operation = operation.parameter(reason.build()).parameter(ticket.build());
        }
        if !self.fields.is_empty() {
            operation = operation.request_body(Some(self.body()));
        }
        for (status, about) in [
            ("200", "What the vendor answers"),
            ("4XX", "An error of the vendor's form"),
            ("5XX", "An error of the vendor's form"),
        ] {
            operation = operation.response(status, ResponseBuilder::new().description(about).build());
        }
        let method = match self.method {
            "PUT" => HttpMethod::Put,
            "POST" => HttpMethod::Post,
            "DELETE" => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let operation: Operation = operation.build();
        let address = format!("/{{org}}/{{name}}/{}", self.path.join("/"));
        let mut paths = Paths::new();
        paths.paths.insert(address, PathItem::new(method, operation));
        paths
    }

    /// Fields that the vendor documents, of any type, and no others.
    fn body(&self) -> RequestBody {
        let mut fields =
            ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        for field in self.fields {
            let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            fields = fields.property(*field, anything);
        }
        let fields = RefOr::T(Schema::from(fields.build()));
        let schema = if self.takes_many {
            let each = ArrayBuilder::new().items(fields.clone());
            OneOfBuilder::new().item(fields).item(each.build()).into()
        } else {
            fields
        };
        RequestBodyBuilder::new()
            .content("application/json", Content::new(Some(schema)))
            .build()
    }
}

fn parameter(name: &str, place: ParameterIn) -> ParameterBuilder {
    let is_needed = matches!(place, ParameterIn::Path);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_needed {
            Required::True
        } else {
            Required::False
        })
        .schema(Some(utoipa::schema!(String)))
}

/// Returns the name of a part that stands for anything.
fn placeholder(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

async fn received<C: Call>(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    params: RawPathParams,
    request: Request,
) -> Response {
    let asked = match Asked::<C>::read(&app, &params, request).await {
        Ok(asked) => asked,
        Err(refusal) => return vendor_answer(&refusal),
    };
    let Some(rules) = C::ACT else {
        return read(&service, &app, asked.call).await;
    };
    let checked = asked
        .about(rules.whom)
        .and_then(|about| Ok((about, why(&asked.headers, &caller)?)));
    match checked {
        Ok((about, why)) => {
            let call = asked.call;
            perform(Act {
                service,
                app,
                caller,
                rules,
                about,
                why,
                call,
            })
            .await
        }
        Err(refusal) => vendor_answer(&refusal),
    }
}

/// A call as it was received.
struct Asked<C> {
    headers: HeaderMap,
    params: Vec<(String, String)>,
    call: Passed<C>,
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::of(Kind::BadRequest).detail(why)
}

impl<C: Call> Asked<C> {
    async fn read(app: &App, params: &RawPathParams, request: Request) -> Result<Self, Refusal> {
        // A question for the head of an answer must not sign anybody out.
        if *request.method() != C::METHOD {
            return Err(Refusal::of(Kind::WrongMethod).detail(format!("send {}", C::METHOD)));
        }
        let params: Vec<(String, String)> = params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let value = |wanted: &str| {
            params
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        let segments = C::PATH.iter().map(|part| match placeholder(part) {
            Some(name) => value(name).unwrap_or_default(),
            None => (*part).to_owned(),
        });
        let segments = segments.collect();
        for name in ["user", "other"] {
            if let Some(named) = value(name) {
                user(&named)?;
            }
        }
        let mut query = query::<C>(&request)?;
        if C::ACT.is_some_and(|act| act.whom == Whom::Oldest) {
            say_how_many(&mut query)?;
        }
        let about = value("user").map(|user| match value("device") {
            Some(device) => format!("{user}/{device}"),
            None => user,
        });
        let headers = request.headers().clone();
        let body = body::<C>(&headers, request).await?;
        let call = Passed {
            method: method::<C>(app),
            segments,
            query,
            body,
            about,
            call: PhantomData,
        };
        Ok(Self {
            headers,
            params,
            call,
        })
    }

    fn about(&self, whom: Whom) -> Result<About, Refusal> {
        let value = |wanted: &str| {
            self.params
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        let users = match whom {
            Whom::InPath => vec![user(value("user").unwrap_or_default())?],
            Whom::InBody => users_of(self.call.body.as_ref())?,
            Whom::Oldest | Whom::TheApp => Vec::new(),
        };
        let size = match whom {
            Whom::InPath | Whom::InBody => users.len() as u64,
            Whom::TheApp => u64::MAX,
            Whom::Oldest => {
                let limit = self.call.query.iter().find(|(name, _)| *name == "limit");
                limit
                    .and_then(|(_, limit)| limit.parse().ok())
                    .unwrap_or(u64::MAX)
            }
        };
        Ok(About {
            users,
            device: value("device").map(str::to_owned),
            size,
        })
    }
}

/// Servers disagree how one device is signed out; the service knows how its server wants it.
fn method<C: Call>(app: &App) -> Method {
    if C::NAME != "sessions.logout_device" {
        return C::METHOD;
    }
    match app.server.client().disconnect_verb() {
        DisconnectVerb::Get => Method::GET,
        _ => Method::DELETE,
    }
}

fn user(name: &str) -> Result<UserId, Refusal> {
    if let Some(sign) = name.chars().find(|sign| OF_PATHS.contains(sign)) {
        return Err(bad(format!("`{sign}` is in no name of a user")));
    }
    UserId::parse(name).map_err(|error| bad(error.to_string()))
}

fn query<C: Call>(request: &Request) -> Result<Vec<(&'static str, String)>, Refusal> {
    let given: Query<Vec<(String, String)>> =
        Query::try_from_uri(request.uri()).map_err(|error| bad(error.body_text()))?;
    let mut query: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in given.0 {
        let known = C::QUERY.iter().find(|known| **known == name);
        let known = *known.ok_or_else(|| bad(format!("the call {} has no parameter `{name}`", C::NAME)))?;
        if query.iter().any(|(name, _)| *name == known) {
            return Err(bad(format!("`{name}` is there twice")));
        }
        query.push((known, value));
    }
    Ok(query)
}

/// Says how many users the vendor is to delete, as the service counts them: what is left out, or written in another way, may be
/// another number there.
fn say_how_many(query: &mut Vec<(&'static str, String)>) -> Result<(), Refusal> {
    let limit = query.iter_mut().find(|(name, _)| *name == "limit");
    match limit {
        None => query.push(("limit", OLDEST.to_string())),
        Some((_, limit)) => {
            let number = limit.parse::<u64>().ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| bad("`limit` is a number of users"))?;
            *limit = number.to_string();
        }
    }
    Ok(())
}

/// Reads the body, which has only fields that are documented: what the call is judged by must be what it does.
async fn body<C: Call>(headers: &HeaderMap, request: Request) -> Result<Option<Value>, Refusal> {
    let bytes = whole_up_to(request.into_body(), LARGEST).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    // What somebody in between unpacks is another body than this one.
    let is_packed = |coding: &HeaderValue| !coding.as_bytes().eq_ignore_ascii_case(b"identity");
    let is_packed = headers.get_all(CONTENT_ENCODING).iter().any(is_packed);
    if media_type(headers) != Some("application/json") || is_packed {
        return Err(wrong_type("application/json"));
    }
    let body: Value = json(&bytes)?;
    let entries = body.as_array().map_or(std::slice::from_ref(&body), Vec::as_slice);
    let names = entries
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|entry| entry.keys());
    for name in names {
        if !C::FIELDS.contains(&name.as_str()) {
            return Err(bad(format!("the call {} has no field `{name}`", C::NAME)));
        }
    }
    // Those without fields may come with an empty object, or none.
    Ok(Some(body).filter(|_| !C::FIELDS.is_empty()))
}

/// Returns the users that a body names.
fn users_of(body: Option<&Value>) -> Result<Vec<UserId>, Refusal> {
    let nobody = || bad("the body names no user: `username` is missing");
    let body = body.ok_or_else(nobody)?;
    let entries = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
    let name = |entry: &Value| user(entry["username"].as_str().ok_or_else(nobody)?);
    let users = entries.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    if users.is_empty() {
        Err(nobody())
    } else {
        Ok(users)
    }
}

/// Returns why somebody makes a call: programs of the vendor cannot send a reason, so a key may have one.
fn why(headers: &HeaderMap, caller: &Caller) -> Result<Why, Refusal> {
    let text = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(bad(format!("{name} is there twice")));
        }
        let text = decoded(value.as_bytes()).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(bad(format!(
                "{name} is UTF-8, of 1 to {LONGEST} characters, or percent-encoded behind UTF-8''"
            )));
        }
        Ok(Some(text.to_owned()))
    };
    let reason = text("x-reason")?.or_else(|| caller.reason.clone());
    let reason = reason.ok_or_else(|| {
        Refusal::of(Kind::NoReason)
            .detail("what changes something has a reason, which is recorded")
            .hint("send the header X-Reason, or use a key that has a `reason`")
    })?;
    Ok(Why {
        reason,
        ticket: text("x-ticket")?,
    })
}

/// Answers a call of the vendor that is not passed on; nothing if the path is none of the vendor's.
pub(super) fn not_passed_on(method: &Method, path: &str) -> Option<Response> {
    let mut parts = path.split('/').skip(1);
    let is_a_call = parts.next() != Some("v1") && parts.next().is_some() && parts.next().is_some();
    let what = format!("the service does not pass on {method} {path}; /v1/openapi.json lists what it does");
    is_a_call.then(|| envelope(404, NO_SUCH_CALL, &what))
}
