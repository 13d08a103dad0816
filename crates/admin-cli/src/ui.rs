//! Writes messages to stderr: warnings, notes, errors, and the progress bar.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::present::causes::said;
use crate::progress::Progress;

/// Writes messages for the operator.
pub struct Ui {
    err: Mutex<Box<dyn Write + Send>>,
    bar: Mutex<Option<Progress>>,
    /// A line that is kept up to date, where there is no bar.
    line: Mutex<Option<Progress>>,
    quiet: bool,
    color: bool,
}

impl Ui {
    /// Creates the output for a writer; `quiet` suppresses everything except warnings, errors and summaries.
    #[must_use]
    pub fn new(err: Box<dyn Write + Send>, quiet: bool, color: bool) -> Self {
        Self {
            err: Mutex::new(err),
            bar: Mutex::new(None),
            line: Mutex::new(None),
            quiet,
            color,
        }
    }

    /// Prints a note.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.line(&text.to_string());
        }
    }

    /// Prints a message that must be seen even with `--quiet`, such as a summary.
    pub fn say(&self, text: impl Display) {
        self.line(&text.to_string());
    }

    /// Prints a warning.
    pub fn warn(&self, text: impl Display) {
        self.labelled(t!("warning"), AnsiColor::Yellow, &text.to_string());
    }

    /// Prints an error with its causes and hints.
    pub fn error(&self, error: &CommandError) {
        self.labelled(t!("error"), AnsiColor::Red, &error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            self.line(&t!("  because: {}", said(error)));
            cause = error.source();
        }
        for hint in error.hints() {
            self.labelled(t!("hint"), AnsiColor::Cyan, hint);
        }
    }

    /// Shows `bar` below everything else until [`lower`](Self::lower) removes it.
    pub fn raise(&self, bar: Progress) {
        *lock(&self.bar) = Some(bar);
    }

    /// Advances the bar, if there is one.
    pub fn advance(&self, items: u64) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.advance(items);
        }
    }

    /// Counts a failure beside the bar, if there is one.
    pub fn failed(&self) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.failed();
        }
    }

    /// Raises the total of the bar, if there is one.
    pub fn extend(&self, items: u64) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.extend(items);
        }
    }

    /// Shows beside the bar that the server has reduced the rate; the text stays.
    pub fn reduced(&self, rate: Option<f64>) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.reduced(rate);
        }
    }

    /// Shows a text beside the bar, or in a line of its own, in place of the text before; none removes it. Only for a
    /// terminal.
    pub fn status(&self, text: Option<String>) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.status(text);
            return;
        }
        let mut line = lock(&self.line);
        match text {
            Some(text) => line.get_or_insert_with(Progress::line).status(Some(text)),
            None => {
                if let Some(line) = line.take() {
                    line.clear();
                }
            }
        }
    }

    /// Removes the bar.
    pub fn lower(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.clear();
        }
    }

    /// Prints a question without ending the line.
    pub fn ask(&self, text: &str) {
        let mut err = lock(&self.err);
        let _ = write!(err, "{text} ").and_then(|()| err.flush());
    }

    fn labelled(&self, label: &str, color: AnsiColor, text: &str) {
        if self.color {
            let style = Style::new().bold().fg_color(Some(color.into()));
            self.write(&t!("{style}{label}:{style:#} {}", safe(text)));
        } else {
            self.write(&t!("{label}: {}", safe(text)));
        }
    }

    fn line(&self, text: &str) {
        self.write(&safe(text));
    }

    fn write(&self, text: &str) {
        let shown = lock(&self.bar).clone().or_else(|| lock(&self.line).clone());
        let write = || {
            let mut err = lock(&self.err);
            // If stderr is closed, there is nowhere left to report it.
            let _ = writeln!(err, "{text}").and_then(|()| err.flush());
        };
        match shown {
            Some(shown) => shown.suspend(write),
            None => write(),
        }
    }
}

/// Makes a message safe to print: it may quote names from lists and servers. Its own line breaks are kept.
fn safe(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
