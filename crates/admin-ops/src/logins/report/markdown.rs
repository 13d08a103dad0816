//! The report as Markdown for a ticket.

use std::fmt::Write as _;

use easemob_admin_words::t;

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
    writeln!(out, "{}\n", t!("# Logins of {}", cell(&figures.app)))?;
    let complete = if snapshot.finished_ms.is_some() {
        ""
    } else {
        t!(" It is **incomplete**.")
    };
    writeln!(
        out,
        "{}\n",
        t!(
            "Snapshot {} was read {}; report created {}.{complete}",
            snapshot.id,
            minute(snapshot.started_ms),
            minute(figures.now_ms)
        )
    )?;
    let totals = [
        (t!("accounts"), counts.users),
        (t!("online"), counts.online),
        (t!("devices"), counts.devices),
        (t!("without a device"), counts.offline + counts.changed),
        (t!("not known"), counts.not_known()),
    ];
    let totals = totals.map(|(name, number)| vec![name.to_owned(), number.to_string()]);
    table(out, &["", t!("count")], totals)?;
    writeln!(out, "{}\n", t!("## Devices per account"))?;
    let accounts = figures.accounts_by_devices.iter();
    let accounts = accounts.map(|(devices, accounts)| vec![devices.to_string(), accounts.to_string()]);
    table(out, &[t!("devices"), t!("accounts")], accounts)?;
    most(out, figures)?;
    writeln!(out, "{}\n", t!("## Platforms"))?;
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
        &[t!("platform"), t!("devices"), t!("in the previous snapshot")],
        platforms,
    )?;
    let (sign_ins, evictions) = figures.hours.iter().fold((0, 0), |(sign_ins, evictions), hour| {
        (sign_ins + hour.sign_ins, evictions + hour.evictions)
    });
    if let Some(first) = figures.hours.first() {
        writeln!(
            out,
            "{}\n",
            t!(
                "Since {}: {sign_ins} {}, {evictions} {}.",
                minute(first.start_ms),
                noun(sign_ins, "sign-in"),
                noun(evictions, "eviction")
            )
        )?;
    }
    if let Some(exceeding) = &figures.exceeding {
        writeln!(
            out,
            "{}\n",
            t!(
                "## More than {} {} on one platform: {}",
                exceeding.over,
                noun(exceeding.over, "device"),
                exceeding.count
            )
        )?;
        let rows = exceeding.first.iter();
        let rows =
            rows.map(|(user, platform, devices)| vec![user.clone(), platform.clone(), devices.to_string()]);
        table(out, &[t!("account"), t!("platform"), t!("devices")], rows)?;
    }
    for gap in &figures.gaps {
        writeln!(
            out,
            "{}\n",
            t!(
                "Events may be missing from {} to {}: {}.",
                minute(gap.since_ms),
                minute(gap.until_ms),
                cell(&gap.why)
            )
        )?;
    }
    Ok(())
}

fn most(out: &mut String, figures: &Figures) -> std::fmt::Result {
    if !figures.most.is_empty() {
        writeln!(out, "{}\n", t!("## Accounts with the most devices"))?;
        let rows = figures.most.iter().map(|holder| {
            let platforms = holder
                .platforms
                .iter()
                .map(|(platform, devices)| format!("{platform} {devices}"));
            let platforms: Vec<String> = platforms.collect();
            vec![
                holder.user.clone(),
                holder.devices.to_string(),
                platforms.join(", "),
            ]
        });
        table(out, &[t!("account"), t!("devices"), t!("platforms")], rows)?;
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
