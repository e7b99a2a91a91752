//! An STS that answers `GetCallerIdentity` as strictly as the real one: over TLS, with every signature recomputed from the
//! bytes on the wire, for principals whose secrets, sessions and ARNs it knows.
//!
//! ```text
//! bytes ─tls─▶ request ─sigv4─▶ Claim ─judgement─▶ Principal or Fault ─answers─▶ JSON or XML
//! ```
//!
//! It runs on a thread of its own, so a test may be synchronous or not, and ends when it is dropped. Its clock and its behaviour
//! may be changed while it runs, and it remembers each request it saw.
//!
//! What differs from the service: it knows no sessions but the ones it was told of, and it refuses a few requests that the
//! service may let pass (see [`sigv4`]). It ignores `X-Amz-Expires`, as the service does: a presigned request is good for 15
//! minutes whatever it asks for.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use http::StatusCode;
use http::request::Parts;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

pub use answers::{Code, Fault};
pub use principal::{Principal, Session};

mod answers;
pub mod caller;
pub mod judgement;
mod principal;
mod serve;
pub mod sigv4;
mod tls;

/// A running emulator.
pub struct Sts {
    address: SocketAddr,
    ca: PathBuf,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
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
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;

        let home = TempDir::new()?;
        let ca = home.path().join("sts-ca.pem");
        let authority = tls::Authority::new();
        std::fs::write(&ca, authority.pem())?;

        let desk = Arc::new(Desk::new());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let desk = Arc::clone(&desk);
            move || serve::until(stopped, listener, authority, desk)
        });
        let sts = Sts { address, ca, desk, stop: Some(stop), thread: Some(thread), _home: home };
        principals.into_iter().for_each(|principal| sts.know(principal));
        Ok(sts)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The PEM file of the CA that signs its certificates.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca
    }

    /// Makes it know one more principal. One with the same access key id is replaced.
    pub fn know(&self, principal: Principal) {
        principal.remember();
        let mut principals = lock(&self.desk.principals);
        principals.retain(|known| known.access_key_id != principal.access_key_id);
        principals.push(principal);
    }

    /// Changes how it treats requests from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.desk.behaviour) = behaviour;
    }

    /// Changes what it takes for the time.
    pub fn set_clock(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) {
        *lock(&self.desk.clock) = Arc::new(clock);
    }

    /// Every request so far, in the order in which they were judged.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.desk.seen).clone()
    }

    /// How many connections were made so far, whether or not a request came over them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.desk.connections.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Sts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sts").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Sts {
    fn drop(&mut self) {
        // The thread may have ended before: nothing is left to stop then.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How the emulator treats a request once it has judged it.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// As STS does.
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
}

/// One request as it arrived, and what was made of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name that the TLS handshake asked for.
    pub server_name: String,
    /// Method, target, version and headers. Over HTTP/2 the host is in the target.
    pub parts: Parts,
    /// The body.
    pub body: Bytes,
    /// The ARN of whoever signed it correctly, or why it was refused. Says nothing of a [`Behaviour`] that hid the verdict.
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

    /// The query as it was on the wire.
    #[must_use]
    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }
}

/// What the connections share.
struct Desk {
    principals: Mutex<Vec<Principal>>,
    behaviour: Mutex<Behaviour>,
    clock: Mutex<Clock>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    allowance: Allowance,
}

/// What is left of a second's requests: it fills evenly, and holds one second's worth at most.
#[derive(Default)]
struct Allowance(Mutex<Option<(Instant, f64)>>);

impl Allowance {
    fn take(&self, per_second: u32) -> bool {
        let (now, most) = (Instant::now(), f64::from(per_second));
        let mut held = lock(&self.0);
        let left = held.map_or(most, |(then, left)| (left + most * (now - then).as_secs_f64()).min(most));
        let taken = left >= 1.0;
        *held = Some((now, if taken { left - 1.0 } else { left }));
        taken
    }
}

impl Desk {
    fn new() -> Desk {
        Desk {
            principals: Mutex::default(),
            behaviour: Mutex::new(Behaviour::Normal),
            clock: Mutex::new(Arc::new(Timestamp::now)),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            allowance: Allowance::default(),
        }
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds a lock of the emulator")
}
