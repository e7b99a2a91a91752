//! Listening sockets, alone or beside those of the process that is to be replaced.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Whether another process may listen on the same port at the same time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Port {
    /// No: a port that is taken is an error.
    #[default]
    Alone,
    /// Any process of the same user that says so too (`SO_REUSEPORT`): the kernel gives each new connection to one of them.
    Shared,
}

/// Listens on `address`.
///
/// # Errors
/// When the port is taken, or may not be had.
pub fn listen(address: SocketAddr, port: Port) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if port == Port::Shared {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on the first address of `host` that can be listened on.
///
/// # Errors
/// When there is none.
pub async fn listen_on(host: &str, number: u16, port: Port) -> io::Result<TcpListener> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in tokio::net::lookup_host((host, number)).await? {
        outcome = listen(address, port);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Connections that wait to be accepted: an API server that restarts connects once for each request at hand.
const BACKLOG: u32 = 4096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_port_is_shared_by_those_who_all_say_so() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let first = listen(any, Port::Shared).unwrap();
        let address = first.local_addr().unwrap();
        assert!(listen(address, Port::Shared).is_ok());
        assert_eq!(listen(address, Port::Alone).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let alone = listen(any, Port::Alone).unwrap().local_addr().unwrap();
        assert!(listen_on("127.0.0.1", 0, Port::Alone).await.is_ok());
        assert_ne!(alone, address);
    }
}
