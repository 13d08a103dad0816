//! How many users were seen since the list was read. New rows never push the list: a click reads it again.

use axum::extract::RawQuery;
use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};
use url::form_urlencoded::{Serializer, parse};

use super::query::{Query, Selection};
use super::{list_address, total};
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;

/// How often it is asked.
const EVERY: &str = "every 15s";

pub(super) async fn count(visit: Visit, RawQuery(text): RawQuery) -> Result<Page, Trouble> {
    let text = text.unwrap_or_default();
    let query = Query::read(&text);
    let since = parse(text.as_bytes()).find(|(name, _)| name == "since");
    let since = since
        .and_then(|(_, since)| since.parse::<Timestamp>().ok())
        .unwrap_or(visit.now);
    let seconds = visit.now.duration_since(since).as_secs();
    let newer = if seconds > 0 {
        seen_since(&visit, &query, since).await?
    } else {
        None
    };
    Ok(visit.page(Nav::Users, || {
        let main = match newer {
            Some(newer) => html! {
                a #newer .chip href=(query.selecting(Selection::Nobody).address(&list_address(&visit))) { (t!("{} newer", newer)) " " }
            },
            None => element(&visit, &query, since),
        };
        (t!("Users").to_owned(), main)
    }))
}

async fn seen_since(visit: &Visit, query: &Query, since: Timestamp) -> Result<Option<String>, Trouble> {
    let mut parameters = query.filter.parameters(visit.now);
    // The later of two times is the narrower one, and this is later than what the filter says.
    parameters.retain(|(name, _)| *name != "seen_since");
    parameters.push(("seen_since", since.to_string()));
    parameters.push(("limit", "1".into()));
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let found: easemob_admin_remote::api::UsersPage = visit.api.get(&["users"], &parameters).await?;
    Ok((found.total.users > 0).then(|| total(found.total)))
}

/// Returns what asks from time to time, until there is somebody.
pub(super) fn element(visit: &Visit, query: &Query, since: Timestamp) -> Markup {
    let mut text = Serializer::new(String::new());
    text.extend_pairs(query.filter.fields())
        .append_pair("since", &since.to_string());
    let address = format!("{}?{}", visit.link(&["users-newer"]), text.finish());
    html! { span #newer hx-get=(address) hx-trigger=(EVERY) hx-select="#newer" hx-swap="outerHTML" {} }
}
