//! The sandbox inside this process, with its state in the user's data directory.

use easemob_admin_ops::files::private::make_directory;
use easemob_admin_sandbox::{Sandbox, SandboxError, Seed, StateFileError};
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::config::places::Places;
use crate::exit;

/// Starts the embedded sandbox with its saved state, or with demo data if there is none.
///
/// # Errors
/// When the state file cannot be used, or another command holds it for too long.
pub(crate) async fn start(places: &Places) -> Result<Sandbox, CommandError> {
    let state = places.sandbox_state();
    if let Some(directory) = state.parent() {
        make_directory(directory).map_err(|error| {
            CommandError::new(
                exit::INTERNAL,
                t!("cannot create the directory {}", directory.display()),
            )
            .because(error)
        })?;
    }
    let started = Sandbox::builder()
        .state_file(&state)
        .seed(Seed::demo())
        .start()
        .await;
    started.map_err(|error| match error {
        SandboxError::StateFile(error @ StateFileError::Locked { .. }) => {
            CommandError::new(exit::BUSY, t!("cannot use the state of the sandbox"))
                .because(error)
                .hint(t!(
                    "wait until the other easemob-admin with --sandbox ends, then run the command again"
                ))
        }
        SandboxError::StateFile(error) => {
            CommandError::new(exit::INTERNAL, t!("cannot use the state of the sandbox"))
                .because(error)
                .hint(t!("to start over, move {} away", state.display()))
        }
        error => CommandError::new(exit::INTERNAL, t!("cannot start the sandbox")).because(error),
    })
}

/// Stops the sandbox and saves its state.
///
/// # Errors
/// When the state cannot be saved.
pub(crate) async fn stop(sandbox: Sandbox) -> Result<(), CommandError> {
    sandbox.shutdown().await.map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot save the state of the sandbox")).because(error)
    })
}
