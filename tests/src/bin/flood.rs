//! Forged tokens by the hundred, and people who want to work: `make flood`.
//!
//! Twenty callers who have logged in before go on doing so with new tokens, while a forger sends well-formed tokens that only
//! STS can tell from real ones, and STS takes fifty calls a second. Once with access keys that the forger made up; once with
//! the callers' own, as far as they are worth nothing without a session token; once with one caller's long-lived key, whose
//! id alone tells nobody from its owner: that one caller is slowed, and no other. Ends with an error if another is kept out.

use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{forger, plugin};
use tokio::task::JoinSet;

const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "flood";
const CALLERS: u32 = 20;
const FORGED_PER_SECOND: u32 = 400;
const STS_PER_SECOND: u32 = 50;
const SECONDS: u32 = 30;

#[tokio::main]
async fn main() {
    println!(
        "{FORGED_PER_SECOND} forged tokens and {CALLERS} real ones a second for {SECONDS} s; STS takes {STS_PER_SECOND} calls a second\n"
    );
    println!(
        "| forged access keys | callers let in | p50 | p99 | owner of the key let in | forged let in | 503 for forged | calls shed | throttled | memory |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let keys = |temporary: bool| {
        let callers = callers().into_iter().filter(move |caller| caller.session.is_some() == temporary);
        callers.map(|caller| caller.access_key_id).collect::<Vec<_>>()
    };
    let temporary = keys(true);
    let long_lived = keys(false).into_iter().next().expect("a caller with long-lived keys");
    let mut good = flood("made up", (0..).map(|n| format!("AKIA{n:0>16}")), None).await;
    good &= flood("of temporary credentials", temporary.into_iter().cycle(), None).await;
    good &= flood("one long-lived key", std::iter::repeat(long_lived.clone()), Some(&long_lived)).await;
    assert!(good, "a caller was kept out");
}

/// Half of them have temporary credentials.
fn callers() -> Vec<Principal> {
    let caller = |n: u32| match n % 2 {
        0 => Principal::role_session(ACCOUNT, "worker", &format!("worker-{n}")),
        _ => Principal::user(ACCOUNT, &format!("user-{n}")),
    };
    (0..CALLERS).map(caller).collect()
}

/// Runs one flood and prints its row; says whether nobody was kept out who must not be.
async fn flood(label: &str, mut forged_keys: impl Iterator<Item = String>, borrowed: Option<&str>) -> bool {
    let callers = callers();
    let sts = Sts::start(callers.clone());
    let server = Setup::new(&format!("clusterID: {CLUSTER}\nserver: {{mapAccounts: ['{ACCOUNT}']}}"))
        .sts(&sts)
        .argument("--log-verbosity=info")
        .start()
        .expect("the webhook comes up");
    let reviewer = server.reviewer();
    for caller in &callers {
        let answer = reviewer.review(ReviewVersion::V1, &plugin::token(caller, CLUSTER, "us-west-2")).await;
        assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
    }
    sts.behave(Behaviour::AtMost { per_second: STS_PER_SECOND });

    let (mut real, mut forged) = (JoinSet::new(), JoinSet::new());
    let mut turns = callers.iter().cycle();
    let begun = Instant::now();
    for tick in 0..SECONDS * FORGED_PER_SECOND {
        tokio::time::sleep_until((begun + Duration::from_secs(1) / FORGED_PER_SECOND * tick).into()).await;
        forged.spawn(review(
            reviewer.clone(),
            forger::token(&forged_keys.next().expect("keys without end"), "us-west-2"),
        ));
        if tick % (FORGED_PER_SECOND / CALLERS) == 0 {
            let caller = turns.next().expect("callers without end").clone();
            let reviewer = reviewer.clone();
            let is_borrowed = borrowed == Some(caller.access_key_id.as_str());
            real.spawn(async move {
                let token = tokio::task::spawn_blocking(move || plugin::token(&caller, CLUSTER, "us-west-2")).await;
                (is_borrowed, review(reviewer, token.expect("the plugin makes a token")).await)
            });
        }
    }
    let (owner, others): (Vec<_>, Vec<_>) =
        real.join_all().await.into_iter().partition(|(is_borrowed, _)| *is_borrowed);
    let reviews = |of: Vec<(bool, Review)>| of.into_iter().map(|(_, review)| review).collect::<Vec<_>>();
    let (others, owner, forged) = (reviews(others), reviews(owner), forged.join_all().await);
    let numbers = Numbers::read(&server.reviewer()).await;
    report(label, &server, &numbers, [&others, &owner, &forged])
}

/// An answer, and how long it took.
type Review = (Answer, Duration);

fn report(label: &str, server: &Server, numbers: &Numbers, [real, owner, forged]: [&[Review]; 3]) -> bool {
    let allowed =
        |reviews: &[Review]| reviews.iter().filter(|(answer, _)| matches!(answer, Answer::Allowed(_))).count();
    let failed = forged.iter().filter(|(answer, _)| matches!(answer, Answer::Failed { .. })).count();
    let mut times: Vec<_> = real.iter().map(|(_, took)| *took).collect();
    times.sort_unstable();
    let (let_in, forged_in) = (allowed(real), allowed(forged));
    println!(
        "| {label} | {let_in} of {} | {:.0?} | {:.0?} | {} of {} | {forged_in} of {} | {failed} | {} | {} | {} MiB |",
        real.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        allowed(owner),
        owner.len(),
        forged.len(),
        numbers.sum("shield_shed_total"),
        numbers.sum(r#"sts_answers_total{code="sts.throttled""#),
        server.peak_memory() / 1024,
    );
    let_in == real.len() && forged_in == 0
}

async fn review(reviewer: Reviewer, token: String) -> Review {
    let begun = Instant::now();
    let answer = reviewer.review(ReviewVersion::V1, &token).await;
    (answer, begun.elapsed())
}
