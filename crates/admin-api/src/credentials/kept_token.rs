//! A token that processes of one user on one machine share, in a private file.
//!
//! Without it each process asks for a token of its own, and asking too often may block the account (app token page).

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::token_cache::{FUTILE_FOR, FetchError, Fetched};
use crate::app_root::AppRoot;
use crate::private_files::{self, private};
use crate::transport::clock::Clock;

/// How long a token is kept whose life the server did not say.
const UNKNOWN_LIFE: Duration = Duration::from_secs(60 * 60);

/// A token with less than this left is not worth a request.
const TOO_SHORT: Duration = Duration::from_secs(5);

/// How long to wait before looking again whether another process has brought a token.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long to wait for another process at most: the longest call for a token, with a little more.
const LONGEST_FETCH: Duration = Duration::from_secs(35);

/// The form of the file; another one is not read.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// A digest of app, client id and secret: who has another secret does not use this token.
    whose: String,
    token: String,
    fetched_at_ms: u64,
    use_until_ms: u64,
    replaced_a_refused_one: bool,
}

impl Kept {
    /// Returns how long the token may be used, if it may be. `refused` is the token that the server just refused.
    ///
    /// One that replaced a refused one a moment ago and is refused as well is used all the same: the caller lacks a right,
    /// and a third token would lack it, too.
    fn usable_for(&self, whose: &str, now_ms: u64, refused: Option<&str>) -> Option<Duration> {
        let futile =
            self.replaced_a_refused_one && now_ms.saturating_sub(self.fetched_at_ms) < millis(FUTILE_FOR);
        let left = Duration::from_millis(self.use_until_ms.saturating_sub(now_ms));
        let good = self.version == VERSION
            && self.whose == whose
            // The clock was set back: nobody knows how old it is.
            && self.fetched_at_ms <= now_ms
            && left >= TOO_SHORT
            && (refused != Some(&*self.token) || futile);
        good.then_some(left)
    }
}

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct KeptToken {
    file: PathBuf,
    whose: String,
    clock: Arc<dyn Clock>,
}

impl KeptToken {
    pub(crate) fn new(
        directory: &Path,
        root: &AppRoot,
        id: &str,
        secret: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let app = root.to_string();
        Self {
            file: directory.join(&digest(&[&app, id])[..32]),
            whose: digest(&[&app, id, secret.expose_secret()]),
            clock,
        }
    }

    /// Returns the token that is kept, or what `fetch` brings, and keeps that. One process at a time fetches; the others
    /// wait for its token. A file that cannot be used costs the requests that it would have saved.
    pub(crate) async fn or_fetch(
        &self,
        refused: Option<&SecretString>,
        fetch: impl Future<Output = Result<Fetched, FetchError>>,
    ) -> Result<Fetched, FetchError> {
        let lock = self.lock().await;
        let refused = refused.map(ExposeSecret::expose_secret);
        if let Some(kept) = self.read()
            && let Some(left) = kept.usable_for(&self.whose, self.now_ms(), refused)
        {
            return Ok(Fetched {
                token: kept.token.into(),
                lifetime: Some(left),
            });
        }
        let fetched = fetch.await;
        let kept = match &fetched {
            Ok(fetched) => self.write(fetched, refused.is_some()),
            // It was refused, or has expired.
            Err(_) => fs::remove_file(&self.file).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        if let Err(error) = kept {
            debug!(%error, "the token cannot be kept for other processes");
        }
        drop(lock);
        fetched
    }

    /// Waits for whoever fetches a token; nothing if it takes too long, or there is no such lock.
    async fn lock(&self) -> Option<File> {
        private_files::make_directory(self.file.parent()?).ok()?;
        // Read as well, because to open a pipe for writing alone waits for a reader.
        let lock = private(
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false),
        )
        .open(self.file.with_extension("lock"))
        .ok()?;
        let end = self.clock.now() + LONGEST_FETCH;
        while self.clock.now() < end {
            match lock.try_lock() {
                Ok(()) => return Some(lock),
                Err(fs::TryLockError::WouldBlock) => {
                    self.clock.sleep_until(self.clock.now() + LOOK_AGAIN).await;
                }
                Err(fs::TryLockError::Error(_)) => return None,
            }
        }
        None
    }

    /// Reads the file, unless others could have written or read it.
    fn read(&self) -> Option<Kept> {
        if !private_files::is_private(&fs::symlink_metadata(&self.file).ok()?) {
            return None;
        }
        serde_json::from_slice(&fs::read(&self.file).ok()?).ok()
    }

    fn write(&self, fetched: &Fetched, replaced_a_refused_one: bool) -> io::Result<()> {
        let now_ms = self.now_ms();
        let use_for = fetched.lifetime.map_or(UNKNOWN_LIFE, |lifetime| lifetime / 2);
        let kept = Kept {
            version: VERSION,
            whose: self.whose.clone(),
            token: fetched.token.expose_secret().to_owned(),
            fetched_at_ms: now_ms,
            use_until_ms: now_ms.saturating_add(millis(use_for)),
            replaced_a_refused_one,
        };
        // A file of its own, so that a reader sees the one or the other.
        let new = self.file.with_extension("new");
        // Of a process that was killed here.
        let _ = fs::remove_file(&new);
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
        let text = serde_json::to_vec(&kept)?;
        let written = file.write_all(&text).and_then(|()| fs::rename(&new, &self.file));
        if written.is_err() {
            // A disk that is full has no room for half a token.
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn now_ms(&self) -> u64 {
        let since = self.clock.system_time().duration_since(UNIX_EPOCH);
        since.map(millis).unwrap_or_default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a digest of texts, each with its length, so that no two lists have the same.
fn digest(texts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::transport::clock::SystemClock;

    const NOW: u64 = 1_800_000_000_000;

    fn kept() -> Kept {
        Kept {
            version: VERSION,
            whose: "ann".into(),
            token: "one".into(),
            fetched_at_ms: NOW - 10_000,
            use_until_ms: NOW + 60_000,
            replaced_a_refused_one: false,
        }
    }

    #[test]
    fn a_token_is_used_while_it_is_good_and_ours() {
        let replaced = Kept {
            replaced_a_refused_one: true,
            ..kept()
        };
        for (name, kept, whose, now_ms, refused, used) in [
            ("good", kept(), "ann", NOW, None, true),
            ("of another secret", kept(), "bob", NOW, None, false),
            ("about to end", kept(), "ann", NOW + 56_000, None, false),
            ("ended", kept(), "ann", NOW + 90_000, None, false),
            ("of the future", kept(), "ann", NOW - 20_000, None, false),
            ("refused", kept(), "ann", NOW, Some("one"), false),
            ("another was refused", kept(), "ann", NOW, Some("none"), true),
            (
                "refused again at once",
                replaced.clone(),
                "ann",
                NOW,
                Some("one"),
                true,
            ),
            (
                "refused again later",
                replaced,
                "ann",
                NOW + 25_000,
                Some("one"),
                false,
            ),
            (
                "of a newer form",
                Kept { version: 2, ..kept() },
                "ann",
                NOW,
                None,
                false,
            ),
        ] {
            assert_eq!(kept.usable_for(whose, now_ms, refused).is_some(), used, "{name}");
        }
    }

    fn shared(directory: &Path, secret: &str) -> KeptToken {
        let root = AppRoot::parse("https://im.example.com/acme/chat").unwrap();
        KeptToken::new(directory, &root, "YXA6id", &secret.into(), Arc::new(SystemClock))
    }

    async fn token_of(kept: &KeptToken, refused: Option<&str>, calls: &AtomicU32) -> String {
        let refused = refused.map(SecretString::from);
        let fetched = kept.or_fetch(refused.as_ref(), async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok(Fetched {
                token: format!("token{}", calls.fetch_add(1, Ordering::SeqCst)).into(),
                lifetime: Some(Duration::from_secs(7200)),
            })
        });
        fetched.await.ok().unwrap().token.expose_secret().to_owned()
    }

    #[tokio::test]
    async fn sixteen_at_once_fetch_one_token_and_a_refused_one_is_replaced_once() {
        let home = tempfile::tempdir().unwrap();
        let calls = AtomicU32::new(0);
        let all: Vec<_> = (0..16).map(|_| shared(home.path(), "secret")).collect();
        let tokens = futures_util::future::join_all(all.iter().map(|kept| token_of(kept, None, &calls)));
        assert!(tokens.await.iter().all(|token| token == "token0"));
        let tokens =
            futures_util::future::join_all(all.iter().map(|kept| token_of(kept, Some("token0"), &calls)));
        assert!(tokens.await.iter().all(|token| token == "token1"));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(
            token_of(&shared(home.path(), "other"), None, &calls).await,
            "token2"
        );
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_others_can_read_or_that_is_foreign_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let (kept, calls) = (shared(home.path(), "secret"), AtomicU32::new(0));
        token_of(&kept, None, &calls).await;
        assert_eq!(
            fs::metadata(&kept.file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&kept.file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(token_of(&kept, None, &calls).await, "token1");
        assert_eq!(token_of(&kept, None, &calls).await, "token1");
        for foreign in ["", "{", "[]", "{\"token\":7}"] {
            fs::write(&kept.file, foreign).unwrap();
            let fetched = calls.load(Ordering::SeqCst);
            assert_eq!(
                token_of(&kept, None, &calls).await,
                format!("token{fetched}"),
                "{foreign}"
            );
        }
        let elsewhere = home.path().join("elsewhere");
        fs::rename(&kept.file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &kept.file).unwrap();
        assert_eq!(
            token_of(&kept, None, &calls).await,
            "token6",
            "a link is not followed"
        );
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn half_a_token_of_a_killed_process_is_removed_and_a_pipe_in_place_of_the_lock_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let (kept, calls) = (shared(home.path(), "secret"), AtomicU32::new(0));
        let half = kept.file.with_extension("new");
        fs::write(&half, "{\"version\":1,\"tok").unwrap();
        let pipe = kept.file.with_extension("lock");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for _ in 0..2 {
            let token = tokio::time::timeout(Duration::from_secs(60), token_of(&kept, None, &calls));
            assert_eq!(token.await.unwrap(), "token0");
        }
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_no_error() {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        let (kept, calls) = (shared(&in_the_way, "secret"), AtomicU32::new(0));
        assert_eq!(token_of(&kept, None, &calls).await, "token0");
        assert_eq!(token_of(&kept, None, &calls).await, "token1");
    }
}
