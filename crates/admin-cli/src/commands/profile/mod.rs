//! `profile`: servers and credentials under short names.

pub mod add;
pub mod doctor;
pub mod list;
pub mod remove;
pub mod use_profile;
mod wizard;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about profiles.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Add or replace a profile
    Add(add::AddArgs),
    /// List the profiles
    List(list::ListArgs),
    /// Make a profile the default
    Use(use_profile::UseArgs),
    /// Remove a profile
    Remove(remove::RemoveArgs),
    /// Check the configuration step by step
    Doctor(doctor::DoctorArgs),
}

impl ProfileCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::Add(args) => add::run(context, args).await,
            Self::List(args) => list::run(context, args),
            Self::Use(args) => use_profile::run(context, args),
            Self::Remove(args) => remove::run(context, args),
            Self::Doctor(args) => doctor::run(context, args).await,
        }
    }
}
