//! The report as Markdown for a ticket.

use std::fmt::Write as _;

use crate::logins::report::figures::Figures;
use crate::logins::report::html::noun;
use crate::logins::report::minute;

/// Writes the report as Markdown.
#[must_use]
pub fn page(figures: &Figures) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, figures);
    text
}

fn write(out: &mut String, figures: &Figures) -> std::fmt::Result {
    let (snapshot, counts) = (&figures.snapshot, &figures.snapshot.counts);
    writeln!(out, "# Logins of {}\n", cell(&figures.app))?;
    let complete = if snapshot.finished_ms.is_some() {
        ""
    } else {
        " It is **incomplete**."
    };
    writeln!(
        out,
        "Snapshot {} was read {}; report created {}.{complete}\n",
        snapshot.id,
        minute(snapshot.started_ms),
        minute(figures.now_ms)
    )?;
    let totals = [
        ("accounts", counts.users),
        ("online", counts.online),
        ("devices", counts.devices),
        ("without a device", counts.offline + counts.changed),
        ("not known", counts.not_known()),
    ];
    let totals = totals.map(|(name, number)| vec![name.to_owned(), number.to_string()]);
    table(out, &["", "count"], totals)?;
    writeln!(out, "## Devices per account\n")?;
    let accounts = figures.accounts_by_devices.iter();
    let accounts = accounts.map(|(devices, accounts)| vec![devices.to_string(), accounts.to_string()]);
    table(out, &["devices", "accounts"], accounts)?;
    writeln!(out, "## Platforms\n")?;
    let (_, latest) = figures.platforms.last().cloned().unwrap_or_default();
    let before = figures.platforms.iter().rev().nth(1).map(|(_, before)| before);
    let platforms = latest.iter().map(|(platform, devices)| {
        let before = match before {
            Some(before) => before.get(platform).copied().unwrap_or(0).to_string(),
            None => "-".to_owned(),
        };
        vec![platform.clone(), devices.to_string(), before]
    });
    table(
        out,
        &["platform", "devices", "in the previous snapshot"],
        platforms,
    )?;
    let (sign_ins, evictions) = figures.hours.iter().fold((0, 0), |(sign_ins, evictions), hour| {
        (sign_ins + hour.sign_ins, evictions + hour.evictions)
    });
    if let Some(first) = figures.hours.first() {
        writeln!(
            out,
            "Since {}: {sign_ins} {}, {evictions} {}.\n",
            minute(first.start_ms),
            noun(sign_ins, "sign-in"),
            noun(evictions, "eviction")
        )?;
    }
    if let Some(exceeding) = &figures.exceeding {
        writeln!(
            out,
            "## More than {} {} on one platform: {}\n",
            exceeding.over,
            noun(exceeding.over, "device"),
            exceeding.count
        )?;
        let rows = exceeding.first.iter();
        let rows =
            rows.map(|(user, platform, devices)| vec![user.clone(), platform.clone(), devices.to_string()]);
        table(out, &["account", "platform", "devices"], rows)?;
    }
    for gap in &figures.gaps {
        writeln!(
            out,
            "Events may be missing from {} to {}: {}.\n",
            minute(gap.since_ms),
            minute(gap.until_ms),
            cell(&gap.why)
        )?;
    }
    Ok(())
}

fn table(
    out: &mut String,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> std::fmt::Result {
    writeln!(out, "| {} |", columns.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(columns.len()))?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

/// Escapes what user names could do to a table.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\|*_`<>[]#".contains(character) {
            safe.push('\\');
        }
        safe.push(if character.is_control() { ' ' } else { character });
    }
    safe
}
