//! When to start a new segment, and when to sign a head.

use std::time::Duration;

/// How large files grow, how often heads are signed, and how long to wait for the lock.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A file of at least this many bytes gets no more entries; one block may exceed it. 16 MiB by default,
    /// which is the most that opening a trail reads, some 40,000 entries.
    pub file_bytes: u64,
    /// A head is signed after at least this many entries, 10,000 by default.
    pub checkpoint_every: u64,
    /// How long to wait for the lock, 30 s by default.
    pub lock_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 16 * 1024 * 1024,
            checkpoint_every: 10_000,
            lock_wait: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Returns true if a segment with `entries` entries and `bytes` bytes gets no more entries.
    #[must_use]
    pub fn is_full(&self, entries: u64, bytes: u64) -> bool {
        // Segments are named by their first entry: a segment without entries cannot be followed by another.
        entries > 0 && bytes >= self.file_bytes
    }

    /// Returns true if a trail of `size` entries, of which a head covers the first `signed`, needs another
    /// head.
    #[must_use]
    pub fn is_head_due(&self, signed: u64, size: u64) -> bool {
        let round = |size: u64| size / self.checkpoint_every.max(1);
        // Without a head, somebody without the key could rewrite the trail, and nobody would notice.
        signed == 0 || round(size) > round(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_due_after_the_first_entry_and_in_every_round() {
        let limits = Limits {
            checkpoint_every: 10,
            ..Limits::default()
        };
        for (signed, size, due) in [
            (0, 1, true),
            (1, 9, false),
            (1, 10, true),
            (10, 19, false),
            (15, 20, true),
        ] {
            assert_eq!(limits.is_head_due(signed, size), due, "{signed} {size}");
        }
    }

    #[test]
    fn a_segment_without_entries_is_never_full() {
        let limits = Limits {
            file_bytes: 100,
            ..Limits::default()
        };
        assert!(!limits.is_full(0, 500) && !limits.is_full(1, 99) && limits.is_full(1, 100));
    }
}
