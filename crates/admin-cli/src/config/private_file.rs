//! Replaces files that only their owner can read: whole or not at all, and where symbolic links point to.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use easemob_admin_ops::files::private::make_directory;

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// The length of the random end of a temporary name.
const RANDOM: usize = 6;

/// Writes a file that only its owner can read. A symbolic link stays, and the file that it points to is replaced.
///
/// # Errors
/// When the directory cannot be created or the file cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = target_of(path)?;
    let directory = directory_of(&target);
    make_directory(directory)?;
    // Temporary files are created with mode 0600, and renaming keeps it.
    let mut file = tempfile::Builder::new()
        .prefix(&temporary_prefix(&target))
        .rand_bytes(RANDOM)
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}

/// Returns the file that a path means: the path, or the end of the symbolic links that it begins. The file need not exist.
///
/// # Errors
/// When a link cannot be read, or the links go in a circle.
pub fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            // A relative link is relative to its own directory.
            Ok(next) => target = directory_of(&target).join(next),
            // Not a link, or nothing yet.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                return Ok(target);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its symbolic links go in a circle"))
}

/// Removes what killed processes left of [`write_private`] for `path`. No other process may be writing it.
///
/// Earlier versions used the names `.tmp` and six characters, which are only removed from `own`, a directory in which no
/// other program creates files.
///
/// # Errors
/// When a directory cannot be read, or a file cannot be removed.
pub fn remove_left_overs(path: &Path, own: &Path) -> io::Result<()> {
    let target = target_of(path)?;
    let prefix = temporary_prefix(&target);
    remove_beginning_with(directory_of(&target), &prefix)?;
    remove_beginning_with(own, ".tmp")
}

/// Removes the files whose name is this beginning and a random end. A directory that does not exist has none.
fn remove_beginning_with(directory: &Path, beginning: &str) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.strip_prefix(beginning));
        let is_random =
            |end: &str| end.len() == RANDOM && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if end.is_some_and(is_random) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn temporary_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}

/// Returns the directory of a file.
fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_wherever_they_point_to() {
        use std::os::unix::fs::symlink;
        for (links, file) in [
            (&[("config", "/real/config")][..], "real/config"),
            (&[("config", "real/config")], "real/config"),
            (&[("config", "a/b"), ("a/b", "../real/config")], "real/config"),
            (
                &[("config", "a/b"), ("a/b", "c"), ("a/c", "/real/config")],
                "real/config",
            ),
            (&[("config", "new/deep/config")], "new/deep/config"),
            (&[("config", "link/config"), ("link", "a")], "a/config"),
        ] {
            for exists in [true, false] {
                let home = tempfile::tempdir().unwrap();
                let at = |name: &str| home.path().join(name);
                for directory in ["real", "a"] {
                    fs::create_dir(at(directory)).unwrap();
                }
                for (link, target) in links {
                    let target = target.strip_prefix('/').map_or_else(|| target.into(), at);
                    symlink::<PathBuf, _>(target, at(link)).unwrap();
                }
                if exists {
                    fs::create_dir_all(at(file).parent().unwrap()).unwrap();
                    fs::write(at(file), "old").unwrap();
                }
                write_private(&at("config"), b"new").unwrap();
                assert_eq!(fs::read_to_string(at(file)).unwrap(), "new", "{links:?}");
                for (link, _) in links {
                    assert!(at(link).is_symlink(), "{links:?}");
                }
                assert_eq!(
                    fs::canonicalize(at("config")).unwrap(),
                    fs::canonicalize(at(file)).unwrap()
                );
            }
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        symlink("config", &path).unwrap();
        let error = write_private(&path, b"new").unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
    }

    #[test]
    fn left_overs_go_and_other_files_stay() {
        let home = tempfile::tempdir().unwrap();
        let (own, elsewhere) = (home.path().join("own"), home.path().join("elsewhere"));
        let mine = [".tmpAbC123", ".config.toml.x1y2z3"];
        let others = [
            ".tmp",
            ".tmpfile",
            ".tmp-abc12",
            "config.toml",
            "config.toml.lock",
            "x.tmpAbC123",
        ];
        for directory in [&own, &elsewhere] {
            fs::create_dir(directory).unwrap();
            for name in mine.iter().chain(&others) {
                fs::write(directory.join(name), "").unwrap();
            }
            fs::create_dir(directory.join(".tmpDir123")).unwrap();
        }
        remove_left_overs(&own.join("config.toml"), &own).unwrap();
        for name in mine {
            assert!(!own.join(name).exists(), "{name}");
        }
        for name in others.iter().chain(&[".tmpDir123"]) {
            assert!(own.join(name).exists(), "{name}");
        }
        assert_eq!(names(&elsewhere).len(), mine.len() + others.len() + 1);
        remove_left_overs(&home.path().join("none/config.toml"), &home.path().join("none")).unwrap();

        #[cfg(unix)]
        {
            let link = own.join("link.toml");
            std::os::unix::fs::symlink(elsewhere.join("config.toml"), &link).unwrap();
            remove_left_overs(&link, &own).unwrap();
            assert!(
                !elsewhere.join(mine[1]).exists(),
                "ours, beside the file that the link points to"
            );
            assert!(elsewhere.join(mine[0]).exists(), "of another program, perhaps");
        }
    }
}
