//! A long answer, passed on as it comes.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::envelope::outline::Outline;
use crate::error::{DecodeError, Excerpt};
use crate::redact::Cleaner;
use crate::transport::http::Rest;

/// An answer that is longer than what was read of it before it was judged; see
/// [`Endpoint::STREAMS`](crate::endpoint::Endpoint::STREAMS).
///
/// Its memory does not depend on its length. No piece has a secret of the client. Only an answer that was read to the end of its
/// JSON object ends without an error.
pub struct AnswerStream {
    rest: Rest,
    outline: Outline,
    cleaner: Cleaner,
    /// What was read, and has not been passed on.
    read: BytesMut,
    ended: bool,
}

/// An answer did not come to its end: what came before is not the whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not whole: {problem}")]
pub struct BrokenAnswer {
    problem: String,
}

fn broken(problem: impl Into<String>) -> BrokenAnswer {
    BrokenAnswer {
        problem: problem.into(),
    }
}

impl AnswerStream {
    /// Goes on with an answer whose beginning was read, and followed by `outline`.
    pub(super) fn of(beginning: &[u8], outline: Outline, rest: Rest, cleaner: Cleaner) -> Self {
        Self {
            rest,
            outline,
            cleaner,
            read: BytesMut::from(beginning),
            ended: false,
        }
    }

    /// The call was not made to be passed on.
    pub(crate) fn unexpected(&self) -> DecodeError {
        DecodeError {
            problem: "the answer is too long".to_owned(),
            status: 200,
            answer: Excerpt::new(None, &self.read),
            foreign: false,
        }
    }

    /// Returns the next piece; `None` at the end of a whole answer. The server is not asked for more than one piece ahead.
    ///
    /// # Errors
    /// When the answer breaks off, is silent for too long, or is no JSON object. What was returned before is not an answer then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BrokenAnswer> {
        loop {
            let clean = self.cleaner.take(&mut self.read, self.ended);
            if !clean.is_empty() {
                return Ok(Some(clean));
            }
            if self.ended {
                return Ok(None);
            }
            match self.rest.piece().await {
                Ok(Some(piece)) => {
                    let followed = self.outline.read(&piece);
                    followed.map_err(|_| broken("it is not one JSON object"))?;
                    self.read.extend_from_slice(&piece);
                }
                Ok(None) if self.outline.is_whole() => self.ended = true,
                Ok(None) => return Err(broken("it ends in the middle")),
                Err(error) => return Err(broken(error.headline())),
            }
        }
    }
}

impl fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream").finish_non_exhaustive()
    }
}
