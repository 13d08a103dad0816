//! The lines of an answer.

use std::io;
use std::marker::PhantomData;
use std::sync::mpsc::Receiver;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

/// The longest line: a user of a plan may have thousands of devices.
const LONGEST: usize = 16 * 1024 * 1024;

/// Cuts an answer into lines as it arrives.
#[derive(Debug)]
pub(super) struct Lines {
    body: Incoming,
    rest: BytesMut,
    /// How much of the rest has no end of a line.
    looked: usize,
}

impl Lines {
    pub(super) fn of(body: Incoming) -> Self {
        Self {
            body,
            rest: BytesMut::new(),
            looked: 0,
        }
    }

    /// Returns the next line without its end; `None` at the end of the answer.
    ///
    /// # Errors
    /// When the answer breaks off: a last line without an end is not a line.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.rest[self.looked..].iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(self.looked + end).freeze();
                self.rest.advance(1);
                self.looked = 0;
                return Ok(Some(line));
            }
            self.looked = self.rest.len();
            if self.looked > LONGEST {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line of the answer does not end",
                ));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.rest.extend_from_slice(&piece);
                    }
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
                None if self.rest.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

/// The lines of an answer that another thread reads.
pub(super) struct RawLines(pub(super) Receiver<io::Result<Bytes>>);

impl Iterator for RawLines {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        self.0.recv().ok()
    }
}

impl RawLines {
    /// Reads each line as JSON.
    pub(super) fn of<T: DeserializeOwned>(self) -> JsonLines<T> {
        JsonLines(self, PhantomData)
    }
}

/// Lines of JSON.
pub(super) struct JsonLines<T>(RawLines, PhantomData<fn() -> T>);

impl<T: DeserializeOwned> Iterator for JsonLines<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<io::Result<T>> {
        let line = self.0.next()?;
        Some(line.and_then(|line| serde_json::from_slice(&line).map_err(io::Error::from)))
    }
}
