//! The optional file that keeps a sandbox's state between two runs.
//!
//! It is replaced whole (written beside, synced, renamed), so a crash leaves the old or the new one. A file
//! that cannot be read as ours is never written over. A lock on a sibling file keeps other processes out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::rules::App;
use crate::rules::history::History;

const FORMAT: &str = "easemob-admin-sandbox-state";
const VERSION: u64 = 1;
const LOCK_POLL: Duration = Duration::from_millis(25);

/// Why a state file could not be used; it is untouched in every case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// Another process holds the state.
    #[error("{} is in use by another sandbox (waited {} s)", path.display(), waited.as_secs_f32())]
    Locked {
        /// The state file.
        path: PathBuf,
        /// How long was waited for it.
        waited: Duration,
    },
    /// The file is not complete JSON: it was cut, or is no state file at all.
    #[error("{} is damaged or not a sandbox state file; move it away to start over", path.display())]
    Torn {
        /// The state file.
        path: PathBuf,
        /// Where reading stopped.
        source: serde_json::Error,
    },
    /// The file is JSON of some other kind.
    #[error("{} is not a sandbox state file", path.display())]
    Foreign {
        /// The state file.
        path: PathBuf,
    },
    /// The file was written by a newer release.
    #[error("{} has version {version}, but this release reads up to {VERSION}; use a newer one", path.display())]
    Newer {
        /// The state file.
        path: PathBuf,
        /// The file's version.
        version: u64,
    },
    /// The file contains the state of another app.
    #[error("{} contains the state of app {found}, not of {wanted}", path.display())]
    OtherApp {
        /// The state file.
        path: PathBuf,
        /// The app key in the file.
        found: String,
        /// The app key asked for.
        wanted: String,
    },
    /// The messages and files beside the state file cannot be used.
    #[error("cannot use the messages in {}: {why}; move it away to start without them", path.display())]
    Messages {
        /// The file with the messages.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Reading, writing or locking failed.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A state file that is locked for this process until dropped.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    _lock: File,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    state: &'a App,
}

#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
struct Read {
    state: App,
}

impl StateFile {
    /// Locks the state at `path`, waiting for another process no longer than `wait`.
    pub(crate) async fn lock(path: &Path, wait: Duration) -> Result<Self, StateFileError> {
        let lock_path = sibling(path, ".lock");
        let failed = |source| StateFileError::Io {
            path: lock_path.clone(),
            source,
        };
        let lock = open_private(&lock_path).map_err(failed)?;
        let end = Instant::now() + wait;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    return Ok(Self {
                        path: path.to_owned(),
                        _lock: lock,
                    });
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                    return Err(StateFileError::Locked {
                        path: path.to_owned(),
                        waited: wait,
                    });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }

    /// Reads the state; `None` if there is no file yet.
    pub(crate) fn load(&self, app_key: &str) -> Result<Option<App>, StateFileError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(source)),
        };
        let app = self.parse(&text)?;
        if app.key != app_key {
            let (found, wanted) = (app.key, app_key.to_owned());
            return Err(StateFileError::OtherApp {
                path: self.path.clone(),
                found,
                wanted,
            });
        }
        Ok(Some(app))
    }

    /// Opens the messages and files beside the state; `app` is new if there was no state, and has none.
    pub(crate) fn open_messages(&self, app: &mut App, new: bool) -> Result<(), StateFileError> {
        let path = sibling(&self.path, ".messages");
        // Made here, so that others cannot read it.
        open_private(&path).map_err(|source| self.io(source))?;
        app.history = History::open(&path).map_err(|error| StateFileError::Messages {
            path: path.clone(),
            why: error.to_string(),
        })?;
        if new {
            app.history.clear();
        }
        app.ids = u64::from(app.ids.clone()).max(app.history.last_id()).into();
        Ok(())
    }

    /// Replaces the file with the text made by [`encode`].
    pub(crate) fn save(&self, text: &[u8]) -> Result<(), StateFileError> {
        self.replace(text).map_err(|source| self.io(source))
    }

    fn parse(&self, text: &[u8]) -> Result<App, StateFileError> {
        let torn = |source| StateFileError::Torn {
            path: self.path.clone(),
            source,
        };
        let value: Value = serde_json::from_slice(text).map_err(torn)?;
        let header = Header::deserialize(&value)
            .ok()
            .filter(|header| header.format == FORMAT);
        let header = header.ok_or_else(|| StateFileError::Foreign {
            path: self.path.clone(),
        })?;
        if header.version > VERSION {
            return Err(StateFileError::Newer {
                path: self.path.clone(),
                version: header.version,
            });
        }
        Read::deserialize(value).map(|read| read.state).map_err(torn)
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let folder = folder_of(&self.path);
        // Created with mode 0600, which the rename keeps: the file holds secrets.
        let mut file = tempfile::Builder::new()
            .prefix(".sandbox-state-")
            .tempfile_in(folder)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // The rename itself lasts only once the folder is on disk; Windows cannot open folders.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    fn io(&self, source: io::Error) -> StateFileError {
        StateFileError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// Writes a state as the text of a state file.
pub(crate) fn encode(state: &App) -> Vec<u8> {
    let written = Written {
        format: FORMAT,
        version: VERSION,
        state,
    };
    serde_json::to_vec(&written).expect("a state has only string keys")
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Read as well, because to open a pipe for writing alone waits for a reader.
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn locked(folder: &Path) -> StateFile {
        StateFile::lock(&folder.join("state.json"), Duration::ZERO)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = locked(folder.path()).await;
        assert!(file.load("o#a").unwrap().is_none());
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        file.save(&encode(&app)).unwrap();
        let loaded = file.load("o#a").unwrap().unwrap();
        assert_eq!(loaded.client_secret, app.client_secret);
        assert!(loaded.users.find("ann").is_some());
        assert!(matches!(file.load("o#b"), Err(StateFileError::OtherApp { .. })));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = locked(folder.path()).await;
        file.save(&encode(&App::new("o#a", None))).unwrap();
        for name in ["state.json", "state.json.lock"] {
            let mode = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[tokio::test]
    async fn bad_files_are_told_apart_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = locked(folder.path()).await;
        let whole = encode(&App::new("o#a", None));
        let newer = String::from_utf8(whole.clone())
            .unwrap()
            .replace("\"version\":1", "\"version\":2");
        let cases: [(&[u8], &str); 5] = [
            (&whole[..whole.len() / 2], "damaged"),
            (b"", "damaged"),
            (
                b"{\"format\":\"other\",\"version\":1}",
                "is not a sandbox state file",
            ),
            (b"[1,2]", "is not a sandbox state file"),
            (newer.as_bytes(), "has version 2"),
        ];
        for (text, message) in cases {
            std::fs::write(&file.path, text).unwrap();
            let error = file.load("o#a").unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert_eq!(std::fs::read(&file.path).unwrap(), text);
        }
    }

    #[tokio::test]
    async fn saving_leaves_no_other_files_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = locked(folder.path()).await;
        for _ in 0..3 {
            file.save(&encode(&App::new("o#a", None))).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn a_second_lock_waits_and_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let held = locked(folder.path()).await;
        let path = folder.path().join("state.json");
        let refused = StateFile::lock(&path, Duration::from_millis(30)).await;
        assert!(matches!(refused, Err(StateFileError::Locked { .. })));
        let waiting = tokio::spawn(async move { StateFile::lock(&path, Duration::from_secs(10)).await });
        tokio::task::yield_now().await;
        drop(held);
        waiting.await.unwrap().unwrap();
    }
}
