//! The health endpoint: plain HTTP, no secrets, no work for whoever floods it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::listen::{Port, listen};

/// What is looked at when somebody asks how the server is.
pub struct Health {
    checks: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    stopping: AtomicBool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub state: State,
}

/// How something is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// As it should be.
    Good(String),
    /// Not as it should be, and no reason to ask another server: it would fare no better.
    Shown(String),
    /// The server must not be asked.
    Bad(String),
}

impl Health {
    /// Whatever `checks` finds.
    pub fn new(checks: impl Fn() -> Vec<Check> + Send + Sync + 'static) -> Self {
        Self { checks: Box::new(checks), stopping: AtomicBool::new(false) }
    }

    /// Is not ready from now on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = (self.checks)();
        if self.stopping.load(Ordering::Acquire) {
            checks.push(Check { name: "running", state: State::Bad("the server is stopping".to_owned()) });
        }
        checks
    }
}

/// Listens on every interface, IPv6 and IPv4 where the machine has both, as the Go program does.
///
/// # Errors
/// When the port is taken.
pub fn bind(number: u16, port: Port) -> io::Result<TcpListener> {
    match listen((Ipv6Addr::UNSPECIFIED, number).into(), port) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => listen((Ipv4Addr::UNSPECIFIED, number).into(), port),
    }
}

/// Answers for ever; drop it to stop.
///
/// Whoever comes when there are too many takes the place of whoever came first: connections that somebody keeps open never
/// stand in the way of a probe, for which the server would be restarted.
pub async fn serve(listener: TcpListener, health: Arc<Health>) -> Infallible {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(MAX_CONNECTIONS);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|connection| !connection.is_finished());
                if open.len() >= MAX_CONNECTIONS
                    && let Some(first) = open.pop_front()
                {
                    first.abort();
                }
                // What a client does to its own connection is nobody else's business.
                let connection = tokio::time::timeout(MAX_CONNECTION_TIME, answer_all(stream, Arc::clone(&health)));
                open.push_back(tokio::spawn(connection).abort_handle());
            }
            // Out of file descriptors, mostly: asking again at once would only burn a processor.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn answer_all(stream: TcpStream, health: Arc<Health>) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let verbose = request.uri().query().is_some_and(is_verbose);
        let response = answer(request.method(), request.uri().path(), verbose, &health);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// As Kubernetes' own servers read it: `?verbose`, with or without a value.
fn is_verbose(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("verbose"))
}

fn answer(method: &Method, path: &str, verbose: bool, health: &Health) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/healthz" | "/livez") => (StatusCode::OK, "ok".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness(&health.checks(), verbose),
        (_, "/healthz" | "/livez" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD".to_owned()),
        _ => (StatusCode::NOT_FOUND, "there are /healthz, /livez and /readyz".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

/// In the form of Kubernetes' own servers, where `[+]` is good and `[-]` is not; `[?]` is shown and not counted.
fn readiness(checks: &[Check], verbose: bool) -> (StatusCode, String) {
    let ready = !checks.iter().any(|check| matches!(check.state, State::Bad(_)));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if ready && !verbose {
        return (status, "ok".to_owned());
    }
    let mut text = String::new();
    for Check { name, state } in checks {
        // Writing to memory fails in no way.
        let _ = match state {
            State::Good(how) => writeln!(text, "[+]{name} ok: {how}"),
            State::Shown(how) => writeln!(text, "[?]{name} not counted: {how}"),
            State::Bad(why) => writeln!(text, "[-]{name} failed: {why}"),
        };
    }
    text.push_str(if ready { "readyz check passed\n" } else { "readyz check failed\n" });
    (status, text)
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

    fn health(state: &State) -> Health {
        let check = Check { name: "sources", state: state.clone() };
        Health::new(move || vec![check.clone()])
    }

    fn status(method: &Method, path: &str, state: &State) -> StatusCode {
        answer(method, path, false, &health(state)).status()
    }

    #[test]
    fn a_server_is_alive_before_it_is_ready_and_is_ready_when_nothing_is_bad() {
        let text = || "text".to_owned();
        for (state, ready) in [
            (State::Good(text()), StatusCode::OK),
            (State::Shown(text()), StatusCode::OK),
            (State::Bad(text()), StatusCode::SERVICE_UNAVAILABLE),
        ] {
            for path in ["/healthz", "/livez"] {
                assert_eq!(status(&Method::GET, path, &state), StatusCode::OK, "{path}");
            }
            assert_eq!(status(&Method::GET, "/readyz", &state), ready, "{state:?}");
        }
    }

    #[test]
    fn a_server_that_stops_is_not_ready_and_alive() {
        let health = health(&State::Good("all".to_owned()));
        health.stop();
        assert_eq!(answer(&Method::GET, "/readyz", false, &health).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer(&Method::GET, "/livez", false, &health).status(), StatusCode::OK);
    }

    #[test]
    fn each_check_is_shown_to_whoever_asks_for_it_and_when_one_failed() {
        let check = |name, state| Check { name, state };
        let good = check("certificate", State::Good("until 2036".to_owned()));
        let shown = check("sts", State::Shown("not heard yet".to_owned()));
        let bad = check("sources", State::Bad("not read yet: CRD".to_owned()));
        assert_eq!(readiness(&[good.clone(), shown.clone()], false), (StatusCode::OK, "ok".to_owned()));
        let (status, text) = readiness(&[good.clone(), shown.clone()], true);
        assert_eq!(status, StatusCode::OK);
        assert_eq!(text, "[+]certificate ok: until 2036\n[?]sts not counted: not heard yet\nreadyz check passed\n");
        let (status, text) = readiness(&[good, bad], false);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.ends_with("[-]sources failed: not read yet: CRD\nreadyz check failed\n"), "{text}");
        for (query, verbose) in [("verbose", true), ("verbose=1", true), ("a=b&verbose", true), ("quiet", false)] {
            assert_eq!(is_verbose(query), verbose, "{query}");
        }
    }

    #[test]
    fn nothing_else_is_served() {
        let good = State::Good("all".to_owned());
        assert_eq!(status(&Method::GET, "/authenticate", &good), StatusCode::NOT_FOUND);
        assert_eq!(status(&Method::GET, "/metrics", &good), StatusCode::NOT_FOUND);
        assert_eq!(status(&Method::POST, "/healthz", &good), StatusCode::METHOD_NOT_ALLOWED);
    }

    async fn healthz(port: u16) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_answers_over_a_socket_however_many_connections_are_kept_open() {
        let listener = bind(0, Port::Alone).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(serve(listener, Arc::new(Health::new(Vec::new))));
        let mut kept = Vec::new();
        for more in [0, 2 * MAX_CONNECTIONS] {
            for _ in 0..more {
                kept.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap());
            }
            let answer = tokio::time::timeout(HEADER_TIMEOUT / 2, healthz(port)).await.expect("nobody is waited for");
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\nok"), "{answer}");
        }
        server.abort();
    }
}
