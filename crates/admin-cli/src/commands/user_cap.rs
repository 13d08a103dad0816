//! `--max-users`: refuses an act on more users than intended, as a whole.

use clap::Args;
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::exit;

/// The most users to act on.
#[derive(Debug, Clone, Copy, Args)]
pub struct UserCap {
    /// Do nothing if more than N users, or more than P% of those named, would be affected
    #[arg(long, value_name = "N|P%")]
    max_users: Option<CapSpec>,
}

impl UserCap {
    /// Refuses to act on `touched` users of `all`.
    ///
    /// # Errors
    /// When there are more than the cap allows.
    pub(crate) fn check(self, touched: u64, all: u64) -> Result<(), CommandError> {
        let Some(allowed) = self.max_users.map(|spec| spec.allowance(all)) else {
            return Ok(());
        };
        if touched <= allowed {
            return Ok(());
        }
        let what = t!(
            "{} of {all} would be affected, but --max-users allows {allowed}; nothing was done",
            users(touched)
        );
        Err(CommandError::new(exit::CAP_HIT, what)
            .hint(t!("check the list with --dry-run before raising the cap")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_holds_for_the_whole() {
        for (spec, touched, all, allowed) in [
            (None, u64::MAX, u64::MAX, true),
            (Some("5"), 5, 10, true),
            (Some("5"), 6, 10, false),
            (Some("0"), 0, 10, true),
            (Some("0"), 1, 10, false),
            (Some("50%"), 5, 10, true),
            (Some("50%"), 6, 10, false),
            (Some("33%"), 3, 10, true),
            (Some("33%"), 4, 10, false),
            (Some("0%"), 1, 10, false),
            (Some("100%"), 10, 10, true),
        ] {
            let max_users = spec.map(|spec| spec.parse().unwrap());
            let checked = UserCap { max_users }.check(touched, all);
            assert_eq!(checked.is_ok(), allowed, "{spec:?} {touched} {all}");
            if let Err(error) = checked {
                assert_eq!(error.exit(), exit::CAP_HIT);
            }
        }
    }
}
