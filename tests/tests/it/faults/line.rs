//! A line between tool and server that breaks on purpose.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wrong::Often;

/// What happens to a request.
#[derive(Debug, Clone)]
pub(super) enum Strike {
    /// It is answered in place of the server.
    Answer(Vec<u8>),
    /// It is answered with this status and a page that shows the whole request, plain and in other spellings.
    Echo(&'static str),
    /// The connection is reset before anything of it was read.
    ResetBefore,
    /// The server gets it, and its answer is lost with the connection.
    CloseAfter,
    /// Nothing happens, and the connection stays.
    Silence,
    /// The server's answer comes byte by byte, with this pause.
    Trickle(Duration),
    /// The server's answer comes with another length than it has, and the connection stays.
    Length(i64),
    /// It is answered without end.
    Endless,
    /// Whoever listens is told, and has to allow that it goes on.
    Tell,
}

/// A line that strikes requests whose first line contains a text.
pub(super) struct Line {
    pub(super) port: u16,
    state: Arc<State>,
    /// Hears of every [`Strike::Tell`].
    pub(super) told: Receiver<()>,
    /// Allows it to go on.
    pub(super) allow: SyncSender<()>,
}

struct State {
    upstream: String,
    /// What is counted.
    about: &'static str,
    /// Of that, what is struck.
    whom: String,
    strike: Strike,
    often: Often,
    counts: Mutex<Counts>,
    tell: SyncSender<()>,
    allowed: Mutex<Receiver<()>>,
}

#[derive(Default)]
struct Counts {
    requests: usize,
    struck: usize,
    mended: bool,
}

impl Line {
    /// Begins to carry requests to `upstream`.
    pub(super) fn to(
        upstream: String,
        about: &'static str,
        whom: &str,
        strike: Strike,
        often: Often,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = sync_channel(64);
        let (allow, allowed) = sync_channel(64);
        let state = Arc::new(State {
            upstream,
            about,
            whom: whom.to_owned(),
            strike,
            often,
            counts: Mutex::default(),
            tell,
            allowed: Mutex::new(allowed),
        });
        let shared = Arc::clone(&state);
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                spawn(move || {
                    // A connection that ends is what this is about.
                    let _ = carry(&state, &stream);
                });
            }
        });
        Self {
            port,
            state,
            told,
            allow,
        }
    }

    /// How many requests there were of the kind that is counted.
    pub(super) fn requests(&self) -> usize {
        self.state.counts.lock().unwrap().requests
    }

    /// How many of them were struck.
    pub(super) fn struck(&self) -> usize {
        self.state.counts.lock().unwrap().struck
    }

    /// Strikes nobody from now on.
    pub(super) fn mend(&self) {
        self.state.counts.lock().unwrap().mended = true;
    }

    /// Begins to strike after [`Line::mend`].
    pub(super) fn begin(&self) {
        *self.state.counts.lock().unwrap() = Counts::default();
    }
}

impl State {
    /// Counts a request, and says whether it is struck.
    fn hits(&self, first: &str) -> bool {
        let mut counts = self.counts.lock().unwrap();
        if !first.contains(self.about) {
            return false;
        }
        counts.requests += 1;
        let again = self.often == Often::Always || counts.struck == 0;
        let hit = !counts.mended && again && first.contains(&self.whom);
        counts.struck += usize::from(hit);
        hit
    }
}

/// Carries one request after the other until one side has enough.
fn carry(state: &State, client: &TcpStream) -> io::Result<()> {
    let server = TcpStream::connect(&state.upstream)?;
    let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(&server));
    loop {
        // Looked at and not read, so that closing it is a reset.
        let mut start = [0; 512];
        let seen = client.peek(&mut start)?;
        if seen == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&start[..seen]);
        let hit = state.hits(text.lines().next().unwrap_or_default());
        if hit && matches!(state.strike, Strike::ResetBefore) {
            return Ok(());
        }
        let (request, _) = message(&mut from_client)?;
        let mut forward = || {
            (&server).write_all(&request)?;
            message(&mut from_server)
        };
        if !hit {
            let (answer, _) = forward()?;
            (&*client).write_all(&answer)?;
            continue;
        }
        match &state.strike {
            Strike::Answer(answer) => (&*client).write_all(answer)?,
            Strike::Echo(status) => (&*client).write_all(&echo(status, &request))?,
            Strike::ResetBefore => return Ok(()),
            Strike::CloseAfter => return forward().map(drop),
            Strike::Silence => {
                // Until the client gives up.
                let _ = from_client.read(&mut [0; 1]);
                return Ok(());
            }
            Strike::Trickle(pause) => {
                for byte in forward()?.0 {
                    (&*client).write_all(&[byte])?;
                    sleep(*pause);
                }
            }
            Strike::Length(more) => {
                let (answer, body) = forward()?;
                let said = i64::try_from(body).unwrap_or_default() + more;
                let text = String::from_utf8_lossy(&answer).into_owned();
                let lie = text.replacen(
                    &format!("content-length: {body}"),
                    &format!("content-length: {said}"),
                    1,
                );
                assert_ne!(lie, text, "the length is told in another way");
                (&*client).write_all(lie.as_bytes())?;
            }
            Strike::Endless => {
                (&*client)
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"data\":\"")?;
                let more = vec![b'x'; 65_536];
                loop {
                    (&*client).write_all(&more)?;
                }
            }
            Strike::Tell => {
                let _ = state.tell.send(());
                let _ = state.allowed.lock().unwrap().recv();
                let (answer, _) = forward()?;
                (&*client).write_all(&answer)?;
            }
        }
    }
}

/// A page that shows the request as it came, and its header and body in base64 and percent-encoded.
fn echo(status: &str, request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let words: Vec<String> = text
        .split(['\r', '\n', ' ', '"'])
        .filter(|word| word.len() > 6)
        .map(|word| format!("{} {}", STANDARD.encode(word), percent_encoded(word)))
        .collect();
    let page = format!("<html><pre>{text}</pre>{}</html>", words.join("\n"));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
        page.len()
    );
    [head.into_bytes(), page.into_bytes()].concat()
}

/// Every byte as `%XX`, as a careful page writes it.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").unwrap();
        encoded
    })
}

/// Reads a message with its length, and returns it and how long its body is.
fn message(from: &mut impl BufRead) -> io::Result<(Vec<u8>, usize)> {
    let mut whole = Vec::new();
    let mut length = 0;
    loop {
        let begin = whole.len();
        if from.read_until(b'\n', &mut whole)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&whole[begin..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let begin = whole.len();
    whole.resize(begin + length, 0);
    from.read_exact(&mut whole[begin..])?;
    Ok((whole, length))
}
