//! Lets people in, and keeps other sites out.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use easemob_admin_remote::api::{AppView, Problem};
use easemob_admin_server::{NewSession, SignedIn};
use easemob_admin_words::told_later;
use jiff::Timestamp;
use maud::Markup;

use crate::api::{Api, encoded};
use crate::look::{Look, cookie};
use crate::page::{Page, Trouble};
use crate::problem::{problem, with_detail};
use crate::standing::{Standing, standing};
use crate::visit::{Facts, Visit, is_part};
use crate::{Console, frame};

/// The largest form.
const LARGEST: usize = 8 * 1024 * 1024;

/// What pages may do: use what comes from here, and nothing that is written in them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The name of the cookie with the secret of a session. Browsers take one of this name only over TLS, and from no other host.
const COOKIE: &str = "__Host-session";
/// The same where there is no TLS, which is on this machine only.
const COOKIE_OF_LOOPBACK: &str = "easemob-admin-session";

/// The names of the cookie with what a browser keeps while somebody signs in elsewhere.
const WHILE_AWAY: [&str; 2] = ["__Host-sign-in", "easemob-admin-sign-in"];

impl Console {
    fn cookie_name(&self) -> &'static str {
        if self.over_tls { COOKIE } else { COOKIE_OF_LOOPBACK }
    }

    fn set_cookie(&self, name: &str, value: &str, same_site: &str, lives: i64) -> String {
        let secure = if self.over_tls { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={lives}{secure}")
    }

    /// Returns the secret of the session of a request.
    pub(crate) fn secret<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, self.cookie_name())
    }

    /// Returns the value of `Set-Cookie` for the secret of a session; an empty one removes it.
    pub(crate) fn cookie(&self, secret: &str, lives: i64) -> String {
        self.set_cookie(self.cookie_name(), secret, "Strict", lives)
    }

    /// Returns the value of `Set-Cookie` for a session that has begun.
    pub(crate) fn cookie_of(&self, session: &NewSession) -> String {
        let lives = session.ends.as_second() - Timestamp::now().as_second();
        self.cookie(&session.secret, lives.max(1))
    }

    /// Returns what the browser of a request has kept while somebody signed in elsewhere.
    pub(crate) fn kept_while_away<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, WHILE_AWAY[usize::from(!self.over_tls)])
    }

    /// Returns the value of `Set-Cookie` for that; an empty one removes it. The browser sends it along when another site sends it
    /// back, and with nothing else that another site makes it send.
    pub(crate) fn cookie_while_away(&self, value: &str, lives: u32) -> String {
        self.set_cookie(
            WHILE_AWAY[usize::from(!self.over_tls)],
            value,
            "Lax",
            lives.into(),
        )
    }
}

/// Lets somebody in who is signed in, and puts what is around each page around the page.
pub(crate) async fn enter(
    State(console): State<Console>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let look = Look::of(request.headers());
    let address = request
        .uri()
        .path_and_query()
        .map_or("/console", |address| address.as_str());
    let found = match console.secret(request.headers()) {
        Some(secret) => console.service.signed_in(secret).await,
        None => Ok(None),
    };
    let signed_in = match found {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return to_sign_in(&request, address),
        Err(problem) => return outside(&look, &problem),
    };
    let named = params
        .iter()
        .find(|(name, _)| *name == "app")
        .map(|(_, app)| app.to_owned());
    let api = Api::new(
        console.api.clone(),
        signed_in.clone(),
        named.as_deref().unwrap_or_default(),
    );
    let app = match app(&api, named.as_deref()).await {
        Ok(app) => app,
        Err(problem) => return outside(&look, &problem),
    };
    let whole = !is_part(request.headers());
    let mut facts = Facts {
        signed_in,
        look,
        app,
        api,
        now: Timestamp::now(),
        address: address.to_owned(),
        standing: Standing::default(),
    };
    if whole && request.method() == Method::GET && facts.app.is_some() {
        facts.standing = standing(&facts, &console.usage).await;
    }
    let visit = Visit(Arc::new(facts));
    let mut response = match from_a_form_of_ours(&visit.signed_in, request).await {
        Ok(mut request) => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
        Err(problem) => Trouble(problem).into_response(),
    };
    if let Some(page) = response.extensions_mut().remove::<Page>() {
        return with_headers(&response, framed(&visit, whole, &page));
    }
    if let Some(Trouble(problem)) = response.extensions_mut().remove::<Trouble>() {
        return with_headers(
            &response,
            framed(&visit, whole, &frame::trouble(&visit, &problem)),
        );
    }
    response
}

/// Returns the app that is named, if the person may do anything for it.
async fn app(api: &Api, named: Option<&str>) -> Result<Option<AppView>, Problem> {
    let Some(named) = named else { return Ok(None) };
    let apps: Vec<AppView> = api.get_of_service("/v1/apps").await?;
    let found = apps.into_iter().find(|app| app.name == named);
    let missing = || problem(404, "no-such-app", told_later!("The service has no such app"));
    found.map(Some).ok_or_else(missing)
}

fn framed(visit: &Visit, whole: bool, page: &Page) -> Response {
    let markup = if whole {
        frame::whole(visit, page)
    } else {
        frame::part(visit, page)
    };
    html(StatusCode::OK, &markup)
}

/// Keeps the status and the headers that a handler has set.
fn with_headers(from: &Response, mut to: Response) -> Response {
    *to.status_mut() = from.status();
    for (name, value) in from.headers() {
        to.headers_mut().insert(name.clone(), value.clone());
    }
    to
}

/// Answers somebody of whom nothing is known but the language.
fn outside(look: &Look, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    html(status, &frame::outside(look, problem))
}

/// Returns an answer with a page.
pub(crate) fn html(status: StatusCode, markup: &Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // Another person may use the browser next.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, markup.0.clone()).into_response()
}

fn to_sign_in(request: &Request, address: &str) -> Response {
    // A form that was filled in is gone; its page is there again.
    let next = if request.method() == Method::GET {
        address
    } else {
        "/console"
    };
    let address = format!("/console/sign-in?next={}", encoded(next));
    if is_part(request.headers()) {
        // A part of a page cannot show where to sign in.
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", address)]).into_response();
    }
    Redirect::to(&address).into_response()
}

/// Lets a request pass that changes something only if a page of ours has sent it.
async fn from_a_form_of_ours(signed_in: &SignedIn, request: Request) -> Result<Request, Problem> {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return Ok(request);
    }
    let title = told_later!("The form is not of this session");
    let refused = |status, detail: &str| with_detail(status, "other-site", title, detail);
    let given = request
        .headers()
        .get("x-form-secret")
        .and_then(|value| value.to_str().ok());
    if let Some(given) = given {
        if signed_in.sent(given) {
            return Ok(request);
        }
        return Err(refused(
            403,
            told_later!("Nothing was done. Load the page again."),
        ));
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LARGEST).await;
    let bytes = bytes.map_err(|_| {
        refused(
            413,
            told_later!("Nothing was done. The form is larger than 8 MiB."),
        )
    })?;
    // Files are sent with the secret in the address, since it cannot be looked for in them.
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let sent = [&*bytes, query].into_iter().any(|text| {
        let mut fields = form_fields(text);
        fields.any(|(name, value)| name == "form" && signed_in.sent(&value))
    });
    if sent {
        Ok(Request::from_parts(parts, Body::from(bytes)))
    } else {
        Err(refused(
            403,
            told_later!("Nothing was done. Load the page again."),
        ))
    }
}

fn form_fields(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(text).into_owned()
}

/// Returns true if another site makes a browser send this.
pub(crate) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
        || text("origin").is_some_and(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_none() || host != text("host")
        })
}

/// Refuses what another site makes a browser send.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let changes = request.method() != Method::GET && request.method() != Method::HEAD;
    if changes && is_foreign(request.headers()) {
        return (StatusCode::FORBIDDEN, "another site sent this\n").into_response();
    }
    next.run(request).await
}

/// Says in each answer what the page may do, and that nobody may keep it, or show it inside another.
pub(crate) async fn safe(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Nothing that was answered to one person is there for the next one.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
