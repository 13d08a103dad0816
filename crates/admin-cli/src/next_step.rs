//! What to run after a run that left something, as commands that can be pasted.

use crate::context::Context;

/// A command to run next, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What it is for, such as `to resume`.
    pub purpose: &'static str,
    /// The command without the name of the program and the options that name the server.
    pub command: String,
}

/// What is left of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rest<'a> {
    /// Whether `runs resume` could continue it.
    pub unfinished: bool,
    /// The cause that stopped it, given by its [word](easemob_admin_ops::schedule::pipeline::Stop::word), if it was stopped;
    /// it would stop it again.
    pub stopped: Option<&'a str>,
    /// Users that failed; repeating may help.
    pub retry_may_help: u64,
    /// Users that failed; repeating will not help.
    pub last: u64,
}

impl NextStep {
    fn new(purpose: &'static str, command: impl Into<String>) -> Self {
        Self {
            purpose,
            command: command.into(),
        }
    }

    /// Returns the command as it can be pasted, for the server of this command line.
    #[must_use]
    pub fn pasted(&self, context: &Context) -> String {
        context.command(&self.command)
    }

    /// Prints the step.
    pub fn say(&self, context: &Context) {
        context
            .ui
            .say(format_args!("{}: {}", self.purpose, self.pasted(context)));
    }
}

/// Returns how to do what is left of the run `run`, without skipping anybody who failed and may be retried.
#[must_use]
pub fn next_steps(run: &str, rest: Rest<'_>) -> Vec<NextStep> {
    let retry = |purpose| NextStep::new(purpose, format!("runs retry-failed {run}"));
    match (rest.unfinished, rest.stopped) {
        (true, Some("drift")) => {
            vec![NextStep::new("to do the rest, make a new plan", "sessions plan")]
        }
        (true, Some("max_logouts")) => {
            let higher = format!("runs resume {run} --max-logouts N");
            let mut steps = vec![NextStep::new("to resume with a higher cap", higher)];
            if rest.retry_may_help > 0 {
                steps.push(retry("then, to retry the failed users"));
            }
            steps
        }
        (true, _) if rest.retry_may_help > 0 => {
            vec![retry("to resume, and to retry the failed users")]
        }
        (true, _) => vec![NextStep::new("to resume", format!("runs resume {run}"))],
        (false, _) if rest.retry_may_help > 0 => vec![retry("to retry the failed users")],
        (false, _) if rest.last > 0 => vec![NextStep::new(
            "to retry the permanent failures",
            format!("runs retry-failed {run} --all"),
        )],
        (false, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::schedule::pipeline::Stop;

    use super::*;

    fn commands(unfinished: bool, stopped: Option<&str>, retry_may_help: u64, last: u64) -> Vec<String> {
        let rest = Rest {
            unfinished,
            stopped,
            retry_may_help,
            last,
        };
        let steps = next_steps("r1", rest).into_iter();
        steps.map(|step| step.command).collect()
    }

    #[test]
    fn what_stopped_a_run_is_not_advised_again() {
        let after = |stop: &Stop| commands(true, Some(stop.word()), 0, 0);
        assert_eq!(after(&Stop::Cap), ["runs resume r1 --max-logouts N"]);
        assert_eq!(after(&Stop::Drift), ["sessions plan"]);
        assert_eq!(after(&Stop::Aborted), ["runs resume r1"]);
    }

    #[test]
    fn nobody_who_failed_is_skipped() {
        let capped = Some(Stop::Cap.word());
        for (unfinished, stopped, retry, last, expected) in [
            (false, None, 0, 0, &[][..]),
            (false, None, 2, 1, &["runs retry-failed r1"][..]),
            (false, None, 0, 1, &["runs retry-failed r1 --all"]),
            (true, None, 0, 0, &["runs resume r1"]),
            (true, None, 0, 3, &["runs resume r1"]),
            (true, Some("signal"), 1, 0, &["runs retry-failed r1"]),
            (
                true,
                capped,
                1,
                0,
                &["runs resume r1 --max-logouts N", "runs retry-failed r1"],
            ),
        ] {
            let row = (unfinished, stopped, retry, last);
            assert_eq!(commands(unfinished, stopped, retry, last), expected, "{row:?}");
        }
    }
}
