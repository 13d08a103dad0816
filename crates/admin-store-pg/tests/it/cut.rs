//! A socket before the database that cuts all connections after some bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use easemob_admin_store_pg::address::DatabaseAddress;
use tempfile::TempDir;

/// Passes everything on, until it is told to cut.
pub(crate) struct Cut {
    address: DatabaseAddress,
    left: Arc<Mutex<Left>>,
    _home: TempDir,
}

/// What is passed on before a connection is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Budget {
    /// So many bytes: the last message may arrive in part.
    Bytes(usize),
    /// So many messages: the last one arrives, and its answer is lost.
    Messages(usize),
}

#[derive(Default)]
struct Left {
    /// What of clients is still passed on; `None` is everything.
    budget: Option<Budget>,
    cut: bool,
}

impl Cut {
    /// Listens before this database.
    pub(crate) fn before(database: &DatabaseAddress) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(home.path().join(".s.PGSQL.5432")).unwrap();
        let left = Arc::new(Mutex::new(Left::default()));
        let address = DatabaseAddress {
            host: home.path().to_str().unwrap().into(),
            port: 5432,
            ..database.clone()
        };
        let (database, budget) = (database.clone(), Arc::clone(&left));
        // It ends with the program.
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, left) = (Arc::new(client.unwrap()), Arc::clone(&budget));
                if database.host.starts_with('/') {
                    let path = format!("{}/.s.PGSQL.{}", database.host, database.port);
                    let server = Arc::new(UnixStream::connect(path).unwrap());
                    pass(client, server, left, |server| {
                        drop(server.shutdown(Shutdown::Both));
                    });
                } else {
                    let server = Arc::new(TcpStream::connect((&*database.host, database.port)).unwrap());
                    pass(client, server, left, |server| {
                        drop(server.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        Self {
            address,
            left,
            _home: home,
        }
    }

    /// Returns the address behind which the database is.
    pub(crate) fn address(&self) -> &DatabaseAddress {
        &self.address
    }

    /// Cuts the connection that has used up the budget from now on. Later ones are not cut.
    pub(crate) fn after(&self, budget: Budget) {
        *self.left.lock().unwrap() = Left {
            budget: Some(budget),
            cut: false,
        };
    }

    /// Cuts no more, and returns whether a connection was cut.
    pub(crate) fn never(&self) -> bool {
        std::mem::take(&mut *self.left.lock().unwrap()).cut
    }
}

impl Left {
    /// Returns how many of the bytes to pass on, and whether to cut the connection then.
    fn pass(&mut self, read: usize) -> (usize, bool) {
        let (passed, left) = match self.budget {
            None => return (read, false),
            Some(Budget::Bytes(bytes)) if bytes < read => (bytes, None),
            Some(Budget::Bytes(bytes)) => (read, Some(Budget::Bytes(bytes - read))),
            Some(Budget::Messages(0 | 1)) => (read, None),
            Some(Budget::Messages(messages)) => (read, Some(Budget::Messages(messages - 1))),
        };
        self.budget = left;
        self.cut |= left.is_none();
        (passed, left.is_none())
    }
}

fn pass<S>(client: Arc<UnixStream>, server: Arc<S>, left: Arc<Mutex<Left>>, close: fn(&S))
where
    S: Send + Sync + 'static,
    for<'a> &'a S: Read + Write,
{
    let (back_client, back_server) = (Arc::clone(&client), Arc::clone(&server));
    thread::spawn(move || {
        let _ = std::io::copy(&mut &*back_server, &mut &*back_client);
        let _ = back_client.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = (&*client).read(&mut buffer) {
            let (passed, cut) = left.lock().unwrap().pass(read);
            if (&*server).write_all(&buffer[..passed]).is_err() || cut {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        close(&server);
    });
}
