//! What may stand where STS should be: a server that does not speak HTTP as it should, or not TLS, or says what STS never says.
//!
//! The other emulator judges and answers; this one writes bytes. It remembers the first line of each request.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What it does to whoever connects.
#[derive(Clone, Debug)]
pub enum Breakage {
    /// It writes these bytes when it was asked, and closes.
    Bytes(Vec<u8>),
    /// It writes these bytes, and then so many more, as long as they are read.
    BytesAndMore(Vec<u8>, u64),
    /// It writes these bytes, and then one more at a time, without end.
    Dripping(Vec<u8>),
    /// It hears, and says nothing.
    Silence,
    /// It hangs up in the middle of the handshake.
    HalfAHandshake,
    /// It answers a handshake with HTTP.
    NoTls,
    /// Its certificate is for another name.
    AnotherName,
    /// Its certificate is of an authority that nobody knows.
    AnotherAuthority,
    /// Its certificate has ended.
    Ended,
}

/// A running one. Its certificate is for one host of STS.
pub struct BrokenSts {
    address: SocketAddr,
    home: TempDir,
    desk: Arc<Desk>,
    serving: AbortHandle,
}

struct Desk {
    breakage: Mutex<Breakage>,
    requests: Mutex<Vec<String>>,
    good: TlsAcceptor,
    another_name: TlsAcceptor,
    another_authority: TlsAcceptor,
    ended: TlsAcceptor,
}

impl BrokenSts {
    /// Starts on the runtime that this is called on, as `host`.
    ///
    /// # Errors
    ///
    /// When loopback has no port, or certificates cannot be made.
    pub async fn start(host: &str) -> Result<BrokenSts> {
        let (authority, unknown) = (authority()?, authority()?);
        let home = TempDir::new().context("making a folder")?;
        std::fs::write(home.path().join(CA), authority.pem())?;
        let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2026, 1, 1);
        let desk = Arc::new(Desk {
            breakage: Mutex::new(Breakage::Silence),
            requests: Mutex::default(),
            good: acceptor(host, &authority, |_| {})?,
            another_name: acceptor("sts.example.com", &authority, |_| {})?,
            another_authority: acceptor(host, &unknown, |_| {})?,
            ended: acceptor(host, &authority, past)?,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(accept(listener, Arc::clone(&desk))).abort_handle();
        Ok(BrokenSts { address, home, desk, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The PEM file of the authority that signs its certificates.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        Path::join(self.home.path(), CA)
    }

    /// Changes what it does from now on.
    pub fn behave(&self, breakage: Breakage) {
        *lock(&self.desk.breakage) = breakage;
    }

    /// The first lines of all requests that were heard since this was last asked.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.desk.requests))
    }
}

impl fmt::Debug for BrokenSts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BrokenSts").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for BrokenSts {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // What goes wrong with one connection is the point of it.
            tokio::spawn(serve(stream, Arc::clone(&desk)));
        }
    }
}

async fn serve(mut stream: TcpStream, desk: Arc<Desk>) -> std::io::Result<()> {
    let breakage = lock(&desk.breakage).clone();
    let acceptor = match breakage {
        Breakage::HalfAHandshake => {
            stream.read_u8().await?;
            // A record of the handshake that announces more than comes.
            return stream.write_all(&[0x16, 3, 3, 0, 100, 2, 0, 0]).await;
        }
        Breakage::NoTls => {
            stream.read_u8().await?;
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
        }
        Breakage::AnotherName => &desk.another_name,
        Breakage::AnotherAuthority => &desk.another_authority,
        Breakage::Ended => &desk.ended,
        _ => &desk.good,
    };
    let mut stream = acceptor.accept(stream).await?;
    let head = read_head(&mut stream).await?;
    lock(&desk.requests).push(head.lines().next().unwrap_or_default().to_owned());
    match breakage {
        Breakage::Bytes(bytes) => stream.write_all(&bytes).await?,
        Breakage::BytesAndMore(bytes, more) => {
            stream.write_all(&bytes).await?;
            let block = vec![b' '; 64 * 1024];
            for _ in 0..more / 65_536 {
                stream.write_all(&block).await?;
            }
        }
        Breakage::Dripping(bytes) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        _ => std::future::pending().await,
    }
    stream.shutdown().await
}

async fn read_head(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65_536 {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn acceptor(
    name: &str,
    authority: &CertifiedIssuer<'static, KeyPair>,
    change: impl Fn(&mut CertificateParams),
) -> Result<TlsAcceptor> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    change(&mut params);
    let certificate = params.signed_by(&key, authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const CA: &str = "ca.pem";
