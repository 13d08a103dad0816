//! Writes the rows of a run.

use std::io;
use std::ops::ControlFlow;

use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_words::t;
use serde::Serialize;

use super::RunRow;
use crate::commands::acting::counted;
use crate::render::report::{Reader, Report};
use crate::ui::Ui;

/// Writes rows in blocks, as long as there is a reader.
pub(super) struct Rows<'a> {
    ui: &'a Ui,
    report: Report,
    acts: bool,
    /// Leaves out the rows of users that did not fail.
    failures_only: bool,
    left_out: u64,
    gone: bool,
    /// Failures among the buffered rows; they must be reported if the block is lost.
    buffered: Vec<String>,
}

impl<'a> Rows<'a> {
    /// Wraps a report. A run that `acts` continues without a reader, and reports its failures on stderr.
    /// `failures_only` leaves out all other rows.
    pub(super) fn new(ui: &'a Ui, report: Report, acts: bool, failures_only: bool) -> Self {
        Self {
            ui,
            report,
            acts,
            failures_only,
            left_out: 0,
            gone: false,
            buffered: Vec::new(),
        }
    }

    /// Writes a row, or returns why the run must stop. It is readable only after [`flush`](Self::flush).
    pub(super) fn write<R: RunRow>(&mut self, row: &R) -> ControlFlow<Stop> {
        let failure = row.failure();
        if self.failures_only && failure.is_none() {
            self.left_out += 1;
            return ControlFlow::Continue(());
        }
        if self.acts {
            self.buffered.extend(failure);
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
                    self.ui.warn(t!(
                        "stdout was closed; the run continues and reports failures here"
                    ));
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
        let finished = self.report.finish(summary);
        if self.left_out > 0 {
            self.ui.note(t!(
                "{} without a failure not shown (--rows all shows all)",
                counted(self.left_out, "row")
            ));
        }
        finished
    }
}
