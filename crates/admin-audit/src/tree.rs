//! The Merkle tree over all entries, of which only the right edge is stored.
//!
//! `tlog_tiles` defines the hashing; the shape of the tree is that of RFC 6962. An append-only log needs no more of
//! its tree than the roots of the complete subtrees at its right edge, at most 64 hashes: they are the
//! complete state for continuing after a rotation, and for computing the root.

use sha2::{Digest as _, Sha256};
use tlog_tiles::{EMPTY_HASH, Hash, node_hash, record_hash};

/// Returns the SHA-256 of a line.
pub(super) fn line_hash(line: &[u8]) -> Hash {
    Hash(Sha256::digest(line).into())
}

/// Returns the hash of a line as a leaf of the tree.
pub(super) fn leaf_hash(line: &[u8]) -> Hash {
    record_hash(line)
}

/// The right edge of a tree: the roots of its largest complete subtrees, from left to right.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// Rebuilds the edge of a tree of `size` leaves; `None` if the number of hashes does not match the size.
    pub(super) fn new(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Returns the number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the hashes that the edge can be rebuilt from.
    pub(super) fn hashes(&self) -> impl Iterator<Item = Hash> {
        self.roots.iter().copied()
    }

    /// Adds a leaf, given its hash.
    pub(super) fn push(&mut self, leaf: Hash) {
        // Each one at the end of the binary size is a complete subtree that the leaf makes twice as large.
        let complete = self.roots.len() - self.size.trailing_ones() as usize;
        let root = self
            .roots
            .drain(complete..)
            .rev()
            .fold(leaf, |right, left| node_hash(left, right));
        self.roots.push(root);
        self.size += 1;
    }

    /// Returns the root of the tree.
    pub(super) fn root(&self) -> Hash {
        let roots = self.roots.iter().rev().copied();
        roots
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or(EMPTY_HASH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        use std::fmt::Write as _;
        hash.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The tree of RFC 6962, section 2.1, by its definition.
    fn by_definition(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => tlog_tiles::EMPTY_HASH,
            [leaf] => tlog_tiles::record_hash(leaf),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                tlog_tiles::node_hash(by_definition(left), by_definition(right))
            }
        }
    }

    #[test]
    fn roots_follow_the_definition_at_every_size() {
        let mut edge = Edge::default();
        let mut leaves = Vec::new();
        for size in 0..200_u64 {
            assert_eq!(edge.root(), by_definition(&leaves), "{size}");
            let rebuilt = Edge::new(size, edge.hashes().collect()).unwrap();
            assert_eq!(rebuilt, edge, "{size}");
            let leaf = size.to_le_bytes().repeat(3);
            edge.push(leaf_hash(&leaf));
            leaves.push(leaf);
        }
    }

    #[test]
    fn roots_are_those_that_other_logs_compute() {
        // The test vectors of certificate-transparency-go and Trillian.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut edge = Edge::default();
        for leaf in leaves {
            edge.push(leaf_hash(leaf));
        }
        assert_eq!(
            hex(edge.root()),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn an_edge_of_another_size_is_refused() {
        assert!(Edge::new(3, vec![Hash::default()]).is_none());
        assert!(Edge::new(0, vec![Hash::default()]).is_none());
    }
}
