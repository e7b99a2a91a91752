//! How long the main job takes, as a table: `make bench`.
//!
//! Medians, and ratios to something that was measured in the same run, in turn: the machine's own speed drops out of them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Setup;
use authenticator_tests::support::sts::{Principal, Sts};
use authenticator_tests::support::{plugin, programs};

const STARTS: usize = 300;
const CALLERS: usize = 200;
const REVIEWS: usize = 5000;
const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "bench";

#[tokio::main]
async fn main() {
    let (plugin, nothing) = starts();
    println!("| what | median | ratio |");
    println!("| --- | --- | --- |");
    row("start and end of `true`", nothing, nothing);
    row("authenticator-client token, keys in the environment", plugin, nothing);

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
    review(&reviewer, &tokens[0]).await;
    let mut fresh = Vec::new();
    for token in &tokens[1..] {
        fresh.push(review(&reviewer, token).await);
    }
    let mut known = Vec::new();
    for _ in 0..REVIEWS {
        known.push(review(&reviewer, &tokens[0]).await);
    }
    let (fresh, known) = (median(fresh), median(known));
    row("TokenReview of a token seen a moment ago", known, known);
    row("TokenReview of a new token, STS emulator included", fresh, known);
    println!(
        "\n{CALLERS} callers, {REVIEWS} reviews one after the other on one connection; STS was asked {} times",
        sts.seen().len()
    );
}

/// The plugin and `true`, in turn.
fn starts() -> (Duration, Duration) {
    let home = tempfile::TempDir::new().expect("a folder can be made");
    let start = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", home.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(Principal::user(ACCOUNT, "alice").env()).env("AWS_REGION", "us-west-2");
        let begun = Instant::now();
        assert!(command.status().expect("it runs").success(), "{} failed", program.display());
        begun.elapsed()
    };
    let (mut plugin, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        nothing.push(start(Path::new("/bin/true"), &[]));
        plugin.push(start(programs::client(), &["token", "-i", CLUSTER]));
    }
    (median(plugin), median(nothing))
}

async fn review(reviewer: &Reviewer, token: &str) -> Duration {
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
