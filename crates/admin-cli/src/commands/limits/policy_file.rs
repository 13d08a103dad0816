//! The argument that names a policy, shared by `limits check` and `limits enforce`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::select::selection::UnknownAge;

use crate::command_error::CommandError;
use crate::commands::selection::warn_of_rare;
use crate::completion;
use crate::context::Context;

/// A policy, and its overrides for one command.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// The policy: a TOML file that says how many devices each user may have online
    #[arg(value_name = "POLICY", add = completion::policies())]
    pub(super) policy: PathBuf,
    /// How to treat devices of unknown age that exceed a limit, instead of what the policy says
    #[arg(long, value_name = "WHAT")]
    unknown_age: Option<Unknown>,
}

/// The values of `--unknown-age`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unknown {
    /// Never choose them
    Never,
    /// Treat them as older than all others
    Oldest,
}

impl PolicyArgs {
    /// Returns what `unknown_age` of the policy is to be instead, as a policy has it.
    pub(super) fn unknown_age_word(&self) -> Option<&'static str> {
        self.unknown_age.map(|unknown| match unknown {
            Unknown::Never => "keep",
            Unknown::Oldest => "oldest",
        })
    }

    /// Reads the policy, and warns about likely mistakes in it.
    ///
    /// # Errors
    /// When the file cannot be read or used.
    pub(super) fn load(&self, context: &Context) -> Result<PolicyOnDisk, CommandError> {
        let mut on_disk = PolicyOnDisk::load(&self.policy)?;
        on_disk
            .policy
            .platforms()
            .for_each(|platform| warn_of_rare(context, platform));
        match self.unknown_age {
            Some(Unknown::Never) => on_disk.policy.unknown_age = UnknownAge::Keep,
            Some(Unknown::Oldest) => on_disk.policy.unknown_age = UnknownAge::Oldest,
            None => {}
        }
        Ok(on_disk)
    }
}
