//! The health endpoint: plain HTTP, no secrets, no work for whoever floods it.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mapping::SourceName;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Says which sources of mappings have not been read yet; none, and the server is ready.
pub type Unsynced = Arc<dyn Fn() -> Vec<SourceName> + Send + Sync>;

/// Listens on every interface, IPv6 and IPv4 where the machine has both, as the Go program does.
///
/// # Errors
/// When the port is taken.
pub async fn bind(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

/// Answers for ever; drop it to stop.
pub async fn serve(listener: TcpListener, unsynced: Unsynced) -> Infallible {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Waiting for a place before accepting leaves a flood in the kernel's queue, where it costs nothing.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { continue };
        match listener.accept().await {
            Ok((stream, _)) => {
                let unsynced = Arc::clone(&unsynced);
                tokio::spawn(async move {
                    // What a client does to its own connection is nobody else's business.
                    let _ = tokio::time::timeout(MAX_CONNECTION_TIME, answer_all(stream, unsynced)).await;
                    drop(place);
                });
            }
            // Out of file descriptors, mostly: asking again at once would only burn a processor.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn answer_all(stream: TcpStream, unsynced: Unsynced) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &unsynced);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(method: &Method, path: &str, unsynced: &Unsynced) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/healthz" | "/livez") => (StatusCode::OK, "ok".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness(&unsynced()),
        (_, "/healthz" | "/livez" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD".to_owned()),
        _ => (StatusCode::NOT_FOUND, "there are /healthz, /livez and /readyz".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

fn readiness(unsynced: &[SourceName]) -> (StatusCode, String) {
    if unsynced.is_empty() {
        return (StatusCode::OK, "ok".to_owned());
    }
    let names: Vec<_> = unsynced.iter().map(|name| name.as_str()).collect();
    (StatusCode::SERVICE_UNAVAILABLE, format!("not read yet: {}", names.join(", ")))
}

/// Far above what probes and load balancers need.
const MAX_CONNECTIONS: usize = 64;

/// Far below what would pin a place for good.
const MAX_CONNECTION_TIME: Duration = Duration::from_secs(300);

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that hyper takes.
const MAX_HEADER_BYTES: usize = 8192;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, path: &str, unsynced: &[SourceName]) -> StatusCode {
        let unsynced = unsynced.to_vec();
        let unsynced: Unsynced = Arc::new(move || unsynced.clone());
        answer(method, path, &unsynced).status()
    }

    #[test]
    fn a_server_is_alive_before_it_is_ready() {
        let waiting = [SourceName::EksConfigMap];
        for path in ["/healthz", "/livez"] {
            assert_eq!(status(&Method::GET, path, &waiting), StatusCode::OK, "{path}");
        }
        assert_eq!(status(&Method::GET, "/readyz", &waiting), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(&Method::GET, "/readyz", &[]), StatusCode::OK);
    }

    #[test]
    fn a_server_that_is_not_ready_says_what_it_waits_for() {
        let (_, text) = readiness(&[SourceName::EksConfigMap, SourceName::Crd]);
        assert_eq!(text, "not read yet: EKSConfigMap, CRD");
    }

    #[test]
    fn nothing_else_is_served() {
        assert_eq!(status(&Method::GET, "/authenticate", &[]), StatusCode::NOT_FOUND);
        assert_eq!(status(&Method::POST, "/healthz", &[]), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn it_answers_over_a_socket() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let listener = bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(serve(listener, Arc::new(Vec::new)));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\nok"), "{answer}");
        server.abort();
    }
}
