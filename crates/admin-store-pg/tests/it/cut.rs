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

#[derive(Default)]
struct Left {
    /// How many bytes of clients are still passed on; `None` is any number.
    bytes: Option<usize>,
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

    /// Cuts the connection that sends more than so many bytes from now on. Later ones are not cut.
    pub(crate) fn after(&self, bytes: usize) {
        *self.left.lock().unwrap() = Left {
            bytes: Some(bytes),
            cut: false,
        };
    }

    /// Cuts no more, and returns whether a connection was cut.
    pub(crate) fn never(&self) -> bool {
        std::mem::take(&mut *self.left.lock().unwrap()).cut
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
            let passed = {
                let mut left = left.lock().unwrap();
                let passed = left.bytes.map_or(read, |bytes| bytes.min(read));
                if passed < read {
                    *left = Left {
                        bytes: None,
                        cut: true,
                    };
                } else if let Some(bytes) = &mut left.bytes {
                    *bytes -= passed;
                }
                passed
            };
            if (&*server).write_all(&buffer[..passed]).is_err() || passed < read {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        close(&server);
    });
}
