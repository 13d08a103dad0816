//! Streams what an iterator that blocks yields, as fast as the reader takes it.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::Serialize;

/// How many bytes make a piece.
const PIECE: usize = 64 * 1024;

/// The type of bodies with one JSON value in each line.
pub(crate) const LINES: &str = "application/x-ndjson";

/// Streams lines, which are joined to pieces on a thread where that may block. No thread is held while the reader is behind. A
/// line that fails breaks the stream off, so the reader does not take a part for the whole.
pub(crate) fn pieces<I, E>(lines: I) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    I: Iterator<Item = Result<Vec<u8>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    stream::try_unfold(lines, |mut lines| async move {
        let next = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            for line in lines.by_ref() {
                piece.extend_from_slice(&line.map_err(io::Error::other)?);
                piece.push(b'\n');
                if piece.len() >= PIECE {
                    break;
                }
            }
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), lines)))
        });
        next.await.map_err(io::Error::other)?
    })
}

/// Answers lines.
pub(crate) fn streamed<I, E>(form: &'static str, lines: I) -> Response
where
    I: Iterator<Item = Result<Vec<u8>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let body = Body::from_stream(pieces(lines));
    ([(header::CONTENT_TYPE, form)], body).into_response()
}

/// Writes a value as a line of JSON, without its end.
pub(crate) fn json_line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::from)
}
