//! Checks who can change files: the program does not trust, resume or run anything that other accounts could
//! have written or could move away.

#[cfg(unix)]
mod walk;

use std::path::PathBuf;

use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::config::environment::Environment;
use crate::context::Context;
use crate::exit::Exit;
use crate::stores::files;

/// The variable that names a directory whose permissions, and those of the directories above it, the operator
/// vouches for: the volume of a container without other accounts.
pub const TRUSTED: &str = "EASEMOB_TRUSTED_DIR";

/// The role of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Created by this tool: the data directory and its contents.
    Own,
    /// A directory above; anybody who can write there can move away what is below.
    Above,
    /// The profile file, which people edit.
    Settings,
}

/// The attributes of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The user id of its owner.
    pub owner: u32,
    /// The group id of its group.
    pub group: u32,
    /// Its permissions, with the sticky bit.
    pub mode: u32,
    /// Whether it is a symbolic link, which has no permissions of its own.
    pub link: bool,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody else can change it.
    Trusted,
    /// Its group can change it, but need not: these permissions are enough.
    Tighten(u32),
    /// Another account can change it.
    Refuse(Why),
}

/// Which other accounts can change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its owner, who is neither this account nor root.
    Owner(u32),
    /// Every account of the machine.
    Everybody(u32),
    /// The accounts of its group.
    Group(u32),
}

/// Judges a file or directory for the account with the user id `uid`.
///
/// A group whose id equals the account's is the account's own, as umask 002 assumes; group 0 belongs to root
/// and to containers with an arbitrary account. If root owns a directory that its group can write, that is
/// root's decision: the volume of a container has one, and files that others put there are not ours.
#[must_use]
pub fn judge(seen: Seen, role: Role, uid: u32) -> Verdict {
    const ROOT: u32 = 0;
    const STICKY: u32 = 0o1000;
    let Seen {
        owner, group, mode, ..
    } = seen;
    if owner != uid && owner != ROOT {
        return Verdict::Refuse(Why::Owner(owner));
    }
    // In a sticky directory, only the owner of an entry can move it away.
    if seen.link || (role == Role::Above && mode & STICKY != 0) {
        return Verdict::Trusted;
    }
    if mode & 0o002 != 0 {
        return Verdict::Refuse(Why::Everybody(mode));
    }
    if mode & 0o020 == 0 {
        return Verdict::Trusted;
    }
    match role {
        Role::Own if owner == uid => Verdict::Tighten(mode & !0o022),
        Role::Above | Role::Settings if owner != ROOT && group != ROOT && group != uid => {
            Verdict::Refuse(Why::Group(mode))
        }
        Role::Own | Role::Above | Role::Settings => Verdict::Trusted,
    }
}

/// A file or directory that others can change.
#[derive(Debug, thiserror::Error)]
#[error("{} {}", path.display(), reason(*.why))]
pub struct Untrusted {
    path: PathBuf,
    why: Why,
}

fn reason(why: Why) -> String {
    match why {
        Why::Owner(owner) => t!("belongs to user {owner}, who is neither this account nor root"),
        Why::Everybody(mode) => t!("can be changed by every account (mode {:04o})", mode & 0o7777),
        Why::Group(mode) => t!("can be changed by its group (mode {:04o})", mode & 0o7777),
    }
}

impl Untrusted {
    /// Returns the command that fixes it.
    fn way_out(&self) -> String {
        let path = quoted(&self.path);
        match self.why {
            Why::Owner(_) => t!("check its content; if it is yours: chown \"$(id -un)\" {path}"),
            Why::Everybody(_) => t!("check its content, then: chmod o-w {path}"),
            Why::Group(_) => t!("check its content, then: chmod g-w {path}"),
        }
    }

    fn refused(self, exit: Exit, what: &str) -> CommandError {
        CommandError::new(
            exit,
            t!("{what} because other accounts could have changed it; nothing was sent"),
        )
        .hint(self.way_out())
        .hint(t!(
            "in a container without other accounts, name the volume: {TRUSTED}=DIR"
        ))
        .because(self)
    }
}

/// Refuses to rely on records that other accounts can change: runs, locks, budgets, logins. Files that only
/// their group can change are restricted, with a note.
///
/// # Errors
/// When other accounts can change the data directory, its contents, or a directory above.
pub fn require_data(context: &Context) -> Result<(), CommandError> {
    let places = context.places()?;
    let data = files(&places);
    let trusted = trusted_directory(&context.environment);
    let tightened = checked(
        |walk| {
            walk.above(places.data())?;
            walk.own(places.data(), 0)?;
            walk.own(&data.runs(), 1)?;
            for all_of in [
                data.locks(),
                data.logins(),
                places.rate_budgets(),
                places.tokens(),
                places.capabilities(),
            ] {
                walk.own(&all_of, 3)?;
            }
            // The trail checks its own files, and more strictly: files that this walk does not restrict, it
            // refuses.
            walk.close(&data.trails(), 3);
            walk.close(&data.keys(), 2);
            Ok(())
        },
        trusted,
    );
    conclude(
        context,
        tightened,
        crate::exit::INTERNAL,
        t!("cannot use the records in the data directory"),
    )
}

/// Refuses a run whose files other accounts can change.
///
/// # Errors
/// When they can.
pub fn require_run(context: &Context, id: &RunId) -> Result<(), CommandError> {
    let runs = files(&context.places()?).runs();
    let tightened = checked(
        |walk| walk.own(&runs.join(id.as_str()), 2),
        trusted_directory(&context.environment),
    );
    conclude(
        context,
        tightened,
        crate::exit::INTERNAL,
        t!("cannot use the run"),
    )
}

/// Refuses a profile file that other accounts can change.
///
/// # Errors
/// When they can.
pub fn require_settings(context: &Context) -> Result<(), CommandError> {
    let found = settings(context)?;
    conclude(context, found, crate::exit::CONFIG, t!("cannot use the profile"))
}

/// Warns about a profile file that other accounts can change.
///
/// # Errors
/// When there is no place for it.
pub fn warn_of_settings(context: &Context) -> Result<(), CommandError> {
    if let Err(untrusted) = settings(context)? {
        context
            .ui
            .warn(format_args!("{untrusted}; {}", untrusted.way_out()));
    }
    Ok(())
}

type Checked = Result<Vec<String>, Untrusted>;

fn settings(context: &Context) -> Result<Checked, CommandError> {
    let file = context.places()?.profile_file();
    Ok(checked(
        |walk| {
            walk.above(&file)?;
            walk.one(&file, Role::Settings)
        },
        trusted_directory(&context.environment),
    ))
}

fn trusted_directory(environment: &Environment) -> Option<PathBuf> {
    environment.get(TRUSTED).map(PathBuf::from)
}

fn conclude(context: &Context, checked: Checked, exit: Exit, what: &str) -> Result<(), CommandError> {
    for said in checked.map_err(|untrusted| untrusted.refused(exit, what))? {
        context.ui.note(said);
    }
    Ok(())
}

#[cfg(unix)]
fn checked(
    check: impl FnOnce(&mut walk::Walk) -> Result<(), Untrusted>,
    trusted: Option<PathBuf>,
) -> Checked {
    let mut walk = walk::Walk::new(trusted);
    check(&mut walk)?;
    Ok(walk.said())
}

#[cfg(not(unix))]
fn checked(_: impl FnOnce(&mut Nothing) -> Result<(), Untrusted>, _: Option<PathBuf>) -> Checked {
    Ok(Vec::new())
}

/// Only Unix has such permissions.
#[cfg(not(unix))]
struct Nothing;

#[cfg(not(unix))]
impl Nothing {
    fn above(&mut self, _: &Path) -> Result<(), Untrusted> {
        Ok(())
    }

    fn own(&mut self, _: &Path, _: u32) -> Result<(), Untrusted> {
        Ok(())
    }

    fn one(&mut self, _: &Path, _: Role) -> Result<(), Untrusted> {
        Ok(())
    }

    fn close(&mut self, _: &Path, _: u32) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: u32 = 1000;

    fn judged(owner: u32, group: u32, mode: u32, role: Role) -> Verdict {
        let link = false;
        judge(
            Seen {
                owner,
                group,
                mode,
                link,
            },
            role,
            US,
        )
    }

    #[test]
    fn who_else_can_change_it_decides() {
        use Role::{Above, Own, Settings};
        use Verdict::{Refuse, Tighten, Trusted};
        for (owner, group, mode, role, expected) in [
            // Ours, and nobody else's.
            (US, US, 0o700, Own, Trusted),
            (US, 7, 0o755, Own, Trusted),
            (US, US, 0o600, Settings, Trusted),
            (US, 7, 0o644, Settings, Trusted),
            (0, 0, 0o755, Above, Trusted),
            // umask 002 and the groups of volumes.
            (US, US, 0o775, Own, Tighten(0o755)),
            (US, 7, 0o2770, Own, Tighten(0o2750)),
            (US, 7, 0o660, Own, Tighten(0o640)),
            (US, US, 0o775, Above, Trusted),
            (US, US, 0o664, Settings, Trusted),
            (US, 0, 0o664, Settings, Trusted),
            (0, 7, 0o2775, Own, Trusted),
            (0, 7, 0o2775, Above, Trusted),
            // A group of others.
            (US, 7, 0o775, Above, Refuse(Why::Group(0o775))),
            (US, 7, 0o664, Settings, Refuse(Why::Group(0o664))),
            // Everybody.
            (US, US, 0o777, Own, Refuse(Why::Everybody(0o777))),
            (US, US, 0o666, Own, Refuse(Why::Everybody(0o666))),
            (US, US, 0o602, Settings, Refuse(Why::Everybody(0o602))),
            (US, US, 0o777, Above, Refuse(Why::Everybody(0o777))),
            (0, 0, 0o777, Above, Refuse(Why::Everybody(0o777))),
            (0, 0, 0o777, Own, Refuse(Why::Everybody(0o777))),
            // Sticky: only below it, not where entries are looked for.
            (0, 0, 0o1777, Above, Trusted),
            (US, US, 0o1777, Above, Trusted),
            (0, 0, 0o1777, Own, Refuse(Why::Everybody(0o1777))),
            // Another account's, however restricted.
            (1001, US, 0o700, Own, Refuse(Why::Owner(1001))),
            (1001, US, 0o1777, Above, Refuse(Why::Owner(1001))),
            (1001, US, 0o600, Settings, Refuse(Why::Owner(1001))),
            (65_534, 0, 0o755, Above, Refuse(Why::Owner(65_534))),
        ] {
            assert_eq!(
                judged(owner, group, mode, role),
                expected,
                "{owner} {group} {mode:o} {role:?}"
            );
        }
    }

    #[test]
    fn a_link_is_judged_by_its_owner() {
        for (owner, expected) in [
            (US, Verdict::Trusted),
            (0, Verdict::Trusted),
            (1001, Verdict::Refuse(Why::Owner(1001))),
        ] {
            let seen = Seen {
                owner,
                group: 0,
                mode: 0o777,
                link: true,
            };
            for role in [Role::Own, Role::Above, Role::Settings] {
                assert_eq!(judge(seen, role, US), expected, "{owner} {role:?}");
            }
        }
    }

    #[test]
    fn for_root_only_root_is_trusted() {
        let seen = |owner| Seen {
            owner,
            group: 0,
            mode: 0o755,
            link: false,
        };
        assert_eq!(judge(seen(0), Role::Own, 0), Verdict::Trusted);
        assert_eq!(judge(seen(US), Role::Own, 0), Verdict::Refuse(Why::Owner(US)));
    }

    #[test]
    fn what_is_to_be_typed_can_be_pasted() {
        let untrusted = |path: &str, why| {
            Untrusted {
                path: path.into(),
                why,
            }
            .way_out()
        };
        assert!(untrusted("/data/runs", Why::Everybody(0o777)).ends_with("chmod o-w /data/runs"));
        assert!(untrusted("/my data/it's", Why::Group(0o775)).ends_with(r"chmod g-w '/my data/it'\''s'"));
        assert!(untrusted("/a;rm -rf b", Why::Owner(7)).ends_with("chown \"$(id -un)\" '/a;rm -rf b'"));
    }
}
