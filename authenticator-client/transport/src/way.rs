//! The way to a service: straight, or through a proxy.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::BoxError;
use crate::error::{ConnectError, Trouble, first_cause};
use crate::handshake::lead;
use crate::proxy::Proxies;

/// A connection without encryption.
pub type Tcp = TokioIo<TcpStream>;

/// A connection to the next hop.
pub(crate) type Link = MaybeHttpsStream<Tcp>;

/// Connects to the host of a URL, by `C` alone or by `C` and a proxy.
#[derive(Clone, Debug)]
pub struct Way<C> {
    tcp: C,
    proxies: Arc<Proxies>,
    /// For a proxy that is itself spoken to over TLS.
    tls: Arc<ClientConfig>,
}

impl<C> Way<C> {
    pub(crate) const fn new(tcp: C, proxies: Arc<Proxies>, tls: Arc<ClientConfig>) -> Self {
        Self { tcp, proxies, tls }
    }
}

impl<C> Service<Uri> for Way<C>
where
    C: Service<Uri, Response = Tcp>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.of(&to).cloned() else {
            let connecting = self.tcp.call(to);
            return Box::pin(async move {
                let tcp = connecting.await.map_err(Into::into)?;
                Ok(Stream::to_host(Link::Http(tcp)))
            });
        };
        let (connecting, tls) = (self.tcp.call(proxy.place().clone()), Arc::clone(&self.tls));
        Box::pin(async move {
            let connected = connecting.await.map_err(|error| Trouble::Unreachable(first_cause(&*error.into())));
            let led = match connected {
                Ok(tcp) => lead(tcp, &proxy, &to, tls).await,
                Err(trouble) => Err(trouble),
            };
            led.map_err(|trouble| ConnectError::Proxy(proxy, trouble).into())
        })
    }
}

/// A connection to a host, or to a proxy that takes whole URLs.
#[derive(Debug)]
pub struct Stream {
    link: Link,
    to_proxy: bool,
}

impl Stream {
    pub(crate) const fn to_host(link: Link) -> Self {
        Self { link, to_proxy: false }
    }

    pub(crate) const fn to_proxy(link: Link) -> Self {
        Self { link, to_proxy: true }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.link.connected().proxy(self.to_proxy)
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_read(context, into)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(context, slices)
    }
}
