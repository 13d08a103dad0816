//! The sandbox inside this process, with its state in the user's data directory.

use easemob_admin_ops::files::private::make_directory;
use easemob_admin_sandbox::{Sandbox, SandboxError, Seed};

use crate::command_error::CommandError;
use crate::config::places::Places;
use crate::exit;

/// Starts the embedded sandbox with its kept state, or with demo data if there is none.
///
/// # Errors
/// When the state file cannot be used, or another command holds it for too long.
pub(crate) async fn start(places: &Places) -> Result<Sandbox, CommandError> {
    let state = places.sandbox_state();
    if let Some(directory) = state.parent() {
        make_directory(directory).map_err(|error| {
            CommandError::new(
                exit::INTERNAL,
                format!("cannot make the directory {}", directory.display()),
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
        SandboxError::StateFile(error) => {
            CommandError::new(exit::INTERNAL, "the state of the sandbox cannot be used")
                .because(error)
                .hint(format!(
                    "if another easemob-admin is running with --sandbox, let it end; otherwise move {} away",
                    state.display()
                ))
        }
        error => CommandError::new(exit::INTERNAL, "the sandbox cannot be started").because(error),
    })
}

/// Stops the sandbox; its state is saved.
///
/// # Errors
/// When the state cannot be saved.
pub(crate) async fn stop(sandbox: Sandbox) -> Result<(), CommandError> {
    sandbox.shutdown().await.map_err(|error| {
        CommandError::new(exit::INTERNAL, "the state of the sandbox cannot be saved").because(error)
    })
}
