//! EKS as it is on the wire: over TLS, at its own hosts, and with every signature recomputed, which moto does not do.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::loopback::{Asked, Reply, Secure, plain};
use crate::support::sts::Principal;
use crate::support::sts::sigv4::Claim;

/// A running EKS with one cluster, `demo`, until it is dropped.
#[derive(Debug)]
pub struct StrictEks {
    server: Secure,
    seen: Arc<Mutex<Vec<String>>>,
}

impl StrictEks {
    /// Starts it in [`REGION`]. It answers this person.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn start(person: Principal) -> Self {
        person.remember();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = Secure::start("EKS", |name| name.contains("eks"), {
            let seen = Arc::clone(&seen);
            move |asked| {
                seen.lock().expect("nothing panics while it holds it").push(asked.server_name.to_string());
                Reply::Answer(answer(&asked, &person, Timestamp::now()))
            }
        });
        Self { server, seen }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The PEM file of the CA that signs its certificates.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.server.ca_file()
    }

    /// The host of each request, in their order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nothing panics while it holds it").clone()
    }
}

/// `DescribeCluster`.
fn answer(asked: &Asked, person: &Principal, now: Timestamp) -> Response<Bytes> {
    let (status, document) = match described(asked, person, now) {
        Ok(document) => (StatusCode::OK, document),
        Err(Refusal(status, kind, message)) => {
            let mut response = plain(status, "application/json", json!({"message": message}).to_string());
            response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
            return response;
        }
    };
    plain(status, "application/json", document.to_string())
}

fn described(asked: &Asked, person: &Principal, now: Timestamp) -> Result<Value, Refusal> {
    let claim = Claim::read(&asked.parts, &asked.body).map_err(|_| UNSIGNED)?;
    if (claim.region.as_str(), claim.service.as_str()) != (REGION, "eks") || claim.access_key_id != person.access_key_id
    {
        return Err(UNSIGNED);
    }
    let token = person.session.as_ref().map(|session| &session.token);
    let in_time = now.duration_since(claim.signed_at).abs() < SignedDuration::from_mins(5);
    if !claim.is_signed_with(&person.secret_access_key) || claim.security_token.as_ref() != token || !in_time {
        return Err(Refusal(StatusCode::FORBIDDEN, "InvalidSignatureException", "the signature does not match"));
    }
    if (&asked.parts.method, asked.parts.uri.path()) != (&Method::GET, "/clusters/demo") {
        return Err(Refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", "No cluster found"));
    }
    Ok(json!({"cluster": {
        "name": "demo",
        "arn": format!("arn:aws:eks:{REGION}:{}:cluster/demo", person.account),
        "endpoint": ENDPOINT,
        "certificateAuthority": {"data": STANDARD.encode(AUTHORITY)},
        "status": "ACTIVE",
    }}))
}

/// Status, type and message.
struct Refusal(StatusCode, &'static str, &'static str);

const UNSIGNED: Refusal = Refusal(
    StatusCode::FORBIDDEN,
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
);
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The region that it is in.
pub const REGION: &str = "us-west-2";
/// The API server of its cluster.
pub const ENDPOINT: &str = "https://demo.us-west-2.example";
/// And its authority, which nobody here asks.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
