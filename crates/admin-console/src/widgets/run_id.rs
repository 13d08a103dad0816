//! The id of the run that a form makes. It is chosen with the form, so that a form that is sent twice makes one run.

use easemob_admin_ops::run::id::RunId;
use maud::{Markup, html};

use crate::fields::Fields;
use crate::visit::Facts;

/// Returns the field with an id.
pub(crate) fn field(id: &str) -> Markup {
    html! { input type="hidden" name="run" value=(id); }
}

/// Returns the id that a form has sent, or a new one.
pub(crate) fn sent_or_new(visit: &Facts, sent: &Fields) -> String {
    sent.some("run").unwrap_or_else(|| new(visit))
}

/// Returns the id of a run to come.
pub(crate) fn new(visit: &Facts) -> String {
    RunId::new(visit.now, fastrand::u32(..)).to_string()
}
