//! An HTTP proxy that leads every tunnel to an emulator, whatever it was asked to connect to: an unmodified AWS program behind it
//! speaks to the emulator, with the names that it would use for the real service.

use std::io::{self, BufRead, BufReader, Read, Write};
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
    format!("http://{}", serving(move |client| tunnel(client, &place)))
}

/// Starts one that answers whatever it is asked with this, and gives the value of `HTTPS_PROXY` that leads to it.
///
/// # Panics
///
/// Loopback has no free port.
#[must_use]
pub fn refusing(answer: &'static str) -> String {
    let address = serving(move |mut client| {
        // Whatever comes first, and in one piece: a head, or the hello of TLS.
        let _ = client.read(&mut [0; 16 << 10])?;
        client.write_all(answer.as_bytes())?;
        client.shutdown(Shutdown::Write)?;
        io::copy(&mut client, &mut io::sink()).map(drop)
    });
    format!("http://{address}")
}

/// Starts one that speaks SOCKS 5, resolves every name to one place, and asks for a user and a password. It gives the address, and
/// takes `me` and `p@ss`.
///
/// # Panics
///
/// Loopback has no free port.
#[must_use]
pub fn socks(target: SocketAddr) -> SocketAddr {
    serving(move |mut client| {
        let said = |client: &mut TcpStream, expected: &[u8]| {
            let mut said = vec![0; expected.len()];
            client.read_exact(&mut said)?;
            if said == expected { Ok(()) } else { Err(io::Error::other("it says something else")) }
        };
        said(&mut client, &[5, 1, 2])?;
        client.write_all(&[5, 2])?;
        said(&mut client, b"\x01\x02me\x04p@ss")?;
        client.write_all(&[1, 0])?;
        // Connect, and to a name.
        said(&mut client, &[5, 1, 0, 3])?;
        let mut length = [0];
        client.read_exact(&mut length)?;
        io::copy(&mut (&client).take(u64::from(length[0]) + 2), &mut io::sink())?;
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
        join(client, TcpStream::connect(target)?)
    })
}

/// Does this with everybody who connects to a port of loopback, for as long as the process lives.
fn serving(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let serve = Arc::new(serve);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A tunnel that breaks is the client's to report.
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(client));
        }
    });
    address
}

/// The first line of a request's head, which ends with an empty line. A client says nothing more before it is answered.
fn read_head(client: &TcpStream) -> io::Result<String> {
    let mut head = BufReader::new(client.try_clone()?);
    let (mut first, mut line) = (String::new(), String::new());
    head.read_line(&mut first)?;
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(first)
}

fn tunnel(mut client: TcpStream, place: &dyn Fn(&str) -> Option<SocketAddr>) -> io::Result<()> {
    let line = read_head(&client)?;
    let name = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(':').next());
    let target = name.and_then(place);
    let Some(target) = target else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    };
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    join(client, server)
}

/// Passes on what either says until both have ended.
fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || copy(from_server, to_client));
    copy(client, server)?;
    answers.join().unwrap_or(Ok(()))
}

fn copy(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
