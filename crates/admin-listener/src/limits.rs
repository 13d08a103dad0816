//! How long connections may wait, and how many there may be.

use std::time::Duration;

/// How long connections may wait, and how many may wait at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the first request may take until its head has arrived, from accept on. The rest of it may take twice as long
    /// as the head, so that the server above has time to refuse a slow one. The default is 10 s.
    pub arrival: Duration,
    /// How long a connection may wait for its next request, or for an answer to be read. The default is 60 s.
    pub idle: Duration,
    /// The most connections of one peer.
    pub per_peer: usize,
    /// The most connections.
    pub total: usize,
}

/// More connections need more memory than a small machine has.
const MOST: usize = 4_096;

/// The number of open files where the system has no such limit.
const USUAL_FILES: u64 = 1_024;

impl Limits {
    /// Returns limits that leave a quarter of the files that this process may open for other purposes, and half of the
    /// connections for other peers.
    #[must_use]
    pub fn of_process() -> Self {
        Self::with_files(files())
    }

    fn with_files(files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let total = (files - files / 4).clamp(2, MOST);
        Self {
            arrival: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            per_peer: total / 2,
            total,
        }
    }

    /// Changes the most connections, half of which one peer may have.
    #[must_use]
    pub fn at_most(mut self, total: usize) -> Self {
        self.total = total.min(self.total);
        self.per_peer = (self.total / 2).max(1);
        self
    }
}

#[cfg(unix)]
fn files() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(USUAL_FILES)
}

#[cfg(not(unix))]
fn files() -> u64 {
    USUAL_FILES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_and_other_peers_have_room() {
        for (files, total, per_peer) in [
            (0, 2, 1),
            (64, 48, 24),
            (256, 192, 96),
            (1_024, 768, 384),
            (1_048_576, 4_096, 2_048),
            (u64::MAX, 4_096, 2_048),
        ] {
            let limits = Limits::with_files(files);
            assert_eq!((limits.total, limits.per_peer), (total, per_peer), "{files}");
        }
        let few = Limits::with_files(1_024).at_most(16);
        assert_eq!((few.total, few.per_peer), (16, 8));
        assert_eq!(Limits::with_files(64).at_most(100).total, 48);
    }
}
