//! Reports that requests wait for a server that is away.

use std::time::{Duration, Instant};

use easemob_admin_api::{Client, Outage};
use easemob_admin_words::t;

use crate::ui::Ui;

/// Tells the operator of outages, and ends a wait at the end of `--max-duration`.
#[derive(Debug)]
pub struct Outages {
    /// Whether a line on the terminal may be kept up to date.
    live: bool,
    deadline: Option<Instant>,
    last: Option<Duration>,
}

impl Outages {
    /// Creates a teller that has not told anything yet.
    #[must_use]
    pub fn new(live: bool, deadline: Option<Instant>) -> Self {
        Self {
            live,
            deadline,
            last: None,
        }
    }

    /// Tells how `client` waits, if it does, and gives its requests up once the deadline has passed. Call this a few times a
    /// second.
    pub fn look(&mut self, ui: &Ui, client: &Client) {
        let outage = client.outage();
        match self.news(outage) {
            News::None => {}
            News::Line(text) => ui.say(text),
            News::Status(text) => ui.status(text),
        }
        if outage.is_some() && self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            client.stop_waiting();
        }
    }

    /// Decides what to show, given the wait that is under way. Pure, but for what was shown before.
    fn news(&mut self, outage: Option<Outage>) -> News {
        let before = std::mem::replace(&mut self.last, outage.map(|outage| outage.waited));
        let Some(outage) = outage else {
            return if self.live && before.is_some() {
                News::Status(None)
            } else {
                News::None
            };
        };
        if self.live {
            let (waited, left) = (outage.waited.as_secs(), outage.left.as_secs());
            return News::Status(Some(t!(
                "server not answering, waiting {waited} s (for {left} s more at most; press Ctrl-C to give up)"
            )));
        }
        if before.is_some_and(|before| before <= outage.waited) {
            return News::None;
        }
        let longest = (outage.waited + outage.left).as_secs_f64().round();
        News::Line(t!("server not answering, waiting {longest} s at most"))
    }
}

/// What to show of a wait.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// Nothing that is not shown already.
    None,
    /// A line of its own.
    Line(String),
    /// The line that is kept up to date; none to remove it.
    Status(Option<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_one_line_or_one_that_changes() {
        let line = |text: &str| News::Line(text.to_owned());
        let status = |text: &str| News::Status(Some(text.to_owned()));
        let (mut file, mut terminal) = (Outages::new(false, None), Outages::new(true, None));
        for (waited, in_a_file, on_a_terminal) in [
            (None, News::None, News::None),
            (
                Some(1),
                line("server not answering, waiting 300 s at most"),
                status("server not answering, waiting 1 s (for 299 s more at most; press Ctrl-C to give up)"),
            ),
            (
                Some(12),
                News::None,
                status(
                    "server not answering, waiting 12 s (for 288 s more at most; press Ctrl-C to give up)",
                ),
            ),
            (None, News::None, News::Status(None)),
            (None, News::None, News::None),
            (
                Some(20),
                line("server not answering, waiting 300 s at most"),
                status(
                    "server not answering, waiting 20 s (for 280 s more at most; press Ctrl-C to give up)",
                ),
            ),
            // It was back in between, for a shorter time than between two looks.
            (
                Some(2),
                line("server not answering, waiting 300 s at most"),
                status("server not answering, waiting 2 s (for 298 s more at most; press Ctrl-C to give up)"),
            ),
        ] {
            let outage = waited.map(|waited| {
                let waited = Duration::from_secs(waited);
                Outage::new(waited, Duration::from_secs(300).saturating_sub(waited))
            });
            assert_eq!(file.news(outage), in_a_file, "{waited:?}");
            assert_eq!(terminal.news(outage), on_a_terminal, "{waited:?}");
        }
    }
}
