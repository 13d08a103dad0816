//! What members say of themselves in a group.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{acting, done, group_of_path, refused, seen, written};
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameCard {
    name_card: String,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<String>,
}

/// The attribute under which a member's name card is kept.
const NAME_CARD: &str = "nameCard";

/// Sets by which name a member is shown in a group.
pub(in crate::server) fn set_name_card(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let NameCard { name_card } = request.form()?;
    group_of_path(request)?;
    let acting = acting(request, None)?;
    let (id, data) = (request.arg(0).to_owned(), json!({NAME_CARD: name_card}));
    let card = BTreeMap::from([(NAME_CARD.to_owned(), name_card)]);
    let set = request
        .app
        .set_member_attributes(acting.actor(), &id, &acting.user, card);
    set.map_err(|error| refused(&error))?;
    Ok(done(request, "put", data))
}

/// Returns the name cards of members; who has none is left out.
pub(in crate::server) fn name_cards(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let Members { members } = request.form()?;
    let group = seen(request)?;
    let mut data = json!({});
    for member in members {
        let attributes = group.attributes.get(&written(request, &member));
        if let Some(card) = attributes.and_then(|own| own.get(NAME_CARD)) {
            data[member] = json!({"namecard": card});
        }
    }
    Ok(done(request, "post", data))
}

pub(in crate::server) fn set(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (id, member) = (request.arg(0).to_owned(), written(request, request.arg(1)));
    let Attributes { meta_data } = request.form()?;
    group_of_path(request)?;
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
