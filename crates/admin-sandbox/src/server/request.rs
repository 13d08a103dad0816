use std::collections::BTreeMap;
use std::time::Instant;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::auth::Caller;
use super::errors::ApiError;
use super::lenient::Lenient;
use crate::realtime::hub::Hub;
use crate::rules::App;
use crate::rules::groups::Kind;
use crate::rules::users::User;
use crate::service::Settings;

/// A call that found its endpoint and was let in.
pub(crate) struct Request<'a> {
    pub(crate) app: &'a mut App,
    pub(crate) hub: &'a Hub,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: Caller,
    /// Whether it is about groups or chat rooms, where it is about either.
    pub(crate) kind: Kind,
    /// The variable segments of the path, decoded.
    pub(crate) args: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) app_root: &'a str,
    pub(crate) rest_url: &'a str,
    pub(crate) now_ms: u64,
    pub(crate) started: Instant,
}

impl Request<'_> {
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// Returns the user whose token it is, if it is one of a user.
    pub(crate) fn caller_name(&self) -> Option<&str> {
        match &self.caller {
            Caller::User(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the user the path names.
    pub(crate) fn user(&self) -> Result<&User, ApiError> {
        self.app.users.find(self.arg(0)).ok_or_else(ApiError::no_resource)
    }

    pub(crate) fn user_mut(&mut self) -> Result<&mut User, ApiError> {
        let name = self.args.first().map_or("", String::as_str);
        self.app.users.find_mut(name).ok_or_else(ApiError::no_resource)
    }

    /// Reads the body as any JSON.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if !may_be_json(self.headers) {
            return Err(ApiError::content_type());
        }
        serde_json::from_slice(self.body).map_err(|error| ApiError::json_parse(error.to_string()))
    }

    /// Reads the body as JSON of one form.
    pub(crate) fn form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        form(self.json()?)
    }

    /// Returns a number of the query, forced into a range as the service does.
    pub(crate) fn number(&self, name: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> usize {
        let given = self
            .query
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default);
        given.clamp(*range.start(), *range.end())
    }
}

/// Reads a value as one form.
pub(crate) fn form<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    T::deserialize(Lenient(value)).map_err(|error| ApiError::illegal_argument(error.to_string()))
}

/// Returns false if the content type rules JSON out. The pages' own examples send it without a type of theirs, which
/// curl calls a form, and the service takes a type that is written twice, or text; it is for others that it answers 415.
fn may_be_json(headers: &HeaderMap) -> bool {
    let mut types = headers
        .get_all(http::header::CONTENT_TYPE)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .map(|media| {
            media
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .peekable();
    types.peek().is_none()
        || types.any(|media| {
            let known = [
                "",
                "application/json",
                "application/x-www-form-urlencoded",
                "text/plain",
                "*/*",
            ];
            known.contains(&media.as_str()) || media.ends_with("+json")
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn json_is_read_under_every_type_that_does_not_rule_it_out() {
        for (types, expected) in [
            (&[][..], true),
            (&["application/json"], true),
            (&["Application/JSON; charset=UTF-8"], true),
            (&["application/json, application/json"], true),
            (&["application/json", "application/json"], true),
            (&["text/plain"], true),
            (&["text/plain;charset=UTF-8"], true),
            (&["application/x-www-form-urlencoded"], true),
            (&["application/problem+json"], true),
            (&["application/xml"], false),
            (&["multipart/form-data; boundary=x"], false),
            (&["application/octet-stream"], false),
            (&["image/png, text/html"], false),
        ] {
            let mut headers = HeaderMap::new();
            for media in types {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(media));
            }
            assert_eq!(may_be_json(&headers), expected, "{types:?}");
        }
    }
}
