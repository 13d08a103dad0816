//! `profile remove`: removes a profile.

use std::io;

use clap::Args;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `profile remove`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin profile remove staging

Also deletes a secret that `profile add --secret-stdin` stored; your own secret files and commands stay. The audit \
trail, the runs and the login data of its server stay too.")]
pub struct RemoveArgs {
    /// The name of the profile
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such profile, or a file cannot be written.
pub fn run(context: &Context, args: &RemoveArgs) -> Result<Exit, CommandError> {
    let mut edit = context.edit_profiles()?;
    let profile = edit.profiles().find(&args.name)?.clone();
    let kept = context.places()?.secret_file(&args.name);
    edit.remove(&args.name);
    edit.save()?;
    if profile.client_secret_file.as_deref() == Some(kept.as_path()) {
        match std::fs::remove_file(&kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let what = t!("cannot remove the secret from {}", kept.display());
                return Err(CommandError::new(exit::CONFIG, what).because(error));
            }
            _ => {}
        }
    }
    context.ui.note(t!("removed profile `{}`", args.name));
    let file = edit.profiles();
    if file.default.as_deref() == Some(args.name.as_str()) && file.profiles.len() > 1 {
        context.ui.note(t!(
            "it was the default; choose another: easemob-admin profile use NAME"
        ));
    }
    Ok(exit::OK)
}
