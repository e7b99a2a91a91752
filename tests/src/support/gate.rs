//! A gate on the way to a server: what goes through it can be cut off and let through again.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// An address that leads to a server as long as it is open. It lives as long as the process.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    ways: Arc<Mutex<Ways>>,
}

#[derive(Debug, Default)]
struct Ways {
    closed: bool,
    streams: Vec<TcpStream>,
}

impl Gate {
    /// An open one, to this server.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let ways = Arc::new(Mutex::new(Ways::default()));
        let shared = Arc::clone(&ways);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A way that breaks is the client's to report.
                let _ = shared.lock().unwrap_or_else(PoisonError::into_inner).lead(client, target);
            }
        });
        Self { address, ways }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections off, and lets none through from now on.
    pub fn close(&self) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.closed = true;
        for stream in ways.streams.drain(..) {
            // It may have ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner).closed = false;
    }
}

impl Ways {
    fn lead(&mut self, client: TcpStream, target: SocketAddr) -> io::Result<()> {
        if self.closed {
            return client.shutdown(Shutdown::Both);
        }
        let server = TcpStream::connect(target)?;
        // It is to cut connections, not to slow them.
        [&client, &server].into_iter().try_for_each(|stream| stream.set_nodelay(true))?;
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
        self.streams.extend([client, server]);
        Ok(())
    }
}
