//! `sessions`: signs users out, and locks them out.

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
    /// Sign users' devices out
    Logout(logout::LogoutArgs),
    /// Ban users and sign them out for some time
    Lock(lock::LockArgs),
    /// Lift locks, or only those that have expired
    Unlock(unlock::UnlockArgs),
    /// Show who is locked, and until when
    Locks(locks::LocksArgs),
    /// Write what a logout would do to a file, for review
    Plan(plan::PlanArgs),
    /// Carry out a plan
    Apply(apply::ApplyArgs),
}
