//! Runs the command given on the command line.

use crate::cli::Command;
use crate::command_error::CommandError;
use crate::commands::logins::LoginsCommand;
#[cfg(feature = "serve")]
use crate::commands::serve;
#[cfg(feature = "postgres")]
use crate::commands::work;
use crate::commands::{completions, help, login, logout, man};
use crate::context::Context;
use crate::exit::Exit;
use easemob_admin_words::t;

/// Runs `command`.
///
/// # Errors
/// When the command fails.
pub async fn dispatch(context: &Context, command: Command) -> Result<Exit, CommandError> {
    if context.globals.sandbox && reads_what_is_kept(&command) {
        context
            .ui
            .say(t!("sandbox: showing stored data of the local sandbox"));
    }
    match command {
        Command::Devices(command) => command.run(context).await,
        Command::Sessions(command) => command.run(context).await,
        Command::Users(command) => command.run(context).await,
        Command::Limits(command) => command.run(context).await,
        Command::Logins(command) => command.run(context).await,
        Command::Runs(command) => command.run(context).await,
        Command::Login(args) => login::run(context, &args).await,
        Command::Logout(args) => logout::run(context, &args).await,
        Command::Approvals(command) => command.run(context),
        Command::Audit(command) => command.run(context).await,
        Command::Profile(command) => command.run(context).await,
        #[cfg(feature = "postgres")]
        Command::Store(command) => command.run(context),
        #[cfg(feature = "postgres")]
        Command::Work(args) => {
            let mut context = context.clone();
            context.worker = args.name().map(str::to_owned);
            work::run(&context, &args).await
        }
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(context, &args).await,
        Command::Sandbox(command) => command.run(context).await,
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
        Command::Help(args) => help::run(context, &args),
    }
}

/// Returns true for commands that send no request but show data of a server.
fn reads_what_is_kept(command: &Command) -> bool {
    match command {
        Command::Audit(_) => true,
        Command::Logins(logins) => !matches!(logins, LoginsCommand::Scan(_)),
        _ => false,
    }
}
