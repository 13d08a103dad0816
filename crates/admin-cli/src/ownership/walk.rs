//! Walks through the files and directories to be judged.

use std::collections::BTreeSet;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use easemob_admin_words::t;

use super::{Role, Seen, Untrusted, Verdict, judge};

/// Judges files and directories on its way, and restricts those that need not be open to a group.
pub(super) struct Walk {
    uid: u32,
    trusted: Option<PathBuf>,
    seen: BTreeSet<PathBuf>,
    said: Vec<String>,
}

impl Walk {
    pub(super) fn new(trusted: Option<PathBuf>) -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            trusted: trusted.map(|path| path.canonicalize().unwrap_or(path)),
            seen: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    /// Returns a message for each restricted file.
    pub(super) fn said(self) -> Vec<String> {
        self.said
    }

    /// Judges the directories above `path`, both as written and with links resolved.
    pub(super) fn above(&mut self, path: &Path) -> Result<(), Untrusted> {
        let written = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut real = written.clone();
        // Missing parts have no links, but the directories above them may.
        let mut missing = Vec::new();
        let real = loop {
            match real.canonicalize() {
                Ok(found) => break missing.iter().rev().fold(found, |path, name| path.join(name)),
                Err(_) => match (real.file_name().map(ToOwned::to_owned), real.pop()) {
                    (Some(name), true) => missing.push(name),
                    _ => break written.clone(),
                },
            }
        };
        for directory in written.ancestors().skip(1).chain(real.ancestors().skip(1)) {
            if !self.vouched_for(directory, &real) {
                self.one(directory, Role::Above)?;
            }
        }
        Ok(())
    }

    /// Returns true if the operator vouches for a directory: it is the named one, or above it on the way to
    /// `path`.
    fn vouched_for(&self, directory: &Path, path: &Path) -> bool {
        let trusted = self.trusted.as_ref().filter(|trusted| path.starts_with(trusted));
        trusted.is_some_and(|trusted| trusted.starts_with(directory))
    }

    /// Judges a directory of this tool and its contents, down to `depth` levels.
    pub(super) fn own(&mut self, path: &Path, depth: u32) -> Result<(), Untrusted> {
        if self.trusted.as_deref() != Some(path) {
            self.one(path, Role::Own)?;
        }
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if metadata.is_symlink() {
            self.above(path)?;
        }
        if depth == 0 || !path.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            self.own(&entry.path(), depth - 1)?;
        }
        Ok(())
    }

    /// Restricts the contents of a directory to their owner, without judging them.
    pub(super) fn close(&mut self, path: &Path, depth: u32) {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return;
        };
        if let Verdict::Tighten(mode) = judge(seen(&metadata), Role::Own, self.uid) {
            // The key must not be readable either. Files that stay open are refused when they are opened.
            let _ = self.tighten(path, &metadata, mode & !0o077);
        }
        if depth > 0 && metadata.is_dir() {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                self.close(&entry.path(), depth - 1);
            }
        }
    }

    /// Judges one file or directory; a missing or inaccessible one counts as trusted.
    pub(super) fn one(&mut self, path: &Path, role: Role) -> Result<(), Untrusted> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        self.judge(path, &metadata, role)?;
        match fs::metadata(path) {
            Ok(target) if metadata.is_symlink() => self.judge(path, &target, role),
            _ => Ok(()),
        }
    }

    fn judge(&mut self, path: &Path, metadata: &Metadata, role: Role) -> Result<(), Untrusted> {
        match judge(seen(metadata), role, self.uid) {
            Verdict::Trusted => Ok(()),
            Verdict::Refuse(why) => Err(Untrusted {
                path: path.to_owned(),
                why,
            }),
            Verdict::Tighten(mode) => match self.tighten(path, metadata, mode) {
                Err(error) if error.kind() != io::ErrorKind::ReadOnlyFilesystem => Err(Untrusted {
                    path: path.to_owned(),
                    why: super::Why::Group(metadata.mode()),
                }),
                _ => Ok(()),
            },
        }
    }

    fn tighten(&mut self, path: &Path, metadata: &Metadata, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        self.said.push(t!(
            "restricted {}, which its group could change (mode {:04o}, was {:04o})",
            path.display(),
            mode & 0o7777,
            metadata.mode() & 0o7777
        ));
        Ok(())
    }
}

fn seen(metadata: &Metadata) -> Seen {
    Seen {
        owner: metadata.uid(),
        group: metadata.gid(),
        mode: metadata.mode() & 0o7777,
        link: metadata.is_symlink(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::Why;
    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A data directory with a run, in a home of its own.
    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("home/data");
        fs::create_dir_all(data.join("runs/one")).unwrap();
        fs::write(data.join("runs/one/journal.jsonl"), "").unwrap();
        for path in ["home", "home/data", "home/data/runs", "home/data/runs/one"] {
            mode(&home.path().join(path), 0o755);
        }
        mode(&data.join("runs/one/journal.jsonl"), 0o600);
        (home, data)
    }

    fn walked(data: &Path, trusted: Option<&Path>) -> Result<Vec<String>, (PathBuf, Why)> {
        let mut walk = Walk::new(trusted.map(Path::to_owned));
        let checked = walk.above(data).and_then(|()| walk.own(data, 3));
        checked.map_err(|error| (error.path, error.why))?;
        Ok(walk.said())
    }

    #[test]
    fn what_others_can_write_is_found_wherever_it_is() {
        for place in [
            "home",
            "home/data",
            "home/data/runs",
            "home/data/runs/one",
            "home/data/runs/one/journal.jsonl",
        ] {
            let (home, data) = home();
            assert_eq!(walked(&data, None).unwrap(), Vec::<String>::new());
            let path = home.path().join(place);
            mode(&path, 0o777);
            assert_eq!(
                walked(&data, None).unwrap_err(),
                (path, Why::Everybody(0o777)),
                "{place}"
            );
        }
    }

    #[test]
    fn what_a_group_can_write_is_closed_and_that_is_said() {
        let (_home, data) = home();
        for path in ["", "runs", "runs/one"] {
            mode(&data.join(path), 0o2775);
        }
        mode(&data.join("runs/one/journal.jsonl"), 0o660);
        assert_eq!(walked(&data, None).unwrap().len(), 4);
        assert_eq!(walked(&data, None).unwrap(), Vec::<String>::new());
        let now = |path: &str| data.join(path).metadata().unwrap().mode() & 0o7777;
        assert_eq!((now(""), now("runs/one/journal.jsonl")), (0o2755, 0o640));
    }

    #[test]
    fn links_are_followed_to_where_others_can_write() {
        let (home, data) = home();
        let elsewhere = home.path().join("elsewhere/runs");
        fs::create_dir_all(&elsewhere).unwrap();
        mode(&elsewhere, 0o755);
        fs::rename(data.join("runs"), data.join("moved")).unwrap();
        symlink(&elsewhere, data.join("runs")).unwrap();
        mode(home.path().join("elsewhere").as_path(), 0o755);
        assert!(walked(&data, None).is_ok());
        mode(home.path().join("elsewhere").as_path(), 0o777);
        let (path, why) = walked(&data, None).unwrap_err();
        assert!(path.ends_with("elsewhere"), "{}", path.display());
        assert_eq!(why, Why::Everybody(0o777));
    }

    #[test]
    fn a_volume_that_is_vouched_for_is_not_judged_and_what_is_in_it_is() {
        let (home, data) = home();
        let volume = home.path().join("home");
        mode(&volume, 0o777);
        assert!(walked(&data, None).is_err());
        assert!(walked(&data, Some(&volume)).is_ok());
        // It does not vouch for directories beside it.
        assert!(walked(&data, Some(&home.path().join("other"))).is_err());
        mode(&data, 0o777);
        assert!(walked(&data, Some(&volume)).is_err());
        mode(&volume, 0o755);
        assert!(walked(&data, Some(&data)).is_ok());
    }

    #[test]
    fn what_is_not_there_yet_is_judged_by_what_is_above() {
        let (home, data) = home();
        let new = home.path().join("home/new/data");
        assert!(walked(&new, None).is_ok());
        mode(&home.path().join("home"), 0o777);
        assert!(walked(&new, None).is_err());
        drop(data);
    }
}
