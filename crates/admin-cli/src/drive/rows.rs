//! Writes the rows of a run.

use std::io;
use std::ops::ControlFlow;

use easemob_admin_ops::schedule::pipeline::Stop;
use serde::Serialize;

use super::RunRow;
use crate::render::report::{Reader, Report};
use crate::ui::Ui;

/// Writes rows in blocks, as long as there is a reader.
pub(super) struct Rows<'a> {
    ui: &'a Ui,
    report: Report,
    acts: bool,
    gone: bool,
    /// Failures among the buffered rows; they must be reported if the block is lost.
    buffered: Vec<String>,
}

impl<'a> Rows<'a> {
    /// Wraps a report. A run that `acts` continues without a reader, and reports its failures on stderr.
    pub(super) fn new(ui: &'a Ui, report: Report, acts: bool) -> Self {
        Self {
            ui,
            report,
            acts,
            gone: false,
            buffered: Vec::new(),
        }
    }

    /// Writes a row, or returns why the run must stop. It is readable only after [`flush`](Self::flush).
    pub(super) fn write<R: RunRow>(&mut self, row: &R) -> ControlFlow<Stop> {
        if self.acts {
            self.buffered.extend(row.failure());
        }
        let written = self.report.buffer(row);
        self.judge(written)
    }

    /// Flushes what was written, or returns why the run must stop.
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
                        .warn("stdout was closed; the run continues and reports failures here");
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
