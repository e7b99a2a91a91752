//! What is said to a proxy before it leads on.

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::error::{Trouble, first_cause};
use crate::proxy::{Proxy, Scheme, User};
use crate::way::{Link, Stream, Tcp};

/// Has the proxy, to which `tcp` is connected, lead to the place of a URL. What is not encrypted is sent to an HTTP proxy itself.
pub(crate) async fn lead(tcp: Tcp, proxy: &Proxy, to: &Uri, tls: Arc<ClientConfig>) -> Result<Stream, Trouble> {
    let is_encrypted = to.scheme_str() != Some("http");
    let place =
        format!("{}:{}", to.host().unwrap_or_default(), to.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 }));
    let link = match proxy.scheme() {
        Scheme::Socks5 => return socks(tcp, proxy, place).await.map(Stream::to_host),
        Scheme::Http => Link::Http(tcp),
        Scheme::Https => secure(tcp, proxy, tls).await?,
    };
    if !is_encrypted {
        return Ok(Stream::to_proxy(link));
    }
    tunnel(link, proxy.user(), place).await.map(Stream::to_host)
}

/// TLS with the proxy itself.
async fn secure(tcp: Tcp, proxy: &Proxy, tls: Arc<ClientConfig>) -> Result<Link, Trouble> {
    let name = ServerName::try_from(proxy.host().to_owned()).map_err(|error| Trouble::Untrusted(error.to_string()))?;
    let secured = TlsConnector::from(tls).connect(name, TokioIo::new(tcp)).await;
    secured.map(Link::from).map_err(|error| {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref());
        match of_tls {
            Some(rustls::Error::InvalidMessage(_)) | None => Trouble::NoTls(error.to_string()),
            Some(_) => Trouble::Untrusted(error.to_string()),
        }
    })
}

/// HTTP's `CONNECT` (RFC 9110, section 9.3.6).
async fn tunnel(link: Link, user: Option<&User>, place: String) -> Result<Link, Trouble> {
    let not_http = |error: &(dyn std::error::Error + 'static)| Trouble::NotHttp(first_cause(error));
    let request = Request::connect(&place).header(HOST, &place);
    let request = match user.and_then(User::basic) {
        Some(basic) => request.header(PROXY_AUTHORIZATION, basic),
        None => request,
    };
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| not_http(&error))?;
    let (mut sender, connection) = http1::handshake(link).await.map_err(|error| not_http(&error))?;
    // It ends with the tunnel, or with the sender.
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(|error| not_http(&error))?;
    match response.status() {
        status if status.is_success() => {}
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => return Err(Trouble::Credentials),
        status => return Err(Trouble::Refused(place, status)),
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| not_http(&error))?;
    match upgraded.downcast::<Link>() {
        // Nobody speaks before the client's hello.
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io),
        Ok(_) | Err(_) => Err(Trouble::NotHttp("it goes on after its answer".to_owned())),
    }
}

/// SOCKS version 5 (RFC 1928, RFC 1929). The proxy resolves the name.
async fn socks(tcp: Tcp, proxy: &Proxy, place: String) -> Result<Link, Trouble> {
    let failed = |error: String| Trouble::Socks(place.clone(), error);
    let to: Uri =
        format!("https://{place}").parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?;
    let connected = Connected(Some(tcp));
    let mut socks = SocksV5::new(proxy.place().clone(), connected);
    if let Some(User { name, password }) = proxy.user() {
        socks = socks.with_auth(name.clone(), password.to_string());
    }
    socks.call(to).await.map(Link::Http).map_err(|error| failed(error.to_string()))
}

/// Connects to where there is a connection already, once.
struct Connected(Option<Tcp>);

impl Service<Uri> for Connected {
    type Response = Tcp;
    type Error = io::Error;
    type Future = Ready<io::Result<Tcp>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
