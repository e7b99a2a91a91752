//! Everything at random, and what must hold all the same: `make chaos`.
//!
//! People ask all the time, forgers and strangers too, while one fault after the other happens: to STS, to the connections,
//! to the certificate, to the process itself. The order comes from a seed, which is printed; `CHAOS_SEED` runs it again, and
//! `CHAOS_SECONDS` says for how long. It ends with an error if ever
//!
//! - somebody was let in who must not be,
//! - somebody who may come in was refused (a 503 is no refusal),
//! - people were not let in again soon after a fault was over,
//! - memory grew beyond a bound.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::pairs::Operator;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{crowd, forger, plugin};
use http::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "chaos";
const CALLERS: u32 = 8;
/// How soon people must be let in again.
const RECOVERY: Duration = Duration::from_secs(10);
const MOST_MEMORY_KIB: u64 = 64 * 1024;

#[tokio::main]
async fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = || u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    let seed = number("CHAOS_SEED").unwrap_or_else(clock);
    let seconds = number("CHAOS_SECONDS").unwrap_or(600);
    println!("CHAOS_SEED={seed} CHAOS_SECONDS={seconds}\n");
    println!("| fault | let in | 503 | no connection | let in again after | memory |");
    println!("| --- | --- | --- | --- | --- | --- |");

    let mut scene = Scene::new();
    let over = Arc::new(AtomicBool::new(false));
    let tally = Arc::new(Tally::default());
    let mut people = scene.people(&tally, &over);
    let mut chance = Chance(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let fault = FAULTS[chance.below(FAULTS.len())];
        scene
            .suffer(fault, Duration::from_millis(500 + 100 * u64::try_from(chance.below(40)).unwrap_or_default()))
            .await;
        let took = scene.recover().await;
        let (allowed, unknown, unconnected) = tally.take();
        let memory = scene.server.peak_memory();
        println!("| {fault:?} | {allowed} | {unknown} | {unconnected} | {took:.1?} | {} MiB |", memory / 1024);
        assert!(memory < MOST_MEMORY_KIB, "memory grew to {memory} KiB");
        tally.violated();
    }
    over.store(true, Ordering::SeqCst);
    while let Some(ended) = people.join_next().await {
        ended.expect("whoever asks understands each answer");
    }
    tally.violated();
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Fault {
    StsCuts,
    StsCutsEverySecond,
    StsHangs,
    StsIsBroken,
    StsIsSlow,
    StsThrottles,
    StsTakesFew,
    CertificateChanges,
    FilesAreReadAgain,
    ConnectionsAreHeld,
    ConnectionsAreBusy,
    BodiesStop,
    ProcessIsReplaced,
    ProcessIsKilled,
}

const FAULTS: [Fault; 14] = [
    Fault::StsCuts,
    Fault::StsCutsEverySecond,
    Fault::StsHangs,
    Fault::StsIsBroken,
    Fault::StsIsSlow,
    Fault::StsThrottles,
    Fault::StsTakesFew,
    Fault::CertificateChanges,
    Fault::FilesAreReadAgain,
    Fault::ConnectionsAreHeld,
    Fault::ConnectionsAreBusy,
    Fault::BodiesStop,
    Fault::ProcessIsReplaced,
    Fault::ProcessIsKilled,
];

struct Scene {
    sts: Sts,
    operator: Operator,
    state: TempDir,
    server: Server,
    callers: Vec<Principal>,
    reviewer: Reviewer,
}

impl Scene {
    fn new() -> Scene {
        let caller = |n: u32| match n % 2 {
            0 => Principal::role_session(ACCOUNT, "worker", &format!("worker-{n}")),
            _ => Principal::user(ACCOUNT, &format!("user-{n}")),
        };
        let callers: Vec<_> = (0..CALLERS).map(caller).collect();
        let sts = Sts::start(callers.iter().cloned().chain([stranger()]));
        let (operator, state) = (Operator::new(), TempDir::new().expect("a folder can be made"));
        operator.put_pair(state.path());
        let server = start(&sts, state.path(), "0");
        let reviewer = server.reviewer();
        Scene { sts, operator, state, server, callers, reviewer }
    }

    /// Everybody who asks: those who may come in, and those who may not.
    fn people(&self, tally: &Arc<Tally>, over: &Arc<AtomicBool>) -> JoinSet<()> {
        let mut people = JoinSet::new();
        for caller in self.callers.clone() {
            let (reviewer, tally, over) = (self.reviewer.clone(), Arc::clone(tally), Arc::clone(over));
            people.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    let token = make_token(caller.clone()).await;
                    for _ in 0..20 {
                        tally.good(&ask(&reviewer, &token).await);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            });
        }
        let (reviewer, tally, over) = (self.reviewer.clone(), Arc::clone(tally), Arc::clone(over));
        people.spawn(async move {
            let unmapped = make_token(stranger()).await;
            let mut number = 0_u32;
            while !over.load(Ordering::SeqCst) {
                number += 1;
                let forged = forger::token(&format!("AKIA{number:0>16}"), "us-west-2");
                for token in [forged.as_str(), &unmapped, "k8s-aws-v1.AAAA", ""] {
                    tally.bad(&ask(&reviewer, token).await);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        people
    }

    /// Lets it happen, and last for so long.
    async fn suffer(&mut self, fault: Fault, time: Duration) {
        let (mut held, mut crowd) = (Vec::new(), JoinSet::new());
        match fault {
            Fault::StsCuts => self.sts.behave(Behaviour::CloseConnection),
            Fault::StsCutsEverySecond => self.sts.behave(Behaviour::EverySecond(Box::new(Behaviour::CloseConnection))),
            Fault::StsHangs => self.sts.behave(Behaviour::Hang),
            Fault::StsIsBroken => self.sts.behave(Behaviour::Status {
                code: StatusCode::INTERNAL_SERVER_ERROR,
                content_type: "text/plain".to_owned(),
                body: "oops".into(),
            }),
            Fault::StsIsSlow => self.sts.behave(Behaviour::After(Duration::from_secs(2))),
            Fault::StsThrottles => self.sts.behave(Behaviour::Throttle),
            Fault::StsTakesFew => self.sts.behave(Behaviour::AtMost { per_second: 20 }),
            Fault::CertificateChanges => self.operator.put_pair(self.state.path()),
            Fault::FilesAreReadAgain => self.server.hang_up(),
            Fault::ConnectionsAreHeld => {
                let address = self.server.address().to_owned();
                held.extend((0..100).filter_map(|_| std::net::TcpStream::connect(&address).ok()));
            }
            Fault::ConnectionsAreBusy => crowd = crowd::busy(&self.server, 600),
            Fault::BodiesStop => crowd = crowd::slow_bodies(&self.server, 2048, 60 * 1024).await,
            Fault::ProcessIsReplaced => {
                let new = start(&self.sts, self.state.path(), self.port());
                let mut old = std::mem::replace(&mut self.server, new);
                old.signal("TERM");
                let ended = tokio::task::block_in_place(|| old.ended_within(Duration::from_secs(40)));
                assert!(ended.is_some_and(|status| status.success()), "the old process ends well");
            }
            Fault::ProcessIsKilled => {
                self.server.signal("KILL");
                let _ = tokio::task::block_in_place(|| self.server.ended_within(Duration::from_secs(10)));
                self.server = start(&self.sts, self.state.path(), self.port());
            }
        }
        tokio::time::sleep(time).await;
        crowd.abort_all();
        self.sts.behave(Behaviour::Normal);
    }

    /// Waits until each caller is let in with a token that nobody has seen; says how long it took.
    async fn recover(&self) -> Duration {
        let begun = Instant::now();
        for caller in &self.callers {
            let token = make_token(caller.clone()).await;
            while !matches!(ask(&self.reviewer, &token).await, Ok(Answer::Allowed(_))) {
                assert!(begun.elapsed() < RECOVERY, "{} is not let in {RECOVERY:?} after the fault", caller.arn);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        begun.elapsed()
    }

    fn port(&self) -> &str {
        self.server.address().rsplit(':').next().unwrap_or_default()
    }
}

fn start(sts: &Sts, state: &Path, port: &str) -> Server {
    let config = format!(
        "clusterID: {CLUSTER}
server:
  mapRoles: [{{rolearn: 'arn:aws:iam::{ACCOUNT}:role/worker', username: 'worker:{{{{SessionName}}}}'}}]
  mapUsers: [{}]
",
        (0..CALLERS)
            .map(|n| format!("{{userarn: 'arn:aws:iam::{ACCOUNT}:user/user-{n}', username: user-{n}}}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let setup = Setup::new(&config).sts(sts).argument("--reuse-port").argument("--log-verbosity=info");
    let setup = setup.argument(format!("--state-dir={}", state.display())).argument(format!("--port={port}"));
    setup.start().expect("the webhook comes up")
}

/// Whom STS knows and no mapping names.
fn stranger() -> Principal {
    Principal::user(ACCOUNT, "stranger")
}

async fn make_token(who: Principal) -> String {
    let made = tokio::task::spawn_blocking(move || plugin::token(&who, CLUSTER, "us-west-2"));
    made.await.expect("the plugin makes a token")
}

/// The answer; none where there was no connection, or it broke off.
async fn ask(reviewer: &Reviewer, token: &str) -> anyhow::Result<Answer> {
    let body = review::body(ReviewVersion::V1, token).to_string();
    let response = reviewer.send(reviewer.request(body)).await?;
    Ok(Answer::read(ReviewVersion::V1, &response).expect("an API server understands the answer"))
}

/// What people were told since it was last asked.
#[derive(Default)]
struct Tally {
    allowed: AtomicU32,
    unknown: AtomicU32,
    unconnected: AtomicU32,
    violations: Mutex<Vec<String>>,
}

impl Tally {
    /// An answer to somebody who may come in.
    fn good(&self, answer: &anyhow::Result<Answer>) {
        let count = match answer {
            Ok(Answer::Allowed(_)) => &self.allowed,
            Ok(Answer::Failed { .. }) => &self.unknown,
            Ok(Answer::Refused(why)) => return self.violation(format!("somebody was refused: {why}")),
            Err(_) => &self.unconnected,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }

    /// An answer to somebody who may not.
    fn bad(&self, answer: &anyhow::Result<Answer>) {
        if let Ok(Answer::Allowed(user)) = answer {
            self.violation(format!("somebody was let in as {}", user.username));
        }
    }

    fn violation(&self, what: String) {
        self.violations.lock().expect("nothing panics while it is held").push(what);
    }

    fn take(&self) -> (u32, u32, u32) {
        let take = |count: &AtomicU32| count.swap(0, Ordering::SeqCst);
        (take(&self.allowed), take(&self.unknown), take(&self.unconnected))
    }

    fn violated(&self) {
        let violations = self.violations.lock().expect("nothing panics while it is held");
        assert!(violations.is_empty(), "{violations:?}");
    }
}

/// Numbers that look random and follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(most.max(1)).unwrap_or(1);
        usize::try_from((z ^ (z >> 31)) % most).unwrap_or_default()
    }
}
