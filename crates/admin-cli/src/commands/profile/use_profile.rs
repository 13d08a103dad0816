//! `profile use`: makes a profile the default.

use clap::Args;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `profile use`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin profile use staging")]
pub struct UseArgs {
    /// The name of the profile
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such profile, or the file cannot be written.
pub fn run(context: &Context, args: &UseArgs) -> Result<Exit, CommandError> {
    let mut edit = context.edit_profiles()?;
    edit.set_default(&args.name);
    let profile = edit.profiles().find(&args.name)?;
    edit.save()?;
    context.ui.note(t!(
        "commands without --profile now use `{}`: {}",
        args.name,
        profile.target()
    ));
    Ok(exit::OK)
}
