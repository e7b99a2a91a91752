//! As many questions as a webhook answers, and the least that a server can do, to hold the webhook against.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

use super::wire::{ALL, Entrance};

/// Sends so many requests over so many connections, each of them one after the other, from one thread; says how long it took.
///
/// # Panics
///
/// An answer is not 200.
#[must_use]
pub fn take(entrance: &Entrance, bodies: &[String], connections: usize, requests: usize) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let requests_of = |connection: usize| {
        let bodies = bodies.iter().cycle().skip(connection).step_by(connections);
        bodies.take(requests / connections).map(|body| request(body)).collect::<Vec<_>>()
    };
    let requests: Vec<_> = (0..connections).map(requests_of).collect();
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(entrance.connect(ALL, b"http/1.1").await.expect("a connection"));
        }
        let begun = Instant::now();
        let asking = streams.into_iter().zip(requests).map(async |(mut stream, requests)| {
            let mut answer = Vec::with_capacity(8192);
            for request in requests {
                stream.write_all(&request).await.expect("it is taken");
                // What TLS took in is not sent yet where the socket had no room, or this task no time left.
                stream.flush().await.expect("it is sent");
                answer.clear();
                while !is_whole(&answer) {
                    assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "it breaks off");
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
            }
        });
        futures::future::join_all(asking).await;
        begun.elapsed()
    })
}

fn request(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /authenticate?timeout=30s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Whether a head has come, and as much as it announces.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("answers say how long they are");
    answer.len() >= end + 4 + length
}

/// Answers each request with these bytes once it has read it, on hyper and rustls alone, with the webhook's certificate; says
/// first where it is, on standard output. For ever.
///
/// # Panics
///
/// There is no certificate, or no port.
pub fn answer_barely(state_dir: &Path, answer: Bytes) -> ! {
    let chain = CertificateDer::pem_file_iter(state_dir.join("cert.pem")).expect("a certificate");
    let chain = chain.collect::<Result<_, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(state_dir.join("key.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions that there are")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true).expect("a live connection");
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        // Whoever hangs up hears nothing.
                        let _ = request.into_body().collect().await;
                        let mut response = Response::new(Full::new(answer));
                        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                        Ok::<_, Infallible>(response)
                    }
                });
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}
