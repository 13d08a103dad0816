//! Entries of the audit trail that belong to no run.

use easemob_admin_audit::{Event, EventTime, Kind, TOOL};
use jiff::Timestamp;
use serde_json::Value;

use super::sink::{acting_as, details};
use crate::run::journal::header::Operator;
use crate::target::Target;

/// Returns the entry that says that an operator did something about a target.
#[must_use]
pub fn happened<const N: usize>(
    target: &Target,
    operator: &Operator,
    at: Timestamp,
    kind: &str,
    pairs: [(&str, Value); N],
) -> Event {
    let mut event = Event::new(EventTime::from_millis(at.as_millisecond()), Kind::from(kind));
    event.operator = Some(acting_as(operator));
    event.host = Some(operator.host.clone());
    event.app_root = Some(target.app_root.clone());
    event.app = Some(target.app.clone());
    event.sandbox = Some(target.sandbox);
    event.profile.clone_from(&target.profile);
    event.tool = Some(TOOL.to_owned());
    event.details = details(pairs);
    event
}
