//! The progress bar on stderr.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use easemob_admin_words::t;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A progress bar with rate and time left; a copy is the same bar.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    failed: Arc<AtomicU64>,
}

impl Progress {
    /// Shows a bar for `total` items of the named kind, or only a counter if the total is unknown.
    #[must_use]
    pub fn on_stderr(total: Option<u64>, verb: &'static str) -> Self {
        let failed = Arc::<AtomicU64>::default();
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
        let template = match total {
            Some(_) => format!(
                "{{prefix}} {{wide_bar}} {{human_pos}}/{{human_len}}  {{rate}}  {}{{failed}}{{msg}}",
                t!("{{eta}} left")
            ),
            None => format!(
                "{{prefix}} {}  {{rate}}{{failed}}{{msg}}",
                t!("{{human_pos}} users")
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
                // A bar that cannot be drawn is not worth an error.
                let _ = text.write_str(&t!("{:.0} users/s", state.per_sec()));
            };
            let failed = failed.clone();
            let failures = move |_: &ProgressState, text: &mut dyn fmt::Write| {
                match failed.load(Ordering::Relaxed) {
                    0 => {}
                    // As above.
                    count => {
                        let _ = text.write_str(&t!("  {count} failed"));
                    }
                }
            };
            let style = style.with_key("rate", rate).with_key("failed", failures);
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, failed }
    }

    /// Shows a line of text.
    #[must_use]
    pub fn line() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            failed: Arc::default(),
        }
    }

    /// Shows a text at the end of the line; none removes it.
    pub fn status(&self, text: Option<String>) {
        let text = text.map(|text| format!("  {text}"));
        self.bar.set_message(text.unwrap_or_default());
    }

    /// Counts items.
    pub fn advance(&self, items: u64) {
        self.bar.inc(items);
    }

    /// Counts a failure, which is shown from the next change on.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Raises the number of items.
    pub fn extend(&self, items: u64) {
        self.bar.inc_length(items);
    }

    /// Shows that the server has reduced the rate; the text stays.
    pub fn reduced(&self, rate: Option<f64>) {
        let words = rate.map(|rate| t!("  (slowed down by the server to {rate:.0} requests/s)"));
        self.bar.set_message(words.unwrap_or_default());
    }

    /// Runs `work` while the bar is hidden.
    pub fn suspend<R>(&self, work: impl FnOnce() -> R) -> R {
        self.bar.suspend(work)
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Writes to a terminal that also shows a bar.
pub struct Beside<W> {
    out: W,
    bar: Progress,
}

impl<W: Write> Beside<W> {
    /// Hides `bar` while bytes are written to `out`.
    pub fn new(out: W, bar: Progress) -> Self {
        Self { out, bar }
    }
}

impl<W: Write> Write for Beside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { out, bar } = self;
        bar.suspend(|| out.write_all(bytes).map(|()| bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        let Self { out, bar } = self;
        bar.suspend(|| out.flush())
    }
}
