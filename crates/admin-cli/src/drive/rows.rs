//! The rows of a run on their way out.

use std::io;
use std::ops::ControlFlow;

use serde::Serialize;

use super::RunRow;
use crate::bulk::pipeline::Stop;
use crate::render::report::{Reader, Report};
use crate::ui::Ui;

/// Writes rows as long as anybody reads them.
pub(super) struct Rows<'a> {
    ui: &'a Ui,
    report: Report,
    acts: bool,
    gone: bool,
}

impl<'a> Rows<'a> {
    /// Binds to a report. A run that `acts` goes on when nobody reads, and tells its failures on stderr.
    pub(super) fn new(ui: &'a Ui, report: Report, acts: bool) -> Self {
        Self {
            ui,
            report,
            acts,
            gone: false,
        }
    }

    /// Writes rows, or says why the run has to stop.
    pub(super) fn write<R: RunRow>(&mut self, rows: Vec<R>) -> ControlFlow<Stop> {
        for row in rows {
            match self.report.row(&row) {
                Err(error) => return ControlFlow::Break(Stop::Output(error)),
                Ok(Reader::Listening) => {}
                Ok(Reader::Gone) if !self.acts => return ControlFlow::Break(Stop::ReaderGone),
                Ok(Reader::Gone) => {
                    if !self.gone {
                        self.gone = true;
                        self.ui
                            .warn("stdout was closed; the run goes on, and failures are told here");
                    }
                    if let Some(failure) = row.failure() {
                        self.ui.warn(failure);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Writes the end of the report.
    pub(super) fn finish(&mut self, summary: &impl Serialize) -> io::Result<Reader> {
        self.report.finish(summary)
    }
}
