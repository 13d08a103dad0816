//! A server that does with each connection exactly what a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_api::{AppRoot, Client, ClientBuilder, Credentials, Rates, RetryPolicy};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One step of what happens on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Wait for the head of a request.
    Request,
    /// Write this.
    Write(Vec<u8>),
    /// Write this, one byte after the other, with a pause between them.
    Trickle(Vec<u8>, Duration),
    /// Do nothing for a while.
    Pause(Duration),
    /// From here on, answer every request with this.
    Forever(Vec<u8>),
}

/// What has arrived: the target of each request, by connection.
pub(crate) type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// Starts a server whose n-th connection follows the n-th script, and all later ones the last. A connection is
/// closed at the end of its script.
pub(crate) async fn serve(scripts: Vec<Vec<Step>>) -> (SocketAddr, Seen) {
    serve_over(scripts, async |stream: TcpStream| Some(stream)).await
}

/// Starts such a server behind something that has to be agreed on first; `None` gives the connection up.
pub(crate) async fn serve_over<S, F>(
    scripts: Vec<Vec<Step>>,
    agree: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, Seen)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Option<S>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let note = Arc::clone(&seen);
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            note.lock().unwrap().push(Vec::new());
            let script = scripts[number.min(scripts.len() - 1)].clone();
            let (agreed, note) = (agree(stream), Arc::clone(&note));
            tokio::spawn(async move {
                if let Some(stream) = agreed.await {
                    follow(stream, script, |target| note.lock().unwrap()[number].push(target)).await;
                }
            });
        }
    });
    (address, seen)
}

async fn follow(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Vec<Step>, note: impl Fn(String)) {
    for step in script {
        // A client that has gone is what some tests are about.
        match step {
            Step::Request => match request(&mut stream).await {
                Some(target) => note(target),
                None => return,
            },
            Step::Write(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Step::Trickle(bytes, pause) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await.unwrap_or_default();
                    stream.flush().await.unwrap_or_default();
                    tokio::time::sleep(pause).await;
                }
            }
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            Step::Forever(bytes) => {
                while let Some(target) = request(&mut stream).await {
                    note(target);
                    stream.write_all(&bytes).await.unwrap_or_default();
                    stream.flush().await.unwrap_or_default();
                }
            }
        }
        stream.flush().await.unwrap_or_default();
    }
    stream.shutdown().await.unwrap_or_default();
}

/// Reads the head of a request and returns its target.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head)
        .unwrap()
        .split(' ')
        .nth(1)
        .map(str::to_owned)
}

/// An answer with status 200 and this body.
pub(crate) fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The answer to a logout.
pub(crate) fn logged_out() -> Vec<u8> {
    answer(r#"{"data":{"result":true}}"#)
}

/// A client of such a server that sends everything once.
pub(crate) fn builder(scheme: &str, host: &str, address: SocketAddr) -> ClientBuilder {
    let root = format!("{scheme}://{host}:{}/acme/chat", address.port());
    Client::builder(AppRoot::parse(&root).unwrap())
        .credentials(Credentials::fixed_token("YWMtx"))
        .rates(Rates::unlimited())
        .retry(RetryPolicy::none())
        .transport(crate::transport())
}

/// How many requests each connection has carried.
pub(crate) fn counts(seen: &Seen) -> Vec<usize> {
    seen.lock().unwrap().iter().map(Vec::len).collect()
}
