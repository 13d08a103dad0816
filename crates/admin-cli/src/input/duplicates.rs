//! Finds repeated keys among any number of lines, in constant memory.
//!
//! Each key becomes a 128-bit keyed hash. A short list stays in memory; a long one is distributed by hash
//! over temporary files, which are then processed one after the other. The answer is one bit per entry.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use easemob_admin_ops::files::temporary::temporary_file;

/// Entries in memory before files are used.
const IN_MEMORY: usize = 1 << 16;
/// Number of files; a million entries leave some 16,000 in each.
const BUCKETS: usize = 64;
/// Bytes of one entry: hash and index.
const WIDTH: usize = 24;

/// One bit per entry: true if an earlier entry has the same key.
#[derive(Debug, Default, Clone)]
pub struct Repeats {
    bits: Vec<u64>,
    count: u64,
}

impl Repeats {
    /// Returns true if the entry repeats an earlier one.
    #[must_use]
    pub fn contains(&self, index: u64) -> bool {
        let (word, bit) = place(index);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Returns how many entries repeat an earlier one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    fn insert(&mut self, index: u64) {
        let (word, bit) = place(index);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.count += u64::from(self.bits[word] & bit == 0);
        self.bits[word] |= bit;
    }
}

fn place(index: u64) -> (usize, u64) {
    (
        usize::try_from(index / 64).unwrap_or(usize::MAX),
        1 << (index % 64),
    )
}

/// Collects keys and finds those that repeat.
pub struct Finder {
    keys: [RandomState; 2],
    in_memory: usize,
    entries: Vec<(u128, u64)>,
    buckets: Vec<BufWriter<File>>,
    next: u64,
}

impl Default for Finder {
    fn default() -> Self {
        Self::with_memory(IN_MEMORY)
    }
}

impl Finder {
    fn with_memory(in_memory: usize) -> Self {
        Self {
            // Random keys, so that nobody can prepare a list whose names collide.
            keys: [RandomState::new(), RandomState::new()],
            in_memory,
            entries: Vec::new(),
            buckets: Vec::new(),
            next: 0,
        }
    }

    /// Adds the key of the next entry.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn push(&mut self, key: &str) -> io::Result<()> {
        let [high, low] = self.keys.each_ref().map(|state| u128::from(state.hash_one(key)));
        self.entries.push((high << 64 | low, self.next));
        self.next += 1;
        if self.entries.len() >= self.in_memory {
            self.spill()
        } else {
            Ok(())
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.buckets.is_empty() {
            let file = |_| temporary_file().map(BufWriter::new);
            self.buckets = (0..BUCKETS).map(file).collect::<io::Result<_>>()?;
        }
        for (hash, index) in self.entries.drain(..) {
            let mut record = [0; WIDTH];
            record[..16].copy_from_slice(&hash.to_le_bytes());
            record[16..].copy_from_slice(&index.to_le_bytes());
            let bucket = usize::try_from(hash % BUCKETS as u128).unwrap_or(0);
            self.buckets[bucket].write_all(&record)?;
        }
        Ok(())
    }

    /// Returns which entries repeat an earlier one.
    ///
    /// # Errors
    /// When a temporary file cannot be written or read.
    pub fn finish(mut self) -> io::Result<Repeats> {
        let mut repeats = Repeats::default();
        if self.buckets.is_empty() {
            mark(&mut self.entries, &mut repeats);
            return Ok(repeats);
        }
        self.spill()?;
        for bucket in self.buckets {
            let mut file = bucket.into_inner().map_err(io::IntoInnerError::into_error)?;
            let records = file.stream_position()? / WIDTH as u64;
            file.rewind()?;
            let mut reader = BufReader::new(file);
            self.entries.clear();
            for _ in 0..records {
                let (mut hash, mut index) = ([0; 16], [0; 8]);
                reader.read_exact(&mut hash)?;
                reader.read_exact(&mut index)?;
                self.entries
                    .push((u128::from_le_bytes(hash), u64::from_le_bytes(index)));
            }
            mark(&mut self.entries, &mut repeats);
        }
        Ok(repeats)
    }
}

fn mark(entries: &mut [(u128, u64)], repeats: &mut Repeats) {
    entries.sort_unstable();
    for pair in entries.windows(2) {
        if pair[0].0 == pair[1].0 {
            repeats.insert(pair[1].1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_set_finds(keys in proptest::collection::vec("[a-c]{1,3}", 0..200), memory in 1_usize..300) {
            let mut finder = Finder::with_memory(memory);
            let mut seen = HashSet::new();
            let mut expected = Vec::new();
            for key in &keys {
                finder.push(key).unwrap();
                expected.push(!seen.insert(key));
            }
            let repeats = finder.finish().unwrap();
            let found: Vec<bool> = (0..keys.len() as u64).map(|index| repeats.contains(index)).collect();
            prop_assert_eq!(repeats.count(), expected.iter().filter(|repeat| **repeat).count() as u64);
            prop_assert_eq!(found, expected);
        }
    }
}
