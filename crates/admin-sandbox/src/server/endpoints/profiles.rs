//! Name cards of users (page "user attributes").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::path;
use crate::server::request::Request;

/// So many users take one call.
const MOST: usize = 100;

#[derive(Deserialize)]
struct Wanted {
    targets: Vec<String>,
    #[serde(default)]
    properties: Vec<String>,
}

/// Sets attributes, which come as a form.
pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let text =
        std::str::from_utf8(request.body).map_err(|error| ApiError::illegal_argument(error.to_string()))?;
    let attributes: BTreeMap<String, String> = match serde_json::from_str(text) {
        Ok(attributes) => attributes,
        Err(_) => path::query(Some(text)),
    };
    let user = request.user()?.name.clone();
    let set = request.app.set_profile(&user, attributes);
    let data = json!(set.map_err(|_| ApiError::illegal_argument("the attributes take more than 2 KB"))?);
    Ok(Envelope::new(request, "put").data(data).finish())
}

pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let data = json!(request.app.profiles.get(&user).cloned().unwrap_or_default());
    Ok(Envelope::new(request, "get").data(data).finish())
}

/// Returns attributes of several users; who has none is left out.
pub(in crate::server) fn get_many(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Wanted { targets, properties } = request.form()?;
    if targets.len() > MOST {
        return Err(ApiError::illegal_argument(format!(
            "targets must be at most {MOST}"
        )));
    }
    let mut data = json!({});
    for target in targets {
        let name = request.app.users.find(&target).map(|user| &user.name);
        let Some(profile) = name.and_then(|name| request.app.profiles.get(name)) else {
            continue;
        };
        let wanted = |name: &String| properties.is_empty() || properties.contains(name);
        let shown: BTreeMap<_, _> = profile.iter().filter(|(name, _)| wanted(name)).collect();
        data[target] = json!(shown);
    }
    Ok(Envelope::new(request, "post").data(data).finish())
}

pub(in crate::server) fn delete(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?.name.clone();
    let deleted = request.app.profiles.remove(&user).is_some();
    Ok(Envelope::new(request, "delete").data(deleted).finish())
}
