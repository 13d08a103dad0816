//! What members say of themselves in a group.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{acting, done, refused, seen, written};
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    meta_data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Wanted {
    targets: Vec<String>,
    #[serde(default)]
    properties: Vec<String>,
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (id, member) = (request.arg(0).to_owned(), written(request, request.arg(1)));
    let Attributes { meta_data } = request.form()?;
    let acting = acting(request, Some(&member))?;
    let data = json!(meta_data);
    let set = request
        .app
        .set_member_attributes(acting.actor(), &id, &member, meta_data);
    set.map_err(|error| refused(&error))?;
    Ok(done(request, "put", data))
}

/// Returns the attributes of members; all of them if none is named.
pub(in crate::server) fn get(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Wanted { targets, properties } = request.form()?;
    let group = seen(request)?;
    let mut data = json!({});
    for target in targets {
        let own = group
            .attributes
            .get(&written(request, &target))
            .into_iter()
            .flatten();
        let wanted: BTreeMap<_, _> = own
            .filter(|(name, _)| properties.is_empty() || properties.contains(name))
            .collect();
        data[target] = json!(wanted);
    }
    Ok(done(request, "post", data))
}
