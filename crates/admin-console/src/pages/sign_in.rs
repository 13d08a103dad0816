//! Signs people in and out.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::Problem;
use easemob_admin_server::NewSession;
use easemob_admin_words::{t, translated, within};
use maud::{Markup, html};
use serde::Deserialize;

use super::sign_in_elsewhere::path_back_from;
use crate::Console;
use crate::api::encoded;
use crate::entrance;
use crate::frame::document;
use crate::icons::Icon;
use crate::look::Look;
use crate::visit::Visit;

/// What somebody signs in for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// Where to go afterwards.
    pub(super) next: Option<String>,
    /// Whether the last time was too long ago for an act, which needs somebody who has just shown who it is.
    pub(super) again: Option<String>,
    /// Whether somebody has just signed out, so that an issuer should ask who is there now.
    pub(super) out: Option<String>,
}

impl Asked {
    /// Returns the address of the page that asks.
    pub(super) fn address(&self) -> String {
        format!("/console/sign-in?{}", self.query())
    }

    fn query(&self) -> String {
        let again = if self.again.is_some() { "again=1&" } else { "" };
        let out = if self.out.is_some() { "out=1&" } else { "" };
        format!("{again}{out}next={}", encoded(local(self.next.as_deref())))
    }
}

/// A key, and where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct WithKey {
    key: String,
    next: Option<String>,
}

/// A code that signs in once.
#[derive(Deserialize)]
pub(crate) struct WithCode {
    code: String,
}

pub(crate) async fn ask(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    page(&console, &headers, &asked, None)
}

pub(crate) async fn with_key(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(WithKey { key, next }): Form<WithKey>,
) -> Response {
    match console.service.sign_in_with_key(&key).await {
        Ok(session) => begun(&console, &headers, &session, local(next.as_deref())).await,
        Err(problem) => {
            let asked = Asked {
                next,
                ..Asked::default()
            };
            page(&console, &headers, &asked, Some(&problem))
        }
    }
}

/// Shows a button instead of signing in at once: whatever looks at links before people do would use the code up.
pub(crate) async fn offer(headers: HeaderMap, Query(WithCode { code }): Query<WithCode>) -> Response {
    let look = Look::of(&headers);
    let page = within(look.language, || {
        narrow(
            &look,
            t!("Sign in"),
            &html! {
                form.stack method="post" action="/console/enter" {
                    input type="hidden" name="code" value=(code);
                    p { (t!("This link signs you in once.")) }
                    button.btn."btn--go" autofocus { (Icon::SIGN_IN) (t!("Sign in")) }
                }
            },
        )
    });
    entrance::html(StatusCode::OK, &page)
}

pub(crate) async fn with_code(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(WithCode { code }): Form<WithCode>,
) -> Response {
    match console.service.sign_in_with_code(&code).await {
        Ok(session) => begun(&console, &headers, &session, "/console").await,
        Err(problem) => page(&console, &headers, &Asked::default(), Some(&problem)),
    }
}

pub(crate) async fn end(State(console): State<Console>, visit: Visit, headers: HeaderMap) -> Response {
    let ended = match console.secret(&headers) {
        Some(secret) => console.service.sign_out(secret).await,
        None => Ok(()),
    };
    if let Err(problem) = ended {
        return entrance::html(
            StatusCode::SERVICE_UNAVAILABLE,
            &crate::frame::outside(&Look::of(&headers), &problem),
        );
    }
    let gone = [(header::SET_COOKIE, console.cookie("", 0))];
    // The issuer still knows the browser, which somebody else may use next.
    let place = if visit.signed_in.is_by_issuer() {
        "/console/sign-in?out=1"
    } else {
        "/console/sign-in"
    };
    (gone, Redirect::to(place)).into_response()
}

async fn begun(console: &Console, headers: &HeaderMap, session: &NewSession, next: &str) -> Response {
    if let Some(before) = console.secret(headers) {
        // If it cannot be removed, it ends by itself.
        let _ = console.service.sign_out(before).await;
    }
    let cookie = [(header::SET_COOKIE, console.cookie_of(session))];
    (cookie, Redirect::to(next)).into_response()
}

/// Returns the page on which people sign in, which says why somebody was not signed in.
pub(super) fn page(
    console: &Console,
    headers: &HeaderMap,
    asked: &Asked,
    problem: Option<&Problem>,
) -> Response {
    let look = Look::of(headers);
    let status = problem.map_or(Ok(StatusCode::OK), |problem| StatusCode::from_u16(problem.status));
    let page = within(look.language, || {
        narrow(&look, t!("Sign in"), &content(console, asked, problem))
    });
    entrance::html(status.unwrap_or(StatusCode::UNAUTHORIZED), &page)
}

fn content(console: &Console, asked: &Asked, problem: Option<&Problem>) -> Markup {
    let places = console.service.places_to_sign_in();
    let only = places.len() == 1;
    html! { div.stack {
        @if let Some(problem) = problem {
            div.note."note--attn" role="alert" {
                (Icon::WARNING)
                div {
                    b { (translated(problem.detail.as_deref().unwrap_or(&problem.title))) } " "
                    @if let Some(hint) = &problem.hint { (translated(hint)) }
                }
            }
        }
        @if !places.is_empty() {
            div.stack {
                @for place in &places {
                    a class=(if only { "btn btn--wide btn--go" } else { "btn btn--wide" }) href={ (path_back_from(place)) "/begin?" (asked.query()) } {
                        (Icon::SIGN_IN) span { (t!("Sign in with ")) bdi { (place.name) } }
                    }
                }
                p.help { (t!("Or with a key:")) }
            }
        }
        form.stack method="post" action="/console/sign-in" {
            input type="hidden" name="next" value=(local(asked.next.as_deref()));
            div.field {
                label for="key" { (t!("Your key")) }
                input #key .mono name="key" type="password" autocomplete="current-password" required autofocus[places.is_empty()] spellcheck="false";
                p.help { (t!("It begins with ea_; an administrator of the service makes it.")) }
            }
            button class=(if places.is_empty() { "btn btn--go" } else { "btn" }) { (Icon::SIGN_IN) (t!("Sign in")) }
        }
        @if asked.again.is_some() {
            div { a.btn."btn--plain" href="/console" { (t!("To the overview")) } }
        }
    } }
}

/// A page with one card.
pub(super) fn narrow(look: &Look, title: &str, content: &Markup) -> Markup {
    document(
        look,
        &format!("{title} · easemob-admin"),
        None,
        &html! {
            main #main .page.narrow tabindex="-1" {
                div.head { div.head-t { h1 { "easemob-admin" } } }
                section.card { div.card-h { h2 { (title) } } div.card-b { (content) } }
            }
        },
    )
}

/// Returns the address to go to if it is of the console, so that no link leads elsewhere after signing in.
pub(crate) fn local(next: Option<&str>) -> &str {
    let is_ours = |address: &&str| {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let begins =
            *address == "/console" || address.starts_with("/console/") || address.starts_with("/console?");
        begins && address.bytes().all(plain) && !address.contains("//")
    };
    next.filter(is_ours).unwrap_or("/console")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_elsewhere() {
        assert_eq!(local(Some("/console/prod/users?q=a")), "/console/prod/users?q=a");
        for next in [
            "https://evil.example",
            "//evil.example",
            "/console//evil.example",
            "/consolation",
            "/console\\evil",
            "/console/a\r\nx: y",
            "",
        ] {
            assert_eq!(local(Some(next)), "/console", "{next}");
        }
    }
}
