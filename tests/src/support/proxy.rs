//! An HTTP proxy that leads every tunnel to an emulator, whatever it was asked to connect to: an unmodified AWS program behind it
//! speaks to the emulator, with the names that it would use for the real service.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Starts one that lives as long as the process and leads to one place, and gives the value of `HTTPS_PROXY` that leads through it.
///
/// # Panics
///
/// Loopback has no free port.
#[must_use]
pub fn to(target: SocketAddr) -> String {
    by_name(move |_| Some(target))
}

/// The same, to the place that a host's name stands for. It leads nowhere else: other names are refused.
///
/// # Panics
///
/// Loopback has no free port.
#[must_use]
pub fn by_name(place: impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static) -> String {
    let place = Arc::new(place);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A tunnel that breaks is the client's to report.
            let place = Arc::clone(&place);
            thread::spawn(move || tunnel(client, &*place));
        }
    });
    format!("http://{address}")
}

fn tunnel(mut client: TcpStream, place: &dyn Fn(&str) -> Option<SocketAddr>) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let name = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(':').next());
    let target = name.and_then(place);
    line.clear();
    // Until the empty line that ends the request's head. A client says nothing more before it is answered.
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let Some(target) = target else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    };
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;

    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || copy(from_server, to_client));
    copy(client, server)?;
    answers.join().unwrap_or(Ok(()))
}

fn copy(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
