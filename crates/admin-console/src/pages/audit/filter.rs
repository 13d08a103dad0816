//! Which entries of the trail are wanted: what is in the address of the page, and what the API is asked.

use easemob_admin_audit::Outcome;
use easemob_admin_words::t;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::api::encoded;
use crate::icons::Icon;
use crate::times::hours_before;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::outcome_word;

/// The query of the page. Forms send empty fields, which say nothing.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    /// What is looked for.
    q: Option<String>,
    /// What that is: a user, an operator, a run or a ticket.
    by: Option<String>,
    outcome: Option<String>,
    /// Since how many days.
    days: Option<String>,
    /// Whether intents and the beginning and end of runs are shown, too.
    all: Option<String>,
    /// The entry after which the page begins.
    pub(super) after: Option<String>,
    /// The entry that is open.
    pub(super) e: Option<String>,
}

/// What can be looked for.
const BY: [&str; 4] = ["user", "operator", "run", "ticket"];

/// The times that can be chosen, in days.
const DAYS: [u32; 4] = [1, 7, 30, 365];

fn given(field: Option<&String>) -> Option<&str> {
    field.map(|text| text.trim()).filter(|text| !text.is_empty())
}

impl Wanted {
    fn by(&self) -> &str {
        given(self.by.as_ref())
            .filter(|by| BY.contains(by))
            .unwrap_or("user")
    }

    fn days(&self) -> Option<u32> {
        given(self.days.as_ref())?.parse().ok().filter(|days| *days > 0)
    }

    /// Returns true if something is left out.
    pub(super) fn is_narrow(&self) -> bool {
        [&self.q, &self.outcome, &self.days]
            .into_iter()
            .any(|field| given(field.as_ref()).is_some())
    }

    /// Returns what the API is asked, without the place of the page. A condition that it does not know is refused by it.
    pub(super) fn conditions(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut conditions = Vec::new();
        if let Some(text) = given(self.q.as_ref()) {
            let by = BY.into_iter().find(|by| *by == self.by()).unwrap_or("user");
            conditions.push((by, text.to_owned()));
        }
        if let Some(outcome) = given(self.outcome.as_ref()) {
            conditions.push(("outcome", outcome.to_owned()));
        }
        if let Some(days) = self.days() {
            let since = hours_before(now, 24 * i64::from(days));
            conditions.push(("since", since.to_string()));
        }
        conditions
    }

    pub(super) fn shows_all(&self) -> bool {
        given(self.all.as_ref()).is_some()
    }

    fn all_fields(&self) -> [(&'static str, Option<&str>); 7] {
        [
            ("q", given(self.q.as_ref())),
            ("by", given(self.by.as_ref())),
            ("outcome", given(self.outcome.as_ref())),
            ("days", given(self.days.as_ref())),
            ("all", given(self.all.as_ref())),
            ("after", given(self.after.as_ref())),
            ("e", given(self.e.as_ref())),
        ]
    }

    /// Returns what a form has to send to mean the same entries.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let given = self
            .all_fields()
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        given.filter(|(name, _)| *name != "after" && *name != "e")
    }

    /// Returns the address of this page with other values in some fields.
    pub(super) fn address(&self, visit: &Visit, path: &[&str], changes: &[(&str, Option<&str>)]) -> String {
        let mut address = visit.link(path);
        let mut sign = '?';
        for (name, now) in self.all_fields() {
            let change = changes.iter().find(|(changed, _)| *changed == name);
            let value = change.map_or(now, |(_, value)| *value);
            if let Some(value) = value {
                address.push(sign);
                address.push_str(name);
                address.push('=');
                address.push_str(&encoded(value));
                sign = '&';
            }
        }
        address
    }

    /// Returns the row of filters.
    pub(super) fn row(&self, visit: &Visit) -> Markup {
        let by = self.by();
        html! {
            form.filters action=(visit.link(&["audit"])) {
                div.find.grow {
                    (Icon::SEARCH)
                    label.vh for="f" { (t!("User, operator, run or ticket")) }
                    input #f name="q" type="search" maxlength="255" autocomplete="off" value=(given(self.q.as_ref()).unwrap_or_default())
                        placeholder=(t!("User, operator, run or ticket"));
                }
                label.vh for="by" { (t!("What is looked for")) }
                select #by name="by" {
                    @for one in BY { option value=(one) selected[one == by] { (by_word(one)) } }
                }
                label.vh for="outcome" { (t!("Outcome")) }
                select #outcome name="outcome" {
                    option value="" { (t!("Any outcome")) }
                    @for one in Outcome::KNOWN {
                        option value=(one) selected[given(self.outcome.as_ref()) == Some(one)] { (outcome_word::word(&Outcome::from(*one))) }
                    }
                }
                label.vh for="days" { (t!("Since when")) }
                select #days name="days" {
                    option value="" { (t!("Any time")) }
                    @for days in DAYS { option value=(days) selected[self.days() == Some(days)] { (days_word(days)) } }
                }
                label.opt { input type="checkbox" name="all" value="on" checked[self.shows_all()]; (t!("Also intents and runs")) }
                button.btn."btn--sm" { (t!("Search")) }
                @if self.is_narrow() {
                    @if let Some(text) = given(self.q.as_ref()) {
                        span.chip {
                            (by_word(by)) ": " (foreign(text))
                            a href=(self.address(visit, &["audit"], &[("q", None), ("by", None), ("after", None), ("e", None)])) aria-label=(t!("Remove this filter")) { (Icon::CROSS.small()) }
                        }
                    }
                }
            }
        }
    }
}

fn by_word(by: &str) -> &'static str {
    match by {
        "operator" => t!("Operator"),
        "run" => t!("Run"),
        "ticket" => t!("Ticket"),
        _ => t!("User"),
    }
}

fn days_word(days: u32) -> String {
    match days {
        1 => t!("Last 24 hours").to_owned(),
        _ => t!("Last {days} days"),
    }
}
