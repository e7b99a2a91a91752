//! What every emulator stands on: an HTTP server on loopback, on a thread of its own, so that a test may be synchronous or not;
//! it ends when it is dropped.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::NamedGroup;
use rustls::crypto::SupportedKxGroup;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;

pub(super) use tls::Authority;

mod tls;

/// A running server.
pub(super) struct Loopback {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A running server that speaks TLS alone, and the authority that it is to be trusted for.
#[derive(Debug)]
pub(super) struct Secure {
    server: Loopback,
    ca: PathBuf,
    _home: TempDir,
}

/// One request as it arrived.
pub(super) struct Asked {
    /// The name that the TLS handshake asked for; empty without TLS.
    pub(super) server_name: Arc<str>,
    /// The group in which the handshake agreed on a key; none without TLS.
    pub(super) key_exchange: Option<NamedGroup>,
    /// Method, target, version and headers.
    pub(super) parts: Parts,
    /// The body.
    pub(super) body: Bytes,
}

/// What becomes of a request.
pub(super) enum Reply {
    /// It is answered.
    Answer(Response<Bytes>),
    /// It is answered after this time.
    Late(Duration, Response<Bytes>),
    /// It never is, and the connection stays open.
    Hang,
    /// The connection is cut.
    Cut,
}

impl Loopback {
    /// Answers on this address; over TLS alone, where there is an authority.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub(super) fn start(
        address: SocketAddr,
        authority: Option<Authority>,
        answer: impl Fn(Asked) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Loopback> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let desk = Arc::new(Desk {
            answer: Box::new(answer),
            tls: authority.map(|authority| TlsAcceptor::from(Arc::new(authority.server_config()))),
            connections: Arc::clone(&connections),
        });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || until(stopped, listener, desk));
        Ok(Loopback { address, connections, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made so far, whether or not a request came over them.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Secure {
    /// Answers on a port of loopback as a service that has the names of which `is_ours` holds.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    pub(super) fn start(
        service: &str,
        is_ours: fn(&str) -> bool,
        answer: impl Fn(Asked) -> Reply + Send + Sync + 'static,
    ) -> Secure {
        let home = TempDir::new().expect("a folder can be made");
        let ca = home.path().join(format!("{service}-ca.pem"));
        let authority = Authority::new(service, is_ours);
        std::fs::write(&ca, authority.pem()).expect("a new folder can be written to");
        let server = Loopback::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Some(authority), answer);
        Secure { server: server.expect("loopback has a free port"), ca, _home: home }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The PEM file of the CA that signs its certificates.
    pub(super) fn ca_file(&self) -> &Path {
        &self.ca
    }

    /// How many connections were made so far, whether or not a request came over them.
    pub(super) fn connections(&self) -> usize {
        self.server.connections()
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Loopback").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        // The thread may have ended before: nothing is left to stop then.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An answer of any status, type and body.
pub(super) fn plain(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_str(content_type).expect("a test gives a content type that can be sent");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// An id that no other answer of this process has.
pub(super) fn next_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What the connections share.
struct Desk {
    answer: Box<dyn Fn(Asked) -> Reply + Send + Sync>,
    tls: Option<TlsAcceptor>,
    connections: Arc<AtomicUsize>,
}

/// Serves until told to stop, then cuts every connection.
fn until(stopped: oneshot::Receiver<()>, listener: TcpListener, desk: Arc<Desk>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener does not block");
        tokio::select! {
            // Whether it was told or its owner is gone, it is over.
            _ = stopped => {}
            () = accept(listener, desk) => {}
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, desk: Arc<Desk>) {
    loop {
        // A connection that is gone before it was taken concerns nobody.
        if let Ok((stream, _)) = listener.accept().await {
            desk.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(connection(stream, Arc::clone(&desk)));
        }
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    // A connection without it is slow and no worse.
    let _ = stream.set_nodelay(true);
    let Some(tls) = desk.tls.clone() else {
        return serve(stream, ("".into(), None), desk).await;
    };
    // A peer that does not trust the certificate ends here: it is the test's to notice.
    let Ok(stream) = tls.accept(stream).await else { return };
    let shaken = stream.get_ref().1;
    let key_exchange = shaken.negotiated_key_exchange_group().map(SupportedKxGroup::name);
    let shaken = (shaken.server_name().unwrap_or_default().into(), key_exchange);
    serve(stream, shaken, desk).await;
}

/// What a handshake brought: the name that was asked for, and the group of the key.
type Shaken = (Arc<str>, Option<NamedGroup>);

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, shaken: Shaken, desk: Arc<Desk>) {
    let cut = Arc::new(Notify::new());
    let service = service_fn({
        let cut = Arc::clone(&cut);
        move |request| answer(request, shaken.clone(), Arc::clone(&cut), Arc::clone(&desk))
    });
    let http = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        // Errors are the peer's: it hung up, or does not speak HTTP.
        _ = http.serve_connection(TokioIo::new(stream), service) => {}
        () = cut.notified() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    (server_name, key_exchange): Shaken,
    cut: Arc<Notify>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too large").map(Full::new));
    };
    match (desk.answer)(Asked { server_name, key_exchange, parts, body: body.to_bytes() }) {
        Reply::Answer(response) => Ok(response.map(Full::new)),
        Reply::Late(time, response) => {
            tokio::time::sleep(time).await;
            Ok(response.map(Full::new))
        }
        Reply::Hang => std::future::pending().await,
        Reply::Cut => {
            cut.notify_one();
            std::future::pending().await
        }
    }
}

const BODY_LIMIT: usize = 64 * 1024;
