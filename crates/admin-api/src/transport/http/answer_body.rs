//! Bodies that come in pieces, up to a largest size.

use bytes::{Bytes, BytesMut};

use crate::error::TransportError;

/// The largest answer that is read. A page of 100 users is about 100 KiB.
pub(super) const LARGEST: usize = 16 * 1024 * 1024;

/// Gathers the pieces of a body; a body that comes in one piece is not copied.
#[derive(Debug, Default)]
pub(super) struct AnswerBody {
    first: Bytes,
    whole: Option<BytesMut>,
}

impl AnswerBody {
    /// Adds a piece.
    ///
    /// # Errors
    /// When the body is larger than [`LARGEST`]; what the call has done is then not known.
    pub(super) fn add(&mut self, piece: Bytes) -> Result<(), TransportError> {
        let length = self.whole.as_ref().map_or(self.first.len(), BytesMut::len);
        if length + piece.len() > LARGEST {
            let problem = "the answer is larger than 16 MiB";
            return Err(TransportError::unusable_answer(problem));
        }
        if length == 0 {
            self.first = piece;
        } else {
            self.whole
                .get_or_insert_with(|| BytesMut::from(&self.first[..]))
                .extend_from_slice(&piece);
        }
        Ok(())
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
        let mut body = AnswerBody::default();
        for piece in ["", "ab", "", "c"] {
            body.add(Bytes::from_static(piece.as_bytes())).unwrap();
        }
        assert_eq!(body.finish(), "abc");

        let mut body = AnswerBody::default();
        let half = Bytes::from(vec![b' '; LARGEST / 2]);
        body.add(half.clone()).unwrap();
        body.add(half).unwrap();
        assert!(body.add(Bytes::from_static(b"x")).unwrap_err().is_permanent());
    }
}
