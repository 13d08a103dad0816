//! `sessions`: ending them.

pub mod apply;
pub mod lock;
pub mod locks;
pub mod logout;
pub mod plan;
pub mod unlock;

use clap::Subcommand;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Force users' devices offline
    Logout(logout::LogoutArgs),
    /// Ban users and log them out for some time
    Lock(lock::LockArgs),
    /// Lift locks, or those whose time has come
    Unlock(unlock::UnlockArgs),
    /// See who is locked, and until when
    Locks(locks::LocksArgs),
    /// Write down what a logout would do, to be reviewed
    Plan(plan::PlanArgs),
    /// Do what a plan says
    Apply(apply::ApplyArgs),
}
