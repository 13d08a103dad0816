//! Whose rows a command has shown of a run that other processes work on, too.

use std::collections::HashSet;

use easemob_admin_ops::report::{Outcome, Report};
use easemob_admin_ops::run::item::Item;

/// The users whose rows were shown, apart from those who were not reached.
#[derive(Debug, Default)]
pub struct Told {
    /// By the line of the list.
    lines: HashSet<u64>,
    /// Those whose rows name no line.
    names: HashSet<String>,
}

impl Told {
    pub(super) fn insert(&mut self, report: &Report) {
        if report.outcome() == Outcome::NotStarted {
            return;
        }
        match report.line() {
            Some(line) => self.lines.insert(line),
            None => self.names.insert(report.user().unwrap_or_default().to_owned()),
        };
    }

    /// Returns how many they are.
    #[must_use]
    pub fn users(&self) -> u64 {
        (self.lines.len() + self.names.len()) as u64
    }

    /// Returns true if the rows of a user were shown.
    #[must_use]
    pub fn has(&self, item: &Item) -> bool {
        self.lines.contains(&item.line) || self.names.contains(item.user.as_str())
    }
}
