//! Which entries of the audit trail are meant.

use easemob_admin_audit::{EventTime, Filter, Outcome};

use super::users::user;
use crate::problem::{Kind, Refusal};

/// Declares a query with the conditions of a search, and further parameters. (Serde cannot flatten one query into another and
/// refuse unknown parameters.)
macro_rules! query_of_entries {
    ($(#[$about:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            /// Only acts on this user.
            user: Option<String>,
            /// Only acts of this operator, by account or by the owner of the key.
            operator: Option<String>,
            /// Only this run, or runs whose ids begin with this.
            run: Option<String>,
            /// Only acts with this ticket.
            ticket: Option<String>,
            /// Only events since this time.
            #[param(format = DateTime)]
            since: Option<String>,
            /// Only events before this time.
            #[param(format = DateTime)]
            until: Option<String>,
            /// Only acts with this outcome.
            #[param(inline)]
            outcome: Option<String>,
            $($(#[$meta])* $field: $type,)*
        }

        impl $name {
            /// Returns the conditions.
            fn conditions(&self) -> $crate::endpoints::audit_filter::Conditions<'_> {
                $crate::endpoints::audit_filter::Conditions {
                    user: self.user.as_deref(),
                    operator: self.operator.as_deref(),
                    run: self.run.as_deref(),
                    ticket: self.ticket.as_deref(),
                    since: self.since.as_deref(),
                    until: self.until.as_deref(),
                    outcome: self.outcome.as_deref(),
                }
            }
        }
    };
}
pub(super) use query_of_entries;

/// The conditions of a search as they were sent.
pub(super) struct Conditions<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) operator: Option<&'a str>,
    pub(super) run: Option<&'a str>,
    pub(super) ticket: Option<&'a str>,
    pub(super) since: Option<&'a str>,
    pub(super) until: Option<&'a str>,
    pub(super) outcome: Option<&'a str>,
}

impl Conditions<'_> {
    /// Returns the filter.
    ///
    /// # Errors
    /// When a condition could match nothing, or has no value: that must not mean all entries.
    pub(super) fn filter(self, acts_only: bool) -> Result<Filter, Refusal> {
        Ok(Filter {
            user: self.user.map(user).transpose()?.map(|user| user.to_string()),
            operator: text("operator", self.operator)?,
            run: text("run", self.run)?,
            ticket: text("ticket", self.ticket)?,
            since: time("since", self.since)?,
            until: time("until", self.until)?,
            outcome: self.outcome.map(outcome).transpose()?,
            acts_only,
            decisions: false,
        })
    }
}

fn text(name: &str, value: Option<&str>) -> Result<Option<String>, Refusal> {
    match value {
        Some("") => Err(Refusal::of(Kind::BadRequest).detail(format!("`{name}` is empty"))),
        value => Ok(value.map(str::to_owned)),
    }
}

fn time(name: &str, value: Option<&str>) -> Result<Option<EventTime>, Refusal> {
    let parsed = value.map(str::parse).transpose();
    parsed.map_err(|_| {
        Refusal::of(Kind::BadRequest).detail(format!("`{name}` is a time such as 2026-01-31T09:30:00Z"))
    })
}

fn outcome(word: &str) -> Result<Outcome, Refusal> {
    if Outcome::KNOWN.contains(&word) {
        return Ok(Outcome::from(word));
    }
    let known = Outcome::KNOWN.join(", ");
    Err(Refusal::of(Kind::BadRequest).detail(format!("`outcome` is one of: {known}")))
}
