//! `sandbox reset`: restores the demo data.

use clap::Args;
use easemob_admin_sandbox::Seed;
use easemob_admin_words::t;

use super::row::tell;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::embedded;
use crate::exit::{self, Exit};

/// Arguments of `sandbox reset`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sandbox reset")]
pub struct ResetArgs {}

/// Runs the command.
///
/// # Errors
/// When the sandbox is in use or its state cannot be saved.
pub async fn run(context: &Context, _: &ResetArgs) -> Result<Exit, CommandError> {
    let places = context.places()?;
    let sandbox = embedded::start(&places).await?;
    sandbox.reset();
    let imported = sandbox
        .import(Seed::demo())
        .map_err(|error| CommandError::new(exit::INTERNAL, t!("cannot use the demo data")).because(error));
    let told = imported.and_then(|()| {
        tell(
            context,
            "sandbox reset",
            &sandbox,
            "demo",
            &places.sandbox_state(),
        )
    });
    embedded::stop(sandbox).await?;
    told
}
