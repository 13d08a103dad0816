//! Bodies that come in pieces, up to a largest size.

use bytes::{Bytes, BytesMut};

use crate::error::TransportError;

/// The largest answer that is read. A page of 100 users is about 100 KiB.
pub(crate) const LARGEST: usize = 16 * 1024 * 1024;

/// How much of an answer is read before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it; more bytes than this cannot be used.
    Whole(usize),
    /// All of it, or its beginning if it has more bytes than this.
    Beginning(usize),
}

/// Gathers the pieces of a body; a body that comes in one piece is not copied.
#[derive(Debug)]
pub(super) struct AnswerBody {
    extent: Extent,
    first: Bytes,
    whole: Option<BytesMut>,
}

impl AnswerBody {
    pub(super) fn up_to(extent: Extent) -> Self {
        Self {
            extent,
            first: Bytes::new(),
            whole: None,
        }
    }

    /// Adds a piece, and returns true if the rest is not to be read yet.
    ///
    /// # Errors
    /// When the body is larger than it may be; what the call has done is then not known.
    pub(super) fn add(&mut self, piece: Bytes) -> Result<bool, TransportError> {
        let length = self.whole.as_ref().map_or(self.first.len(), BytesMut::len);
        let is_enough = match self.extent {
            Extent::Whole(most) if length + piece.len() > most => {
                let problem = if most < LARGEST {
                    "the answer is larger than this call can use"
                } else {
                    "the answer is larger than 16 MiB"
                };
                return Err(TransportError::unusable_answer(problem));
            }
            Extent::Whole(_) => false,
            Extent::Beginning(most) => length + piece.len() > most,
        };
        if length == 0 {
            self.first = piece;
        } else {
            self.whole
                .get_or_insert_with(|| BytesMut::from(&self.first[..]))
                .extend_from_slice(&piece);
        }
        Ok(is_enough)
    }

    pub(super) fn finish(self) -> Bytes {
        self.whole.map_or(self.first, BytesMut::freeze)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_up_to_the_largest_size() {
        let mut body = AnswerBody::up_to(Extent::Whole(LARGEST));
        for piece in ["", "ab", "", "c"] {
            assert!(!body.add(Bytes::from_static(piece.as_bytes())).unwrap());
        }
        assert_eq!(body.finish(), "abc");

        let mut body = AnswerBody::up_to(Extent::Beginning(3));
        let full = ["ab", "c", "de"].map(|piece| body.add(Bytes::from_static(piece.as_bytes())).unwrap());
        assert_eq!(full, [false, false, true]);
        assert_eq!(body.finish(), "abcde");

        let mut body = AnswerBody::up_to(Extent::Whole(LARGEST));
        let half = Bytes::from(vec![b' '; LARGEST / 2]);
        body.add(half.clone()).unwrap();
        body.add(half).unwrap();
        assert!(body.add(Bytes::from_static(b"x")).unwrap_err().is_permanent());
    }
}
