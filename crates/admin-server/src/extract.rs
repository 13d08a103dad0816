//! Reads queries and bodies, and refuses what it does not know.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::{Kind, Refusal};

/// The largest body that is kept in memory. Longer lists of users are sent line by line.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// The query, of which every parameter is known.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|error| not_understood(&error.body_text()))
    }
}

/// A body of JSON, of which every field is known.
pub(crate) struct Sent<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        if media_type(request.headers()) != Some("application/json") {
            return Err(wrong_type("application/json"));
        }
        let bytes = whole(request.into_body()).await?;
        json(&bytes).map(Self)
    }
}

/// Reads a whole body.
pub(crate) async fn whole(body: Body) -> Result<Vec<u8>, Refusal> {
    whole_up_to(body, LARGEST).await.map_err(|refusal| {
        if refusal.kind() == Kind::TooLarge {
            refusal.hint("send a long list of users as application/x-ndjson, one in each line")
        } else {
            refusal
        }
    })
}

/// Reads a whole body of at most so many bytes.
pub(crate) async fn whole_up_to(body: Body, largest: usize) -> Result<Vec<u8>, Refusal> {
    match Limited::new(body, largest).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::of(Kind::TooLarge).detail(format!("the most is {largest} bytes")))
        }
        Err(error) => Err(Refusal::of(Kind::BadRequest).detail(format!("the body broke off: {error}"))),
    }
}

/// Reads JSON.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| not_understood(&error.to_string()))
}

/// Returns the type of a body, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

/// The body has another type than this.
pub(crate) fn wrong_type(expected: &str) -> Refusal {
    Refusal::of(Kind::WrongType).detail(format!("send it as {expected}"))
}

/// Says what of a request is not understood.
pub(crate) fn not_understood(why: &str) -> Refusal {
    let kind = if why.contains("unknown field") || why.contains("unknown variant") {
        Kind::UnknownField
    } else {
        Kind::BadRequest
    };
    Refusal::of(kind)
        .detail(why)
        .hint("the document at /v1/openapi.json lists what each request may have")
}
