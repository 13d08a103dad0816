//! What the server above says about a connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::table::{Id, Table};

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    table: Mutex<Table>,
    /// Woken when a connection can make room for another one.
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table: Mutex::new(table),
            changed: Notify::new(),
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection; clones are the same one.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) id: Id,
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
}

impl Connection {
    /// Returns the address of the other side.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says that the head of a request has arrived, which gives the rest of it time.
    pub fn begin(&self) {
        self.shared.table().begin(self.id, Instant::now());
    }

    /// Says that all of a request has arrived. Until the returned value is dropped, the connection is not closed.
    #[must_use]
    pub fn work(&self) -> Work {
        self.shared.table().work(self.id);
        Work {
            connection: self.clone(),
            useful: false,
        }
    }

    /// Lifts all limits of the connection, which then no longer counts.
    pub fn keep(&self) {
        self.shared.table().close(self.id);
        self.shared.changed.notify_one();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Work {
    connection: Connection,
    useful: bool,
}

impl Work {
    /// Says that the request is answered, and whether it was worth it. Connections without a useful request are closed first
    /// when there are too many.
    pub fn done(mut self, useful: bool) {
        self.useful = useful;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Connection { id, shared, .. } = &self.connection;
        shared.table().answered(*id, self.useful, Instant::now());
        shared.changed.notify_one();
    }
}
