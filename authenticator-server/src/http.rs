//! The webhook's HTTP face: routes, limits, and the statuses that the API server reads.
//!
//! | answer | when | what the API server makes of it |
//! | --- | --- | --- |
//! | 200, authenticated | the caller is a user | lets it in, caches |
//! | 200, refused with a reason | the caller is nobody | 401, logs the reason, does not cache |
//! | 503, no `Retry-After` | nobody can tell | 401, not cached; with `Retry-After` it would repeat 30 times |
//! | 401 | no client certificate, where one is asked for | an error of the API server's configuration |
//! | 400, 404, 405, 408, 413, 415 | no TokenReview | an error of the API server's configuration |
//!
//! (`k8s.io/apiserver/pkg/util/webhook`, `k8s.io/client-go/rest`.) The query string is ignored: client-go always adds
//! `?timeout=30s`.

mod body;
mod connections;
mod handshake;
mod places;

pub use connections::serve;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use rustls::pki_types::CertificateDer;

use self::body::read_body;
use self::places::{Charge, REQUEST_BYTES, Share};
use crate::authenticate::{Authenticator, Verdict};
use crate::metrics::{self, Decisions, Exposition, GoResult, Metrics, MetricsFormat, ServingCounts};
use crate::review::{ReviewAnswer, ReviewRequest};
use crate::sts::UnknownLimits;
use crate::tls::AllowedNames;

/// How much the webhook takes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HttpLimits {
    /// The most connections at once. An API server asks over one or two. When there is one more, another gives way.
    pub connections: usize,
    /// The most connections that wait for that; more wait in the kernel.
    pub waiting: usize,
    /// The most bytes that requests may hold, on all connections together: half for requests, 4 KiB each; a quarter for bodies
    /// that come in pieces; and a quarter for what unknown callers hold while they wait for STS.
    pub request_bytes: usize,
    /// The most requests at once on one HTTP/2 connection, if memory for requests is enough for as many.
    ///
    /// An API server asks over one connection. Those of its requests that wait for STS, a flood's for instance, must not
    /// stand in the way of those that need not wait: unknown callers' may take half of these.
    pub streams: u32,
    /// The most bytes that a request's body may have: a token of 16 KiB and its wrapping, several times over.
    pub body_bytes: usize,
    /// How long requests that were already sent may take to be answered when the server ends.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            waiting: 2 * 512,
            request_bytes: 16 * 1024 * 1024,
            streams: 2048,
            body_bytes: 64 * 1024,
            drain: Duration::from_secs(25),
        }
    }
}

impl HttpLimits {
    const fn requests_share(&self) -> usize {
        self.request_bytes / 2
    }

    const fn bodies_share(&self) -> usize {
        self.request_bytes / 4
    }

    /// How many requests one connection may have at once: no more than all of them have memory for.
    fn streams_of_connection(&self) -> u32 {
        u32::try_from(self.requests_share() / REQUEST_BYTES).unwrap_or(u32::MAX).min(self.streams)
    }

    /// What unknown callers may hold while they wait for STS: the share of memory that is left, and half of a connection's
    /// streams.
    #[must_use]
    pub fn unknown_callers(&self) -> UnknownLimits {
        let requests = usize::try_from(self.streams_of_connection() / 2).unwrap_or(usize::MAX);
        UnknownLimits { bytes: self.request_bytes / 4, requests }
    }
}

/// The status of a refusal.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DenyStatus {
    /// 200 and a TokenReview that says no and why.
    #[default]
    Ok,
    /// 403, as kubernetes-sigs/aws-iam-authenticator answers; the API server counts it as a failure of the webhook.
    Forbidden,
}

/// Whom the webhook answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Askers {
    /// Whoever reaches it.
    Anybody,
    /// Whoever has shown a client certificate that was found good, and that has one of these names, where there are some; others may
    /// only probe.
    Known(Option<AllowedNames>),
}

/// Who a connection's other end has proven to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// Nobody in particular.
    Anonymous,
    /// The holder of a client certificate that was found good.
    Certified,
    /// The holder of one that has no allowed name.
    NotAllowed,
}

impl Askers {
    /// Who has shown this certificate, which the handshake found good.
    fn peer(&self, certificate: Option<&CertificateDer<'_>>) -> Peer {
        let Some(certificate) = certificate else { return Peer::Anonymous };
        match self {
            Self::Known(Some(names)) => match names.check(certificate) {
                Ok(()) => Peer::Certified,
                Err(subject) => {
                    tracing::warn!(
                        subject,
                        "a client certificate has none of the allowed names: its holder is answered 401 (--client-allowed-names)"
                    );
                    Peer::NotAllowed
                }
            },
            Self::Known(None) | Self::Anybody => Peer::Certified,
        }
    }
}

/// Answers HTTP requests.
pub struct Webhook {
    authenticator: Authenticator,
    askers: Askers,
    deny_status: DenyStatus,
    limits: HttpLimits,
    decisions: Decisions,
    serving: ServingCounts,
    exposition: Exposition,
}

type Answer = Response<Charged>;

impl Webhook {
    /// A webhook that answers what `authenticator` decides, counts it in `metrics`, and shows whoever asks the `exposition`.
    #[must_use]
    pub fn new(
        authenticator: Authenticator,
        askers: Askers,
        deny_status: DenyStatus,
        limits: HttpLimits,
        metrics: &Metrics,
        exposition: Exposition,
    ) -> Self {
        let (decisions, serving) = (metrics.decisions.clone(), metrics.serving.clone());
        Self { authenticator, askers, deny_status, limits, decisions, serving, exposition }
    }

    /// Answers one request, whatever it is, if there is memory for it. A panic below is 500 for this request and nothing to
    /// any other.
    async fn answer<B>(&self, request: Request<B>, peer: Peer, charge: Option<Charge>) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let Some(mut charge) = charge else {
            self.decisions.count(OVERLOADED, Duration::ZERO);
            return overloaded();
        };
        let answer = AssertUnwindSafe(self.route(request, peer, &mut charge)).catch_unwind().await;
        let mut answer = answer.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "internal error"));
        answer.body_mut().charge = Some(charge);
        answer
    }

    async fn route<B>(&self, request: Request<B>, peer: Peer, charge: &mut Charge) -> Answer
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let unknown = matches!(self.askers, Askers::Known(_)) && peer != Peer::Certified;
        match (request.uri().path(), request.method()) {
            ("/healthz", &Method::GET | &Method::HEAD) => text(StatusCode::OK, "ok"),
            (path, _) if unknown => {
                if path == "/authenticate" {
                    self.decisions.count(malformed("client_certificate"), Duration::ZERO);
                }
                text(
                    StatusCode::UNAUTHORIZED,
                    match peer {
                        Peer::NotAllowed => {
                            "the client certificate has none of the allowed names (--client-allowed-names)"
                        }
                        Peer::Anonymous | Peer::Certified => "a client certificate is required (--client-ca-file)",
                    },
                )
            }
            ("/authenticate", method) => {
                let begun = Instant::now();
                let (answer, result) = match *method {
                    Method::POST => self.authenticate(request, charge).await,
                    _ => (not_allowed("POST"), malformed("method")),
                };
                self.decisions.count(result, begun.elapsed());
                answer
            }
            ("/metrics", &Method::GET | &Method::HEAD) => {
                let format = MetricsFormat::preferred_by(request.headers());
                let numbers = self.exposition.text(format);
                // It is larger than any other answer, and whoever asks need not read it.
                if charge.grow(Share::Bodies, numbers.len()) {
                    build(StatusCode::OK, format.content_type(), numbers)
                } else {
                    overloaded()
                }
            }
            ("/metrics", _) => not_allowed("GET, HEAD"),
            ("/healthz", _) => not_allowed("GET, HEAD"),
            _ => text(StatusCode::NOT_FOUND, "the webhook is at /authenticate"),
        }
    }

    async fn authenticate<B>(&self, request: Request<B>, charge: &mut Charge) -> (Answer, metrics::Result)
    where
        B: Body<Data = Bytes> + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        if let Some(refusal) = check_headers(request.headers()) {
            return (refusal, malformed("content_type"));
        }
        let most = self.limits.body_bytes;
        let body = match read_body(request.into_body(), most, charge).await {
            Ok(body) => body,
            Err(none) => return none.answer(most),
        };
        let request = match ReviewRequest::parse(&body) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!(name: crate::logs::REFUSAL, %error, "malformed TokenReview");
                return (text(StatusCode::BAD_REQUEST, error.to_string()), malformed("review"));
            }
        };
        // It may be large, and its request may wait for STS.
        drop(body);
        charge.body_is_read();
        let version = request.version();
        // By far the largest part of what answering a request needs: requests whose bodies never come should not have it.
        let verdict = Box::pin(self.authenticator.authenticate(request.into_token())).await;
        let answer = match &verdict {
            Verdict::Allow(allowed) => {
                charge.prove();
                json(StatusCode::OK, &ReviewAnswer::allow(version, allowed))
            }
            Verdict::Deny(denial) => json(self.deny_status.into(), &ReviewAnswer::deny(version, denial)),
            Verdict::CannotTell(outage) => {
                text(StatusCode::SERVICE_UNAVAILABLE, format!("{}: {outage}", outage.code()))
            }
        };
        (answer, verdict.result())
    }
}

/// A request that is no TokenReview, and what of it is not.
const fn malformed(reason: &'static str) -> metrics::Result {
    metrics::Result { outcome: "malformed", reason, go: GoResult::MalformedRequest }
}

/// A request for which there is no memory.
const OVERLOADED: metrics::Result =
    metrics::Result { outcome: "cannot_tell", reason: "http.overloaded", go: GoResult::StsError };

fn overloaded() -> Answer {
    text(StatusCode::SERVICE_UNAVAILABLE, "http.overloaded: requests hold as much memory as they may")
}

/// An answer's body. What its request held is free when it has been sent.
struct Charged {
    body: Full<Bytes>,
    charge: Option<Charge>,
}

impl Body for Charged {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl From<DenyStatus> for StatusCode {
    fn from(status: DenyStatus) -> Self {
        match status {
            DenyStatus::Ok => Self::OK,
            DenyStatus::Forbidden => Self::FORBIDDEN,
        }
    }
}

/// Refuses what is announced as something other than plain JSON, before any of it is read.
fn check_headers(headers: &HeaderMap) -> Option<Answer> {
    let value = |name| headers.get(name).map(HeaderValue::as_bytes);
    let encoding = value(CONTENT_ENCODING).unwrap_or(b"identity");
    if !encoding.eq_ignore_ascii_case(b"identity") {
        return Some(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must not be compressed"));
    }
    let content_type = value(CONTENT_TYPE).unwrap_or(b"application/json");
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    if !media_type.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        return Some(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json"));
    }
    None
}

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("expected {allowed}"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn json(status: StatusCode, answer: &ReviewAnswer) -> Answer {
    build(status, "application/json", answer.to_json())
}

/// The API server logs a body of this type, and of no other but a `Status` object.
fn text(status: StatusCode, reason: impl Into<String>) -> Answer {
    build(status, "text/plain; charset=utf-8", reason.into())
}

fn build(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Charged { body: Full::new(body.into()), charge: None });
    *answer.status_mut() = status;
    for (name, value) in
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")]
    {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
