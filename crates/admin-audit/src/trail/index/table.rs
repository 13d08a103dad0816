//! A sorted table of keys and offsets, of which a lookup reads and checks only one part.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::tree::line_hash;

/// How many parts a table has; the first bits of a key select the part.
const PARTS: usize = 64;
const SHIFT: u32 = u64::BITS - PARTS.ilog2();
/// The size of a row in bytes.
const ROW: usize = 16;

/// A line of the segment: the key of what it is about, and its offset in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) key: u64,
    pub(super) offset: u64,
}

/// The description of a table: the number of rows and the SHA-256 of each part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Table(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part(u32, String);

/// Returns the key of a text. Different texts may have the same key.
pub(super) fn key(text: &str) -> u64 {
    let hash = line_hash(text.as_bytes()).0;
    u64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
}

impl Table {
    /// Sorts rows into a table; returns its description and its bytes, or `None` if there are too many rows.
    pub(super) fn of(mut rows: Vec<Row>) -> Option<(Self, Vec<u8>)> {
        rows.sort_unstable();
        let mut bytes = Vec::with_capacity(rows.len() * ROW);
        let mut parts = Vec::with_capacity(PARTS);
        let mut rest = rows.as_slice();
        for part in 0..PARTS {
            let (rows, others) = rest.split_at(rest.partition_point(|row| part_of(row.key) <= part));
            let start = bytes.len();
            for row in rows {
                bytes.extend(row.key.to_be_bytes());
                bytes.extend(row.offset.to_be_bytes());
            }
            let sha256 = line_hash(&bytes[start..]).to_string();
            parts.push(Part(u32::try_from(rows.len()).ok()?, sha256));
            rest = others;
        }
        Some((Self(parts), bytes))
    }

    /// Returns the size of the table in bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.iter().map(Part::size).sum()
    }

    /// Returns which bytes of the table contain the rows of `key`.
    pub(super) fn range(&self, key: u64) -> Range<u64> {
        let part = part_of(key);
        let start = self.0.iter().take(part).map(Part::size).sum();
        start..start + self.0.get(part).map_or(0, Part::size)
    }

    /// Returns the offsets of `key` in ascending order, given the bytes of its part, or `None` if the bytes are
    /// not those of the part.
    pub(super) fn offsets(&self, key: u64, bytes: &[u8]) -> Option<Vec<u64>> {
        let Part(_, sha256) = self.0.get(part_of(key))?;
        if *sha256 != line_hash(bytes).to_string() {
            return None;
        }
        let (rows, _) = bytes.as_chunks::<ROW>();
        let number = |half: &[u8]| half.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let first = rows.partition_point(|row| number(&row[..8]) < key);
        let same = rows[first..].iter().take_while(|row| number(&row[..8]) == key);
        Some(same.map(|row| number(&row[8..])).collect())
    }
}

impl Part {
    fn size(&self) -> u64 {
        u64::from(self.0) * ROW as u64
    }
}

fn part_of(key: u64) -> usize {
    usize::try_from(key >> SHIFT).expect("a part has a small number")
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn find(table: &Table, bytes: &[u8], key: u64) -> Option<Vec<u64>> {
        let range = table.range(key);
        let at = |place: u64| usize::try_from(place).unwrap();
        table.offsets(key, &bytes[at(range.start)..at(range.end)])
    }

    proptest! {
        #[test]
        fn each_key_has_exactly_its_offsets(keys in vec(prop_oneof![0..4_u64, any::<u64>()], 0..200)) {
            let rows = (0..).zip(&keys).map(|(offset, key)| Row { key: *key, offset });
            let (table, bytes) = Table::of(rows.collect()).unwrap();
            prop_assert_eq!(table.size(), bytes.len() as u64);
            for wanted in keys.iter().copied().chain([0, 7, u64::MAX]) {
                let expected = (0..).zip(&keys).filter(|(_, key)| **key == wanted);
                let expected: Vec<u64> = expected.map(|(offset, _)| offset).collect();
                prop_assert_eq!(find(&table, &bytes, wanted), Some(expected));
            }
        }
    }

    #[test]
    fn a_changed_part_is_refused() {
        let rows: Vec<Row> = (0..500)
            .map(|offset| Row {
                key: key(&offset.to_string()),
                offset,
            })
            .collect();
        let (table, mut bytes) = Table::of(rows.clone()).unwrap();
        let range = table.range(rows[0].key);
        bytes[usize::try_from(range.start).unwrap()] ^= 1;
        assert_eq!(find(&table, &bytes, rows[0].key), None);
        let other = rows
            .iter()
            .find(|row| part_of(row.key) != part_of(rows[0].key))
            .unwrap();
        assert_eq!(find(&table, &bytes, other.key), Some(vec![other.offset]));
    }
}
