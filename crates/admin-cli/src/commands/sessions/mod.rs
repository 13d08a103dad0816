//! `sessions`: ending them.

mod allowance;
pub mod logout;

use clap::Subcommand;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Force users' devices offline
    Logout(logout::LogoutArgs),
}
