//! `completions`: prints the completion script of a shell.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin completions bash > ~/.local/share/bash-completion/completions/easemob-admin
  easemob-admin completions zsh > ~/.zfunc/_easemob-admin")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(context: &Context, args: &CompletionsArgs) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    if args.shell == Shell::Bash {
        script = with_one_spelling(&String::from_utf8_lossy(&script)).into_bytes();
    }
    write_out(context, &script)
}

const PROGRAM: &str = "easemob-admin";

/// Fixes the bash script: the generator spells the program's hyphen in one way where it recognises a command
/// and in another where it offers words, so that no words would ever be offered.
fn with_one_spelling(script: &str) -> String {
    script.replace(&PROGRAM.replace('-', "__subcmd__"), &PROGRAM.replace('-', "__"))
}

/// Writes bytes to stdout; it is not an error if the reader leaves early.
///
/// # Errors
/// When stdout cannot be written.
pub fn write_out(context: &Context, bytes: &[u8]) -> Result<Exit, CommandError> {
    let mut out = (context.stdout)();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(exit::INTERNAL, "cannot write to stdout").because(error))
        }
        _ => Ok(exit::OK),
    }
}
