use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::pairs::Operator;
use authenticator_tests::support::patience::{LIMIT, eventually};
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Sts};
use http::StatusCode;
use rcgen::KeyPair;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::people::{self, CLUSTER, alice};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_exchanged_under_load_and_no_request_fails() {
    let (folder, ca) = (TempDir::new().unwrap(), Operator::new());
    ca.put_pair(folder.path());
    let sts = Sts::start([alice()]);
    let server = Setup::new(&people::config("aws")).sts(&sts).argument(state_dir(folder.path())).start().unwrap();
    let load = Load::begin(server.reviewer(), token());
    ca.put_pair(folder.path());
    server.says("the certificate on disk is another: using it");
    load.until_answered(20);
    // Whoever connects now is shown the other; the key alone is half of a pair, and changes nothing.
    assert!(matches!(ask(&server.reviewer(), &token()).await, Answer::Allowed(_)));
    std::fs::write(folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    server.says("the certificate on disk cannot be used: going on with the one in memory");
    assert!(matches!(ask(&server.reviewer(), &token()).await, Answer::Allowed(_)));
    let numbers = Numbers::read(&server.reviewer()).await;
    let reloads = |result| numbers.sum(&format!("certificate_reloads_total{{result=\"{result}\"}}"));
    assert_eq!([reloads("taken"), reloads("kept")], [1.0, 1.0]);
    load.until_answered(20);
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_is_not_ready_answers_what_it_was_asked_and_ends_well() {
    let sts = Sts::start([alice(), people::bob()]);
    let mut server = Server::start(&people::config("aws"), &sts);
    let (status, text) = get(&server, "/readyz?verbose");
    assert_eq!(status, 200);
    for check in ["[+]sources ok", "[+]certificate ok", "[+]sts ok", "readyz check passed"] {
        assert!(text.contains(check), "{text}");
    }
    let load = Load::begin(server.reviewer(), token());
    load.until_answered(20);
    // It ends no sooner than this one is answered.
    sts.behave(Behaviour::After(Duration::from_secs(2)));
    let (reviewer, slow) = (server.reviewer(), plugin::token(&people::bob(), CLUSTER, "us-west-2"));
    let slow = tokio::spawn(async move { ask(&reviewer, &slow).await });
    while Numbers::read(&server.reviewer()).await.sum("shield_flights") < 1.0 {}
    server.signal("TERM");
    eventually("it is not ready", || get(&server, "/readyz").0 == 503);
    assert!(matches!(slow.await.unwrap(), Answer::Allowed(_)));
    let ended = server.ended_within(LIMIT).expect("it ends");
    assert!(ended.success(), "{ended}");
    let failed = load.end().await;
    // What could not be sent any more failed to connect; what had been sent was answered.
    assert!(failed.iter().all(|error| error.contains("connect")), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_takes_the_port_over_and_no_request_fails() {
    let (folder, sts) = (TempDir::new().unwrap(), Sts::start([alice()]));
    Operator::new().put_pair(folder.path());
    let start = |port: &str| {
        let setup =
            Setup::new(&people::config("aws")).sts(&sts).argument("--reuse-port").argument(state_dir(folder.path()));
        setup.argument(format!("--port={port}")).start().unwrap()
    };
    let mut old = start("0");
    let load = Load::begin(old.reviewer(), token());
    load.until_answered(20);
    let port = old.address().rsplit(':').next().unwrap().to_owned();
    let new = start(&port);
    assert_eq!(new.address(), old.address());
    load.until_answered(20);
    old.signal("TERM");
    assert!(old.ended_within(LIMIT).expect("it ends").success());
    load.until_answered(20);
    assert_eq!(load.end().await, Vec::<String>::new());
    assert!(matches!(ask(&new.reviewer(), &token()).await, Answer::Allowed(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_and_slow_connections_beyond_the_limit_do_not_keep_the_api_server_out() {
    let sts = Sts::start([alice()]);
    let server = Setup::new(&people::config("aws")).sts(&sts).argument("--max-connections=8").start().unwrap();
    let (api_server, token) = (server.reviewer(), token());
    assert!(matches!(ask(&api_server, &token).await, Answer::Allowed(_)));
    let slow: Vec<_> = (0..20)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            if number % 2 == 0 {
                // The beginning of a handshake that never goes on.
                stream.write_all(&[0x16, 0x03, 0x01]).unwrap();
            }
            stream
        })
        .collect();
    // Its connection is there already; one that comes anew waits for theirs to be ended.
    assert!(matches!(ask(&api_server, &token).await, Answer::Allowed(_)));
    assert!(matches!(ask(&server.reviewer(), &token).await, Answer::Allowed(_)));
    drop(slow);
}

#[tokio::test]
async fn a_body_without_end_is_refused_before_it_is_read() {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    let reviewer = server.reviewer();
    for _ in 0..16 {
        let response = reviewer.send(reviewer.request(vec![b' '; 8 << 20])).await;
        // It may be answered, or its connection ended while it is still being sent.
        assert!(response.is_err() || response.is_ok_and(|response| response.status() == StatusCode::PAYLOAD_TOO_LARGE));
    }
    assert!(matches!(ask(&server.reviewer(), &token()).await, Answer::Allowed(_)));
    assert!(server.peak_memory() < 40 * 1024, "{} KiB", server.peak_memory());
}

/// Somebody who asks all the time over new connections and old ones, and notes what went wrong.
struct Load {
    answered: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    tasks: JoinSet<Vec<String>>,
}

impl Load {
    fn begin(reviewer: Reviewer, token: String) -> Load {
        let (answered, over, mut tasks) = (Arc::default(), Arc::<AtomicBool>::default(), JoinSet::new());
        for _ in 0..4 {
            let (reviewer, token, answered, over) =
                (reviewer.clone(), token.clone(), Arc::<AtomicUsize>::clone(&answered), Arc::clone(&over));
            tasks.spawn(async move {
                let mut failed = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    let request = reviewer.request(review::body(ReviewVersion::V1, &token).to_string());
                    match reviewer.send(request).await {
                        Ok(response) if response.status() == StatusCode::OK => {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(response) => failed.push(format!("{response:?}")),
                        Err(error) if was_not_looked_at(&format!("{error:#}")) => {}
                        Err(error) => {
                            failed.push(format!("{error:#}"));
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                failed
            });
        }
        Load { answered, over, tasks }
    }

    /// Waits until so many more were answered.
    fn until_answered(&self, more: usize) {
        let goal = self.answered.load(Ordering::SeqCst) + more;
        tokio::task::block_in_place(|| eventually("it is answered", || self.answered.load(Ordering::SeqCst) >= goal));
    }

    /// Stops asking; says what failed.
    async fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await.concat()
    }
}

/// The request met the server's leave (GOAWAY without an error): it was not looked at, and the API server's client sends it again over
/// another connection (RFC 9113, section 6.8). Ours leaves that to whoever asks.
fn was_not_looked_at(error: &str) -> bool {
    error.ends_with("http2 error: connection error received: not a result of an error")
}

fn state_dir(folder: &Path) -> String {
    format!("--state-dir={}", folder.display())
}

/// Status and body of the health endpoint.
pub(crate) fn get(server: &Server, path: &str) -> (u16, String) {
    use std::io::Read as _;
    let mut stream = TcpStream::connect(server.health()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer)
}

fn token() -> String {
    plugin::token(&alice(), CLUSTER, "us-west-2")
}

async fn ask(reviewer: &Reviewer, token: &str) -> Answer {
    reviewer.review(ReviewVersion::V1, token).await
}
