//! `man`: prints the manual pages.

mod page;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use easemob_admin_words::{Language, t, within};

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
    let mut command = Cli::command();
    command.build();
    let Some(directory) = &args.directory else {
        let mut text = Vec::new();
        within(Language::English, || page::write(&command, &mut text)).map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot create the page")).because(error)
        })?;
        return write_out(context, &text);
    };
    std::fs::create_dir_all(directory)
        .and_then(|()| write_all(&command, directory))
        .map_err(|error| {
            CommandError::new(exit::USAGE, t!("cannot write to {}", directory.display())).because(error)
        })?;
    context.ui.note(t!("wrote the pages to {}", directory.display()));
    Ok(exit::OK)
}

/// Writes the pages of a command and of those below it.
fn write_all(command: &Command, directory: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut file = BufWriter::new(File::create(directory.join(format!("{name}.1")))?);
    within(Language::English, || page::write(command, &mut file))?;
    file.flush()?;
    command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
        .try_for_each(|below| write_all(below, directory))
}
