//! An STS that answers `GetCallerIdentity`, `AssumeRole` and `AssumeRoleWithWebIdentity` as strictly as the real one: over TLS,
//! with every signature recomputed from the bytes on the wire, for principals whose secrets, sessions and ARNs it knows, and
//! roles whose trust it knows.
//!
//! ```text
//! bytes ─tls─▶ request ─sigv4─▶ Claim ─judgement─▶ Principal or Fault ─answers─▶ JSON or XML
//!                                                      └─role─▶ Assumed ───┘
//! ```
//!
//! Its clock and its behaviour may be changed while it runs, and it remembers each request it saw.
//!
//! What differs from the service: it knows no sessions but the ones it was told of, and it refuses a few requests that the
//! service may let pass (see [`sigv4`]). It ignores `X-Amz-Expires`, as the service does: a presigned request is good for 15
//! minutes whatever it asks for.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::DATE;
use http::request::Parts;
use hyper::body::Bytes;
use jiff::Timestamp;
use rustls::NamedGroup;
use serde_json::Value;
use tempfile::TempDir;

use super::loopback::{Asked, Authority, Loopback, Reply, next_request_id, plain};
use answers::Form;
pub(super) use answers::escape;
pub use answers::{Code, Fault};
pub use judgement::Action;
use judgement::Service;
pub(super) use principal::identifier;
pub use principal::{Principal, Session};
pub use role::{Assumed, Mfa, Role, Trust};

mod answers;
pub mod caller;
pub mod judgement;
mod principal;
mod role;
pub mod sigv4;

/// A running emulator.
pub struct Sts {
    ca: PathBuf,
    desk: Arc<Desk>,
    server: Loopback,
    // Holds the CA's file for as long as somebody may want to read it.
    _home: TempDir,
}

impl Sts {
    /// Starts on a free port of loopback, with the system's clock.
    pub fn start(principals: impl IntoIterator<Item = Principal>) -> Sts {
        Sts::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), principals).expect("loopback has a free port")
    }

    /// Starts on the given address.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn start_on(address: SocketAddr, principals: impl IntoIterator<Item = Principal>) -> io::Result<Sts> {
        let home = TempDir::new()?;
        let ca = home.path().join("sts-ca.pem");
        let authority = Authority::new("STS", |name| name.starts_with("sts") || name.starts_with("vpce-"));
        std::fs::write(&ca, authority.pem())?;

        let desk = Arc::new(Desk::default());
        let server = Loopback::start(address, Some(authority), {
            let desk = Arc::clone(&desk);
            move |asked| desk.answer(asked)
        })?;
        let sts = Sts { ca, desk, server, _home: home };
        principals.into_iter().for_each(|principal| sts.know(principal));
        Ok(sts)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The PEM file of the CA that signs its certificates.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca
    }

    /// Makes it know one more principal. One with the same access key id is replaced.
    pub fn know(&self, principal: Principal) {
        principal.remember();
        self.desk.known.know(principal);
    }

    /// Makes it know one more role. One with the same ARN is replaced.
    pub fn know_role(&self, role: Role) {
        let mut roles = lock(&self.desk.roles);
        roles.retain(|known| known.arn != role.arn);
        roles.push(role);
    }

    /// Changes how it treats requests from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.desk.behaviour) = behaviour;
    }

    /// Changes how it treats requests for this host alone from now on, whatever it does with others.
    pub fn behave_at(&self, host: &str, behaviour: Behaviour) {
        lock(&self.desk.behaviour_at).insert(host.to_owned(), behaviour);
    }

    /// Changes what it takes for the time.
    pub fn set_clock(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) {
        *lock(&self.desk.known.clock) = Arc::new(clock);
    }

    /// The ARN of the holder of this access key id, sessions that it handed out included.
    #[must_use]
    pub fn holder(&self, access_key_id: &str) -> Option<String> {
        let principals = lock(&self.desk.known.principals);
        principals.iter().find(|known| known.access_key_id == access_key_id).map(|known| known.arn.clone())
    }

    /// Whom it knows and what it takes for the time, for the services that stand beside it.
    pub(super) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.desk.known)
    }

    /// Every request so far, in the order in which they were judged.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.desk.seen).clone()
    }

    /// How many connections were made so far, whether or not a request came over them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}

impl fmt::Debug for Sts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sts").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// How the emulator treats a request once it has judged it.
#[derive(Clone, Debug, Default)]
pub enum Behaviour {
    /// As STS does.
    #[default]
    Normal,
    /// As STS does, up to so many requests a second; those beyond are throttled.
    AtMost {
        /// Requests a second.
        per_second: u32,
    },
    /// Whoever signed correctly gets this document instead of STS's answer.
    Answer(Value),
    /// Everybody gets this answer.
    Status {
        /// The status.
        code: StatusCode,
        /// The `Content-Type`.
        content_type: String,
        /// The body as sent.
        body: Bytes,
    },
    /// Everybody is told that the account makes too many calls: 400 and `Throttling`, the form of STS's query protocol.
    Throttle,
    /// Nobody gets an answer, and connections stay open.
    Hang,
    /// Connections are cut once the request has been read.
    CloseConnection,
    /// As STS does, after this time.
    After(Duration),
    /// Every second request gets this, the others what STS answers.
    EverySecond(Box<Behaviour>),
}

/// One request as it arrived, and what was made of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name that the TLS handshake asked for.
    pub server_name: String,
    /// The group in which the TLS handshake agreed on a key.
    pub key_exchange: Option<NamedGroup>,
    /// Method, target, version and headers. Over HTTP/2 the host is in the target.
    pub parts: Parts,
    /// The body.
    pub body: Bytes,
    /// The ARN of whoever signed it correctly, or of the session that it was given, or why it was refused. Says nothing of a [`Behaviour`] that hid the verdict.
    pub verdict: Result<String, Code>,
}

impl Seen {
    /// The header lines but for the order, which carries no meaning; `:authority` of HTTP/2 counts as `host`.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let host = self.parts.uri.authority().map(|host| ("host".to_owned(), host.to_string()));
        let mut headers: Vec<(String, String)> = self
            .parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .chain(host)
            .collect();
        headers.sort();
        headers
    }

    /// The value of a parameter of its query or form.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let stated = if self.body.is_empty() { self.query() } else { std::str::from_utf8(&self.body).ok()? };
        sigv4::Pairs::parse(stated).ok()?.optional(name).ok()?
    }

    /// The query as it was on the wire.
    #[must_use]
    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }
}

/// What every service of AWS knows: whoever has keys, and the time.
pub(super) struct Known {
    principals: Mutex<Vec<Principal>>,
    clock: Mutex<Clock>,
}

impl Known {
    /// Who signed a request of this service at this time.
    pub(super) fn judge(&self, service: Service, now: Timestamp, asked: &Asked) -> Result<Principal, Fault> {
        let principals = lock(&self.principals);
        judgement::judge(service, &principals, now, &asked.server_name, &asked.parts, &asked.body).cloned()
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        (lock(&self.clock).clone())()
    }

    fn know(&self, principal: Principal) {
        let mut principals = lock(&self.principals);
        principals.retain(|known| known.access_key_id != principal.access_key_id);
        principals.push(principal);
    }
}

impl Default for Known {
    fn default() -> Known {
        Known { principals: Mutex::default(), clock: Mutex::new(Arc::new(Timestamp::now)) }
    }
}

/// What the connections share.
#[derive(Default)]
struct Desk {
    known: Arc<Known>,
    roles: Mutex<Vec<Role>>,
    behaviour: Mutex<Behaviour>,
    /// By the name of the host.
    behaviour_at: Mutex<HashMap<String, Behaviour>>,
    seen: Mutex<Vec<Seen>>,
    allowance: Allowance,
}

/// What is left of a second's requests: it fills evenly, and holds one second's worth at most.
#[derive(Default)]
pub(super) struct Allowance(Mutex<Option<(Instant, f64)>>);

impl Allowance {
    /// Whether one more request is within this rate.
    pub(super) fn take(&self, per_second: u32) -> bool {
        let (now, most) = (Instant::now(), f64::from(per_second));
        let mut held = lock(&self.0);
        let left = held.map_or(most, |(then, left)| (left + most * (now - then).as_secs_f64()).min(most));
        let taken = left >= 1.0;
        *held = Some((now, if taken { left - 1.0 } else { left }));
        taken
    }
}

impl Desk {
    /// Judges a request, remembers it, and treats it as the behaviour says.
    fn answer(&self, asked: Asked) -> Reply {
        let now = self.known.now();
        let verdict = self.grant(now, &asked);
        let Asked { server_name, key_exchange, parts, body } = asked;
        let form = Form::wanted_by(&parts.headers);
        let request_id = next_request_id();
        let number = {
            let mut seen = lock(&self.seen);
            seen.push(Seen {
                server_name: server_name.to_string(),
                key_exchange,
                parts,
                body,
                verdict: verdict.as_ref().map(Grant::arn).map_err(|fault| fault.code),
            });
            seen.len()
        };

        let behaviour = lock(&self.behaviour_at).get(&*server_name).cloned();
        let (behaviour, late) = match behaviour.unwrap_or_else(|| lock(&self.behaviour).clone()) {
            Behaviour::After(time) => (Behaviour::Normal, Some(time)),
            Behaviour::EverySecond(behaviour) if number.is_multiple_of(2) => (*behaviour, None),
            Behaviour::EverySecond(_) => (Behaviour::Normal, None),
            other => (other, None),
        };
        let behaviour = match behaviour {
            Behaviour::AtMost { per_second } if self.allowance.take(per_second) => Behaviour::Normal,
            Behaviour::AtMost { .. } => Behaviour::Throttle,
            other => other,
        };
        let mut answer = match (behaviour, verdict) {
            (Behaviour::Normal, Ok(Grant::Identity(principal))) => form.identity(&principal, &request_id),
            (Behaviour::Normal, Ok(Grant::Session(action, assumed))) => form.session(action, &assumed, &request_id),
            (Behaviour::Answer(document), Ok(_)) => plain(StatusCode::OK, "application/json", document.to_string()),
            (Behaviour::Normal | Behaviour::Answer(_), Err(fault)) => form.fault(&fault, &request_id),
            (Behaviour::Status { code, content_type, body }, _) => plain(code, &content_type, body),
            (Behaviour::Throttle | Behaviour::AtMost { .. }, _) => {
                form.fault(&Fault::new(Code::Throttling, "Rate exceeded"), &request_id)
            }
            (Behaviour::Hang, _) => return Reply::Hang,
            (Behaviour::CloseConnection, _) => return Reply::Cut,
            (Behaviour::After(_) | Behaviour::EverySecond(_), _) => {
                unreachable!("resolved above, and never one in the other")
            }
        };
        // By the clock that the request was judged by.
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers_mut().insert(DATE, date.try_into().expect("a date is a header's value"));
        match late {
            Some(time) => Reply::Late(time, answer),
            None => Reply::Answer(answer),
        }
    }

    /// What the request gets if nothing is in its way.
    fn grant(&self, now: Timestamp, asked: &Asked) -> Result<Grant, Fault> {
        let Asked { parts, body, .. } = asked;
        // Who comes with the token of a web identity has no keys to sign with yet.
        if let Ok((Action::AssumeRoleWithWebIdentity, form)) = judgement::action(parts, body) {
            let assumed = role::assume(&lock(&self.roles), None, &form, now)?;
            return Ok(self.hand_out("AssumeRoleWithWebIdentity", assumed));
        }
        let caller = self.known.judge(judgement::STS, now, asked)?;
        let (action, form) = judgement::action(parts, body)?;
        match action {
            Action::GetCallerIdentity => Ok(Grant::Identity(caller)),
            Action::AssumeRole | Action::AssumeRoleWithWebIdentity => {
                let assumed = role::assume(&lock(&self.roles), Some(&caller), &form, now)?;
                Ok(self.hand_out("AssumeRole", assumed))
            }
        }
    }

    /// Knows the holder of a session from now on.
    fn hand_out(&self, action: &'static str, assumed: Assumed) -> Grant {
        self.known.know(assumed.principal.clone());
        Grant::Session(action, assumed)
    }
}

/// What a request is given.
enum Grant {
    /// Its caller's name.
    Identity(Principal),
    /// A session, by this action.
    Session(&'static str, Assumed),
}

impl Grant {
    /// Whom it speaks of.
    fn arn(&self) -> String {
        match self {
            Grant::Identity(principal) | Grant::Session(_, Assumed { principal, .. }) => principal.arn.clone(),
        }
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds a lock of the emulator")
}
