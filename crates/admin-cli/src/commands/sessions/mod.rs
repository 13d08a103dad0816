//! `sessions`: ending them.

mod allowance;
pub mod apply;
pub mod logout;
pub mod plan;

use clap::Subcommand;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Force users' devices offline
    Logout(logout::LogoutArgs),
    /// Write down what a logout would do, to be reviewed
    Plan(plan::PlanArgs),
    /// Do what a plan says
    Apply(apply::ApplyArgs),
}
