//! Accepts connections, and closes others where that is needed.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use crate::connection::{Connection, Shared};
use crate::limits::Limits;
use crate::peer::Peer;
use crate::stream::{Alarm, BoundedStream};
use crate::table::{Id, Opening, Table};

/// How long to wait after the system refused to accept, for example because too many files are open.
const AGAIN: Duration = Duration::from_millis(20);

/// How many connections may wait to be accepted. The system drops those beyond it, which then try again after a second.
const BACKLOG: u32 = 1_024;

/// A listener whose connections have limits.
#[derive(Debug)]
pub struct BoundedListener {
    listener: TcpListener,
    shared: Arc<Shared>,
    alarms: Mutex<BTreeMap<Id, Weak<Alarm>>>,
}

impl BoundedListener {
    /// Bounds the connections of a listener.
    #[must_use]
    pub fn new(listener: TcpListener, limits: Limits) -> Self {
        Self {
            listener,
            shared: Arc::new(Shared::new(Table::new(limits))),
            alarms: Mutex::default(),
        }
    }

    /// Listens on an address. A thousand connections that come at once need not wait for each other.
    ///
    /// # Errors
    /// When the system refuses the address.
    pub fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A restart does not wait for connections that the system has not forgotten yet.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::new(socket.listen(BACKLOG)?, limits))
    }

    /// Returns the address that is listened on.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> (BoundedStream, Connection) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return self.open(stream, address).await,
                Err(error) if is_of_one_connection(&error) => {}
                // Most likely too many files are open, so a connection that waits makes room.
                Err(_) => {
                    let evicted = self.shared.table().evict(None, None);
                    self.close(evicted);
                    sleep(AGAIN).await;
                }
            }
        }
    }

    async fn open(&self, stream: TcpStream, address: SocketAddr) -> (BoundedStream, Connection) {
        let peer = Peer::from(address.ip());
        let id = loop {
            let opening = self.shared.table().open(peer, Instant::now());
            match opening {
                Opening::Open(id) => break id,
                Opening::Instead(id, evicted) => {
                    self.close(Some(evicted));
                    break id;
                }
                Opening::Full => self.shared.changed.notified().await,
            }
        };
        let connection = Connection {
            id,
            address,
            shared: Arc::clone(&self.shared),
        };
        let alarm = Arc::new(Alarm::default());
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.retain(|_, alarm| alarm.strong_count() > 0);
        alarms.insert(id, Arc::downgrade(&alarm));
        (BoundedStream::new(stream, connection.clone(), alarm), connection)
    }

    fn close(&self, evicted: Option<Id>) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(alarm) = evicted.and_then(|id| alarms.remove(&id)?.upgrade()) {
            alarm.ring();
        }
    }
}

/// Returns whether only the connection failed that was about to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::connection::Work;

    async fn listener(total: usize) -> (BoundedListener, SocketAddr) {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let limits = Limits {
            arrival: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            per_peer: total,
            total,
        };
        let listener = BoundedListener::new(tcp, limits);
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Opens a connection, and returns its other side and how reading from it ends.
    async fn open(
        listener: &BoundedListener,
        address: SocketAddr,
    ) -> (TcpStream, Connection, tokio::task::JoinHandle<io::Result<usize>>) {
        let client = TcpStream::connect(address).await.unwrap();
        let (mut stream, connection) = listener.accept().await;
        let read = tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        (client, connection, read)
    }

    type Step = fn(&Connection);

    #[tokio::test(start_paused = true)]
    async fn each_connection_ends_when_its_time_is_over() {
        let (listener, address) = listener(9).await;
        let answer: Step = |connection| connection.work().done(true);
        let steps: [(u64, Step); 3] = [(10, |_| {}), (20, Connection::begin), (60, answer)];
        for (seconds, step) in steps {
            let (mut client, connection, read) = open(&listener, address).await;
            let begun = Instant::now();
            step(&connection);
            // What a peer sends without completing a request does not help.
            client.write_all(b"PRI * HTTP/2.0").await.unwrap();
            let error = read.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let elapsed = begun.elapsed();
            assert!(elapsed >= Duration::from_secs(seconds), "{elapsed:?}");
            assert!(elapsed < Duration::from_secs(seconds + 1), "{elapsed:?}");
        }
        assert_eq!(listener.shared.table().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_at_work_or_without_limits_has_all_the_time() {
        let (listener, address) = listener(9).await;
        let (_working, connection, read) = open(&listener, address).await;
        let work: Work = connection.work();
        let (_kept, connection, kept) = open(&listener, address).await;
        connection.keep();
        sleep(Duration::from_secs(1_000)).await;
        assert!(!read.is_finished() && !kept.is_finished());
        drop(work);
        assert!(read.await.unwrap().is_err());
        sleep(Duration::from_secs(1_000)).await;
        assert!(!kept.is_finished());
    }

    /// Of the system, so in real time.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_that_takes_nothing_is_ended_even_at_work() {
        let limits = Limits {
            idle: Duration::from_millis(500),
            ..Limits::of_process()
        };
        let listener = BoundedListener::bind((Ipv4Addr::LOCALHOST, 0).into(), limits).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, connection) = listener.accept().await;
        let _work = connection.work();
        let error = loop {
            match stream.write_all(&[0; 16 * 1024]).await {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    /// One that finds the queue full tries again after a second, and here in vain, because nobody accepts.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn connections_that_come_at_once_need_not_try_again() {
        let limits = Limits::of_process();
        let listener = BoundedListener::bind((Ipv4Addr::LOCALHOST, 0).into(), limits).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap();
        let clients: Vec<_> = (0..500).map(|_| connect()).collect();
        assert_eq!(clients.len(), 500);
    }

    #[tokio::test]
    async fn silent_connections_make_room_and_others_wait_for_it() {
        let (listener, address) = listener(2).await;
        let (_a, _, first) = open(&listener, address).await;
        let (_b, second, _) = open(&listener, address).await;
        let work = second.work();
        let (_c, third, _) = open(&listener, address).await;
        let error = first.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let more = third.work();
        let _d = TcpStream::connect(address).await.unwrap();
        let mut fourth = std::pin::pin!(listener.accept());
        tokio::select! {
            biased;
            _ = fourth.as_mut() => panic!("there is no room"),
            () = std::future::ready(()) => {}
        }
        drop(work);
        let _ = fourth.await;
        drop(more);
    }
}
