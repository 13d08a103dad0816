//! The rows of users whom other processes worked on.

use std::future::Future;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::report::recorded::recorded;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::RunError;
use easemob_admin_words::t;

use super::parts::id_of;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::drive::{Driven, RunRow};

/// Shows what is on record of users whose rows this command has not shown, if fewer were shown than have `settled`, unless it
/// is `told` to end. The record has no names of devices.
///
/// # Errors
/// When the records cannot be opened.
pub(super) async fn tell_rest<R: RunRow, T>(
    context: &Context,
    header: &Header,
    which: Which,
    driven: &mut Driven<'_, R>,
    settled: u64,
    told: impl Future<Output = T>,
) -> Result<(), CommandError> {
    let shown = driven.take_told();
    if shown.users() >= settled {
        return Ok(());
    }
    let (id, stores) = (id_of(header)?, context.stores()?);
    let action = header.action.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let (items, records) = (stores.runs().items(&id)?, stores.runs().records(&id)?);
        let rest = recorded(&action, items, records, which, |item| shown.has(item));
        rest.map_err(|source| RunError::Io {
            what: "cannot read what was recorded of run",
            at: id.to_string(),
            source,
        })
    });
    let missing = |why: &str| context.ui.warn(t!("rows are missing: {why}"));
    tokio::select! {
        read = reading => match read {
            Ok(Ok(rest)) => {
                let stop = rest.into_iter().find_map(|report| driven.told(report).break_value());
                if let Some(stop) = stop {
                    driven.stop_because(stop);
                }
            }
            Ok(Err(error)) => missing(&with_causes(&error)),
            Err(error) => missing(&error.to_string()),
        },
        _ = told => missing(t!("interrupted")),
    }
    Ok(())
}
