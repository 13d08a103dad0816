//! Sends the entries that are wanted as a file, in the format of a log system.

use axum::extract::Query;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use easemob_admin_words::t;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Deserialize;

use super::filter::Wanted;
use crate::icons::Icon;
use crate::page::Trouble;
use crate::visit::Visit;

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
    let day = visit
        .now
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%d-%H%M%S")
        .to_string();
    let name = format!(
        "attachment; filename=\"audit-{}-{day}.{end}\"",
        safe(visit.app_name())
    );
    let headers = answer.headers_mut();
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Returns a name that is a file's name everywhere.
fn safe(name: &str) -> String {
    let plain = |sign: char| {
        if sign.is_ascii_alphanumeric() || sign == '-' || sign == '_' {
            sign
        } else {
            '_'
        }
    };
    name.chars().map(plain).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_a_name_that_leads_nowhere() {
        assert_eq!(safe("prod"), "prod");
        assert_eq!(safe("../../etc/passwd"), "______etc_passwd");
        assert_eq!(safe("a\"; x=\"\r\nb: c"), "a___x____b__c");
        assert_eq!(safe(&"x".repeat(500)).len(), 60);
    }
}
