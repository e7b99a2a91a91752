//! IAM Identity Center: the portal that turns an access token into a role's credentials, and the service that turns a refresh
//! token into an access token.
//!
//! <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>,
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::header::{HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::loopback::{Asked, Reply, Secure, next_request_id, plain};
use super::secrets;
use super::sts::Principal;
use super::sts::sigv4::Pairs;

/// A running portal. One person is known to it.
#[derive(Debug)]
pub struct Sso {
    server: Secure,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Sso {
    /// Starts the portal of [`REGION`]; whoever is logged in may act as each of these roles' sessions, until `ends`.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn start(roles: impl IntoIterator<Item = Principal>, ends: Timestamp) -> Sso {
        let roles: Vec<Principal> = roles.into_iter().collect();
        roles.iter().for_each(Principal::remember);
        [ACCESS_TOKEN, REFRESHED_TOKEN, REFRESH_TOKEN, CLIENT_SECRET].into_iter().for_each(secrets::remember);
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = Secure::start("SSO", |name| name == PORTAL_HOST || name == OIDC_HOST, {
            let seen = Arc::clone(&seen);
            move |asked| {
                let action = format!("{}{}", asked.server_name, asked.parts.uri.path());
                seen.lock().expect("nothing panics while it holds it").push(action);
                Reply::Answer(answer(&asked, &roles, ends))
            }
        });
        Sso { server, seen }
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

    /// Host and path of each request, in their order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nothing panics while it holds it").clone()
    }
}

fn answer(asked: &Asked, roles: &[Principal], ends: Timestamp) -> Response<Bytes> {
    let answered = match (&*asked.server_name, &asked.parts.method, asked.parts.uri.path()) {
        (PORTAL_HOST, &Method::GET, "/federation/credentials") => role_credentials(asked, roles, ends),
        (OIDC_HOST, &Method::POST, "/token") => created_token(&asked.body),
        _ => Err(Refusal(StatusCode::NOT_FOUND, "UnknownOperationException", "no such operation")),
    };
    let mut response = match answered {
        Ok(document) => plain(StatusCode::OK, "application/json", document.to_string()),
        Err(Refusal(status, kind, message)) => {
            let body = json!({"__type": format!("com.amazonaws.switchboard.portal#{kind}"), "message": message});
            let mut response = plain(status, "application/json", body.to_string());
            response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
            response
        }
    };
    let id = HeaderValue::from_str(&next_request_id()).expect("request ids are made of digits and dashes");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}

/// `GetRoleCredentials`.
fn role_credentials(asked: &Asked, roles: &[Principal], ends: Timestamp) -> Result<Value, Refusal> {
    let token = asked.parts.headers.get(BEARER).map(|value| value.as_bytes());
    if token != Some(ACCESS_TOKEN.as_bytes()) && token != Some(REFRESHED_TOKEN.as_bytes()) {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "UnauthorizedException", "Session token not found or invalid"));
    }
    let query = Pairs::parse(asked.parts.uri.query().unwrap_or_default()).map_err(|_| INVALID)?;
    let stated = |name| query.optional(name).ok().flatten().ok_or(INVALID);
    let (account, name) = (stated("account_id")?, stated("role_name")?);
    let role = roles.iter().find(|role| role.account == account && role.arn.split('/').nth(1) == Some(&name));
    let role = role.ok_or(Refusal(StatusCode::FORBIDDEN, "ForbiddenException", "No access"))?;
    Ok(json!({"roleCredentials": {
        "accessKeyId": role.access_key_id,
        "secretAccessKey": role.secret_access_key,
        "sessionToken": role.session.as_ref().map(|session| &session.token),
        "expiration": ends.as_millisecond(),
    }}))
}

/// `CreateToken`, for a refresh token.
fn created_token(body: &[u8]) -> Result<Value, Refusal> {
    let order: Value = serde_json::from_slice(body).map_err(|_| INVALID)?;
    if order["grantType"] != "refresh_token" {
        return Err(Refusal(StatusCode::BAD_REQUEST, "UnsupportedGrantTypeException", "refresh tokens alone"));
    }
    if order["clientId"] != CLIENT_ID || order["clientSecret"] != CLIENT_SECRET {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "InvalidClientException", "no such client"));
    }
    if order["refreshToken"] != REFRESH_TOKEN {
        return Err(Refusal(StatusCode::BAD_REQUEST, "InvalidGrantException", "Invalid refresh token provided"));
    }
    Ok(json!({
        "accessToken": REFRESHED_TOKEN,
        "tokenType": "Bearer",
        "expiresIn": 3600,
        "refreshToken": REFRESH_TOKEN,
    }))
}

/// Status, type and message.
struct Refusal(StatusCode, &'static str, &'static str);

const INVALID: Refusal =
    Refusal(StatusCode::BAD_REQUEST, "InvalidRequestException", "a parameter is missing or malformed");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const BEARER: HeaderName = HeaderName::from_static("x-amz-sso_bearer_token");

/// The region of the portal, which need not be that of anything else.
pub const REGION: &str = "eu-west-1";
/// The host of the portal.
pub const PORTAL_HOST: &str = "portal.sso.eu-west-1.amazonaws.com";
/// The host of the service of tokens.
pub const OIDC_HOST: &str = "oidc.eu-west-1.amazonaws.com";
/// The access token of a person who has logged in.
pub const ACCESS_TOKEN: &str = "aoaAAAAAGexampleAccessTokenOfTheSuiteThatIsLongEnough";
/// The access token that [`REFRESH_TOKEN`] is turned into.
pub const REFRESHED_TOKEN: &str = "aoaAAAAAGexampleRefreshedTokenOfTheSuiteThatIsLongEnough";
/// What stands beside an access token in aws-cli's cache, where the login was one that can be refreshed.
pub const REFRESH_TOKEN: &str = "aorAAAAAGexampleRefreshTokenOfTheSuiteThatIsLongEnough";
/// aws-cli's name as registered.
pub const CLIENT_ID: &str = "example-client-of-the-suite";
/// And its secret.
pub const CLIENT_SECRET: &str = "eyJraWQiOiJleGFtcGxlLWNsaWVudC1zZWNyZXQtb2YtdGhlLXN1aXRl";

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_role_is_had_by_whoever_is_logged_in_and_may_have_it() {
        let role = Principal::role_session("111122223333", "Viewer", "me");
        let ask = |token, account, role_name| {
            let uri = format!("/federation/credentials?role_name={role_name}&account_id={account}");
            let (parts, ()) = Request::get(uri).header(BEARER, token).body(()).unwrap().into_parts();
            let asked = Asked { server_name: PORTAL_HOST.into(), key_exchange: None, parts, body: Bytes::new() };
            answer(&asked, std::slice::from_ref(&role), Timestamp::UNIX_EPOCH).status().as_u16()
        };
        assert_eq!(ask(ACCESS_TOKEN, "111122223333", "Viewer"), 200);
        assert_eq!(ask(REFRESHED_TOKEN, "111122223333", "Viewer"), 200);
        assert_eq!(ask("aoa", "111122223333", "Viewer"), 401);
        assert_eq!(ask(ACCESS_TOKEN, "111122223334", "Viewer"), 403);
        assert_eq!(ask(ACCESS_TOKEN, "111122223333", "Admin"), 403);
    }

    #[test]
    fn a_refresh_token_is_good_for_its_client_alone() {
        let ask = |changed: &str, value: &str| {
            let mut order = json!({
                "grantType": "refresh_token",
                "clientId": CLIENT_ID,
                "clientSecret": CLIENT_SECRET,
                "refreshToken": REFRESH_TOKEN,
            });
            order[changed] = value.into();
            created_token(order.to_string().as_bytes()).map_err(|refusal| refusal.1)
        };
        assert_eq!(ask("grantType", "refresh_token").ok().unwrap()["accessToken"], REFRESHED_TOKEN);
        for (changed, refusal) in [
            ("grantType", "UnsupportedGrantTypeException"),
            ("clientId", "InvalidClientException"),
            ("clientSecret", "InvalidClientException"),
            ("refreshToken", "InvalidGrantException"),
        ] {
            assert_eq!(ask(changed, "other").err(), Some(refusal), "{changed}");
        }
    }
}
