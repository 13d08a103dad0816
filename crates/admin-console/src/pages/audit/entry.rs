//! One entry of the trail, as it was recorded and as it is stored.

use easemob_admin_audit::Entry;
use easemob_admin_words::t;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use maud::{Markup, html};

use super::filter::Wanted;
use super::{act, operator, subject};
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::Trouble;
use crate::times;
use crate::visit::Visit;
use crate::widgets::{foreign::foreign, outcome_word};

/// How much of the stored lines is read for one of them.
const MOST: usize = 1024 * 1024;

/// An entry, with the line as it is stored.
pub(super) struct Opened {
    entry: Entry,
    line: Option<String>,
}

pub(super) async fn open(visit: &Visit, number: &str) -> Result<Opened, Trouble> {
    let entry: Entry = visit.api.get(&["audit", "entries", number], &[]).await?;
    let line = stored(visit, entry.seq).await;
    Ok(Opened { entry, line })
}

/// Reads the line of an entry; the line before it may be the header of a segment.
async fn stored(visit: &Visit, number: u64) -> Option<String> {
    let from = number.to_string();
    let mut body = visit
        .api
        .stream(&["audit", "lines"], &[("from", &from)])
        .await
        .ok()?
        .into_body();
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        text.extend_from_slice(frame.ok()?.data_ref()?);
        if let Some(line) = line_of(&text, number) {
            return Some(line);
        }
        if text.len() > MOST {
            break;
        }
    }
    None
}

fn line_of(text: &[u8], number: u64) -> Option<String> {
    let end = text.iter().rposition(|byte| *byte == b'\n')?;
    let mut lines = text[..end].split(|byte| *byte == b'\n');
    let is_wanted =
        |line: &&[u8]| serde_json::from_slice::<Entry>(line).is_ok_and(|entry| entry.seq == number);
    lines
        .find(is_wanted)
        .map(|line| String::from_utf8_lossy(line).into_owned())
}

pub(super) fn card(visit: &Visit, wanted: &Wanted, opened: &Opened) -> Markup {
    let Opened { entry, line } = opened;
    let to = |number: Option<u64>| {
        number.map(|number| wanted.address(visit, &["audit"], &[("e", Some(&number.to_string()))]))
    };
    let here = visit.link(&["audit"]) + &format!("?e={}", entry.seq);
    html! {
        section.card aria-labelledby="entry" {
            div.card-h {
                h2 #entry { (t!("Entry {}", grouped(entry.seq))) }
                (step(to(entry.seq.checked_sub(1)), t!("Previous entry"), Icon::UP, true))
                (step(to(entry.seq.checked_add(1)), t!("Next entry"), Icon::DOWN, false))
                a.btn."btn--plain"."btn--icon"."btn--sm" href=(wanted.address(visit, &["audit"], &[("e", None)])) aria-label=(t!("Close the entry")) { (Icon::CROSS) }
            }
            div.card-b.stack {
                p { b { (operator(entry)) } " " code { (act(entry)) } " " (subject(entry)) " " (outcome_word::of_entry(entry)) }
                dl.kv { @for (name, value) in facts(visit, entry) { dt { (name) } dd { (value) } } }
                h3 { (t!("Place in the chain")) }
                dl.kv {
                    dt { (t!("Entry before")) } dd.hash { (entry.prev) }
                }
                details.alt {
                    summary { (t!("Raw line as stored")) }
                    @match line {
                        Some(line) => pre.code tabindex="0" { (foreign(line)) },
                        None => p.muted { (t!("The line could not be read.")) },
                    }
                }
            }
            div.card-f { button.btn."btn--sm"."btn--plain" type="button" data-copy-address=(here) { (Icon::COPY) (t!("Copy link")) } }
        }
    }
}

fn step(address: Option<String>, label: &str, icon: Icon, is_previous: bool) -> Markup {
    html! {
        @if let Some(address) = address {
            a.btn."btn--plain"."btn--icon"."btn--sm" href={ (address) "#event" } aria-label=(label)
                data-previous[is_previous] data-next[!is_previous] { (icon) }
        }
    }
}

fn facts(visit: &Visit, entry: &Entry) -> Vec<(&'static str, Markup)> {
    let event = &entry.event;
    let mut facts = Vec::new();
    let exact = |millis: i64| {
        Timestamp::from_millisecond(millis)
            .map(|at| times::full(at, &visit.look.zone))
            .unwrap_or_default()
    };
    facts.push((t!("Time"), html! { (exact(event.time.as_millis())) }));
    if let Some(at) = event.server_time {
        facts.push((t!("Time of the server"), html! { (exact(at.as_millis())) }));
    }
    let mut text = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            facts.push((name, foreign(value)));
        }
    };
    text(t!("Reason"), event.reason.as_deref());
    text(t!("Ticket"), event.ticket.as_deref());
    text(t!("App"), event.app.as_deref());
    text(t!("Address"), event.app_root.as_deref());
    text(t!("Machine"), event.host.as_deref());
    text(t!("Program"), event.tool.as_deref());
    text(t!("Error"), event.error.as_deref());
    if let Some(run) = &event.run {
        let line = event.line.map(|line| t!(", line {line}")).unwrap_or_default();
        facts.push((
            t!("Run"),
            html! { a.mono href=(visit.link(&["runs", run])) { (run) } (line) },
        ));
    }
    if let Some(status) = event.status {
        facts.push((t!("Status"), html! { (status) }));
    }
    if !event.devices.is_empty() {
        facts.push((
            t!("Devices"),
            html! { @for device in &event.devices { span.mono { (foreign(device)) } br; } },
        ));
    }
    for (name, value) in &event.details {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        facts.push((
            t!("Detail"),
            html! { code { (foreign(name)) } " " (foreign(&value)) },
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_segment_is_not_the_entry() {
        let text = b"{\"v\":1,\"origin\":\"x\"}\n{\"v\":1,\"seq\":7,\"prev\":\"a\",\"time\":\"2026-01-01T00:00:00.000Z\",\"kind\":\"intent\"}\n{\"v\":1,\"se";
        let line = line_of(text, 7).unwrap();
        assert!(line.contains("\"seq\":7"), "{line}");
        assert_eq!(line_of(text, 8), None);
        assert_eq!(line_of(b"{\"v\":1", 0), None);
    }
}
