//! What comparing users with a policy found.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use crate::numbers::{grouped, users};
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::platform;

/// How many rows are shown.
const SHOWN: usize = 50;

/// A group of devices that exceeds its limit, or a user who could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Row {
    user: String,
    outcome: String,
    platform: Option<String>,
    online: Option<u64>,
    limit: Option<u64>,
    over: Option<u64>,
    #[serde(default)]
    would_end: Vec<String>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    at: Timestamp,
    rows: Vec<Row>,
    /// Those who are over a limit.
    pub(super) users: Vec<String>,
    /// Devices that an enforcement would sign out.
    pub(super) would_end: u64,
    all: u64,
    not_known: u64,
}

impl Compared {
    /// Reads the lines; nothing if they are not whole.
    pub(super) fn of(at: Timestamp, lines: &[Value]) -> Option<Self> {
        let (last, rows) = lines.split_last()?;
        let totals = last.get("ended")?;
        let total = |name: &str| totals.get(name).and_then(Value::as_u64).unwrap_or(0);
        let rows: Vec<Row> = rows
            .iter()
            .map(|row| serde_json::from_value(row.clone()))
            .collect::<Result<_, _>>()
            .ok()?;
        let over: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row.outcome == "exceeds")
            .map(|row| row.user.as_str())
            .collect();
        Some(Self {
            at,
            users: over.into_iter().map(str::to_owned).collect(),
            would_end: total("would_end"),
            all: total("users"),
            not_known: total("not_known"),
            rows,
        })
    }

    pub(super) fn card(&self, visit: &Visit) -> Markup {
        let mut platforms: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        let exceeding = || self.rows.iter().filter(|row| row.outcome == "exceeds");
        for row in exceeding() {
            let sums = platforms
                .entry(row.platform.as_deref().unwrap_or(""))
                .or_default();
            sums.0 += 1;
            sums.1 += row.would_end.len() as u64;
        }
        html! {
            section.card #compared {
                div.card-h { h2 { (t!("Over limit")) } span.small.muted { (t!("compared at {}", visit.clock(self.at))) } }
                div.tw role="region" aria-label=(t!("Over limit")) tabindex="0" { table.dense {
                    thead { tr { th scope="col" { (t!("Platform")) } th.num scope="col" { (t!("Users")) } th.num scope="col" { (t!("Would be signed out")) } } }
                    tbody {
                        @for (name, (count, ends)) in &platforms {
                            tr { th scope="row" { @if name.is_empty() { (t!("all platforms")) } @else { (platform::platform(name)) } } td.num { (grouped(*count)) } td.num { (grouped(*ends)) } }
                        }
                        tr.sum { th scope="row" { (t!("All")) } td.num { (grouped(self.users.len() as u64)) } td.num { (grouped(self.would_end)) } }
                    }
                } }
                @if !self.users.is_empty() {
                    div.tw role="region" aria-label=(t!("By user")) tabindex="0" { table.dense {
                        thead { tr { th scope="col" { (t!("User")) } th scope="col" { (t!("Platform")) } th.num scope="col" { (t!("Online")) } th.num scope="col" { (t!("Limit")) } th.num scope="col" { (t!("Over")) } } }
                        tbody data-rows { @for row in exceeding().take(SHOWN) {
                            tr {
                                th scope="row" { a.mono href=(visit.link(&["users", &row.user])) { (foreign(&row.user)) } }
                                td { @match &row.platform { Some(name) => (platform::platform(name)), None => (t!("all platforms")) } }
                                td.num { (row.online.map(grouped).unwrap_or_default()) } td.num { (row.limit.map(grouped).unwrap_or_default()) } td.num { (row.over.map(grouped).unwrap_or_default()) }
                            }
                        } }
                    } }
                }
                div.card-f {
                    span { (t!("{} were compared. Some are over on two platforms.", users(self.all))) }
                    @if self.not_known > 0 { span.c-attn { (t!("{} could not be read. They are not counted as having no device.", users(self.not_known))) } }
                    @if self.rows.len() > SHOWN { span { (t!("The first {} are shown.", SHOWN)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_without_its_end_is_not_whole() {
        let row = json!({"line": 1, "user": "ann", "outcome": "exceeds", "platform": "web", "online": 3, "limit": 2, "over": 1, "would_end": ["web_1"]});
        let failed = json!({"line": 2, "user": "bob", "outcome": "failed", "platform": null, "online": null, "limit": null, "over": null});
        assert_eq!(
            Compared::of(Timestamp::UNIX_EPOCH, std::slice::from_ref(&row)),
            None
        );
        let ended = json!({"ended": {"users": 2, "would_end": 1, "not_known": 1}});
        let compared = Compared::of(Timestamp::UNIX_EPOCH, &[row, failed, ended]).unwrap();
        assert_eq!(
            (compared.users, compared.would_end, compared.not_known),
            (vec!["ann".to_owned()], 1, 1)
        );
    }
}
