//! `sandbox seed`: replaces the data of the embedded sandbox.

use std::path::Path;

use clap::Args;
use easemob_admin_ops::files::{bounded, encoding};
use easemob_admin_sandbox::Seed;
use easemob_admin_words::t;

use super::row::tell;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::embedded;
use crate::exit::{self, Exit};

/// Arguments of `sandbox seed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sandbox seed demo
  easemob-admin sandbox seed ./case.json

Earlier data is deleted.")]
pub struct SeedArgs {
    /// `demo`, or a JSON file
    #[arg(value_name = "demo|FILE")]
    data: String,
}

/// The most bytes of a seed, such as a million users with devices.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Reads demo data or a file.
///
/// # Errors
/// When the file cannot be read or does not have the documented form.
pub fn load(data: &str) -> Result<Seed, CommandError> {
    if data == "demo" {
        return Ok(Seed::demo());
    }
    let bytes = bounded::whole(Path::new(data), LARGEST).map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot read the seed file {data}")).because(error)
    })?;
    let unusable = || CommandError::new(exit::USAGE, t!("{data} is not a seed file"));
    let text = encoding::text(&bytes)
        .map_err(|(line, foreign)| unusable().because(t!("line {line} is {}", foreign.words())))?;
    Seed::from_json(text).map_err(|error| unusable().because(error))
}

/// Runs the command.
///
/// # Errors
/// When the data cannot be used or the sandbox is in use.
pub async fn run(context: &Context, args: &SeedArgs) -> Result<Exit, CommandError> {
    let seed = load(&args.data)?;
    let places = context.places()?;
    let sandbox = embedded::start(&places).await?;
    sandbox.reset();
    let imported = sandbox.import(seed).map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot use the limits of the seed")).because(error)
    });
    let told = imported.and_then(|()| {
        tell(
            context,
            "sandbox seed",
            &sandbox,
            &args.data,
            &places.sandbox_state(),
        )
    });
    embedded::stop(sandbox).await?;
    told
}
