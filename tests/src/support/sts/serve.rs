//! The emulator's connections.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;

use super::answers::{Form, plain};
use super::tls::Authority;
use super::{Behaviour, Code, Desk, Fault, Seen, judgement, lock};

/// Serves until told to stop, then cuts every connection.
pub(super) fn until(stopped: oneshot::Receiver<()>, listener: TcpListener, authority: Authority, desk: Arc<Desk>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener does not block");
        let tls = TlsAcceptor::from(Arc::new(authority.server_config()));
        tokio::select! {
            // Whether it was told or its owner is gone, it is over.
            _ = stopped => {}
            () = accept(listener, tls, desk) => {}
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, tls: TlsAcceptor, desk: Arc<Desk>) {
    loop {
        // A connection that is gone before it was taken concerns nobody.
        if let Ok((stream, _)) = listener.accept().await {
            desk.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(connection(stream, tls.clone(), Arc::clone(&desk)));
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, desk: Arc<Desk>) {
    // A connection without it is slow and no worse.
    let _ = stream.set_nodelay(true);
    // A peer that does not trust the certificate ends here: it is the test's to notice.
    let Ok(stream) = tls.accept(stream).await else { return };
    let server_name: Arc<str> = stream.get_ref().1.server_name().unwrap_or_default().into();
    let cut = Arc::new(Notify::new());
    let service = service_fn({
        let cut = Arc::clone(&cut);
        move |request| answer(request, Arc::clone(&server_name), Arc::clone(&cut), Arc::clone(&desk))
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
    server_name: Arc<str>,
    cut: Arc<Notify>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too large").map(Full::new));
    };
    let body = body.to_bytes();

    let now = (lock(&desk.clock).clone())();
    let verdict = {
        let principals = lock(&desk.principals);
        judgement::judge(&principals, now, &server_name, &parts, &body).cloned()
    };
    let form = Form::wanted_by(&parts.headers);
    let request_id = next_request_id();
    lock(&desk.seen).push(Seen {
        server_name: server_name.to_string(),
        parts,
        body,
        verdict: verdict.as_ref().map(|principal| principal.arn.clone()).map_err(|fault| fault.code),
    });

    let behaviour = lock(&desk.behaviour).clone();
    let behaviour = match behaviour {
        Behaviour::AtMost { per_second } if desk.allowance.take(per_second) => Behaviour::Normal,
        Behaviour::AtMost { .. } => Behaviour::Throttle,
        other => other,
    };
    let response = match (behaviour, verdict) {
        (Behaviour::Normal, Ok(principal)) => form.identity(&principal, &request_id),
        (Behaviour::Answer(document), Ok(_)) => plain(StatusCode::OK, "application/json", document.to_string()),
        (Behaviour::Normal | Behaviour::Answer(_), Err(fault)) => form.fault(&fault, &request_id),
        (Behaviour::Status { code, content_type, body }, _) => plain(code, &content_type, body),
        (Behaviour::Throttle | Behaviour::AtMost { .. }, _) => {
            form.fault(&Fault::new(Code::Throttling, "Rate exceeded"), &request_id)
        }
        (Behaviour::Hang, _) => std::future::pending().await,
        (Behaviour::CloseConnection, _) => {
            cut.notify_one();
            std::future::pending().await
        }
    };
    Ok(response.map(Full::new))
}

fn next_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012}", COUNT.fetch_add(1, Ordering::Relaxed))
}

const BODY_LIMIT: usize = 64 * 1024;
