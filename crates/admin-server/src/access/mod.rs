//! Who is calling, and what they may do.

mod caller;
mod first;
mod keys;
mod lasting;
pub mod openid;
mod rate;
pub mod session;
mod session_token;
mod token;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

pub(crate) use self::caller::{Caller, EVERY_APP};
pub use self::first::first_key;
pub(crate) use self::first::{claim, offer};
pub(crate) use self::keys::{StoredKey, holder, make, of_secret, page, revoke, rotate};
pub(crate) use self::lasting::while_valid;
use self::openid::looks_like_a_token;
pub(crate) use self::rate::KeyRates;
use self::session::SignedIn;
pub(crate) use self::session_token::issue;
use self::token::Token;
pub(crate) use self::token::is_id;
use crate::blocking::blocking;
use crate::operation::of_key;
use crate::patience::while_read;
use crate::problem::{Kind, Refusal};
use crate::proxy::envelope::vendor_answer;
use crate::proxy::token::app_of;
use crate::routes::Rule;
use crate::service::Service;

/// Lets a request through if its key may do what the rule asks for, and tells the endpoint who is calling, and about which app.
pub(crate) async fn authorize(
    State((service, rule)): State<(Service, Rule)>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let permitted = match &params {
        Ok(params) => permit(&service, rule, params, &mut request).await,
        Err(why) => Err(Refusal::of(Kind::BadName).detail(format!("the address cannot be read: {why}"))),
    };
    match permitted {
        Ok(None) => Ok(next.run(request).await),
        Ok(Some(key)) => {
            let mut answer = while_read(request, next).await;
            of_key(&mut answer, &key);
            Ok(answer)
        }
        Err(refusal) if matches!(rule, Rule::HasForVendorApp(_)) => Ok(vendor_answer(&refusal)),
        Err(refusal) => Err(refusal),
    }
}

/// Returns the key of whoever may pass; none is needed for what anybody may ask.
async fn permit(
    service: &Service,
    rule: Rule,
    params: &RawPathParams,
    request: &mut Request,
) -> Result<Option<String>, Refusal> {
    if rule == Rule::Anybody {
        return Ok(None);
    }
    // Only this process can have put it there: no header becomes one.
    let signed_in = request.extensions_mut().remove::<SignedIn>();
    let is_vendors = matches!(rule, Rule::HasForVendorApp(_));
    let mut caller = match signed_in {
        Some(signed_in) => signed_in.caller,
        None => identify(service, request.headers(), is_vendors).await?,
    };
    service.key_rates().count(&caller.key)?;
    if is_vendors {
        let part = |wanted: &str| {
            params
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, part)| part)
        };
        let path = |wanted| part(wanted).unwrap_or_default().to_owned();
        let app = app_of(service, &caller, &(path("org"), path("name")))?;
        caller = caller.about(&app.name);
        request.extensions_mut().insert(app);
    }
    if let Rule::HasForApp(_) = rule {
        let named = params.iter().find(|(name, _)| *name == "app").map(|(_, app)| app);
        let named = named.unwrap_or_default();
        if !caller.is_for(named) {
            return Err(Refusal::of(Kind::OtherApp)
                .detail(format!("the key {} is not for the app `{named}`", caller.key))
                .hint("GET /v1/apps lists the apps that it is for"));
        }
        let app = service.apps().get(named).cloned();
        let app = app.ok_or_else(|| Refusal::of(Kind::NoSuchApp).hint("GET /v1/apps lists the apps"))?;
        request.extensions_mut().insert(app);
        caller = caller.about(named);
    }
    if !rule.scopes().is_empty() {
        caller.require_any(rule.scopes())?;
    }
    let key = caller.key.clone();
    request.extensions_mut().insert(caller);
    Ok(Some(key))
}

/// Finds out who is calling.
async fn identify(service: &Service, headers: &HeaderMap, is_vendors: bool) -> Result<Caller, Refusal> {
    let text = bearer(headers)?;
    // A token that stands for a key is for the calls of the vendor only.
    if is_vendors && session_token::looks_like_one(text) {
        let (service, text) = (service.clone(), text.to_owned());
        return blocking(move || session_token::caller(&service, &text)).await;
    }
    if let Some(token) = Token::parse(text) {
        let service = service.clone();
        return blocking(move || keys::caller(&service, &token)).await;
    }
    match service.openid() {
        Some(openid) if looks_like_a_token(text) => {
            let found = openid.caller(text, service.now()).await;
            found.map_err(|why| not_signed_in(why.words()).hint("sign in again: easemob-admin login"))
        }
        _ => Err(not_signed_in("this is not a key of the service")),
    }
}

fn not_signed_in(why: &str) -> Refusal {
    Refusal::of(Kind::NotSignedIn)
        .detail(why)
        .hint("send the header `Authorization: Bearer KEY`")
}

/// Returns the text after `Bearer`.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given
        .next()
        .ok_or_else(|| not_signed_in("the request has no key"))?;
    if given.next().is_some() {
        return Err(not_signed_in(
            "the request has more than one Authorization header",
        ));
    }
    let text = value.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    text.ok_or_else(|| not_signed_in("this is not a key of the service"))
}
