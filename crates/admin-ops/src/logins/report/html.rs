//! The report as one HTML page that needs nothing else: no script, no font, no network.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_words::{Language, chinese, spoken, t, translated};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::logins::report::chart::{Series, bars, colour, lines};
use crate::logins::report::figures::Figures;
use crate::logins::report::{minute, tick};

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --soft: #5a5a5a; --line: #d5d5d5; --card: #f5f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181c; --ink: #ececec; --soft: #a9adb5; --line: #3a3d44; --card: #20232a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', 'WenQuanYi Micro Hei',
  sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
dl div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.warn { border-left: 4px solid #d55e00; padding: .5rem .9rem; background: var(--card); margin: 1rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: currentColor; font-family: inherit; } svg [stroke='#000000'] { stroke: currentColor; } svg [fill='#000000'] { fill: currentColor; }
svg [fill='#FFFFFF'] { fill: var(--ground); }
ul.key { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; padding: 0; font-size: .9rem; }
ul.key svg { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
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
        (t!("online").to_owned(), counts.online),
        (noun(counts.devices, "device"), counts.devices),
        (t!("without a device").to_owned(), counts.offline + counts.changed),
        (t!("not known").to_owned(), counts.not_known()),
    ];
    let title = t!("Logins of {}", figures.app);
    let page = html! {
        (DOCTYPE)
        html lang=(spoken().tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.soft { (t!("Created {} by easemob-admin.", minute(figures.now_ms))) " " (freshness(figures)) }
                }
                main {
                    (warnings(figures))
                    dl { @for (name, number) in totals { div { dt { (name) } dd { (grouped(number)) } } } }
                    (accounts(figures))
                    (most(figures))
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
        ..2 => t!("just now").to_owned(),
        2..120 => t!("{minutes} minutes earlier"),
        _ => t!("{} hours earlier", minutes / 60),
    };
    let at = minute(figures.snapshot.started_ms);
    t!("Snapshot {} was read {at}, {ago}.", figures.snapshot.id)
}

fn warnings(figures: &Figures) -> Markup {
    let not_known = figures.snapshot.counts.not_known();
    let them = if not_known == 1 {
        "this account"
    } else {
        "these accounts"
    };
    html! {
        @if figures.snapshot.finished_ms.is_none() {
            p.warn { (t!("The snapshot is incomplete: its figures only include the accounts that were read.")) }
        }
        @if not_known > 0 {
            p.warn { (t!("The devices of {} are not known. No chart includes {them}.", counted(not_known, "account"))) }
        }
        @for gap in &figures.gaps {
            p.warn { (t!("Events may be missing from {} to {}: {}.", minute(gap.since_ms), minute(gap.until_ms), gap.why)) }
        }
    }
}

/// Returns a number with its noun, such as `1 account`.
fn counted(number: u64, one: &str) -> String {
    if let Some(rest) = in_chinese(one) {
        return format!("{}{rest}", grouped(number));
    }
    format!("{} {}", grouped(number), noun(number, one))
}

/// Returns the measure word and the noun behind a number, if the page is in Chinese.
fn in_chinese(one: &str) -> Option<&'static str> {
    (spoken() == Language::Chinese)
        .then(|| chinese(&format!("1 {one}"))?.strip_prefix('1'))
        .flatten()
}

pub(super) fn noun(number: u64, one: &str) -> String {
    if spoken() == Language::Chinese {
        return translated(one).to_owned();
    }
    if number == 1 {
        one.to_owned()
    } else {
        format!("{one}s")
    }
}

/// The most positions on the axis; the last one is for all accounts with more devices.
const POSITIONS: u64 = 20;

fn accounts(figures: &Figures) -> Markup {
    let all = &figures.accounts_by_devices;
    let (labels, values) = by_devices(all);
    let highest = values.iter().skip(1).max().copied().unwrap_or_default();
    // Accounts without a device are mostly the majority, and would flatten the other bars.
    let flattens = values[0] > 4 * highest;
    let skipped = usize::from(flattens);
    let series = [Series {
        name: t!("accounts").into(),
        values: values[skipped..].to_vec(),
    }];
    html! {
        section {
            h2 { (t!("Devices per account")) }
            @if highest == 0 { p { (t!("No account was online.")) } }
            @else {
                @if flattens { p.soft { (t!("Without {} that had no device.", counted(values[0], "account"))) } }
                (PreEscaped(bars(t!("Accounts by number of devices"), &labels[skipped..], &series)))
            }
            (table(t!("Accounts by number of devices"), &[t!("devices"), t!("accounts")],
                all.iter().map(|(devices, accounts)| vec![devices.to_string(), grouped(*accounts)])))
        }
    }
}

/// Returns the positions of the axis, from no device on, and how many accounts each has: also where that is none.
fn by_devices(all: &[(u64, u64)]) -> (Vec<String>, Vec<u64>) {
    let largest = all.iter().map(|(devices, _)| *devices).max().unwrap_or_default();
    let last = largest.min(POSITIONS);
    let label = |devices: u64| match devices {
        POSITIONS if largest > POSITIONS => format!("{devices}+"),
        devices => devices.to_string(),
    };
    let accounts = |at: u64| {
        let here = all.iter().filter(|(devices, _)| (*devices).min(last) == at);
        here.map(|(_, accounts)| accounts).sum()
    };
    (
        (0..=last).map(label).collect(),
        (0..=last).map(accounts).collect(),
    )
}

/// The accounts with the most devices.
fn most(figures: &Figures) -> Markup {
    let rows = figures.most.iter().map(|holder| {
        let platforms = holder
            .platforms
            .iter()
            .map(|(platform, devices)| format!("{platform} {devices}"));
        vec![
            holder.user.clone(),
            holder.devices.to_string(),
            platforms.collect::<Vec<_>>().join(", "),
        ]
    });
    html! {
        @if !figures.most.is_empty() {
            section {
                h2 { (t!("Accounts with the most devices")) }
                (table(&t!("The first {}", figures.most.len()), &[t!("account"), t!("devices"), t!("platforms")], rows))
            }
        }
    }
}

/// Names the colours of a chart, above it: inside, they would hide what is drawn.
fn legend(series: &[Series]) -> Markup {
    html! {
        ul.key { @for (index, one) in series.iter().enumerate() {
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" fill=(colour(index)) {} } (one.name) }
        } }
    }
}

fn how_many(count: u64, shown: usize) -> String {
    let all = if count == 1 {
        t!("1 account and platform").to_owned()
    } else {
        t!("{} accounts and platforms", grouped(count))
    };
    if shown < usize::try_from(count).unwrap_or(usize::MAX) {
        t!("{all}, of which the first {shown} are shown.")
    } else {
        t!("{all}.")
    }
}

fn platforms(figures: &Figures) -> Markup {
    let names: BTreeSet<&String> = figures
        .platforms
        .iter()
        .flat_map(|(_, devices)| devices.keys())
        .collect();
    let of = |devices: &BTreeMap<String, u64>, name: &String| devices.get(name).copied().unwrap_or(0);
    let title = t!("Devices online by platform, at each snapshot");
    let picture = match figures.platforms.as_slice() {
        // A line needs two snapshots.
        [(_, only)] => {
            let labels: Vec<String> = names.iter().map(|name| (*name).clone()).collect();
            let values = names.iter().map(|name| of(only, name)).collect();
            let series = [Series {
                name: t!("devices").into(),
                values,
            }];
            PreEscaped(bars(t!("Devices online by platform"), &labels, &series))
        }
        several => {
            let labels: Vec<String> = several.iter().map(|(at, _)| tick(*at)).collect();
            let series: Vec<Series> = names
                .iter()
                .map(|name| Series {
                    name: (*name).clone(),
                    values: several.iter().map(|(_, devices)| of(devices, name)).collect(),
                })
                .collect();
            html! { (legend(&series)) (PreEscaped(lines(title, &labels, &series))) }
        }
    };
    let mut columns = vec![t!("snapshot read")];
    columns.extend(names.iter().map(|name| name.as_str()));
    let rows = figures.platforms.iter().map(|(at, devices)| {
        let mut row = vec![minute(*at)];
        row.extend(names.iter().map(|name| grouped(of(devices, name))));
        row
    });
    html! {
        section {
            h2 { @if figures.platforms.len() == 1 { (t!("Platforms")) } @else { (t!("Platforms over time")) } }
            @if names.is_empty() { p { (t!("No snapshot contains a device.")) } }
            @else { (picture) }
            (table(title, &columns, rows))
        }
    }
}

fn hours(figures: &Figures) -> Markup {
    let labels: Vec<String> = figures.hours.iter().map(|hour| tick(hour.start_ms)).collect();
    let series = [
        Series {
            name: t!("sign-ins").into(),
            values: figures.hours.iter().map(|hour| hour.sign_ins).collect(),
        },
        Series {
            name: t!("evictions").into(),
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
            h2 { (t!("Sign-ins and evictions per hour")) }
            p.soft { (t!("An eviction is a device that was signed out by another sign-in or by an operator: the service does not \
                distinguish them.")) }
            @if figures.hours.is_empty() {
                p { (t!("No events are stored from that time. This command receives them:")) " " code { "easemob-admin logins collect" } }
            } @else {
                (legend(&series))
                (PreEscaped(bars(t!("Sign-ins and evictions per hour"), &labels, &series)))
                (table(t!("Sign-ins and evictions per hour"), &[t!("hour"), t!("sign-ins"), t!("evictions")], rows))
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
            h2 { (t!("More than {} on one platform", counted(exceeding.over, "device"))) }
            @if exceeding.count == 0 { p { (t!("No accounts.")) } }
            @else {
                p { (how_many(exceeding.count, rows.len())) }
                (table(t!("Accounts with too many devices"), &[t!("account"), t!("platform"), t!("devices")], rows))
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
                h2 { (t!("Accounts whose devices are not known")) }
                (table(t!("The first of them"), &[t!("account"), t!("state"), t!("why")], rows))
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
        html! { details { summary { (t!("Table with {} rows", rows.len())) } (table) } }
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
