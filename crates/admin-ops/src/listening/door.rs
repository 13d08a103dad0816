//! Lets the HTTP server accept connections that have limits.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use easemob_admin_listener::{BoundedListener, BoundedStream, Connection, Limits, Work};

/// A listener for the HTTP server.
#[derive(Debug)]
pub struct Door(BoundedListener);

/// The other side of a connection; `None` is the listener itself.
#[derive(Debug, Clone)]
pub struct Peer(Option<Connection>);

impl Door {
    /// Listens on an address.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn open(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        BoundedListener::bind(address, limits).map(Self)
    }

    /// Returns the address that is listened on.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Peer {
    /// Says that the head of a request has arrived.
    pub fn begin(&self) {
        if let Some(connection) = &self.0 {
            connection.begin();
        }
    }

    /// Says that all of a request has arrived.
    pub fn work(&self) -> Option<Work> {
        self.0.as_ref().map(Connection::work)
    }

    /// Returns the address, for messages.
    pub fn name(&self) -> String {
        let address = self.0.as_ref().map(|connection| connection.address().ip());
        address.map_or_else(String::new, |address| address.to_canonical().to_string())
    }
}

impl Connected<Peer> for Peer {
    fn connect_info(peer: Peer) -> Self {
        peer
    }
}

impl Address for Peer {
    type Stream = BoundedStream;
    type Listener = Door;
}

impl AddrListener<BoundedStream, Peer> for Door {
    async fn bind_to(_: Peer) -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }

    async fn accept_stream(&self) -> io::Result<(BoundedStream, Peer)> {
        let (stream, connection) = self.0.accept().await;
        Ok((stream, Peer(Some(connection))))
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        Ok(Peer(None))
    }
}
