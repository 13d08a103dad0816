//! `man`: prints the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::completions::write_out;
use crate::cli::Cli;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin man | man -l -
  easemob-admin man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write one page per command into this directory
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the directory or stdout cannot be written.
pub fn run(context: &Context, args: &ManArgs) -> Result<Exit, CommandError> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| CommandError::new(exit::INTERNAL, "cannot create the page").because(error))?;
        return write_out(context, &page);
    };
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|error| {
            CommandError::new(exit::USAGE, format!("cannot write to {}", directory.display())).because(error)
        })?;
    context
        .ui
        .note(format_args!("wrote the pages to {}", directory.display()));
    Ok(exit::OK)
}
