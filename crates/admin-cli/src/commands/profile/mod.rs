//! `profile`: servers and credentials under short names.

pub mod add;
pub mod doctor;
pub mod list;
pub mod remove;
pub mod use_profile;

use clap::Subcommand;

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
