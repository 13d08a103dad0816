//! Servers that silent connections cannot shut out, with or without TLS.

mod door;
mod tls;

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum_server::Handle;

pub use self::door::{Door, Peer};
pub use self::tls::Tls;

/// How long headers, and then a body, may take to arrive.
pub const ARRIVAL: Duration = Duration::from_secs(10);

/// The most that the headers of a request may take up.
const HEADERS: usize = 64 * 1024;

/// A server that answers until it is stopped.
#[derive(Debug)]
pub struct Server {
    handle: Handle<Peer>,
    task: tokio::task::JoinHandle<io::Result<()>>,
    #[cfg(feature = "tls")]
    tls: Option<(Tls, axum_server::tls_rustls::RustlsConfig)>,
}

/// Answers the connections that come through `door`, on the runtime of the caller.
///
/// # Errors
/// When the certificate cannot be used.
pub fn serve(door: Door, routes: Router, tls: Option<&Tls>) -> io::Result<Server> {
    let handle = Handle::new();
    let service = routes
        .layer(from_fn(begun))
        .into_make_service_with_connect_info::<Peer>();
    let mut server = axum_server::Server::<Peer>::from_listener(door).handle(handle.clone());
    patient(server.http_builder());
    match tls {
        #[cfg(feature = "tls")]
        Some(tls) => {
            let config = tls.config()?;
            let acceptor = axum_server::tls_rustls::RustlsAcceptor::new(config.clone());
            Ok(Server {
                handle,
                task: tokio::spawn(server.acceptor(acceptor).serve(service)),
                tls: Some((tls.clone(), config)),
            })
        }
        #[cfg(not(feature = "tls"))]
        Some(_) => {
            let why = "this program was built without TLS (the feature `tls`)";
            Err(io::Error::new(io::ErrorKind::Unsupported, why))
        }
        None => Ok(Server {
            handle,
            task: tokio::spawn(server.serve(service)),
            #[cfg(feature = "tls")]
            tls: None,
        }),
    }
}

impl Server {
    /// Stops accepting connections, and gives those that are open this long to end.
    pub fn stop(&self, farewell: Duration) {
        self.handle.graceful_shutdown(Some(farewell));
    }

    /// Waits until the server has stopped.
    pub async fn stopped(self) {
        // A failed server has already reported it in its answers.
        let _ = self.task.await;
    }

    /// Reads the certificate and its key again; connections that are open keep the old ones.
    ///
    /// # Errors
    /// When they cannot be used. The old ones stay in use then.
    pub fn read_certificate_again(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some((tls, config)) = &self.tls {
            config.reload_from_config(tls.config()?.get_inner());
        }
        Ok(())
    }
}

/// Gives the rest of a request its time.
async fn begun(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    peer.begin();
    next.run(request).await
}

/// Headers that never end must not hold a connection for ever, and must not fill the memory.
fn patient(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(ARRIVAL)
        .max_buf_size(HEADERS);
}
