//! Runs the command given on the command line.

use crate::cli::Command;
use crate::command_error::CommandError;
use crate::commands::audit::{self, AuditCommand};
use crate::commands::devices::{self, DevicesCommand};
use crate::commands::limits::{self, LimitsCommand};
use crate::commands::logins::{self, LoginsCommand};
use crate::commands::profile::{self, ProfileCommand};
use crate::commands::runs::{self, RunsCommand};
use crate::commands::sandbox::devices::SandboxDevicesCommand;
use crate::commands::sandbox::{self, SandboxCommand};
use crate::commands::sessions::{self, SessionsCommand};
use crate::commands::users::{self, UsersCommand};
use crate::commands::{completions, man};
use crate::context::{Context, Session};
use crate::exit::Exit;

/// Runs `command`.
///
/// # Errors
/// When the command fails.
pub async fn dispatch(context: &Context, command: Command) -> Result<Exit, CommandError> {
    if context.globals.sandbox && reads_what_is_kept(&command) {
        context
            .ui
            .say("sandbox: showing stored data of the local sandbox");
    }
    match command {
        Command::Profile(ProfileCommand::Add(args)) => profile::add::run(context, &args),
        Command::Profile(ProfileCommand::List(args)) => profile::list::run(context, &args),
        Command::Profile(ProfileCommand::Use(args)) => profile::use_profile::run(context, &args),
        Command::Profile(ProfileCommand::Remove(args)) => profile::remove::run(context, &args),
        Command::Profile(ProfileCommand::Doctor(args)) => profile::doctor::run(context, &args).await,
        Command::Audit(AuditCommand::Log(args)) => audit::log::run(context, &args).await,
        Command::Audit(AuditCommand::Verify(args)) => audit::verify::run(context, &args),
        Command::Audit(AuditCommand::Export(args)) => audit::export::run(context, &args).await,
        Command::Audit(AuditCommand::Key(args)) => audit::key::run(context, &args),
        Command::Runs(RunsCommand::List(args)) => runs::list::run(context, &args),
        Command::Runs(RunsCommand::Show(args)) => runs::show::run(context, &args),
        Command::Runs(RunsCommand::Resume(args)) => runs::resume::run(context, &args).await,
        Command::Runs(RunsCommand::RetryFailed(args)) => runs::retry_failed::run(context, &args).await,
        Command::Logins(LoginsCommand::Snapshots(args)) => logins::snapshots::run(context, &args),
        Command::Logins(LoginsCommand::Count(args)) => logins::count::run(context, &args),
        Command::Logins(LoginsCommand::Top(args)) => logins::top::run(context, &args),
        Command::Logins(LoginsCommand::Diff(args)) => logins::diff::run(context, &args),
        Command::Logins(LoginsCommand::Show(args)) => logins::show::run(context, &args),
        Command::Logins(LoginsCommand::Export(args)) => logins::export::run(context, &args),
        Command::Logins(LoginsCommand::Collect(args)) => logins::collect::run(context, &args).await,
        Command::Logins(LoginsCommand::Import(args)) => logins::import::run(context, &args),
        Command::Logins(LoginsCommand::Report(args)) => logins::report::run(context, &args),
        Command::Logins(LoginsCommand::Prune(args)) => logins::prune::run(context, &args),
        Command::Sandbox(SandboxCommand::Serve(args)) => sandbox::serve::run(context, &args).await,
        Command::Sandbox(SandboxCommand::Seed(args)) => sandbox::seed::run(context, &args).await,
        Command::Sandbox(SandboxCommand::Reset(args)) => sandbox::reset::run(context, &args).await,
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
        online @ (Command::Devices(_)
        | Command::Sessions(_)
        | Command::Users(_)
        | Command::Limits(_)
        | Command::Logins(LoginsCommand::Scan(_))
        | Command::Sandbox(SandboxCommand::Devices(_))) => {
            let session = context.connect().await?;
            if !matches!(
                online,
                Command::Sessions(SessionsCommand::Locks(_) | SessionsCommand::Unlock(_))
            ) {
                sessions::locks::warn_of_overdue(context, &session);
            }
            let result = with_server(context, &session, online).await;
            // Save the state of the sandbox even if the command failed; the command's error takes precedence.
            let closed = session.close().await;
            result.and_then(|exit| closed.map(|()| exit))
        }
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

async fn with_server(context: &Context, session: &Session, command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Devices(DevicesCommand::List(args)) => devices::list::run(context, session, &args).await,
        Command::Sessions(SessionsCommand::Logout(args)) => {
            sessions::logout::run(context, session, &args).await
        }
        Command::Sessions(SessionsCommand::Lock(args)) => sessions::lock::run(context, session, &args).await,
        Command::Sessions(SessionsCommand::Unlock(args)) => {
            sessions::unlock::run(context, session, &args).await
        }
        Command::Sessions(SessionsCommand::Locks(args)) => sessions::locks::run(context, session, &args),
        Command::Sessions(SessionsCommand::Plan(args)) => sessions::plan::run(context, session, &args).await,
        Command::Sessions(SessionsCommand::Apply(args)) => {
            sessions::apply::run(context, session, &args).await
        }
        Command::Users(UsersCommand::List(args)) => users::list::run(context, session, &args).await,
        Command::Users(UsersCommand::Show(args)) => users::show::run(context, session, &args).await,
        Command::Users(UsersCommand::Status(args)) => users::status::run(context, session, &args).await,
        Command::Users(UsersCommand::Ban(args)) => users::ban::run(context, session, &args).await,
        Command::Users(UsersCommand::Unban(args)) => users::unban::run(context, session, &args).await,
        Command::Logins(LoginsCommand::Scan(args)) => logins::scan::run(context, session, &args).await,
        Command::Limits(LimitsCommand::Show(args)) => limits::show::run(context, session, &args).await,
        Command::Limits(LimitsCommand::Set(args)) => limits::set::run(context, session, &args).await,
        Command::Limits(LimitsCommand::Check(args)) => limits::check::run(context, session, &args).await,
        Command::Limits(LimitsCommand::Enforce(args)) => limits::enforce::run(context, session, &args).await,
        Command::Sandbox(SandboxCommand::Devices(SandboxDevicesCommand::Connect(args))) => {
            sandbox::devices::connect::run(context, session, &args).await
        }
        Command::Audit(_)
        | Command::Logins(_)
        | Command::Profile(_)
        | Command::Runs(_)
        | Command::Sandbox(_)
        | Command::Completions(_)
        | Command::Man(_) => Err(CommandError::new(
            crate::exit::INTERNAL,
            "a command that needs no server was connected to one",
        )),
    }
}
