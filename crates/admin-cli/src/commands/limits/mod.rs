//! `limits`: how many devices may be online. `show` and `set` need a server that manages limits over its REST
//! API; `check` and `enforce` use a policy of the operator's own and work with any server.

pub mod check;
pub mod enforce;
mod policy_file;
mod reading;
pub mod set;
pub mod show;
mod watch;
mod whom;

use clap::Subcommand;

/// Commands about device limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show the limits of the app, or of users
    Show(show::ShowArgs),
    /// Change the limits of the app, or of users
    Set(set::SetArgs),
    /// See who has more devices online than a policy allows
    Check(check::CheckArgs),
    /// Sign out the devices that exceed the limits of a policy
    Enforce(enforce::EnforceArgs),
}
