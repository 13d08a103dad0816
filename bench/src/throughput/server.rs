//! The reference server: answers as fast as one thread can, so that clients are what is measured.
//!
//! It knows as much of HTTP/1.1 as well-behaved clients use: requests with or without a body of known length, one
//! at a time per connection, which stays open.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = r#"{"access_token":"YWMtbenchbenchbench","expires_in":5184000,"application":"00000000-0000-4000-8000-000000000000"}"#;
const DEVICES: &str = r#"{"path":"/users/resources","uri":"http://127.0.0.1/acme/chat/users/resources","timestamp":1712345678901,"organization":"acme","application":"00000000-0000-4000-8000-000000000000","action":"get","duration":1,"applicationName":"chat","data":[{"res":"ios_7f3a9c52-01de-4b6c-9a9a-6f0d3f5f1a11","device_uuid":"7f3a9c52-01de-4b6c-9a9a-6f0d3f5f1a11","device_name":"iPhone"}]}"#;
const LOGGED_OUT: &str = r#"{"path":"/users/disconnect","uri":"http://127.0.0.1/acme/chat/users/disconnect","timestamp":1712345678902,"organization":"acme","application":"00000000-0000-4000-8000-000000000000","action":"get","duration":1,"applicationName":"chat","data":{"result":true}}"#;
const NOT_FOUND: &str = r#"{"error":"service_resource_not_found","error_description":"no such call"}"#;

/// A head longer than this is no client of ours.
const LONGEST_REQUEST: usize = 16 * 1024;

/// Arguments of the reference server.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// How long every answer is held back
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

/// Serves on a free port of loopback, which is printed, until the process is ended.
pub(crate) fn run(args: &ServeArgs) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(Duration::from_millis(args.delay_ms)))
}

async fn serve(delay: Duration) -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let answers = Answers::new();
    let answers: &'static Answers = Box::leak(Box::new(answers));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A client that goes away ends its connection, which is all there is to say about it.
        tokio::spawn(async move { connection(stream, answers, delay).await.ok() });
    }
}

/// Whole answers, head and body, made once.
struct Answers {
    token: Vec<u8>,
    devices: Vec<u8>,
    logged_out: Vec<u8>,
    not_found: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let answer = |status: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        Self {
            token: answer("200 OK", TOKEN),
            devices: answer("200 OK", DEVICES),
            logged_out: answer("200 OK", LOGGED_OUT),
            not_found: answer("404 Not Found", NOT_FOUND),
        }
    }

    fn to(&self, path: &[u8]) -> &[u8] {
        if path.ends_with(b"/resources") {
            &self.devices
        } else if path.ends_with(b"/token") {
            &self.token
        } else if path.windows(11).any(|part| part == b"/disconnect") {
            &self.logged_out
        } else {
            &self.not_found
        }
    }
}

async fn connection(mut stream: TcpStream, answers: &Answers, delay: Duration) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST_REQUEST];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some((path, length)) = request(&buffer[..filled]) {
            let answer = answers.to(path);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            stream.write_all(answer).await?;
            buffer.copy_within(length..filled, 0);
            filled -= length;
        }
    }
}

/// Returns the path and the length of the first request in `bytes`, if it is whole.
fn request(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let mut words = bytes.split(|byte| *byte == b' ');
    let (method, path) = (words.next()?, words.next()?);
    let length = head
        + if method == b"POST" || method == b"PUT" {
            body_length(&bytes[..head])
        } else {
            0
        };
    (bytes.len() >= length).then_some((path, length))
}

fn body_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    lines
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_once_it_is_whole() {
        let whole = b"POST /acme/chat/token HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /";
        assert_eq!(
            request(whole),
            Some((&b"/acme/chat/token"[..], whole.len() - "GET /".len()))
        );
        assert_eq!(request(&whole[..whole.len() - 6]), None);
        assert_eq!(request(b"GET /x HTTP/1.1\r\n"), None);
    }

    #[test]
    fn each_call_has_its_answer() {
        let answers = Answers::new();
        let has = |path: &[u8], text: &str| String::from_utf8_lossy(answers.to(path)).contains(text);
        assert!(has(b"/acme/chat/users/ann/resources", "\"res\""));
        assert!(has(b"/acme/chat/users/ann/disconnect", "\"result\":true"));
        assert!(has(b"/acme/chat/users/ann/disconnect/ios_1", "\"result\":true"));
        assert!(has(b"/acme/chat/token", "access_token"));
        assert!(has(b"/acme/chat/users/ann", "404"));
    }
}
