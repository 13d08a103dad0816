//! Everything that is said on stderr: warnings, notes, errors, and the place where the progress bar is.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};
use easemob_admin_ops::names::harmless::harmless;

use crate::command_error::CommandError;
use crate::progress::Progress;

/// Speaks to the operator.
pub struct Ui {
    err: Mutex<Box<dyn Write + Send>>,
    bar: Mutex<Option<Progress>>,
    quiet: bool,
    color: bool,
}

impl Ui {
    /// Binds to a writer; `quiet` leaves out what is neither warning nor error nor summary.
    #[must_use]
    pub fn new(err: Box<dyn Write + Send>, quiet: bool, color: bool) -> Self {
        Self {
            err: Mutex::new(err),
            bar: Mutex::new(None),
            quiet,
            color,
        }
    }

    /// Says something that is good to know.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.line(&text.to_string());
        }
    }

    /// Says something that must be seen even with `--quiet`, such as a summary.
    pub fn say(&self, text: impl Display) {
        self.line(&text.to_string());
    }

    /// Warns.
    pub fn warn(&self, text: impl Display) {
        self.labelled("warning", AnsiColor::Yellow, &text.to_string());
    }

    /// Tells an error with its causes and what to do next.
    pub fn error(&self, error: &CommandError) {
        self.labelled("error", AnsiColor::Red, &error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            self.line(&format!("  because: {error}"));
            cause = error.source();
        }
        for hint in error.hints() {
            self.labelled("hint", AnsiColor::Cyan, hint);
        }
    }

    /// Shows `bar` below everything else until it is taken down.
    pub fn raise(&self, bar: Progress) {
        *lock(&self.bar) = Some(bar);
    }

    /// Moves the bar on, if there is one.
    pub fn advance(&self, items: u64) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.advance(items);
        }
    }

    /// Says beside the bar that the server has made the rate smaller; nothing takes the words away again.
    pub fn reduced(&self, rate: Option<f64>) {
        if let Some(bar) = &*lock(&self.bar) {
            bar.reduced(rate);
        }
    }

    /// Takes the bar down.
    pub fn lower(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.clear();
        }
    }

    /// Asks without ending the line.
    pub fn ask(&self, text: &str) {
        let mut err = lock(&self.err);
        let _ = write!(err, "{text} ").and_then(|()| err.flush());
    }

    fn labelled(&self, label: &str, color: AnsiColor, text: &str) {
        if self.color {
            let style = Style::new().bold().fg_color(Some(color.into()));
            self.write(&format!("{style}{label}:{style:#} {}", safe(text)));
        } else {
            self.write(&format!("{label}: {}", safe(text)));
        }
    }

    fn line(&self, text: &str) {
        self.write(&safe(text));
    }

    fn write(&self, text: &str) {
        let bar = lock(&self.bar).clone();
        let write = || {
            let mut err = lock(&self.err);
            // There is nowhere left to complain if stderr is closed.
            let _ = writeln!(err, "{text}").and_then(|()| err.flush());
        };
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Messages may quote names from lists and servers; their own line breaks are kept.
fn safe(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
