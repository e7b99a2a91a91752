//! Connecting to one of several addresses, of which some may be dead.
//!
//! As RFC 8305 has it: addresses are tried one after the other, the next as soon as one fails or has not answered for a
//! moment, and the first that connects is taken. Each connection begins with another address, so that load is spread, and so
//! that one which takes connections and then says nothing is not met again by the next try.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Endpoint;

/// Connects to the endpoint if there is one, else to the host of the URL, resolved anew each time.
#[derive(Clone, Debug)]
pub struct Dialer {
    endpoint: Option<Endpoint>,
    turn: Arc<AtomicUsize>,
}

impl Dialer {
    pub(super) fn new(endpoint: Option<Endpoint>) -> Self {
        Self { endpoint, turn: Arc::default() }
    }

    fn target(&self, url: &Uri) -> io::Result<(String, u16)> {
        if let Some(endpoint) = &self.endpoint {
            return Ok((endpoint.host().to_owned(), endpoint.port()));
        }
        let host = url.host().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the URL has no host"))?;
        let default = if url.scheme_str() == Some("http") { 80 } else { 443 };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok((host.to_owned(), url.port_u16().unwrap_or(default)))
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let (target, turn) = (self.target(&url), self.turn.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move {
            let mut addresses: Vec<_> = tokio::net::lookup_host(target?).await?.collect();
            // In an order of their own, so that a resolver that turns them around does not undo the turns here.
            addresses.sort_unstable();
            addresses.dedup();
            let first = turn.checked_rem(addresses.len()).unwrap_or_default();
            addresses.rotate_left(first);
            let stream = first_to_connect(addresses).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

async fn first_to_connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    let mut waiting = addresses.into_iter();
    let mut trying = FuturesUnordered::new();
    loop {
        match waiting.next() {
            Some(address) => trying.push(TcpStream::connect(address)),
            None if trying.is_empty() => return outcome,
            None => {}
        }
        let patience = if waiting.len() == 0 { CONNECT_TIMEOUT } else { HEAD_START };
        match tokio::time::timeout(patience, trying.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => outcome = Err(error),
            Ok(None) | Err(_) => {}
        }
    }
}

/// How long an address may take before the next is tried beside it (RFC 8305, section 8: 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// The time for all of it, name, address, proxy and TLS handshake together: short enough that another address can be tried before a decision is due.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(2500);

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    fn free() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    /// An address at which nobody answers: its queue is full, and the kernel drops whoever knocks.
    async fn silent() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(free()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queued.push(stream);
        }
        (listener, queued, address)
    }

    #[tokio::test]
    async fn an_address_that_refuses_or_says_nothing_does_not_stand_in_the_way_of_the_next() {
        let live = TcpListener::bind(free()).await.unwrap();
        let address = live.local_addr().unwrap();
        let refusing = {
            let gone = TcpListener::bind(free()).await.unwrap();
            gone.local_addr().unwrap()
        };
        let (_listener, _queued, silent) = silent().await;
        for dead in [refusing, silent] {
            let stream = first_to_connect(vec![dead, address]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
        }
        assert_eq!(first_to_connect(vec![refusing]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(first_to_connect(Vec::new()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_port_is_that_of_the_endpoint_the_url_or_the_scheme() {
        let dialer = Dialer::new(None);
        let target = |url| dialer.target(&Uri::from_static(url)).unwrap();
        assert_eq!(target("https://sts.amazonaws.com"), ("sts.amazonaws.com".to_owned(), 443));
        assert_eq!(target("http://proxy.example"), ("proxy.example".to_owned(), 80));
        assert_eq!(target("http://[::1]:3128"), ("::1".to_owned(), 3128));
        let dialer = Dialer::new(Some("127.0.0.1:8443".parse().unwrap()));
        let target = dialer.target(&Uri::from_static("https://sts.amazonaws.com")).unwrap();
        assert_eq!(target, ("127.0.0.1".to_owned(), 8443));
    }
}
