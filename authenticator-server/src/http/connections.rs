//! Connections: accepted, secured, served, and let finish.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Fuse, FusedFuture as _};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::body::TOKEN_BODY_BYTES;
use super::handshake::{Handshaking, TooLarge};
use super::places::{Guest, Lack, Places, REQUEST_BYTES, Seat};
use super::{Answer, Peer, Webhook};
use crate::tls::ServerTls;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the head of a request may take, and for a connection's first how long it may be waited for: an API server
/// connects because it has something to ask.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be idle.
///
/// It must be longer than the 90 seconds after which the API server closes idle connections itself: it does not repeat a
/// request that meets a closing one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// The largest head of a request, in bytes.
const MAX_HEAD_BYTES: u32 = 16 * 1024;

/// How many bytes of one body may be on their way, and of all bodies of one connection: a token of usual size for each of
/// [`HttpLimits::streams`](super::HttpLimits::streams), since the HTTP library ends a connection on which more small frames wait
/// to be read than half of it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// How often is said that no connection can be accepted.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Serves `webhook` on `listener` until `shutdown` is ready, then answers what was sent and returns.
pub async fn serve(listener: TcpListener, tls: ServerTls, webhook: Arc<Webhook>, shutdown: impl Future<Output = ()>) {
    let limits = webhook.limits;
    let server = Server {
        tls,
        connections: GracefulShutdown::new(),
        places: Arc::new(Places::new(&limits, webhook.serving.clone())),
        webhook,
    };
    // Taken from the kernel, where it cannot be seen how many wait.
    let mut waiting = VecDeque::new();
    let mut place = pin!(Fuse::terminated());
    let mut shutdown = pin!(shutdown);
    let mut told: Option<Instant> = None;
    loop {
        server.places.waiting(waiting.len());
        if place.is_terminated() && !waiting.is_empty() {
            place.set(Arc::clone(&server.places).take().fuse());
        }
        tokio::select! {
            (guest, seat) = &mut place => if let Some(stream) = waiting.pop_front() {
                server.spawn(stream, guest, seat);
            },
            accepted = listener.accept(), if waiting.len() < limits.waiting.max(1) => match accepted {
                Ok((stream, _)) => waiting.push_back(stream),
                Err(error) => {
                    // Out of file descriptors, most likely: one must end before another can be had.
                    server.places.give_way(Lack::Files);
                    if told.is_none_or(|told| told.elapsed() > SAY_AGAIN) {
                        tracing::error!(%error, "cannot accept connections");
                        told = Some(Instant::now());
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    // Whoever is connected as far as the kernel is concerned may have asked already. Not for anybody else's place, though: they
    // would come for ever.
    place.set(Fuse::terminated());
    let accept = || Some(listener.accept().now_or_never()?.ok()?.0);
    while let Some(stream) = waiting.pop_front().or_else(accept) {
        let Some((guest, seat)) = Arc::clone(&server.places).take().now_or_never() else { break };
        server.spawn(stream, guest, seat);
    }
    drop((listener, waiting));
    tracing::info!(open = server.connections.count(), "draining");
    if tokio::time::timeout(limits.drain, server.connections.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy and are cut");
    }
}

/// What all connections share.
struct Server {
    tls: ServerTls,
    webhook: Arc<Webhook>,
    connections: GracefulShutdown,
    places: Arc<Places>,
}

impl Server {
    fn spawn(&self, stream: TcpStream, guest: Guest, seat: Seat) {
        let guest = Arc::new(guest);
        // The settings of this moment, for as long as the connection lasts.
        let acceptor = TlsAcceptor::from(self.tls.load_full());
        let (webhook, watcher) = (Arc::clone(&self.webhook), self.connections.watcher());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = guest.must_go() => tracing::debug!("a connection is cut: there is no room for all"),
                () = serve_connection(stream, Arc::clone(&guest), acceptor, webhook, watcher) => {}
            }
            drop(seat);
        });
    }
}

async fn serve_connection(
    stream: TcpStream,
    guest: Arc<Guest>,
    acceptor: TlsAcceptor,
    webhook: Arc<Webhook>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended before it began");
    }
    let stream = Handshaking::new(stream);
    let mut stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            if TooLarge::is_cause_of(&error) {
                webhook.serving.cut("handshake");
            }
            return tracing::debug!(%error, "TLS handshake failed");
        }
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    stream.get_mut().0.is_done();
    let streams = webhook.limits.streams_of_connection();
    // Whatever certificate is here was found good in the handshake.
    let peer = webhook.askers.peer(stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()));
    if peer == Peer::Certified {
        guest.prove();
    }
    let activity = Activity::begin();
    let service = service_fn({
        let activity = activity.clone();
        move |request: hyper::Request<Incoming>| {
            let (webhook, guest, busy) = (Arc::clone(&webhook), Arc::clone(&guest), activity.request());
            let answering = async move {
                let answer: Answer = webhook.answer(request, peer, guest.charge()).await;
                drop(busy);
                Ok::<_, Infallible>(answer)
            };
            debug_assert!(size_of_val(&answering) <= REQUEST_BYTES, "{}", size_of_val(&answering));
            answering
        }
    });
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).max_concurrent_streams(streams).max_header_list_size(MAX_HEAD_BYTES);
        // What was sent and is not read yet is counted nowhere else.
        http.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        // A body that comes in one frame is parsed where it lies.
        http.max_frame_size(TOKEN_BODY_BYTES);
        until_idle(watcher, http.serve_connection(TokioIo::new(stream), service), activity).await;
    } else {
        let mut http = http1::Builder::new();
        // Its time for a head begins when the last request was answered: it cannot tell a slow head from an idle connection.
        http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(16 * 1024);
        let stream = TokioIo::new(Heard { stream, activity: activity.clone() });
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
                let cause = error.source().map(ToString::to_string);
                tracing::debug!(%error, cause, "a connection broke off");
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

/// A connection of HTTP/1.1, of which each byte that comes while nothing is being answered begins a request.
struct Heard<S> {
    stream: S,
    activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.heard();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Activity {
    fn begin() -> Self {
        Self { busy: Arc::default(), deadline: watch::Sender::new(Instant::now() + HEAD_TIMEOUT) }
    }

    fn request(&self) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        // Its head is there; from now on its body and its answer have limits of their own.
        self.postpone();
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

    /// Something came. If it is the beginning of a request, the rest of its head must come soon; more of it changes nothing.
    fn heard(&self) {
        if self.busy.load(Ordering::SeqCst) == 0 {
            let soon = Instant::now() + HEAD_TIMEOUT;
            self.deadline.send_if_modified(|deadline| {
                let is_sooner = soon < *deadline;
                *deadline = soon.min(*deadline);
                is_sooner
            });
        }
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
        assert_eq!(ends_after(&Activity::begin()).await, HEAD_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_asked_may_be_idle_for_longer_than_an_api_server_keeps_it() {
        let activity = Activity::begin();
        drop(activity.request());
        assert_eq!(ends_after(&activity).await, IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_must_come_to_its_end_soon_however_often_more_of_it_comes() {
        let activity = Activity::begin();
        drop(activity.request());
        tokio::time::advance(IDLE_TIMEOUT / 2).await;
        activity.heard();
        tokio::time::advance(HEAD_TIMEOUT / 2).await;
        activity.heard();
        assert_eq!(ends_after(&activity).await, HEAD_TIMEOUT / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_whole_may_be_followed_by_a_long_answer() {
        let activity = Activity::begin();
        activity.heard();
        let busy = activity.request();
        activity.heard();
        tokio::time::advance(2 * HEAD_TIMEOUT).await;
        drop(busy);
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
