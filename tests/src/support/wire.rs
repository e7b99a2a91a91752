//! The webhook's port, by hand: TLS, and the frames of HTTP/2, for what no client library sends.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::server::Server;

/// Where a webhook listens, and what its certificate is believed by.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Its address.
    pub address: String,
    /// What its certificate is believed by.
    pub roots: RootCertStore,
}

impl Entrance {
    /// A connection in one of these versions of TLS, and this protocol in it.
    ///
    /// # Errors
    ///
    /// It is refused, or breaks off.
    ///
    /// # Panics
    ///
    /// There is no such version.
    pub async fn connect(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &[u8],
    ) -> io::Result<TlsStream<TcpStream>> {
        self.connect_with(versions, vec![protocol.to_vec()]).await
    }

    /// A connection in one of these versions of TLS, and one of these protocols in it.
    ///
    /// # Errors
    ///
    /// It is refused, or breaks off.
    ///
    /// # Panics
    ///
    /// There is no such version.
    pub async fn connect_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: Vec<Vec<u8>>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_protocol_versions(versions)
            .expect("versions that there are")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols;
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// A connection to the webhook.
///
/// # Panics
///
/// There is none.
pub async fn connect(
    server: &Server,
    versions: &[&'static SupportedProtocolVersion],
    protocol: &[u8],
) -> TlsStream<TcpStream> {
    server.entrance().connect(versions, protocol).await.expect("the webhook takes connections")
}

/// A connection of HTTP/2 on which everything was said that comes before the first request.
///
/// # Panics
///
/// There is none.
pub async fn connect_h2(server: &Server) -> TlsStream<TcpStream> {
    let mut stream = connect(server, ALL, b"h2").await;
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&preface).await.expect("it is taken");
    stream
}

/// Whether the other end closes the connection, or says that it will.
pub async fn ends(stream: &mut TlsStream<TcpStream>) -> bool {
    let reading = async {
        loop {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() || head[3] == GOAWAY {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).expect("it is of 24 bits")];
            if stream.read_exact(&mut payload).await.is_err() {
                return;
            }
        }
    };
    tokio::time::timeout(super::patience::LIMIT, reading).await.is_ok()
}

/// All that comes until the end.
pub async fn read_all(stream: &mut TlsStream<TcpStream>) -> String {
    let mut answer = Vec::new();
    // A connection that is cut has said what it had to say.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
///
/// # Panics
///
/// Its payload is longer than one can be.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload of 24 bits").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Both versions of TLS that are spoken.
pub const ALL: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

/// A frame of a body.
pub const DATA: u8 = 0;
/// A frame that begins a request.
pub const HEADERS: u8 = 1;
/// A frame that cancels one.
pub const RST_STREAM: u8 = 3;
/// A frame of settings.
pub const SETTINGS: u8 = 4;
/// A frame that asks for an answer.
pub const PING: u8 = 6;
/// A frame that says farewell.
pub const GOAWAY: u8 = 7;
/// A frame that goes on with a head.
pub const CONTINUATION: u8 = 9;
/// The flag of a request that has no more.
pub const END_STREAM: u8 = 1;
/// The flag of a head that has no more.
pub const END_HEADERS: u8 = 4;

/// `POST https://localhost/authenticate`, as HPACK writes it without tables of its own (RFC 7541, appendix A).
pub const HEAD: &[u8] = b"\x83\x87\x04\x0d/authenticate\x01\x09localhost";
