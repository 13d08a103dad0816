//! `users`: which users exist, and who may sign in.

pub mod ban;
mod change;
pub mod list;
pub mod row;
pub mod show;
pub mod status;
pub mod unban;

use clap::Subcommand;

/// Commands about users.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// List users, oldest first
    List(list::ListArgs),
    /// Show one user
    Show(show::ShowArgs),
    /// Show whether users are online
    Status(status::StatusArgs),
    /// Keep users from signing in, and sign them out
    Ban(ban::BanArgs),
    /// Allow banned users to sign in again
    Unban(unban::UnbanArgs),
}
