//! An HTTP proxy that sends every tunnel to one place, whatever it was asked to connect to: an unmodified AWS program behind it
//! speaks to the emulator, with the names that it would use for the real STS.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts one that lives as long as the process, and gives the value of `HTTPS_PROXY` that leads through it.
///
/// # Panics
///
/// Loopback has no free port.
#[must_use]
pub fn to(target: SocketAddr) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A tunnel that breaks is the client's to report.
            thread::spawn(move || tunnel(client, target));
        }
    });
    format!("http://{address}")
}

fn tunnel(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    // Until the empty line that ends the request's head. A client says nothing more before it is answered.
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
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
