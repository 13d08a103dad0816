//! Who is calling, and what they may do.

mod caller;
mod first;
mod keys;
mod rate;
mod token;

use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

pub(crate) use self::caller::Caller;
pub use self::first::first_key;
pub(crate) use self::first::{claim, offer};
pub(crate) use self::keys::{StoredKey, make, page, revoke, rotate};
pub(crate) use self::rate::KeyRates;
use self::token::Token;
use crate::blocking::blocking;
use crate::operation::of_key;
use crate::problem::{Kind, Refusal};
use crate::routes::Rule;
use crate::service::Service;

/// Lets a request through if its key may do what the rule asks for, and tells the endpoint who is calling, and about which app.
pub(crate) async fn authorize(
    State((service, rule)): State<(Service, Rule)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if rule == Rule::Anybody {
        return Ok(next.run(request).await);
    }
    let caller = identify(&service, request.headers()).await?;
    service.key_rates().count(&caller.key)?;
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
    }
    if !rule.scopes().is_empty() {
        caller.require_any(rule.scopes())?;
    }
    let key = caller.key.clone();
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    of_key(&mut response, &key);
    Ok(response)
}

/// Finds out who is calling.
async fn identify(service: &Service, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let token = bearer(headers)?;
    let service = service.clone();
    blocking(move || keys::caller(&service, &token)).await
}

fn bearer(headers: &HeaderMap) -> Result<Token, Refusal> {
    let refused = |why: &str| {
        Refusal::of(Kind::NotSignedIn)
            .detail(why)
            .hint("send the header `Authorization: Bearer KEY`")
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or_else(|| refused("the request has no key"))?;
    if given.next().is_some() {
        return Err(refused("the request has more than one Authorization header"));
    }
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Token::parse(rest.trim()))?
    });
    token.ok_or_else(|| refused("this is not a key of the service"))
}
