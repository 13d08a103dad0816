//! Signing in at an issuer (`OpenID` Connect): the browser is sent there, comes back with a code, and goes on to its page.
//!
//! What the browser has to bring back is in a cookie that comes along from the issuer's site. The cookie of the session does not:
//! so the answer to whoever comes back is a page of ours, which goes on to the page that was asked for.

use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::Problem;
use easemob_admin_server::access::openid::console::{Back, Leaving, Place};
use easemob_admin_server::trace_of;
use easemob_admin_words::{t, told_later, within};
use maud::html;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::sign_in::{Asked, local, narrow, page};
use crate::Console;
use crate::api::encoded;
use crate::entrance;
use crate::icons::Icon;
use crate::look::Look;
use crate::problem::{problem, with_hint};

/// How long somebody may take to sign in, in seconds.
const PATIENCE: u32 = 10 * 60;

/// The longest address to come back to; a browser that has to keep a longer one comes back to the beginning.
const LONGEST_NEXT: usize = 1_500;

/// What the browser keeps while it is away.
#[derive(Serialize, Deserialize)]
struct Kept {
    secret: String,
    next: String,
    again: bool,
    /// The session that the new one takes the place of.
    replaces: Option<String>,
}

impl Kept {
    fn of(console: &Console, headers: &HeaderMap) -> Option<Self> {
        let value = console.kept_while_away(headers)?;
        let text = percent_decode_str(value).decode_utf8().ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// Sends the browser to an issuer.
pub(crate) async fn begin(
    State(console): State<Console>,
    Path(word): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if entrance::is_foreign(&headers) {
        // No other site signs anybody in: the person says so.
        return Redirect::to(&asked.address()).into_response();
    }
    let next = local(asked.next.as_deref());
    let next = if next.len() > LONGEST_NEXT {
        "/console"
    } else {
        next
    };
    let again = asked.again.is_some();
    let leaving = match comes_back_to(&console, &headers, &word) {
        Ok(address) => {
            let asks = again || asked.out.is_some();
            console.service.send_to_sign_in(&word, &address, asks).await
        }
        Err(problem) => Err(problem),
    };
    let Leaving { secret, address } = match leaving {
        Ok(leaving) => leaving,
        Err(problem) => return page(&console, &headers, &asked, Some(&problem)),
    };
    let kept = Kept {
        secret,
        next: next.to_owned(),
        again,
        replaces: console.secret(&headers).and_then(trace_of),
    };
    let kept = serde_json::to_string(&kept).unwrap_or_default();
    let cookie = console.cookie_while_away(&encoded(&kept), PATIENCE);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&address)).into_response()
}

/// Signs in whoever comes back.
pub(crate) async fn back(
    State(console): State<Console>,
    Path(word): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let kept = Kept::of(&console, &headers);
    let asked = Asked {
        next: kept.as_ref().map(|kept| kept.next.clone()),
        again: kept.as_ref().filter(|kept| kept.again).map(|_| "1".into()),
        out: None,
    };
    let signed_in = match (&kept, comes_back_to(&console, &headers, &word)) {
        (Some(kept), Ok(address)) => {
            let back = Back {
                place: &word,
                secret: &kept.secret,
                comes_back_to: &address,
                query: query.as_deref().unwrap_or_default(),
                again: kept.again,
                replaces: kept.replaces.as_deref(),
            };
            console.service.sign_in_with_openid(back).await
        }
        (None, Ok(_)) => Err(not_sent()),
        (_, Err(problem)) => Err(problem),
    };
    let mut answer = match &signed_in {
        Ok(_) => gone_on(&Look::of(&headers), local(asked.next.as_deref())),
        Err(problem) => page(&console, &headers, &asked, Some(problem)),
    };
    // What was brought back is used up, whatever came of it.
    let cookies = [
        Some(console.cookie_while_away("", 0)),
        signed_in.ok().map(|session| console.cookie_of(&session)),
    ];
    for cookie in cookies.into_iter().flatten() {
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    answer
}

fn not_sent() -> Problem {
    with_hint(
        401,
        "not-let-in",
        told_later!("This sign-in was not begun in this browser, or took longer than ten minutes"),
        told_later!("Sign in again from this page, at the same address of the console."),
    )
}

/// The page that goes on to another one by itself. A redirect would be the issuer's, to which the cookie of the session is not sent.
fn gone_on(look: &Look, next: &str) -> Response {
    let content = html! {
        div.stack {
            p role="status" { (t!("You are signed in. Your page is being opened.")) }
            a.btn."btn--go" href=(next) { (Icon::NEXT) (t!("Go on")) }
        }
    };
    let page = within(look.language, || narrow(look, t!("Sign in"), &content));
    let mut answer = entrance::html(StatusCode::OK, &page);
    if let Ok(refresh) = HeaderValue::try_from(format!("0; url={next}")) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("refresh"), refresh);
    }
    answer
}

/// Returns the address to which the browser comes back: exactly the same each time, since issuers compare it.
fn comes_back_to(console: &Console, headers: &HeaderMap, word: &str) -> Result<String, Problem> {
    let places = console.service.places_to_sign_in();
    let Some(place) = places.into_iter().find(|place| place.word == word) else {
        let title = told_later!("The service has no such identity provider");
        return Err(problem(404, "no-such-issuer", title));
    };
    let address = place
        .address
        .clone()
        .or_else(|| of_this_machine(headers, console.over_tls));
    let address = address.ok_or_else(|| {
        with_hint(
            500,
            "no-address",
            told_later!("The console does not know its own address, so nobody can come back from the identity provider"),
            told_later!("An administrator sets `address` in the file of --openid. Sign in with a key until then."),
        )
    })?;
    Ok(crate::comes_back_to(&address, &place))
}

/// Returns the path to which browsers come back from an issuer.
pub(crate) fn path_back_from(issuer: &Place) -> String {
    format!("/console/sign-in/at/{}", encoded(&issuer.word))
}

/// Returns the address by which a browser of this machine reaches the service. A browser of another machine may have been told any
/// name.
fn of_this_machine(headers: &HeaderMap, over_tls: bool) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let scheme = if over_tls { "https" } else { "http" };
    let address = format!("{scheme}://{host}");
    let parsed = url::Url::parse(&address).ok()?;
    let is_here = match parsed.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    };
    let is_plain = parsed.path() == "/" && parsed.username().is_empty() && parsed.query().is_none();
    (is_here && is_plain).then(|| parsed.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_believed_to_be_where_a_request_says() {
        let of = |host: &str, over_tls| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            of_this_machine(&headers, over_tls)
        };
        for (host, address) in [
            ("127.0.0.1:7300", "http://127.0.0.1:7300"),
            ("localhost:7300", "http://localhost:7300"),
            ("[::1]:7300", "http://[::1]:7300"),
        ] {
            assert_eq!(of(host, false).as_deref(), Some(address));
        }
        assert_eq!(of("localhost", true).as_deref(), Some("https://localhost"));
        for host in [
            "ops.example.com",
            "127.0.0.1.evil.example.com",
            "evil@localhost",
            "localhost/evil",
            "localhost?x",
            "localhost.evil.example.com",
            "",
        ] {
            assert_eq!(of(host, false), None, "{host}");
        }
    }
}
