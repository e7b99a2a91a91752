//! One fault after the other at full length, and what people see of it: `make faults`.
//!
//! While a fault lasts, somebody asks twice a second with a token that was let in before, and somebody else with one that nobody
//! has seen. The table says how many of them were let in, how many got a 503, how many no answer, and the longest that an
//! answer took; how soon after the end of the fault a new token was let in; and which metric shows it, by how much it grew.
//! `FAULT_SECONDS` makes all of it shorter. It ends with an error if anybody was refused, or a metric did not move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{crowd, forger, plugin};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "faults";
/// Tokens are made before the fault, so that making them does not take the machine away from it.
const PEOPLE: u32 = 300;

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
        ("10,000 idle connections", r#"http_connections_cut_total{lack="places""#, Fault::Idle),
        ("600 connections kept busy, made anew when cut", r#"http_connections_cut_total{lack="places""#, Fault::Busy),
        ("16,384 bodies that stop after 60 KiB", r#"http_connections_cut_total{lack="memory""#, Fault::SlowBodies),
    ];
    for (what, metric, fault) in rows {
        row(what, metric, fault, Duration::from_secs(seconds)).await;
    }
}

enum Fault {
    Sts(Behaviour),
    HangAndFlood,
    Idle,
    Busy,
    SlowBodies,
}

async fn row(what: &str, metric: &str, fault: Fault, time: Duration) {
    let people: Vec<_> =
        (0..PEOPLE).map(|n| Principal::role_session(ACCOUNT, "worker", &format!("worker-{n}"))).collect();
    let sts = Sts::start(people.clone());
    let server = Setup::new(&format!("clusterID: {CLUSTER}\nserver: {{mapAccounts: ['{ACCOUNT}']}}"))
        .sts(&sts)
        .argument("--log-verbosity=info")
        .start()
        .expect("the webhook comes up");
    let reviewer = server.reviewer();
    let mut tokens = people.iter().map(|who| plugin::token(who, CLUSTER, "us-west-2"));
    let known = tokens.next().expect("a token");
    assert!(matches!(ask(&reviewer, &known).await, Ok(Answer::Allowed(_))), "{what}");
    let tokens: Vec<_> = tokens.collect();
    let mut tokens = tokens.into_iter();
    let before = value(&reviewer, metric).await;

    let mut crowd = begin(&fault, &sts, &server).await;
    let (old, new) = (Arc::<Tally>::default(), Arc::<Tally>::default());
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    while begun.elapsed() < time {
        asking.spawn(Arc::clone(&old).note(reviewer.clone(), known.clone()));
        asking.spawn(Arc::clone(&new).note(reviewer.clone(), tokens.next().expect("tokens for as long")));
        // One who comes anew each time, as an API server that was restarted.
        if matches!(fault, Fault::Idle | Fault::Busy | Fault::SlowBodies) {
            asking.spawn(Arc::clone(&new).note(server.reviewer(), known.clone()));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    crowd.abort_all();
    sts.behave(Behaviour::Normal);
    let ended = Instant::now();
    let back = back(&reviewer, &mut tokens, ended).await;
    asking.join_all().await;
    let grown = value(&reviewer, metric).await - before;
    println!(
        "| {what} | {} s | {old} | {new} | {:.1?} | {back:.1?} | `{metric}}}` +{grown:.0} | {} MiB |",
        time.as_secs(),
        old.longest().max(new.longest()),
        server.peak_memory() / 1024
    );
    assert!(grown > 0.0, "{metric} does not show it");
    assert_eq!(old.refused.load(Ordering::SeqCst) + new.refused.load(Ordering::SeqCst), 0, "somebody was refused");
}

/// Lets it happen; what is returned goes on with it.
async fn begin(fault: &Fault, sts: &Sts, server: &Server) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    match fault {
        Fault::Sts(behaviour) => sts.behave(behaviour.clone()),
        Fault::HangAndFlood => {
            sts.behave(Behaviour::Hang);
            let reviewer = server.reviewer();
            crowd.spawn(async move {
                let mut asking = JoinSet::new();
                for number in 0.. {
                    let (reviewer, token) =
                        (reviewer.clone(), forger::token(&format!("AKIA{number:0>16}"), "us-west-2"));
                    asking.spawn(async move { ask(&reviewer, &token).await.is_ok() });
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        Fault::Idle => {
            let address = server.address().to_owned();
            crowd.spawn(async move {
                let mut idle = Vec::new();
                while idle.len() < 10_000 {
                    idle.extend(TcpStream::connect(&address).await);
                }
                std::future::pending::<()>().await;
            });
        }
        Fault::Busy => crowd = crowd::busy(server, 600),
        Fault::SlowBodies => {
            for _ in 0..8 {
                let mut bodies = crowd::slow_bodies(server, 2048, 60 * 1024).await;
                crowd.spawn(async move { while bodies.join_next().await.is_some() {} });
            }
        }
    }
    crowd
}

/// How long after that a token is let in that nobody has seen: ten are tried a second.
async fn back(reviewer: &Reviewer, tokens: &mut impl Iterator<Item = String>, ended: Instant) -> Duration {
    let mut asking = JoinSet::new();
    loop {
        let (reviewer, token) = (reviewer.clone(), tokens.next().expect("somebody gets in at last"));
        asking.spawn(async move { matches!(ask(&reviewer, &token).await, Ok(Answer::Allowed(_))) });
        if let Ok(Some(Ok(true))) = tokio::time::timeout(Duration::from_millis(100), asking.join_next()).await {
            return ended.elapsed();
        }
    }
}

/// The answer; none where there was no connection, or it broke off.
async fn ask(reviewer: &Reviewer, token: &str) -> anyhow::Result<Answer> {
    let body = review::body(ReviewVersion::V1, token).to_string();
    let response = reviewer.send(reviewer.request(body)).await?;
    Ok(Answer::read(ReviewVersion::V1, &response).expect("an API server understands the answer"))
}

/// The sum of all samples whose name, and first labels, are these.
async fn value(reviewer: &Reviewer, metric: &str) -> f64 {
    let url = reviewer.url().replace("/authenticate", "/metrics");
    let response = reviewer.send(Request::get(url).body(Full::default()).expect("a request")).await.expect("an answer");
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let rows = text.lines().filter(|line| line.starts_with(&format!("authenticator_server_{metric}")));
    rows.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
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
