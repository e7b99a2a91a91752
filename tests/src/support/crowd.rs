//! Those who take a webhook's room and have no business there.
//!
//! Each works until it is dropped.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use http::Request;
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::control_plane::ReviewVersion;
use super::server::Server;
use super::wire::{self, ALL};
use super::{forger, review};

/// One connection of HTTP/2 with so many requests, whose bodies stop after so many bytes and never come to their end.
///
/// # Panics
///
/// There is no connection.
pub async fn slow_bodies(server: &Server, requests: usize, bytes: usize) -> JoinSet<()> {
    let stream = TokioIo::new(wire::connect(server, ALL, b"h2").await);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2 is spoken");
    let mut crowd = JoinSet::new();
    crowd.spawn(async move {
        // It is cut, sooner or later.
        let _ = connection.await;
    });
    for _ in 0..requests {
        let mut sender = sender.clone();
        crowd.spawn(async move {
            let chunk = Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b' '; bytes])));
            let body = StreamBody::new(stream::iter([chunk]).chain(stream::pending()));
            let request = Request::post("https://localhost/authenticate").body(Box::pin(body)).expect("a request");
            let _ = sender.send_request(request).await;
        });
    }
    crowd
}

/// One connection of HTTP/2 with so many forged tokens of this size. Dropped, all of them have hung up.
///
/// # Panics
///
/// There is no connection.
pub async fn forged(server: &Server, tokens: usize, bytes: usize) -> JoinSet<()> {
    let stream = TokioIo::new(wire::connect(server, ALL, b"h2").await);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2 is spoken");
    let mut crowd = JoinSet::new();
    crowd.spawn(async move {
        // It is cut, sooner or later.
        let _ = connection.await;
    });
    for number in 0..tokens {
        let mut sender = sender.clone();
        let token = forger::large_token(&format!("AKIA{number:0>16}"), "us-west-2", bytes);
        crowd.spawn(async move {
            let body = review::body(ReviewVersion::V1, &token).to_string();
            let request = Request::post("https://localhost/authenticate").body(Full::<Bytes>::from(body));
            let _ = sender.send_request(request.expect("a request")).await;
        });
    }
    crowd
}

/// One connection of HTTP/2 with a thousand forged tokens of this size a second, each of whose senders hangs up after this time.
///
/// # Panics
///
/// There is no connection.
pub async fn hanging_up(server: &Server, tokens: u32, bytes: usize, after: Duration) -> JoinSet<()> {
    let stream = TokioIo::new(wire::connect(server, ALL, b"h2").await);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2 is spoken");
    let mut crowd = JoinSet::new();
    crowd.spawn(async move {
        let connection = tokio::spawn(connection);
        let (mut asking, begun) = (JoinSet::new(), Instant::now());
        for number in 0..tokens {
            tokio::time::sleep_until((begun + Duration::from_millis(number.into())).into()).await;
            let token = forger::large_token(&format!("AKIA{number:0>16}"), "us-west-2", bytes);
            let mut sender = sender.clone();
            asking.spawn(async move {
                let body = review::body(ReviewVersion::V1, &token).to_string();
                let request = Request::post("https://localhost/authenticate").body(Full::<Bytes>::from(body));
                let _ = tokio::time::timeout(after, sender.send_request(request.expect("a request"))).await;
            });
            while asking.try_join_next().is_some() {}
        }
        asking.join_all().await;
        connection.abort();
    });
    crowd
}

/// So many connections, each of which asks for something all the time, and is made anew when it is cut.
pub fn busy(server: &Server, connections: usize) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for _ in 0..connections {
        let server = server.entrance();
        crowd.spawn(async move {
            loop {
                // What is cut is made anew.
                let _ = ask_without_end(&server).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    crowd
}

async fn ask_without_end(server: &wire::Entrance) -> std::io::Result<()> {
    let mut stream = server.connect(ALL, b"http/1.1").await?;
    let mut answer = [0; 1024];
    loop {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        if stream.read(&mut answer).await? == 0 {
            return Ok(());
        }
    }
}
