//! `audit key`: prints the public key that verifies checkpoints.

use clap::Args;
use easemob_admin_words::t;

use super::trail::TrailArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `audit key`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit key > prod-audit.pub

Store it where the operators of this machine cannot change it.")]
pub struct KeyArgs {
    #[command(flatten)]
    trail: TrailArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no trail.
pub fn run(context: &Context, args: &KeyArgs) -> Result<Exit, CommandError> {
    let key = args.trail.existing(context)?.key()?;
    let mut out = (context.stdout)();
    let written = out.write_all(key.pem().as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot write the key to stdout")).because(error)
    })?;
    context.ui.note(t!("key id {}", key.id()));
    Ok(exit::OK)
}
