//! The endpoint by which a container gets its role's credentials: that of ECS, a path nobody else knows, and that of EKS Pod
//! Identity, one path for all and a token for each.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::AUTHORIZATION;
use http::{Method, Response, StatusCode};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::loopback::{Asked, Loopback, Reply, plain};
use super::secrets;
use super::sts::Principal;

/// A running endpoint.
#[derive(Debug)]
pub struct Container {
    server: Loopback,
}

impl Container {
    /// The container may act as `role`, a role's session, until `ends`.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn start(role: &Principal, ends: Timestamp) -> Container {
        Container::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), role, ends).expect("loopback has a free port")
    }

    /// The same, on a given address.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn start_on(address: SocketAddr, role: &Principal, ends: Timestamp) -> io::Result<Container> {
        role.remember();
        secrets::remember(TOKEN);
        let credentials = json!({
            "RoleArn": role.arn,
            "AccountId": role.account,
            "AccessKeyId": role.access_key_id,
            "SecretAccessKey": role.secret_access_key,
            "Token": role.session.as_ref().map(|session| &session.token),
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
        .to_string();
        let offset = ends.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        let of_offset = credentials.replace(&ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), &offset);
        let refused = AtomicUsize::new(0);
        let server = Loopback::start(address, None, move |asked| {
            Reply::Answer(match asked.parts.uri.path() {
                OFFSET_PATH => plain(StatusCode::OK, "application/json", of_offset.clone()),
                path => match status_of(path).filter(|_| refused.fetch_add(1, Ordering::Relaxed) < REFUSALS) {
                    Some(status) => plain(status, "text/plain", String::new()),
                    None => answer(&asked, &credentials),
                },
            })
        })?;
        Ok(Container { server })
    }

    /// Where it is: `http://`, address and port.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// How often it was asked.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}

/// What the first [`REFUSALS`] requests for this path are answered: `/busy/429`.
fn status_of(path: &str) -> Option<StatusCode> {
    path.strip_prefix(BUSY_PATH)?.parse().ok()
}

fn answer(asked: &Asked, credentials: &str) -> Response<Bytes> {
    let says = |status, body: String| plain(status, "application/json", body);
    let refusal = |code: &str, message: &str| json!({"code": code, "message": message}).to_string();
    let brought = asked.parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    match (&asked.parts.method, asked.parts.uri.path(), brought) {
        (&Method::GET, SECRET_PATH | SPACED_PATH, None) => says(StatusCode::OK, credentials.to_owned()),
        (&Method::GET, GUARDED_PATH, Some(token)) if token == TOKEN.as_bytes() => {
            says(StatusCode::OK, credentials.to_owned())
        }
        (&Method::GET, GUARDED_PATH, _) => {
            says(StatusCode::UNAUTHORIZED, refusal("AuthorizationError", "the authorization token is not valid"))
        }
        (&Method::GET, path, None) if status_of(path).is_some() => says(StatusCode::OK, credentials.to_owned()),
        _ => says(StatusCode::NOT_FOUND, refusal("InvalidIdInRequest", "no credentials for this path")),
    }
}

/// The path of ECS: whoever knows it is let in, and nobody brings a token there.
pub const SECRET_PATH: &str = "/v2/credentials/0b6a6a1c-1f4e-4f0e-9d2e-example00001";
/// The same, of a name with a blank, as it is sent.
const SPACED_PATH: &str = "/v2/credentials/a%20task";
/// The path at which the end is written with an offset.
pub const OFFSET_PATH: &str = "/v2/credentials/offset";
/// Before a status with which the endpoint refuses at first.
const BUSY_PATH: &str = "/busy/";
/// How often.
const REFUSALS: usize = 2;
/// The path of EKS Pod Identity, for whoever brings [`TOKEN`].
pub const GUARDED_PATH: &str = "/v1/credentials";
/// What a container of EKS Pod Identity brings.
pub const TOKEN: &str = "eyJhbGciOiJFWEFNUExFIn0.eyJzdWIiOiJhLXBvZC1vZi10aGUtc3VpdGUifQ.c2lnbmF0dXJlLW9mLW5vYm9keQ";

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_container_is_known_by_its_path_or_by_its_token() {
        for (path, token, status) in [
            (SECRET_PATH, None, 200),
            (GUARDED_PATH, Some(TOKEN), 200),
            (GUARDED_PATH, None, 401),
            (GUARDED_PATH, Some("eyJ"), 401),
            ("/v2/credentials/another", None, 404),
            // ECS gives no token: a client that sends one tells a secret to somebody who has not asked for it.
            (SECRET_PATH, Some(TOKEN), 404),
        ] {
            let request = Request::get(path);
            let request = token.iter().fold(request, |request, token| request.header(AUTHORIZATION, *token));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let asked = Asked { server_name: "".into(), key_exchange: None, parts, body: Bytes::new() };
            assert_eq!(answer(&asked, "{}").status().as_u16(), status, "{path} {token:?}");
        }
    }
}
