//! A request for approval as a row.

use easemob_admin_remote::api::{Approval, ApprovalState, ApprovalView, Need};
use easemob_admin_words::{t, translated};
use serde::Serialize;

use crate::commands::acting::{devices, users};
use crate::render::report::Row;

/// A request.
#[derive(Debug, Serialize)]
pub(super) struct ApprovalRow {
    pub(super) run: String,
    pub(super) state: &'static str,
    act: String,
    users: Option<u64>,
    devices: Option<u64>,
    asked_by: String,
    asked_at: String,
    pub(super) reason: Option<String>,
    ticket: Option<String>,
    pub(super) needs: String,
    pub(super) decide_by: String,
    pub(super) execute_by: Option<String>,
    decisions: usize,
    items_sha256: String,
}

/// Returns the word for where a request is.
pub(super) fn word(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending => "pending",
        ApprovalState::Approved => "approved",
        ApprovalState::Refused => "refused",
        ApprovalState::Expired => "expired",
        ApprovalState::Over => "over",
    }
}

/// Returns how many of those who must agree have: `1/2 leads`.
fn needs(approval: &Approval) -> String {
    let agreed = |need: &Need| {
        let fits = approval.decisions.iter().filter(|decision| {
            decision.approves && (need.group == "*" || decision.groups.contains(&need.group))
        });
        fits.count()
    };
    let each = approval.needs.iter().map(|need| {
        let group = if need.group == "*" {
            t!("anybody").to_owned()
        } else {
            need.group.clone()
        };
        format!("{}/{} {group}", agreed(need).min(need.count as usize), need.count)
    });
    each.collect::<Vec<_>>().join(", ")
}

impl ApprovalRow {
    pub(super) fn new(view: &ApprovalView) -> Self {
        let approval = &view.approval;
        Self {
            run: approval.run.clone(),
            state: word(view.state),
            act: approval.order.action.command().to_owned(),
            // An act on the app itself is about everybody.
            users: Some(approval.order.users).filter(|users| *users > 0),
            devices: approval.order.devices,
            asked_by: approval.asked_by.clone(),
            asked_at: format!("{:.0}", approval.asked_at),
            reason: approval.reason.clone(),
            ticket: approval.ticket.clone(),
            needs: needs(approval),
            decide_by: format!("{:.0}", approval.decide_by),
            execute_by: approval.execute_by.map(|until| format!("{until:.0}")),
            decisions: approval.decisions.len(),
            items_sha256: approval.order.items_sha256.clone(),
        }
    }

    /// Says what is asked for, and by whom.
    pub(super) fn sentence(&self) -> String {
        let size = match (self.users, self.devices) {
            (None, _) => t!("everybody").to_owned(),
            (Some(count), None) => users(count),
            (Some(count), Some(most)) => format!("{}, {}", users(count), devices(most)),
        };
        let Self {
            asked_by,
            asked_at,
            act,
            ..
        } = self;
        t!("{asked_by} asks for `{act}` of at most {size} ({asked_at})")
    }

    /// Returns the columns with words that people read.
    fn words(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.run.clone(),
            translated(self.state).to_owned(),
            self.act.clone(),
            number(self.users),
            number(self.devices),
            self.asked_by.clone(),
            text(&self.reason),
            self.needs.clone(),
            self.decide_by.clone(),
        ]
    }
}

impl Row for ApprovalRow {
    const COLUMNS: &'static [&'static str] = &[
        "run",
        "state",
        "act",
        "users",
        "devices",
        "asked_by",
        "asked_at",
        "reason",
        "ticket",
        "needs",
        "decide_by",
        "execute_by",
        "decisions",
        "items_sha256",
    ];
    const TABLE: &'static [&'static str] = &[
        "run",
        "state",
        "act",
        "users",
        "devices",
        "asked_by",
        "reason",
        "needs",
        "decide_by",
    ];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.run.clone(),
            self.state.into(),
            self.act.clone(),
            number(self.users),
            number(self.devices),
            self.asked_by.clone(),
            self.asked_at.clone(),
            text(&self.reason),
            text(&self.ticket),
            self.needs.clone(),
            self.decide_by.clone(),
            text(&self.execute_by),
            self.decisions.to_string(),
            self.items_sha256.clone(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        self.words()
    }
}
