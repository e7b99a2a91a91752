//! One fault after the other at full length, and what people see of it: `make faults`.
//!
//! While a fault lasts, somebody asks twice a second with a token that was let in before, and somebody else with one that nobody
//! has seen. The table says how many of them were let in, how many got a 503, how many no answer, and the longest that an
//! answer took; how soon after the end of the fault a new token was let in; which metric shows it, by how much it grew; and how
//! much memory it took. `FAULT_SECONDS` makes all of it shorter, but for what takes its time; `FAULT` is a part of the names of those
//! that shall happen. It ends with an error if anybody was refused or nobody let in again
//! soon, if a metric did not move, or memory grew beyond its bound; and under load if a known token was not let in every time.
//! `FAULT_BESIDE` names another version of the webhook's program: each row comes twice then, first with that one, of which nothing
//! is demanded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::pairs::Operator;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{crowd, forger, plugin};
use http::StatusCode;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "faults";
/// Tokens are made before the fault, so that making them does not take the machine away from it.
const PEOPLE: u32 = 300;
/// How soon after a fault a new token must be let in.
const RECOVERY: Duration = Duration::from_secs(3);
const MOST_MEMORY_KIB: u64 = 40 * 1024;
/// Under load; `deploy/` limits it to twice that.
const MOST_MEMORY_UNDER_LOAD_KIB: u64 = 64 * 1024;
/// Of a token: the most that is taken.
const LARGE: usize = 16_000;
const SMALL: usize = 900;

#[tokio::main]
async fn main() {
    let seconds = std::env::var("FAULT_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    println!("| fault | for | known token | new token | longest answer | back after | metric | memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let sts = |what, behaviour, metric| (what, metric, Fault::Sts(behaviour));
    let broken = Behaviour::Status {
        code: StatusCode::INTERNAL_SERVER_ERROR,
        content_type: "text/plain".to_owned(),
        body: "oops".into(),
    };
    let rows = [
        sts("STS cuts each connection", Behaviour::CloseConnection, r#"sts_answers_total{code="sts.unreachable""#),
        sts("STS never answers", Behaviour::Hang, r#"sts_answers_total{code="sts.timed_out""#),
        (
            "STS never answers, and 50 forged tokens a second",
            r#"sts_answers_total{code="sts.timed_out""#,
            Fault::HangAndFlood,
        ),
        sts("STS throttles", Behaviour::Throttle, r#"sts_answers_total{code="sts.throttled""#),
        sts("STS answers 500", broken, r#"sts_answers_total{code="sts.status""#),
        sts("STS answers after 5 s", Behaviour::After(Duration::from_secs(5)), "sts_latency_seconds_sum{"),
        sts(
            "STS cuts every second call",
            Behaviour::EverySecond(Box::new(Behaviour::CloseConnection)),
            r#"sts_answers_total{code="sts.unreachable""#,
        ),
        ("10,000 idle connections", r#"http_connections_cut_total{lack="places""#, Fault::Idle(10_000, Vec::new())),
        (
            "10,000 connections that stop amid a TLS handshake",
            r#"http_connections_cut_total{lack="places""#,
            Fault::Idle(10_000, HALF_A_HELLO.to_vec()),
        ),
        (
            "511 ClientHellos of 64 KB that stop before their end",
            r#"http_connections_cut_total{lack="handshake""#,
            Fault::Idle(511, half_of_64_kib()),
        ),
        ("600 connections kept busy, made anew when cut", r#"http_connections_cut_total{lack="places""#, Fault::Busy),
        ("16,384 bodies that stop after 60 KiB", r#"http_connections_cut_total{lack="memory""#, Fault::SlowBodies),
        ("100,000 forged tokens, 64 at a time", r#"decisions_total{outcome="deny""#, Fault::Forged),
        (
            "400 forged tokens of 16 KB a second, STS takes 150 calls a second",
            SHED,
            Fault::Flood(400, LARGE, Behaviour::AtMost { per_second: 150 }),
        ),
        (
            "1,000 forged tokens of 16 KB a second, STS takes 300 calls a second",
            SHED,
            Fault::Flood(1000, LARGE, Behaviour::AtMost { per_second: 300 }),
        ),
        (
            "1,000 forged tokens of 16 KB a second, STS answers after 100 ms",
            SHED,
            Fault::Flood(1000, LARGE, Behaviour::After(Duration::from_millis(100))),
        ),
        (
            "800 forged tokens a second, STS answers after 300 ms",
            SHED,
            Fault::Flood(800, SMALL, Behaviour::After(Duration::from_millis(300))),
        ),
        (
            "40,000 forged tokens of 16 KB whose senders hang up after 60 ms, STS answers after 300 ms",
            "shield_answers_total{from=\"asked\"",
            Fault::HangingUp,
        ),
        (
            "70 forged tokens a second of a region whose STS never answers",
            r#"shield_shed_total{full="host""#,
            Fault::DeadRegion(70),
        ),
        (
            "120 forged tokens a second of a region whose STS never answers",
            r#"shield_shed_total{full="host""#,
            Fault::DeadRegion(120),
        ),
        (
            "500 tokens a second that are none, and nobody reads the log",
            r#"log_lost_total{why="queue_full""#,
            Fault::UnreadLog,
        ),
        ("another certificate on disk each second", r#"certificate_reloads_total{result="taken""#, Fault::Certificates),
        ("the process is killed and started again", "process_start_time_seconds", Fault::Killed),
    ];
    let wanted = std::env::var("FAULT").unwrap_or_default();
    let beside = std::env::var_os("FAULT_BESIDE").map(PathBuf::from);
    for (what, metric, fault) in rows.into_iter().filter(|(what, ..)| what.contains(&wanted)) {
        if beside.is_some() {
            row(&format!("{what} (beside)"), metric, &fault, Duration::from_secs(seconds), beside.clone()).await;
        }
        row(what, metric, &fault, Duration::from_secs(seconds), None).await;
    }
}

/// Unknown callers for which there was no room.
const SHED: &str = r#"shield_shed_total{full="unknown""#;

enum Fault {
    Sts(Behaviour),
    HangAndFlood,
    /// So many connections that send this and nothing more.
    Idle(u32, Vec<u8>),
    /// So many forged tokens a second, of this size, over the connection of those who are known.
    Flood(u32, usize, Behaviour),
    HangingUp,
    /// So many forged tokens a second of a region that never answers.
    DeadRegion(u32),
    /// The pipe of the log is full.
    UnreadLog,
    Busy,
    SlowBodies,
    Forged,
    Certificates,
    Killed,
}

/// The head of a TLS record of 512 bytes, and of the ClientHello in it.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// As much of a ClientHello of 65,000 bytes, in records of 16 KiB.
fn half_of_64_kib() -> Vec<u8> {
    let hello = [&[1, 0, 0xfd, 0xe8, 3, 3][..], &[7; 65_530]].concat();
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("a record is smaller").to_be_bytes();
        [&[22, 3, 1][..], &length, part].concat()
    };
    hello.chunks(16_384).flat_map(record).take(64_000).collect()
}

async fn row(what: &str, metric: &str, fault: &Fault, time: Duration, beside: Option<PathBuf>) {
    let is_beside = beside.is_some();
    let people: Vec<_> =
        (0..PEOPLE).map(|n| Principal::role_session(ACCOUNT, "worker", &format!("worker-{n}"))).collect();
    let mut scene = Scene::new(people.clone(), beside, matches!(fault, Fault::UnreadLog));
    let reviewer = scene.server.reviewer();
    let mut tokens = people.iter().map(|who| plugin::token(who, CLUSTER, "us-west-2"));
    let known = tokens.next().expect("a token");
    assert!(matches!(ask(&reviewer, &known).await, Ok(Answer::Allowed(_))), "{what}");
    let tokens: Vec<_> = tokens.collect();
    let mut tokens = tokens.into_iter();
    let before = Numbers::read(&reviewer).await;

    let (old, new) = (Arc::<Tally>::default(), Arc::<Tally>::default());
    let begun = Instant::now();
    let mut crowd = scene.begin(fault, &reviewer, &old, &known).await;
    let mut asking = JoinSet::new();
    while !is_over(fault, &mut crowd, begun, time) {
        asking.spawn(Arc::clone(&old).note(reviewer.clone(), known.clone()));
        asking.spawn(Arc::clone(&new).note(reviewer.clone(), tokens.next().expect("tokens for as long")));
        // One who comes anew each time, as an API server that was restarted.
        if matches!(fault, Fault::Idle(..) | Fault::Busy | Fault::SlowBodies) {
            asking.spawn(Arc::clone(&new).note(scene.server.reviewer(), known.clone()));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    crowd.abort_all();
    scene.end();
    let ended = Instant::now();
    let back = back(&reviewer, &mut tokens, ended).await;
    asking.join_all().await;
    let after = Numbers::read(&reviewer).await;
    let grown = after.sum(metric) - before.sum(metric);
    let memory = scene.server.peak_memory();
    println!(
        "| {what} | {:.0?} | {old} | {new} | {:.1?} | {back:.1?} | `{metric}}}` +{grown:.0} | {} MiB |",
        ended - begun,
        old.longest().max(new.longest()),
        memory / 1024
    );
    if is_beside {
        return;
    }
    if let Fault::DeadRegion(_) = fault {
        assert_eq!(new.unknown.load(Ordering::SeqCst), 0, "a first-time caller of the healthy region was not let in");
    }
    if let Fault::Flood(..) | Fault::HangingUp | Fault::DeadRegion(_) | Fault::UnreadLog = fault {
        let [unknown, unconnected] = [&old.unknown, &old.unconnected].map(|count| count.load(Ordering::SeqCst));
        assert_eq!((unknown, unconnected), (0, 0), "a known token was not let in");
        assert!(memory < MOST_MEMORY_UNDER_LOAD_KIB, "memory grew to {memory} KiB");
    } else {
        assert!(memory < MOST_MEMORY_KIB, "memory grew to {memory} KiB");
    }
    assert!(grown > 0.0, "{metric} does not show it");
    assert!(after.count() < before.count() + 100, "there are {} numbers, {} before", after.count(), before.count());
    assert_eq!(old.refused.load(Ordering::SeqCst) + new.refused.load(Ordering::SeqCst), 0, "somebody was refused");
    assert!(back < RECOVERY, "nobody is let in {RECOVERY:?} after it");
}

fn is_over(fault: &Fault, crowd: &mut JoinSet<()>, begun: Instant, time: Duration) -> bool {
    match fault {
        Fault::Forged | Fault::HangingUp => {
            while crowd.try_join_next().is_some() {}
            crowd.is_empty()
        }
        _ => begun.elapsed() >= time,
    }
}

/// A webhook whose certificate is an operator's, and STS.
struct Scene {
    sts: Sts,
    operator: Arc<Operator>,
    state: TempDir,
    program: Option<PathBuf>,
    server: Server,
}

impl Scene {
    fn new(people: Vec<Principal>, program: Option<PathBuf>, is_log_unread: bool) -> Scene {
        let (sts, operator) = (Sts::start(people), Arc::new(Operator::new()));
        let state = TempDir::new().expect("a folder can be made");
        operator.put_pair(state.path());
        let wrapper = if is_log_unread { &["bash", "-c", UNREAD][..] } else { &[] };
        let server = Scene::start(&sts, &state, program.clone(), "0", wrapper);
        Scene { sts, operator, state, program, server }
    }

    /// Ends what was begun, as far as it is not the crowd's.
    fn end(&self) {
        self.sts.behave(Behaviour::Normal);
        self.sts.behave_at(DEAD_HOST, Behaviour::Normal);
        std::fs::write(self.server.folder().join("read-on"), "").expect("the server's folder is there");
    }

    fn start(sts: &Sts, state: &TempDir, program: Option<PathBuf>, port: &str, wrapper: &[&str]) -> Server {
        Setup::new(&format!("clusterID: {CLUSTER}\nserver: {{mapAccounts: ['{ACCOUNT}']}}"))
            .sts(sts)
            .argument("--log-verbosity=info")
            .argument(format!("--state-dir={}", state.path().display()))
            .argument(format!("--port={port}"))
            .program(program)
            .wrapped_in(wrapper)
            .start()
            .expect("the webhook comes up")
    }

    /// Lets it happen; what is returned goes on with it.
    async fn begin(&mut self, fault: &Fault, reviewer: &Reviewer, old: &Arc<Tally>, known: &str) -> JoinSet<()> {
        let mut crowd = JoinSet::new();
        match fault {
            Fault::Sts(behaviour) => self.sts.behave(behaviour.clone()),
            Fault::HangAndFlood => {
                self.sts.behave(Behaviour::Hang);
                crowd.spawn(flood(self.server.reviewer(), 50, |n| forged(n, "us-west-2", SMALL)));
            }
            Fault::Idle(connections, hello) => {
                let (address, connections, hello) = (self.server.address().to_owned(), *connections, hello.clone());
                crowd.spawn(async move {
                    let mut idle = Vec::new();
                    for _ in 0..connections {
                        let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
                        // It may have had to give way.
                        let _ = stream.write_all(&hello).await;
                        idle.push(stream);
                    }
                    std::future::pending::<()>().await;
                });
            }
            Fault::Flood(per_second, bytes, behaviour) => {
                self.sts.behave(behaviour.clone());
                let bytes = *bytes;
                crowd.spawn(flood(reviewer.clone(), *per_second, move |n| forged(n, "us-west-2", bytes)));
            }
            Fault::DeadRegion(per_second) => {
                self.sts.behave_at(DEAD_HOST, Behaviour::Hang);
                crowd.spawn(flood(reviewer.clone(), *per_second, |n| forged(n, "eu-west-1", SMALL)));
            }
            Fault::UnreadLog => {
                crowd.spawn(flood(reviewer.clone(), 500, |number| format!("k8s-aws-v1.{number}")));
            }
            Fault::HangingUp => {
                self.sts.behave(Behaviour::After(Duration::from_millis(300)));
                crowd = crowd::hanging_up(&self.server, 40_000, LARGE, Duration::from_millis(60)).await;
            }
            Fault::Busy => crowd = crowd::busy(&self.server, 600),
            Fault::SlowBodies => {
                for _ in 0..8 {
                    let mut bodies = crowd::slow_bodies(&self.server, 2048, 60 * 1024).await;
                    crowd.spawn(async move { while bodies.join_next().await.is_some() {} });
                }
            }
            Fault::Forged => {
                let numbers = Arc::new(AtomicU32::new(0));
                for _ in 0..64 {
                    let (reviewer, numbers) = (self.server.reviewer(), Arc::clone(&numbers));
                    crowd.spawn(async move {
                        while let number @ ..100_000 = numbers.fetch_add(1, Ordering::SeqCst) {
                            let token = forger::token(&format!("AKIA{number:0>16}"), "us-west-2");
                            let _ = ask(&reviewer, &token).await;
                        }
                    });
                }
            }
            Fault::Certificates => {
                let (operator, folder) = (Arc::clone(&self.operator), self.state.path().to_owned());
                crowd.spawn(async move {
                    loop {
                        operator.put_pair(&folder);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                });
            }
            Fault::Killed => {
                let (old, reviewer, known) = (Arc::clone(old), self.server.reviewer(), known.to_owned());
                crowd.spawn(async move {
                    loop {
                        Arc::clone(&old).note(reviewer.clone(), known.clone()).await;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                });
                self.server.signal("KILL");
                let port = self.server.address().rsplit(':').next().unwrap_or_default().to_owned();
                tokio::task::block_in_place(|| {
                    let _ = self.server.ended_within(Duration::from_secs(10));
                    self.server = Scene::start(&self.sts, &self.state, self.program.clone(), &port, &[]);
                });
            }
        }
        crowd
    }
}

/// The collector of a log, alive and stuck once the webhook listens, until a file says that it may read on.
const UNREAD: &str = r#"exec "$0" "$@" 2> >(sed -u '/"listening"/q'; until [ -e read-on ] || ! kill -0 $$ 2>/dev/null; do sleep 0.05; done; exec cat)"#;

const DEAD_HOST: &str = "sts.eu-west-1.amazonaws.com";

fn forged(number: u32, region: &str, bytes: usize) -> String {
    forger::large_token(&format!("AKIA{number:0>16}"), region, bytes)
}

/// So many of these tokens a second.
async fn flood(reviewer: Reviewer, per_second: u32, token: impl Fn(u32) -> String) {
    let (mut asking, begun) = (JoinSet::new(), Instant::now());
    for number in 0_u32.. {
        let token = token(number);
        let reviewer = reviewer.clone();
        asking.spawn(async move { ask(&reviewer, &token).await.is_ok() });
        while asking.try_join_next().is_some() {}
        tokio::time::sleep_until((begun + Duration::from_secs(1) / per_second * number).into()).await;
    }
}

/// How long after that a token is let in that nobody has seen: ten are tried a second.
async fn back(reviewer: &Reviewer, tokens: &mut impl Iterator<Item = String>, ended: Instant) -> Duration {
    let mut asking = JoinSet::new();
    loop {
        let (reviewer, token) = (reviewer.clone(), tokens.next().expect("somebody gets in at last"));
        asking.spawn(async move { matches!(ask(&reviewer, &token).await, Ok(Answer::Allowed(_))) });
        let next = tokio::time::Instant::now() + Duration::from_millis(100);
        while let Ok(Some(is_let_in)) = tokio::time::timeout_at(next, asking.join_next()).await {
            if is_let_in.is_ok_and(|is_let_in| is_let_in) {
                return ended.elapsed();
            }
        }
        // A 503 may come at once.
        tokio::time::sleep_until(next).await;
    }
}

/// The answer; none where there was no connection, or it broke off.
async fn ask(reviewer: &Reviewer, token: &str) -> anyhow::Result<Answer> {
    let body = review::body(ReviewVersion::V1, token).to_string();
    let response = reviewer.send(reviewer.request(body)).await?;
    Ok(Answer::read(ReviewVersion::V1, &response).expect("an API server understands the answer"))
}

/// What somebody was told.
#[derive(Default)]
struct Tally {
    allowed: AtomicU32,
    unknown: AtomicU32,
    unconnected: AtomicU32,
    refused: AtomicU32,
    longest: AtomicU64,
}

impl Tally {
    async fn note(self: Arc<Self>, reviewer: Reviewer, token: String) {
        let begun = Instant::now();
        let count = match ask(&reviewer, &token).await {
            Ok(Answer::Allowed(_)) => &self.allowed,
            Ok(Answer::Failed { .. }) => &self.unknown,
            Ok(Answer::Refused(_)) => &self.refused,
            Err(_) => &self.unconnected,
        };
        count.fetch_add(1, Ordering::SeqCst);
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.longest.fetch_max(took, Ordering::SeqCst);
    }

    fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Ordering::SeqCst))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [allowed, unknown, unconnected, refused] =
            [&self.allowed, &self.unknown, &self.unconnected, &self.refused].map(|count| count.load(Ordering::SeqCst));
        write!(formatter, "{allowed} in")?;
        for (number, what) in [(unknown, "503"), (unconnected, "cut"), (refused, "refused")] {
            if number > 0 {
                write!(formatter, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}
