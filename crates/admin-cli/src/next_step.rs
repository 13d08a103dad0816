//! What to run after a run that left something, as commands that can be pasted.

use std::path::Path;

use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_words::t;

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
        context.ui.say(t!("{}: {}", self.purpose, self.pasted(context)));
    }
}

/// Returns how to do what is left of the run `run`, without skipping anybody who failed and may be retried.
#[must_use]
pub fn next_steps(run: &str, rest: Rest<'_>) -> Vec<NextStep> {
    let retry = |purpose| NextStep::new(purpose, format!("runs retry-failed {run}"));
    match (rest.unfinished, rest.stopped) {
        (true, Some("drift")) => {
            vec![NextStep::new(
                t!("to do the rest, make a new plan"),
                "sessions plan",
            )]
        }
        (true, Some("max_logouts")) => {
            let higher = format!("runs resume {run} --max-logouts N");
            let mut steps = vec![NextStep::new(t!("to resume with a higher cap"), higher)];
            if rest.retry_may_help > 0 {
                steps.push(retry(t!("then, to retry the failed users")));
            }
            steps
        }
        (true, _) if rest.retry_may_help > 0 => {
            vec![retry(t!("to resume, and to retry the failed users"))]
        }
        (true, _) => vec![NextStep::new(t!("to resume"), format!("runs resume {run}"))],
        (false, _) if rest.retry_may_help > 0 => vec![retry(t!("to retry the failed users"))],
        (false, _) if rest.last > 0 => vec![NextStep::new(
            t!("to retry the permanent failures"),
            format!("runs retry-failed {run} --all"),
        )],
        (false, _) => Vec::new(),
    }
}

/// Returns a command that does the rest of a list, from `line` on, with the `arguments` of the command that began it; `None`
/// if the list was not a file.
#[must_use]
pub fn rest_of_list(arguments: &[String], line: u64) -> Option<String> {
    let place = arguments
        .iter()
        .position(|argument| argument == "--from" || argument.starts_with("--from="))?;
    let (file, after) = match arguments[place].split_once('=') {
        Some((_, file)) => (file, place + 1),
        None => (arguments.get(place + 1)?.as_str(), place + 2),
    };
    if file == "-" {
        return None;
    }
    let shell = |text: &str| quoted(Path::new(text));
    let options = arguments[..place].iter().chain(&arguments[after..]);
    let options: Vec<String> = options.map(|argument| shell(argument)).collect();
    let file = if file.starts_with('-') {
        format!("./{file}")
    } else {
        file.to_owned()
    };
    let (file, options) = (shell(&file), options.join(" "));
    Some(format!(
        "tail -n +{line} {file} | easemob-admin {options} --from -"
    ))
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
    fn the_rest_of_a_list_is_a_command_that_runs_as_printed() {
        let rest = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            rest_of_list(&arguments, 7)
        };
        assert_eq!(
            rest(&[
                "--profile",
                "the team",
                "devices",
                "list",
                "--from",
                "my list.txt",
                "-o",
                "csv"
            ])
            .as_deref(),
            Some(
                "tail -n +7 'my list.txt' | easemob-admin --profile 'the team' devices list -o csv --from -"
            )
        );
        assert_eq!(
            rest(&["devices", "list", "--from=-x;rm"]).as_deref(),
            Some("tail -n +7 './-x;rm' | easemob-admin devices list --from -")
        );
        for none in [
            &["devices", "list", "ann"][..],
            &["devices", "list", "--from", "-"],
            &["--from"],
        ] {
            assert_eq!(rest(none), None);
        }
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
