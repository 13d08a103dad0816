//! The report as one HTML page that needs nothing else: no script, no font, no network.

use std::collections::{BTreeMap, BTreeSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::logins::report::chart::{Series, bars, lines};
use crate::logins::report::figures::Figures;
use crate::logins::report::{minute, tick};

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --soft: #5a5a5a; --line: #d5d5d5; --card: #f5f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181c; --ink: #ececec; --soft: #a9adb5; --line: #3a3d44; --card: #20232a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
dl div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.warn { border-left: 4px solid #d55e00; padding: .5rem .9rem; background: var(--card); margin: 1rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: currentColor; } svg [stroke='#000000'] { stroke: currentColor; } svg [fill='#000000'] { fill: currentColor; }
svg [fill='#FFFFFF'] { fill: var(--ground); }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; white-space: nowrap; color: var(--soft); padding-bottom: .25rem; }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; }
details > summary { cursor: pointer; color: var(--soft); }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } details > summary { display: none; }
  details::details-content { content-visibility: visible; height: auto; } }
";

/// Writes the page.
#[must_use]
pub fn page(figures: &Figures) -> String {
    let counts = &figures.snapshot.counts;
    let totals = [
        (noun(counts.users, "account"), counts.users),
        ("online".to_owned(), counts.online),
        (noun(counts.devices, "device"), counts.devices),
        ("without a device".to_owned(), counts.offline + counts.changed),
        ("not known".to_owned(), counts.not_known()),
    ];
    let title = format!("Logins of {}", figures.app);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.soft { "Created " (minute(figures.now_ms)) " by easemob-admin. " (freshness(figures)) }
                }
                main {
                    (warnings(figures))
                    dl { @for (name, number) in totals { div { dt { (name) } dd { (grouped(number)) } } } }
                    (accounts(figures))
                    (platforms(figures))
                    (hours(figures))
                    (exceeding(figures))
                    (not_known(figures))
                }
            }
        }
    };
    page.into_string()
}

fn freshness(figures: &Figures) -> String {
    let minutes = (figures.now_ms - figures.snapshot.started_ms) / 60_000;
    let ago = match minutes {
        ..2 => "just now".to_owned(),
        2..120 => format!("{minutes} minutes earlier"),
        _ => format!("{} hours earlier", minutes / 60),
    };
    let at = minute(figures.snapshot.started_ms);
    format!("Snapshot {} was read {at}, {ago}.", figures.snapshot.id)
}

fn warnings(figures: &Figures) -> Markup {
    let not_known = figures.snapshot.counts.not_known();
    html! {
        @if figures.snapshot.finished_ms.is_none() {
            p.warn { "The snapshot is incomplete: its figures only include the accounts that were read." }
        }
        @if not_known > 0 {
            p.warn { "The devices of " (counted(not_known, "account")) " are not known. No chart includes " @if not_known == 1 { "this account." } @else { "these accounts." } }
        }
        @for gap in &figures.gaps {
            p.warn { "Events may be missing from " (minute(gap.since_ms)) " to " (minute(gap.until_ms)) ": " (gap.why) "." }
        }
    }
}

/// Returns a number with its noun, such as `1 account`.
fn counted(number: u64, one: &str) -> String {
    format!("{} {}", grouped(number), noun(number, one))
}

pub(super) fn noun(number: u64, one: &str) -> String {
    if number == 1 {
        one.to_owned()
    } else {
        format!("{one}s")
    }
}

fn accounts(figures: &Figures) -> Markup {
    let all = &figures.accounts_by_devices;
    // Accounts without a device are the majority, and would flatten the other bars.
    let online: Vec<&(u64, u64)> = all.iter().filter(|(devices, _)| *devices > 0).collect();
    let labels: Vec<String> = online.iter().map(|(devices, _)| devices.to_string()).collect();
    let series = [Series {
        name: "accounts".into(),
        values: online.iter().map(|(_, accounts)| *accounts).collect(),
    }];
    html! {
        section {
            h2 { "Devices per account" }
            @if online.is_empty() { p { "No account was online." } }
            @else { (PreEscaped(bars("Accounts online, by number of devices", &labels, &series))) }
            (table("Accounts by number of devices", &["devices", "accounts"],
                all.iter().map(|(devices, accounts)| vec![devices.to_string(), grouped(*accounts)])))
        }
    }
}

fn platforms(figures: &Figures) -> Markup {
    let names: BTreeSet<&String> = figures
        .platforms
        .iter()
        .flat_map(|(_, devices)| devices.keys())
        .collect();
    let labels: Vec<String> = figures.platforms.iter().map(|(at, _)| tick(*at)).collect();
    let of = |devices: &BTreeMap<String, u64>, name: &String| devices.get(name).copied().unwrap_or(0);
    let series: Vec<Series> = names
        .iter()
        .map(|name| Series {
            name: (*name).clone(),
            values: figures
                .platforms
                .iter()
                .map(|(_, devices)| of(devices, name))
                .collect(),
        })
        .collect();
    let mut columns = vec!["snapshot read"];
    columns.extend(names.iter().map(|name| name.as_str()));
    let rows = figures.platforms.iter().map(|(at, devices)| {
        let mut row = vec![minute(*at)];
        row.extend(
            names
                .iter()
                .map(|name| grouped(devices.get(*name).copied().unwrap_or(0))),
        );
        row
    });
    html! {
        section {
            h2 { "Platforms over time" }
            @if names.is_empty() { p { "No snapshot contains a device." } }
            @else { (PreEscaped(lines("Devices online by platform, at each snapshot", &labels, &series))) }
            (table("Devices online by platform, at each snapshot", &columns, rows))
        }
    }
}

fn hours(figures: &Figures) -> Markup {
    let labels: Vec<String> = figures.hours.iter().map(|hour| tick(hour.start_ms)).collect();
    let series = [
        Series {
            name: "sign-ins".into(),
            values: figures.hours.iter().map(|hour| hour.sign_ins).collect(),
        },
        Series {
            name: "evictions".into(),
            values: figures.hours.iter().map(|hour| hour.evictions).collect(),
        },
    ];
    let rows = figures.hours.iter();
    let rows = rows.map(|hour| {
        vec![
            minute(hour.start_ms),
            grouped(hour.sign_ins),
            grouped(hour.evictions),
        ]
    });
    html! {
        section {
            h2 { "Sign-ins and evictions per hour" }
            p.soft { "An eviction is a device that was signed out by another sign-in or by an operator: the service \
                does not distinguish them." }
            @if figures.hours.is_empty() {
                p { "No events are stored from that time. To receive them, run " code { "easemob-admin logins collect" } "." }
            } @else {
                (PreEscaped(bars("Sign-ins and evictions per hour", &labels, &series)))
                (table("Sign-ins and evictions per hour", &["hour", "sign-ins", "evictions"], rows))
            }
        }
    }
}

fn exceeding(figures: &Figures) -> Markup {
    let Some(exceeding) = &figures.exceeding else {
        return html! {};
    };
    let rows = exceeding.first.iter();
    let rows =
        rows.map(|(user, platform, devices)| vec![user.clone(), platform.clone(), devices.to_string()]);
    html! {
        section {
            h2 { "More than " (counted(exceeding.over, "device")) " on one platform" }
            @if exceeding.count == 0 { p { "No accounts." } }
            @else {
                p { @if exceeding.count == 1 { "1 account and platform" } @else { (grouped(exceeding.count)) " accounts and platforms" } @if rows.len() < usize::try_from(exceeding.count).unwrap_or(usize::MAX) { ", of which the first " (rows.len()) " " @if rows.len() == 1 { "is" } @else { "are" } " shown" } "." }
                (table("Accounts with too many devices", &["account", "platform", "devices"], rows))
            }
        }
    }
}

fn not_known(figures: &Figures) -> Markup {
    let rows = figures.not_known.iter();
    let rows = rows.map(|user| vec![user.user.clone(), user.state.clone(), user.why.clone()]);
    html! {
        @if !figures.not_known.is_empty() {
            section {
                h2 { "Accounts whose devices are not known" }
                (table("The first of them", &["account", "state", "why"], rows))
            }
        }
    }
}

/// A table beside a chart; a long one is collapsed.
fn table(caption: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
    let rows: Vec<Vec<String>> = rows.collect();
    let is_number =
        |cell: &str| !cell.is_empty() && cell.chars().all(|one| one.is_ascii_digit() || one == '\u{202f}');
    let numbers = |index: usize| rows.iter().all(|row| is_number(&row[index]));
    let table = html! {
        table {
            caption { (caption) }
            thead { tr { @for (index, column) in columns.iter().enumerate() {
                th scope="col" class=[numbers(index).then_some("number")] { (column) }
            } } }
            tbody { @for row in &rows { tr { @for cell in row {
                td class=[is_number(cell).then_some("number")] { (cell) }
            } } } }
        }
    };
    if rows.len() <= 12 {
        table
    } else {
        html! { details { summary { "Table with " (rows.len()) " rows" } (table) } }
    }
}

/// Returns a number with thin spaces between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
