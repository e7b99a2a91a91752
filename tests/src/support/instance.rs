//! The metadata service of an EC2 instance, version 2 alone: nothing is told to whoever brings no session token of it. What stands
//! in for the service is odd in many ways; by the path before its own it is asked to be so too (`Manner`).
//!
//! Paths and headers:
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use http::{Method, Response, StatusCode};
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::loopback::{Asked, Loopback, Reply, next_request_id, plain};
use super::sts::Principal;

/// A running metadata service.
#[derive(Debug)]
pub struct Instance {
    server: Loopback,
    documents: Arc<Mutex<Documents>>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// Each document's path and text.
type Documents = Vec<(String, String)>;

impl Instance {
    /// The instance's profile lets its programs act as `role`, a role's session, until `ends`; it stands in `region`.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn start(role: Principal, ends: Timestamp, region: &str) -> Instance {
        let zone = format!("{region}a");
        // By which the SDK for Go knows the region.
        let identity =
            json!({"version": "2017-09-30", "region": region, "availabilityZone": zone, "accountId": role.account});
        let mut documents = vec![
            ("/latest/dynamic/instance-identity/document".to_owned(), identity.to_string()),
            ("/latest/meta-data/placement/region".to_owned(), region.to_owned()),
            ("/latest/meta-data/placement/availability-zone".to_owned(), zone.clone()),
            ("/latest/meta-data/placement/availability-zone/".to_owned(), zone),
        ];
        documents.extend(of_role(&role, ends));
        let documents = Arc::new(Mutex::new(documents));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let sessions = Mutex::new(HashSet::new());
        let server = Loopback::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None, {
            let (documents, seen) = (Arc::clone(&documents), Arc::clone(&seen));
            move |asked| {
                let (manner, path) = Manner::of(asked.parts.uri.path());
                let reply = manner.reply(path, &asked, &lock(&documents), &mut lock(&sessions));
                lock(&seen).push(path.to_owned());
                reply
            }
        });
        Instance { server: server.expect("loopback has a free port"), documents, seen }
    }

    /// From now on it gives these credentials, of the same role.
    pub fn renew(&self, role: &Principal, ends: Timestamp) {
        let renewed = of_role(role, ends);
        let mut documents = lock(&self.documents);
        documents.retain(|(path, _)| renewed.iter().all(|(known, _)| known != path));
        documents.extend(renewed);
    }

    /// The value of `AWS_EC2_METADATA_SERVICE_ENDPOINT` that leads to it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The paths that were asked for, in their order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.seen).clone()
    }

    /// How often credentials were asked for.
    #[must_use]
    pub fn credentials_given(&self) -> usize {
        lock(&self.seen).iter().filter(|path| path.len() > CREDENTIALS.len() && path.starts_with(CREDENTIALS)).count()
    }
}

/// How it behaves.
#[derive(Clone, Copy, Debug)]
enum Manner<'a> {
    /// As EC2's own.
    Whole,
    /// It has the first version alone: whoever begins a session is answered with this status. `/status-403`
    Refuses(StatusCode),
    /// The same, with the end of the connection. `/cuts`
    Cuts,
    /// The same, with no answer. `/hangs`
    Hangs,
    /// It does not say how long a session lasts. `/lasting`
    Lasting,
    /// The name of the role ends so. `/line`, `/line-of-two`
    RoleEndsIn(&'a str),
    /// It tells its zone and not its region, as it did before 2020. `/zone`
    Zone,
    /// Whatever is asked for, it is a page on which to log in. `/page`
    Page,
}

impl Manner<'_> {
    /// The manner, and the path of the service itself.
    fn of(path: &str) -> (Manner<'_>, &str) {
        let (manner, path) = path.find("/latest/").map_or((path, ""), |at| path.split_at(at));
        let manner = match manner {
            "" => Manner::Whole,
            "/cuts" => Manner::Cuts,
            "/hangs" => Manner::Hangs,
            "/lasting" => Manner::Lasting,
            "/line" => Manner::RoleEndsIn("\n"),
            "/line-of-two" => Manner::RoleEndsIn("\r\n"),
            "/page" => Manner::Page,
            "/zone" => Manner::Zone,
            other => {
                let status = other.strip_prefix("/status-").and_then(|status| status.parse().ok());
                Manner::Refuses(status.unwrap_or_else(|| panic!("{other} is no manner")))
            }
        };
        (manner, path)
    }

    fn reply(self, path: &str, asked: &Asked, documents: &[(String, String)], sessions: &mut HashSet<String>) -> Reply {
        let begins = path == "/latest/api/token";
        match self {
            Manner::Page => {
                Reply::Answer(plain(StatusCode::OK, "text/html", "<!doctype html>\n<title>Log in".to_owned()))
            }
            Manner::Refuses(status) if begins => Reply::Answer(plain(status, "text/plain", String::new())),
            Manner::Cuts if begins => Reply::Cut,
            Manner::Hangs if begins => Reply::Hang,
            Manner::Refuses(_) | Manner::Cuts | Manner::Hangs => Reply::Answer(document_at(path, asked, documents)),
            Manner::Zone if path.ends_with("/placement/region") => {
                Reply::Answer(plain(StatusCode::NOT_FOUND, "text/plain", String::new()))
            }
            Manner::Whole | Manner::Zone => Reply::Answer(answer(path, asked, documents, sessions)),
            Manner::Lasting => {
                let mut response = answer(path, asked, documents, sessions);
                response.headers_mut().remove(LIFETIME);
                Reply::Answer(response)
            }
            Manner::RoleEndsIn(end) => {
                let response = answer(path, asked, documents, sessions);
                Reply::Answer(match path == CREDENTIALS {
                    true => response.map(|name| [&name, end.as_bytes()].concat().into()),
                    false => response,
                })
            }
        }
    }
}

fn answer(
    path: &str,
    asked: &Asked,
    documents: &[(String, String)],
    sessions: &mut HashSet<String>,
) -> Response<Bytes> {
    let header = |name: &str| asked.parts.headers.get(name).and_then(|value| value.to_str().ok());
    let says = |status, text: &str| plain(status, "text/plain", text.to_owned());
    // A request that came through a proxy is none of the instance's own.
    if header("x-forwarded-for").is_some() {
        return says(StatusCode::FORBIDDEN, "");
    }
    if path == "/latest/api/token" {
        let lifetime = header(LIFETIME).and_then(|text| text.parse::<u32>().ok());
        return match (&asked.parts.method, lifetime) {
            (&Method::PUT, Some(lifetime @ 1..=21_600)) => {
                let session = format!("AQAEXAMPLE{}==", next_request_id());
                sessions.insert(session.clone());
                let mut response = says(StatusCode::OK, &session);
                response.headers_mut().insert(LIFETIME, lifetime.into());
                response
            }
            (&Method::PUT, _) => says(StatusCode::BAD_REQUEST, ""),
            _ => says(StatusCode::METHOD_NOT_ALLOWED, ""),
        };
    }
    match header(SESSION).is_some_and(|session| sessions.contains(session)) {
        true => document_at(path, asked, documents),
        false => says(StatusCode::UNAUTHORIZED, ""),
    }
}

fn document_at(path: &str, asked: &Asked, documents: &[(String, String)]) -> Response<Bytes> {
    let says = |status, text: &str| plain(status, "text/plain", text.to_owned());
    match documents.iter().find(|(known, _)| known == path) {
        Some((_, text)) if asked.parts.method == Method::GET => says(StatusCode::OK, text),
        _ => says(StatusCode::NOT_FOUND, ""),
    }
}

/// The documents that tell of a role.
fn of_role(role: &Principal, ends: Timestamp) -> [(String, String); 2] {
    role.remember();
    let name = role_name(&role.arn).to_owned();
    [(format!("{CREDENTIALS}{name}"), document(role, ends)), (CREDENTIALS.to_owned(), name)]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds it")
}

/// The credentials as the service writes them.
fn document(role: &Principal, ends: Timestamp) -> String {
    json!({
        "Code": "Success",
        "LastUpdated": "2026-01-02T03:04:05Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": role.access_key_id,
        "SecretAccessKey": role.secret_access_key,
        "Token": role.session.as_ref().map(|session| &session.token),
        "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
    .to_string()
}

/// The role's name in the ARN of one of its sessions.
fn role_name(arn: &str) -> &str {
    arn.split('/').nth(1).expect("an instance acts as a role")
}

const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";
const LIFETIME: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const SESSION: &str = "x-aws-ec2-metadata-token";

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn nothing_is_told_without_a_session_of_the_service_itself() {
        let mut sessions = HashSet::new();
        let mut ask = |method, path: &str, headers: &[(&str, &str)]| {
            let request = Request::builder().method(method).uri(path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let asked = Asked { server_name: "".into(), key_exchange: None, parts, body: Bytes::new() };
            let documents = [("/known".to_owned(), "text".to_owned())];
            let response = answer(path, &asked, &documents, &mut sessions);
            (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
        };
        let (status, session) = ask("PUT", "/latest/api/token", &[(LIFETIME, "21600")]);
        assert_eq!(status, 200);
        assert_eq!(ask("GET", "/known", &[(SESSION, &session)]), (200, "text".to_owned()));

        assert_eq!(ask("GET", "/known", &[]).0, 401);
        assert_eq!(ask("GET", "/known", &[(SESSION, "AQAEXAMPLE")]).0, 401);
        assert_eq!(ask("GET", "/known", &[(SESSION, &session), ("x-forwarded-for", "10.0.0.1")]).0, 403);
        assert_eq!(ask("GET", "/unknown", &[(SESSION, &session)]).0, 404);
        for wrong in [&[][..], &[(LIFETIME, "0")], &[(LIFETIME, "21601")]] {
            assert_eq!(ask("PUT", "/latest/api/token", wrong).0, 400, "{wrong:?}");
        }
        assert_eq!(ask("GET", "/latest/api/token", &[(LIFETIME, "21600")]).0, 405);
    }
}
