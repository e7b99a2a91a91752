//! How long the main job takes, as a table: `make bench`.
//!
//! Medians, and ratios to something that was measured in the same run, in turn: the machine's own speed drops out of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::peer::Peer;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Role, Sts};
use authenticator_tests::support::wire::Entrance;
use authenticator_tests::support::{load, plugin, programs, proxy};

const STARTS: usize = 300;
const CALLERS: usize = 200;
const REVIEWS: usize = 5000;
const CONNECTIONS: usize = 32;
const MAPPINGS: usize = 3000;
const FRESH: usize = 2048;
const KNOWN: usize = 32_000;
const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "bench";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [_bare, state_dir, answer] = &arguments[..] {
        load::answer_barely(Path::new(state_dir), answer.clone().into());
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(latencies());
    println!("\n| what | bare hyper and rustls | webhook | Go program |");
    println!("| --- | --- | --- | --- |");
    runtime.block_on(async { tokio::task::block_in_place(loads) });
}

async fn latencies() {
    let (nothing, starts) = starts();
    println!("| what | median | ratio |");
    println!("| --- | --- | --- |");
    row("start and end of `true`", nothing, nothing);
    for (what, start) in starts {
        row(&format!("authenticator-client token, {what}"), start, nothing);
    }

    let callers: Vec<Principal> = (0..CALLERS).map(|n| Principal::user(ACCOUNT, &format!("user-{n}"))).collect();
    let sts = Sts::start(callers.clone());
    let server = Setup::new(&format!("clusterID: {CLUSTER}\nserver: {{mapAccounts: ['{ACCOUNT}']}}"))
        .sts(&sts)
        .argument("--log-verbosity=info")
        .start()
        .expect("the webhook comes up");
    let reviewer = server.reviewer();
    let tokens: Vec<String> = callers.iter().map(|caller| plugin::token(caller, CLUSTER, "us-west-2")).collect();

    // The first review also makes the connections.
    timed(&reviewer, &tokens[0]).await;
    let mut fresh = Vec::new();
    for token in &tokens[1..] {
        fresh.push(timed(&reviewer, token).await);
    }
    let mut known = Vec::new();
    for _ in 0..REVIEWS {
        known.push(timed(&reviewer, &tokens[0]).await);
    }
    let (fresh, known) = (median(fresh), median(known));
    row("TokenReview of a token seen a moment ago", known, known);
    row("TokenReview of a new token, STS emulator included", fresh, known);
    println!(
        "\n{CALLERS} callers, {REVIEWS} reviews one after the other on one connection; STS was asked {} times",
        sts.seen().len()
    );
}

/// How many questions each of the three answers, and what that costs it.
fn loads() {
    let callers: Vec<Principal> = (0..FRESH).map(|n| Principal::user(ACCOUNT, &format!("user-{n}"))).collect();
    let sts = Sts::start(callers.clone());
    sts.behave(Behaviour::After(Duration::from_millis(5)));
    let mapping =
        |n| format!("    - {{userarn: 'arn:aws:iam::{ACCOUNT}:user/user-{n}', username: user-{n}, groups: [dev]}}\n");
    let config =
        format!("clusterID: {CLUSTER}\nserver:\n  mapUsers:\n{}", (0..MAPPINGS).map(mapping).collect::<String>());
    let server = Setup::new(&config).sts(&sts).argument("--log-verbosity=info").start().expect("the webhook comes up");
    let peer = Peer::start(&config, &server, &sts);
    if let Err(error) = &peer {
        eprintln!("without the Go program: {error:#}");
    }
    let peer = peer.ok();
    let bodies: Vec<_> = callers.iter().map(|caller| question(&plugin::token(caller, CLUSTER, "us-west-2"))).collect();

    let answer =
        r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"user":{}}}"#;
    let barely = Bare::start(&server, &format!("{answer:<700}"));
    let ours = (server.entrance(), server.id());
    let theirs = peer.as_ref().map(|peer| (peer.entrance(&server), peer.id()));
    let bare = (barely.entrance(&server), barely.child.id());
    let all = [Some(&bare), Some(&ours), theirs.as_ref()];

    // Fresh tokens first: afterwards they are none.
    let fresh = [None, all[1], all[2]].map(|server| {
        server.map(|(entrance, id)| cpu(*id, || load::take(entrance, &bodies, CONNECTIONS, FRESH), FRESH))
    });
    cells("CPU of a review of a new token, its call of STS included", fresh, |cost| format!("{cost:.0?}"));
    let asked = sts.seen().len();
    let one = &bodies[..1];
    let _ = load::take(&ours.0, one, 64, 1000 - 1000 % 64);
    println!("| calls of STS for 1,000 reviews of one token, 64 at a time | | {} | |", sts.seen().len() - asked);
    let known = all
        .map(|server| server.map(|(entrance, id)| cpu(*id, || load::take(entrance, one, CONNECTIONS, KNOWN), KNOWN)));
    cells("CPU of a review of a token seen a moment ago", known, |cost| format!("{cost:.1?}"));
    // The best of some runs: what else the machine does can only make them slower.
    let mut best = [Duration::MAX; 3];
    for _ in 0..5 {
        for (server, best) in all.iter().zip(&mut best) {
            if let Some((entrance, _)) = server {
                *best = (*best).min(load::take(entrance, one, CONNECTIONS, KNOWN));
            }
        }
    }
    let speed = best.map(|best| {
        (best < Duration::MAX).then(|| f64::from(u32::try_from(KNOWN).unwrap_or(u32::MAX)) / best.as_secs_f64())
    });
    cells(&format!("reviews a second of one token, {CONNECTIONS} connections"), speed, |speed| format!("{speed:.0}"));
    cells(
        &format!("memory with {MAPPINGS} mappings after all of this"),
        all.map(|server| server.map(|(_, id)| memory(*id))),
        |kib| format!("{} MiB", kib / 1024),
    );
}

fn cells<T: Copy>(what: &str, cells: [Option<T>; 3], show: impl Fn(T) -> String) {
    let cells = cells.map(|cell| cell.map(&show).unwrap_or_default());
    println!("| {what} | {} |", cells.join(" | "));
}

/// What one of so many requests costs a process, as the kernel counts it, in hundredths of a second for all.
fn cpu(process: u32, work: impl FnOnce() -> Duration, requests: usize) -> Duration {
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
        let after_name = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect::<Vec<_>>();
        let number = |field: usize| after_name[field].parse::<u64>().expect("a number");
        number(11) + number(12)
    };
    let before = ticks();
    work();
    Duration::from_millis(10 * (ticks() - before)) / u32::try_from(requests).unwrap_or(u32::MAX)
}

/// In KiB, now.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).expect("a number")
}

fn question(token: &str) -> String {
    review::body(ReviewVersion::V1, token).to_string()
}

/// The least that a server can do, as a process of its own.
struct Bare {
    child: Child,
    address: String,
}

impl Bare {
    fn start(server: &Server, answer: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a file");
        let mut command = Command::new(program);
        command.arg("bare").arg(server.state_dir()).arg(answer).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut address = String::new();
        let output = child.stdout.take().expect("it has an output");
        BufReader::new(output).read_line(&mut address).expect("it says where it is");
        Self { child, address: address.trim().to_owned() }
    }

    fn entrance(&self, server: &Server) -> Entrance {
        Entrance { address: self.address.clone(), ..server.entrance() }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It has nothing to put in order, and there is nobody to tell about an error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `true`, and the plugin in each of its usual environments, in turn.
fn starts() -> (Duration, Vec<(&'static str, Duration)>) {
    let alice = Principal::user(ACCOUNT, "alice");
    let role = Role::trusting(ACCOUNT, "deployer", [alice.arn.as_str()]);
    let home = tempfile::TempDir::new().expect("a folder can be made");
    let aws = home.path().join(".aws");
    fs::create_dir(&aws).expect("a folder can be made");
    fs::write(aws.join("credentials"), alice.profile("alice")).expect("a file can be written");
    let config = format!("[profile alice]\n[profile deployer]\nrole_arn = {}\nsource_profile = alice\n", role.arn);
    fs::write(aws.join("config"), config).expect("a file can be written");

    let run = |program: &Path, environment: &[(String, String)]| {
        let mut command = Command::new(program);
        command.args(["token", "-i", CLUSTER]).env_clear().env("HOME", home.path()).env("AWS_REGION", "us-west-2");
        command.stdin(Stdio::null()).stdout(Stdio::null()).envs(environment.iter().map(|(name, value)| (name, value)));
        let begun = Instant::now();
        assert!(command.status().expect("it runs").success(), "{} failed", program.display());
        begun.elapsed()
    };
    let profile = |name: &str| vec![("AWS_PROFILE".to_owned(), name.to_owned())];

    // One run that asks STS. It is gone then, and so is the way to it: whoever asks it again fails.
    {
        let sts = Sts::start([alice.clone()]);
        sts.know_role(role);
        let mut way = profile("deployer");
        way.push(("HTTPS_PROXY".to_owned(), proxy::to(sts.address())));
        way.push(("AWS_CA_BUNDLE".to_owned(), sts.ca_file().to_string_lossy().into_owned()));
        run(programs::client(), &way);
    }

    let kinds = [
        ("keys in the environment", alice.env()),
        ("keys of a profile", profile("alice")),
        (
            "a role that is in the cache",
            [profile("deployer"), vec![("HTTPS_PROXY".to_owned(), NOWHERE.to_owned())]].concat(),
        ),
    ];
    let mut nothing = Vec::new();
    let mut times = kinds.each_ref().map(|_| Vec::new());
    for _ in 0..STARTS {
        nothing.push(run(Path::new("/bin/true"), &[]));
        for ((_, environment), times) in kinds.iter().zip(&mut times) {
            times.push(run(programs::client(), environment));
        }
    }
    let names = kinds.each_ref().map(|(name, _)| *name);
    (median(nothing), names.into_iter().zip(times.map(median)).collect())
}

async fn timed(reviewer: &Reviewer, token: &str) -> Duration {
    let begun = Instant::now();
    let answer = reviewer.review(ReviewVersion::V1, token).await;
    let took = begun.elapsed();
    assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
    took
}

fn row(what: &str, median: Duration, base: Duration) {
    println!("| {what} | {median:.2?} | {:.2} |", median.as_secs_f64() / base.as_secs_f64());
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
