//! Runs a command for the process: arguments, streams, runtime and exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use easemob_admin_words::{Language, speak, t, within};

use crate::cli::{Cli, Command};
use crate::command_error::CommandError;
use crate::commands::aim::aim_of;
use crate::commands::dispatch::dispatch;
use crate::commands::help::language::wrong_in_chinese;
use crate::commands::help::rendered;
use crate::commands::logins::LoginsCommand;
use crate::commands::runs::RunsCommand;
use crate::commands::sandbox::SandboxCommand;
use crate::completion;
use crate::config::environment::Environment;
use crate::context::{Context, Screen, Stdout};
use crate::exit::{self, Exit};
use crate::interrupt::survive_size_limits;
use crate::render::Format;
use crate::ui::Ui;
use crate::verbose;

/// How long background tasks may take to end after the command has ended.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// The streams of the program, and what it knows of the terminal.
pub struct Streams {
    /// Opens stdout, for data.
    pub stdout: Stdout,
    /// The stream for everything else.
    pub stderr: Box<dyn Write + Send>,
    /// The terminal.
    pub screen: Screen,
}

impl Streams {
    /// Returns the streams of the process.
    #[must_use]
    pub fn of_process() -> Self {
        let width = io::stdout().is_terminal().then(|| {
            terminal_size::terminal_size_of(io::stdout()).map_or(80, |(width, _)| usize::from(width.0))
        });
        Self {
            stdout: Arc::new(|| Box::new(io::stdout())),
            stderr: Box::new(io::stderr()),
            screen: Screen {
                width,
                color: false,
                stderr: io::stderr().is_terminal(),
            },
        }
    }
}

/// Runs the program with the arguments, environment and streams of the process.
#[must_use]
pub fn main() -> ExitCode {
    let (arguments, environment) = (std::env::args_os().collect::<Vec<_>>(), Environment::of_process());
    speak(language_of(&arguments, &environment));
    match completion::answer() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => error.exit(),
    }
    let exit = run(arguments, environment, Streams::of_process());
    ExitCode::from(exit.code())
}

/// Runs the program; the first argument is the name of the program.
///
/// During a run, the program handles the signals of the process.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    streams: Streams,
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Tests run several commands in one process, each with a language of its own.
    let mut language = language_of(&arguments, &environment);
    if streams.screen.width.is_none() && arguments.iter().any(|word| word == "doctor") {
        // The rows of `profile doctor` are sentences, which programs read in one language.
        language = Language::English;
    }
    within(language, || run_in_language(&arguments, environment, streams))
}

fn run_in_language(arguments: &[OsString], environment: Environment, mut streams: Streams) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return help_or_usage(&error, arguments, &environment, &mut streams),
    };
    let given = arguments.iter().skip(1);
    let given = given
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let color = streams.screen.stderr && may_color(&environment);
    streams.screen.color = streams.screen.width.is_some() && may_color(&environment);
    let ui = Arc::new(Ui::new(streams.stderr, cli.globals.quiet, color));
    if cli.globals.output == Format::Failures && !matches!(cli.command, Command::Runs(RunsCommand::Show(_))) {
        ui.error(&CommandError::new(
            exit::USAGE,
            t!("`--output failures` only works with `runs show`"),
        ));
        return exit::USAGE;
    }
    verbose::listen(&ui, cli.globals.verbose);
    let runtime = match runtime_of(&cli.command).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.warn(t!("cannot start the program: {error}"));
            return exit::INTERNAL;
        }
    };
    {
        let _inside = runtime.enter();
        survive_size_limits();
    }
    let context = Context {
        aim: aim_of(&cli.globals),
        arguments: given,
        globals: cli.globals,
        environment,
        ui: ui.clone(),
        stdout: streams.stdout,
        screen: streams.screen,
        began: Instant::now(),
        records: Arc::default(),
        service: Arc::default(),
        worker: None,
    };
    let result = runtime.block_on(dispatch(&context, cli.command));
    if let Some(records) = context.records.get() {
        records.finish();
    }
    runtime.shutdown_timeout(LAST_TASKS);
    ui.lower();
    result.unwrap_or_else(|error| {
        let error = error.aimed(&context.aim);
        ui.error(&error);
        error.exit()
    })
}

/// Uses one thread for everything except servers: passing requests and answers between threads costs more
/// than it gains. Servers, and commands that write to a database between calls, have one thread per core; so has a worker,
/// which opens and closes one range while it works on another.
fn runtime_of(command: &Command) -> tokio::runtime::Builder {
    match command {
        Command::Sandbox(SandboxCommand::Serve(_))
        | Command::Logins(LoginsCommand::Collect(_) | LoginsCommand::Scan(_)) => {
            tokio::runtime::Builder::new_multi_thread()
        }
        #[cfg(feature = "postgres")]
        Command::Work(_) => tokio::runtime::Builder::new_multi_thread(),
        #[cfg(feature = "serve")]
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    }
}

/// Writes help and version to stdout, and errors of the command line to stderr.
fn help_or_usage(
    error: &clap::Error,
    arguments: &[OsString],
    environment: &Environment,
    streams: &mut Streams,
) -> Exit {
    let text = error.render();
    let wrong = wrong_in_chinese(error);
    let help = rendered(arguments.iter().skip(1).cloned());
    let color = |terminal: bool| terminal && may_color(environment);
    let show = |color: bool| match (&help, &wrong, color) {
        (Some(help), _, true) => help.ansi(),
        (Some(help), _, false) => help.plain(),
        (None, Some(wrong), _) => wrong.clone(),
        (None, None, true) => text.ansi().to_string(),
        (None, None, false) => text.to_string(),
    };
    // Nothing can be done if the reader is gone.
    let _ = if error.use_stderr() {
        streams
            .stderr
            .write_all(show(color(streams.screen.stderr)).as_bytes())
    } else {
        let mut out = (streams.stdout)();
        out.write_all(show(color(streams.screen.width.is_some())).as_bytes())
            .and_then(|()| out.flush())
    };
    if error.use_stderr() { exit::USAGE } else { exit::OK }
}

/// Returns the language of messages. Errors of the command line have one, too, so it is found before that is read.
fn language_of(arguments: &[OsString], environment: &Environment) -> Language {
    let mut words = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap_or_default())
        .take_while(|word| *word != "--");
    let mut named = None;
    while let Some(word) = words.next() {
        if word == "--lang" {
            named = words.next();
        } else if let Some(name) = word.strip_prefix("--lang=") {
            named = Some(name);
        }
    }
    let variables = ["EASEMOB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
    let settings = variables.map(|name| environment.get(name));
    Language::of_settings(std::iter::once(named).chain(settings))
}

fn may_color(environment: &Environment) -> bool {
    environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_goes_before_the_variables_and_one_of_ours_before_those_of_the_system() {
        let of = |arguments: &[&str], variables: &[(&str, &str)]| {
            let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
            language_of(&arguments, &variables.iter().copied().collect())
        };
        let (english, chinese) = (Language::English, Language::Chinese);
        for (arguments, variables, expected) in [
            (&["p"][..], &[][..], english),
            (&["p"], &[("LANG", "zh_CN.UTF-8")], chinese),
            (&["p"], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], english),
            (
                &["p"],
                &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")],
                chinese,
            ),
            (&["p"], &[("LC_ALL", "C"), ("EASEMOB_LANG", "zh-CN")], chinese),
            (&["p", "--lang", "en"], &[("EASEMOB_LANG", "zh-CN")], english),
            (&["p", "runs", "list", "--lang=zh-CN"], &[], chinese),
            (&["p", "users", "show", "--", "--lang", "zh-CN"], &[], english),
            (&["p", "--lang"], &[("LANG", "zh_CN.UTF-8")], chinese),
        ] {
            assert_eq!(of(arguments, variables), expected, "{arguments:?} {variables:?}");
        }
    }
}
