//! Signs people in and out.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::Problem;
use easemob_admin_server::NewSession;
use easemob_admin_words::{t, translated, within};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::entrance;
use crate::frame::document;
use crate::icons::Icon;
use crate::look::Look;

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
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

pub(crate) async fn ask(headers: HeaderMap, Query(Next { next }): Query<Next>) -> Response {
    let look = Look::of(&headers);
    entrance::html(StatusCode::OK, &form(&look, local(next.as_deref()), None))
}

pub(crate) async fn with_key(
    State(console): State<Console>,
    headers: HeaderMap,
    Form(WithKey { key, next }): Form<WithKey>,
) -> Response {
    let next = local(next.as_deref());
    match console.service.sign_in_with_key(&key).await {
        Ok(session) => begun(&console, &session, next),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
            entrance::html(status, &form(&Look::of(&headers), next, Some(&problem)))
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
        Ok(session) => begun(&console, &session, "/console"),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
            entrance::html(status, &form(&Look::of(&headers), "/console", Some(&problem)))
        }
    }
}

pub(crate) async fn end(State(console): State<Console>, headers: HeaderMap) -> Response {
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
    (gone, Redirect::to("/console/sign-in")).into_response()
}

fn begun(console: &Console, session: &NewSession, next: &str) -> Response {
    let lives = session.ends.as_second() - Timestamp::now().as_second();
    let cookie = [(header::SET_COOKIE, console.cookie(&session.secret, lives.max(1)))];
    (cookie, Redirect::to(next)).into_response()
}

fn form(look: &Look, next: &str, problem: Option<&Problem>) -> Markup {
    within(look.language, || {
        narrow(
            look,
            t!("Sign in"),
            &html! {
                form.stack method="post" action="/console/sign-in" {
                    @if let Some(problem) = problem {
                        div.note."note--attn" role="alert" {
                            (Icon::WARNING)
                            div {
                                b { (translated(problem.detail.as_deref().unwrap_or(&problem.title))) } " "
                                @if let Some(hint) = &problem.hint { (translated(hint)) }
                            }
                        }
                    }
                    input type="hidden" name="next" value=(next);
                    div.field {
                        label for="key" { (t!("Your key")) }
                        input #key .mono name="key" type="password" autocomplete="current-password" required autofocus spellcheck="false";
                        p.help { (t!("It begins with ea_; an administrator of the service makes it.")) }
                    }
                    button.btn."btn--go" { (Icon::SIGN_IN) (t!("Sign in")) }
                }
            },
        )
    })
}

/// A page with one card.
fn narrow(look: &Look, title: &str, content: &Markup) -> Markup {
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
