//! Sends the entries that are wanted as a file, in the format of a log system.

use axum::extract::Query;
use axum::response::Response;
use easemob_admin_words::t;
use maud::{Markup, html};
use serde::Deserialize;

use super::filter::Wanted;
use crate::icons::Icon;
use crate::page::Trouble;
use crate::visit::Visit;
use crate::widgets::download;

/// The formats, each with the end of a file's name.
const FORMATS: [(&str, &str); 4] = [
    ("jsonl", "jsonl"),
    ("ocsf", "jsonl"),
    ("ecs", "jsonl"),
    ("cef", "txt"),
];

/// In which format.
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    format: String,
}

pub(super) fn form(visit: &Visit, wanted: &Wanted) -> Markup {
    html! {
        form.acts action=(visit.link(&["audit", "export"])) {
            @for (name, value) in wanted.fields() { input type="hidden" name=(name) value=(value); }
            label.vh for="format" { (t!("Format")) }
            select #format name="format" { @for (format, _) in FORMATS { option value=(format) { (format) } } }
            button.btn { (Icon::DOWNLOAD) (t!("Export")) }
        }
    }
}

pub(crate) async fn download(
    visit: Visit,
    Query(Which { format }): Query<Which>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    let conditions = wanted.conditions(visit.now);
    let mut query: Vec<(&str, &str)> = conditions
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    query.push(("format", &format));
    let mut answer = visit.api.stream(&["audit", "export"], &query).await?;
    let end = FORMATS
        .iter()
        .find(|(one, _)| *one == format)
        .map_or("txt", |(_, end)| end);
    let headers = download::headers("audit", visit.app_name(), visit.now, end);
    answer.headers_mut().extend(headers);
    Ok(answer)
}
