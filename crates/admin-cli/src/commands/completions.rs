//! `completions`: prints the completion script of a shell.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::completion::register;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo 'source <(easemob-admin completions bash)' >> ~/.bashrc
  echo 'source <(easemob-admin completions zsh)' >> ~/.zshrc
  echo 'easemob-admin completions fish | source' >> ~/.config/fish/config.fish

The shell asks the program for words each time, so it knows the profiles and runs that there are. Files of an earlier \
version may stay; the new script replaces them.")]
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
    register(&args.shell.to_string(), &mut script)
        .map_err(|error| CommandError::new(exit::INTERNAL, t!("cannot make the script")).because(error))?;
    write_out(context, &script)
}

/// Writes bytes to stdout; it is not an error if the reader leaves early.
///
/// # Errors
/// When stdout cannot be written.
pub fn write_out(context: &Context, bytes: &[u8]) -> Result<Exit, CommandError> {
    let mut out = (context.stdout)();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(exit::INTERNAL, t!("cannot write to stdout")).because(error))
        }
        _ => Ok(exit::OK),
    }
}
