//! Connections: accepted, secured, served, and let finish.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::{Answer, Webhook};

/// The most connections at once. An API server asks over one or two.
const MAX_CONNECTIONS: usize = 512;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the head of a connection's first request may take. An API server connects because it has something to ask.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be idle.
///
/// It must be longer than the 90 seconds after which the API server closes idle connections itself: it does not repeat a
/// request that meets a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long requests that were already sent may take to be answered when the server ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// The largest head of a request, in bytes.
const MAX_HEAD_BYTES: u32 = 16 * 1024;

/// The most requests at once on one HTTP/2 connection.
///
/// An API server asks over one connection. Those of its requests that wait for STS, a flood's for instance, must not stand
/// in the way of those that need not wait.
const MAX_STREAMS: u32 = 2048;

/// Serves `webhook` on `listener` until `shutdown` is ready, then answers what was sent and returns.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    webhook: Arc<Webhook>,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, place)) => {
                failing = false;
                let (acceptor, webhook) = (acceptor.clone(), Arc::clone(&webhook));
                tokio::spawn(serve_connection(stream, place, acceptor, webhook, connections.watcher()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: those in use must end before another can be had.
                if !failing {
                    tracing::error!(%error, "cannot accept connections");
                }
                failing = true;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tracing::info!(open = connections.count(), "draining");
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy and are cut");
    }
}

/// Accepts a connection once there is room for it; until then it waits in the kernel's queue.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn serve_connection(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    acceptor: TlsAcceptor,
    webhook: Arc<Webhook>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended before it began");
    }
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let activity = Activity::begin();
    let service = service_fn({
        let activity = activity.clone();
        move |request: hyper::Request<Incoming>| {
            let (webhook, busy) = (Arc::clone(&webhook), activity.request());
            async move {
                let answer: Answer = webhook.answer(request).await;
                drop(busy);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    if is_http2 {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD_BYTES);
        until_idle(watcher, http.serve_connection(stream, service), activity).await;
    } else {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(16 * 1024);
        until_idle(watcher, http.serve_connection(stream, service), activity).await;
    }
}

/// Serves a connection until it ends or nothing happens on it for too long.
async fn until_idle<C>(watcher: Watcher, connection: C, activity: Activity)
where
    C: GracefulConnection<Error = hyper::Error>,
{
    tokio::select! {
        ended = watcher.watch(connection) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
        }
        () = activity.ends() => tracing::debug!("an idle connection is closed"),
    }
}

/// What happens on a connection: how many of its requests are being answered, and by when the next one must come.
#[derive(Clone)]
struct Activity {
    busy: Arc<AtomicUsize>,
    deadline: watch::Sender<Instant>,
}

/// A request that is being answered.
struct Busy(Activity);

impl Activity {
    fn begin() -> Self {
        Self { busy: Arc::default(), deadline: watch::Sender::new(Instant::now() + FIRST_REQUEST_TIMEOUT) }
    }

    fn request(&self) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    /// Waits until no request is being answered and the next one is overdue.
    async fn ends(&self) {
        let mut changes = self.deadline.subscribe();
        loop {
            let deadline = *changes.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                // The sender lives as long as this value.
                _ = changes.changed() => continue,
            }
            if self.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            self.postpone();
        }
    }

    fn postpone(&self) {
        self.deadline.send_replace(Instant::now() + IDLE_TIMEOUT);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
        self.0.postpone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ends_after(activity: &Activity) -> Duration {
        let begun = Instant::now();
        activity.ends().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_is_asked_ends_soon() {
        assert_eq!(ends_after(&Activity::begin()).await, FIRST_REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_asked_may_be_idle_for_longer_than_an_api_server_keeps_it() {
        let activity = Activity::begin();
        drop(activity.request());
        assert_eq!(ends_after(&activity).await, IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_request_is_being_answered_does_not_end() {
        let activity = Activity::begin();
        let busy = activity.request();
        let waited = tokio::time::timeout(10 * IDLE_TIMEOUT, activity.ends()).await;
        assert!(waited.is_err());
        drop(busy);
        assert_eq!(ends_after(&activity).await, IDLE_TIMEOUT);
    }
}
