//! Reads segments in blocks of lines, which can be handed from thread to thread.

use std::slice::Iter;

use crate::chain::Digest;
use crate::error::AuditError;
use crate::trail::line_reader::Line;
use crate::trail::snapshot::{Extent, ExtentLines};

/// How many bytes a block has before it ends with the next line.
const FULL: usize = 64 * 1024;

/// Some successive lines of one segment.
#[derive(Debug)]
pub(super) struct Block {
    /// The number of the first entry of the segment.
    pub(super) segment: u64,
    /// Whether the segment begins here.
    pub(super) begins: bool,
    /// Whether the segment has a line without end after these lines.
    pub(super) torn: bool,
    text: Vec<u8>,
    /// Where each line ends in the text.
    ends: Vec<usize>,
    digests: Vec<Digest>,
}

impl Block {
    /// Computes the digests of the lines.
    pub(super) fn digest(&mut self) {
        self.digests = lines(&self.text, &self.ends).map(Digest::of).collect();
    }

    /// Returns the lines for which [`digest`](Self::digest) has computed digests.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&[u8], &Digest)> {
        lines(&self.text, &self.ends).zip(&self.digests)
    }
}

fn lines<'a>(text: &'a [u8], ends: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| &text[start..*end])
}

/// The blocks of some segments, in their order.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    extents: Iter<'a, Extent>,
    current: Option<(&'a Extent, ExtentLines)>,
}

impl<'a> Blocks<'a> {
    pub(super) fn of(extents: &'a [Extent]) -> Self {
        let (extents, current) = (extents.iter(), None);
        Self { extents, current }
    }

    fn read(&mut self) -> Result<Option<Block>, AuditError> {
        let begins = self.current.is_none();
        if begins {
            let Some(extent) = self.extents.next() else {
                return Ok(None);
            };
            self.current = Some((extent, extent.lines()?));
        }
        let Some((extent, lines)) = &mut self.current else {
            return Ok(None);
        };
        let mut block = Block {
            segment: extent.first,
            begins,
            torn: false,
            text: Vec::with_capacity(FULL + FULL / 8),
            ends: Vec::new(),
            digests: Vec::new(),
        };
        while block.text.len() < FULL {
            let line = lines.next().map_err(AuditError::io("read", &extent.path))?;
            if let Some(Line::Whole(line)) = line {
                block.text.extend_from_slice(line);
                block.ends.push(block.text.len());
            } else {
                block.torn = line.is_some();
                self.current = None;
                break;
            }
        }
        Ok(Some(block))
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
