//! The row that `sandbox seed` and `sandbox reset` report.

use std::path::Path;

use easemob_admin_sandbox::Sandbox;
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::Row;

#[derive(Debug, Serialize)]
struct StateRow {
    app: String,
    data: String,
    state_file: String,
}

impl Row for StateRow {
    const COLUMNS: &'static [&'static str] = &["app", "data", "state_file"];

    fn cells(&self) -> Vec<String> {
        vec![self.app.clone(), self.data.clone(), self.state_file.clone()]
    }
}

#[derive(Debug, Serialize)]
struct NoSummary {}

/// Reports what the embedded sandbox contains now.
pub(super) fn tell(
    context: &Context,
    command: &'static str,
    sandbox: &Sandbox,
    data: &str,
    state: &Path,
) -> Result<Exit, CommandError> {
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("cannot write the row to stdout")).because(error);
    let mut report = context.local_report::<StateRow>(command, true)?;
    let app = sandbox.app_key().to_owned();
    let row = StateRow {
        app,
        data: data.to_owned(),
        state_file: state.display().to_string(),
    };
    report.row(&row).map_err(output)?;
    report.finish(&NoSummary {}).map_err(output)?;
    context.ui.note(t!("sandbox: loaded {data}"));
    Ok(exit::OK)
}
