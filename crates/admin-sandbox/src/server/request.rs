use std::collections::BTreeMap;
use std::time::Instant;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::auth::Caller;
use super::errors::ApiError;
use crate::rules::App;
use crate::rules::users::User;
use crate::service::Settings;

/// A call that found its endpoint and was let in.
pub(crate) struct Request<'a> {
    pub(crate) app: &'a mut App,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: Caller,
    /// The variable segments of the path, decoded.
    pub(crate) args: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) app_root: &'a str,
    pub(crate) now_ms: u64,
    pub(crate) started: Instant,
}

impl Request<'_> {
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
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
        let media = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media = media
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::content_type());
        }
        serde_json::from_slice(self.body).map_err(|error| ApiError::json_parse(error.to_string()))
    }

    /// Reads the body as JSON of one form.
    pub(crate) fn form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        T::deserialize(self.json()?).map_err(|error| ApiError::illegal_argument(error.to_string()))
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
