//! The lines of a body, as they arrive: memory depends on the longest line, and not on their number.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;

use crate::problem::{Kind, Refusal};

/// The lines of a body.
pub(crate) struct BodyLines {
    pieces: BodyDataStream,
    rest: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where it is known not to end.
    looked: usize,
}

impl BodyLines {
    pub(crate) fn of(body: Body) -> Self {
        Self {
            pieces: body.into_data_stream(),
            rest: Vec::new(),
            start: 0,
            looked: 0,
        }
    }

    /// Returns the next line without its end, which the last one needs not have. It has at most `longest` bytes.
    pub(crate) async fn next(&mut self, longest: usize) -> Result<Option<Vec<u8>>, Refusal> {
        loop {
            if let Some(more) = self.rest[self.looked..].iter().position(|byte| *byte == b'\n') {
                let end = self.looked + more;
                let line = self.rest[self.start..end].to_vec();
                (self.start, self.looked) = (end + 1, end + 1);
                return if line.len() > longest {
                    Err(too_long(longest))
                } else {
                    Ok(Some(line))
                };
            }
            self.rest.drain(..self.start);
            (self.start, self.looked) = (0, self.rest.len());
            if self.rest.len() > longest {
                return Err(too_long(longest));
            }
            match self.pieces.next().await {
                Some(Ok(piece)) => self.rest.extend_from_slice(&piece),
                Some(Err(error)) => {
                    let what = format!("the body broke off: {error}");
                    return Err(Refusal::of(Kind::BadRequest).detail(what));
                }
                None if self.rest.is_empty() => return Ok(None),
                None => {
                    self.looked = 0;
                    return Ok(Some(std::mem::take(&mut self.rest)));
                }
            }
        }
    }
}

fn too_long(longest: usize) -> Refusal {
    Refusal::of(Kind::TooLarge)
        .detail(format!("this line has at most {longest} bytes"))
        .hint("name fewer exemptions, or fewer devices of a user")
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::stream;

    use super::*;

    async fn lines(pieces: &[&'static str], longest: usize) -> Vec<Result<String, Kind>> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())))
            .collect();
        let mut lines = BodyLines::of(Body::from_stream(stream::iter(pieces)));
        let mut found = Vec::new();
        loop {
            match lines.next(longest).await {
                Ok(None) => return found,
                Ok(Some(line)) => found.push(Ok(String::from_utf8(line).unwrap())),
                Err(refusal) => {
                    found.push(Err(refusal.kind()));
                    return found;
                }
            }
        }
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_are_cut() {
        let all = "one\n\ntwo two\nthree";
        let whole = lines(&[all], 99).await;
        assert_eq!(
            whole.iter().flatten().collect::<Vec<_>>(),
            ["one", "", "two two", "three"]
        );
        for at in 0..all.len() {
            assert_eq!(lines(&[&all[..at], &all[at..]], 99).await, whole, "{at}");
        }
        assert_eq!(lines(&["one\n"], 99).await, [Ok("one".to_owned())]);
        assert!(lines(&["", ""], 99).await.is_empty());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_before_it_ends() {
        assert_eq!(lines(&["12345", "6789\n"], 4).await, [Err(Kind::TooLarge)]);
        assert_eq!(lines(&["12345\n"], 4).await, [Err(Kind::TooLarge)]);
        assert_eq!(lines(&["1234\n1234"], 4).await.len(), 2);
    }
}
