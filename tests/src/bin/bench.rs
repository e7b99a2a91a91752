//! How long the main job takes, as a table: `make bench`.
//!
//! Medians, and ratios to something that was measured in the same run, in turn: the machine's own speed drops out of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Setup;
use authenticator_tests::support::sts::{Principal, Role, Sts};
use authenticator_tests::support::{plugin, programs, proxy};

const STARTS: usize = 300;
const CALLERS: usize = 200;
const REVIEWS: usize = 5000;
const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "bench";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::main]
async fn main() {
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

/// `true`, and the plugin in each of its usual environments, in turn.
fn starts() -> (Duration, Vec<(&'static str, Duration)>) {
    let alice = Principal::user(ACCOUNT, "alice");
    let role = Role::trusting(ACCOUNT, "deployer", [alice.arn.as_str()]);
    let home = tempfile::TempDir::new().expect("a folder can be made");
    let aws = home.path().join(".aws");
    fs::create_dir(&aws).expect("a folder can be made");
    let section = format!(
        "[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        alice.access_key_id, alice.secret_access_key
    );
    fs::write(aws.join("credentials"), section).expect("a file can be written");
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
