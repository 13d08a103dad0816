//! The rows of a run on their way out.

use std::io;
use std::ops::ControlFlow;

use easemob_admin_ops::schedule::pipeline::Stop;
use serde::Serialize;

use super::RunRow;
use crate::render::report::{Reader, Report};
use crate::ui::Ui;

/// Writes rows as long as anybody reads them, in blocks.
pub(super) struct Rows<'a> {
    ui: &'a Ui,
    report: Report,
    acts: bool,
    gone: bool,
    /// Failures among the rows that are buffered: they have to be told if the block is lost.
    buffered: Vec<String>,
}

impl<'a> Rows<'a> {
    /// Binds to a report. A run that `acts` goes on when nobody reads, and tells its failures on stderr.
    pub(super) fn new(ui: &'a Ui, report: Report, acts: bool) -> Self {
        Self {
            ui,
            report,
            acts,
            gone: false,
            buffered: Vec::new(),
        }
    }

    /// Writes a row, or says why the run has to stop. It may be read only after [`flush`](Self::flush).
    pub(super) fn write<R: RunRow>(&mut self, row: &R) -> ControlFlow<Stop> {
        if self.acts {
            self.buffered.extend(row.failure());
        }
        let written = self.report.buffer(row);
        self.judge(written)
    }

    /// Hands on what was written, or says why the run has to stop.
    pub(super) fn flush(&mut self) -> ControlFlow<Stop> {
        let flushed = self.report.flush();
        self.judge(flushed)?;
        self.buffered.clear();
        ControlFlow::Continue(())
    }

    fn judge(&mut self, written: io::Result<Reader>) -> ControlFlow<Stop> {
        match written {
            Err(error) => return ControlFlow::Break(Stop::Output(error)),
            Ok(Reader::Listening) => {}
            Ok(Reader::Gone) if !self.acts => return ControlFlow::Break(Stop::ReaderGone),
            Ok(Reader::Gone) => {
                if !self.gone {
                    self.gone = true;
                    self.ui
                        .warn("stdout was closed; the run goes on, and failures are told here");
                }
                for failure in self.buffered.drain(..) {
                    self.ui.warn(failure);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Writes the end of the report.
    pub(super) fn finish(&mut self, summary: &impl Serialize) -> io::Result<Reader> {
        if let ControlFlow::Break(Stop::Output(error)) = self.flush() {
            return Err(error);
        }
        self.report.finish(summary)
    }
}
