//! A TLS server for `localhost` that answers every call with an empty list, and keeps the tokens it was shown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const CERTIFICATE: &str = include_str!("server.pem");
/// Made for these tests and used nowhere else.
const KEY: &str = include_str!("server.key.pem");

pub(crate) type Tokens = Arc<Mutex<Vec<String>>>;

pub(crate) async fn serve(provider: Arc<CryptoProvider>) -> (SocketAddr, Tokens) {
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(),
        )
        .unwrap();
    let (acceptor, tokens) = (TlsAcceptor::from(Arc::new(config)), Tokens::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::clone(&tokens));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), stream, Arc::clone(&seen)));
        }
    });
    (address, tokens)
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, seen: Tokens) {
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        (name.eq_ignore_ascii_case("authorization")).then(|| value.trim_start_matches("Bearer ").to_owned())
    };
    seen.lock().unwrap().extend(request.lines().find_map(header));
    let body = r#"{"data":[]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}
