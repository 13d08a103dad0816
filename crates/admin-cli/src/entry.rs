//! Runs a command for the process: arguments, streams, runtime and exit code.

use easemob_admin_words::t;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::command_error::CommandError;
use crate::commands::aim::aim_of;
use crate::commands::dispatch::dispatch;
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
    match completion::answer() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => error.exit(),
    }
    let exit = run(
        std::env::args_os(),
        Environment::of_process(),
        Streams::of_process(),
    );
    ExitCode::from(exit.code())
}

/// Runs the program; the first argument is the name of the program.
///
/// During a run, the program handles the signals of the process.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    mut streams: Streams,
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return help_or_usage(&error, &arguments, &environment, &mut streams),
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
/// than it gains. Servers, and commands that write to a database between calls, have one thread per core.
fn runtime_of(command: &Command) -> tokio::runtime::Builder {
    match command {
        Command::Sandbox(SandboxCommand::Serve(_))
        | Command::Logins(LoginsCommand::Collect(_) | LoginsCommand::Scan(_)) => {
            tokio::runtime::Builder::new_multi_thread()
        }
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
    let help = rendered(arguments.iter().skip(1).cloned());
    let color = |terminal: bool| terminal && may_color(environment);
    let show = |color: bool| match (&help, color) {
        (Some(help), true) => help.ansi(),
        (Some(help), false) => help.plain(),
        (None, true) => text.ansi().to_string(),
        (None, false) => text.to_string(),
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

fn may_color(environment: &Environment) -> bool {
    environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb")
}
