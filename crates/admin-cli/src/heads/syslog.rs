//! Heads in syslog, of this machine or of another one.

use std::net::UdpSocket;

use easemob_admin_store_pg::trail::heads::NewHead;
use jiff::Timestamp;

use super::Unsent;

/// Messages about security and authorization, of normal but significant things.
const PRIORITY: u8 = 10 * 8 + 5;

/// Writes to the log of this machine.
#[cfg(unix)]
pub(super) fn here(heads: &[NewHead]) -> Result<(), Unsent> {
    /// Where daemons of different systems listen.
    const SOCKETS: &[&str] = &["/dev/log", "/var/run/syslog", "/var/run/log"];
    let there = |path: &&&str| std::path::Path::new(path).exists();
    let path = SOCKETS
        .iter()
        .find(there)
        .ok_or("no syslog daemon listens on this machine")?;
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.connect(path)?;
    for head in heads {
        // The daemon adds time and host.
        let process = std::process::id();
        socket.send(format!("<{PRIORITY}>easemob-admin[{process}]: {}", words(head)).as_bytes())?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn here(_: &[NewHead]) -> Result<(), Unsent> {
    Err("this system has no syslog; use `syslog://HOST`, a file or a webhook".into())
}

/// Sends to the log of another machine, over UDP (RFC 5424, RFC 5426).
pub(super) fn at(host: &str, port: u16, heads: &[NewHead]) -> Result<(), Unsent> {
    let mut last: Unsent = "the name of the host has no address".into();
    for address in std::net::ToSocketAddrs::to_socket_addrs(&(host, port))? {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let sent = UdpSocket::bind(any).and_then(|socket| {
            socket.connect(address)?;
            heads
                .iter()
                .try_for_each(|head| socket.send(message(head).as_bytes()).map(drop))
        });
        match sent {
            Ok(()) => return Ok(()),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn message(head: &NewHead) -> String {
    let host = whoami::hostname().unwrap_or_else(|_| "-".into());
    let (time, process) = (Timestamp::now(), std::process::id());
    format!(
        "<{PRIORITY}>1 {time:.3} {host} easemob-admin {process} head - {}",
        words(head)
    )
}

fn words(head: &NewHead) -> String {
    let NewHead {
        origin, size, head, ..
    } = head;
    format!("head of {origin} with {size} entries: {head}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::tests::head;

    #[test]
    fn another_machine_receives_one_message_per_head() {
        let log = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = log.local_addr().unwrap().port();
        at("127.0.0.1", port, &[head("one", 7), head("two", 8)]).unwrap();
        for expected in [
            "head - head of one with 7 entries: head.of.one-7",
            "head - head of two with 8 entries: head.of.two-8",
        ] {
            let mut buffer = [0; 1024];
            let read = log.recv(&mut buffer).unwrap();
            let message = std::str::from_utf8(&buffer[..read]).unwrap();
            assert!(
                message.starts_with("<85>1 2") && message.ends_with(expected),
                "{message}"
            );
        }
    }
}
