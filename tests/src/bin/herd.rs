//! A thousand nodes that join at once, and five thousand: `make herd`.
//!
//! Each has a token of its own; all come within a second, evenly or at the same moment; STS and EC2 take 10 ms for an answer.
//! The same herd with one instance of a hundred that EC2 does not know, with an EC2 that throttles, and with one that is away for 20 s. Beside it the Go program with the
//! first herd. `HERD_NODES=1000,5000` says how many. Ends with an error if our webhook denies a node that is one, or lets in one that is not.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use authenticator_tests::support::ec2::{Api, Behaviour};
use authenticator_tests::support::herd::{self, Herd, Tally};
use authenticator_tests::support::instance::Instance;
use authenticator_tests::support::peer::Peer;
use authenticator_tests::support::sts::Principal;
use jiff::{SignedDuration, Timestamp};

#[tokio::main]
async fn main() -> Result<()> {
    println!(
        "nodes within a second; STS and EC2 take {LATENCY:?}; who is told \"not now\" (503) asks again as a kubelet does\n"
    );
    println!(
        "| nodes | EC2 | program | let in | denied wrongly | denied rightly | 503 | EC2 calls | throttled | STS calls | p50 | p99 |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut holds = true;
    let sizes: Vec<u32> = match std::env::var("HERD_NODES") {
        Ok(sizes) => sizes.split(',').map(str::parse).collect::<Result<_, _>>().context("HERD_NODES")?,
        Err(_) => vec![1000, 5000],
    };
    for (number, nodes) in sizes.into_iter().enumerate() {
        for state in [State::Healthy, State::AtOnce, State::Belonging, State::BadIds, State::Throttling, State::Away] {
            let tally = ours(nodes, state).await.with_context(|| format!("{nodes} nodes, {state:?}"))?;
            report(state.name(), "ours", &tally);
            holds &= tally.denied_wrongly == 0 && tally.mistaken == 0 && tally.given_up == 0;
            holds &= (tally.denied_rightly > 0) == (state == State::BadIds);
        }
        if number == 0 {
            for state in [State::Healthy, State::AtOnce] {
                report(state.name(), "Go", &peer(nodes, state).await?);
            }
        }
    }
    ensure!(holds, "a node was denied or let in wrongly, or had no answer");
    Ok(())
}

/// What is with EC2, or with the herd.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Healthy,
    AtOnce,
    Belonging,
    BadIds,
    Throttling,
    Away,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::AtOnce => "healthy, all at the same moment",
            State::Belonging => "healthy, belonging checked",
            State::BadIds => "does not know 1 % of the ids",
            State::Throttling => "takes 2 calls a second",
            State::Away => "away for 20 s",
        }
    }
}

impl State {
    /// The time over which the nodes ask first.
    fn within(self) -> Duration {
        match self {
            State::AtOnce => Duration::ZERO,
            State::Healthy | State::Belonging | State::BadIds | State::Throttling | State::Away => {
                Duration::from_secs(1)
            }
        }
    }
}

async fn ours(nodes: u32, state: State) -> Result<Tally> {
    let herd = Herd::gather(nodes, if state == State::BadIds { 100 } else { 0 }, LATENCY)?;
    let webhook = herd.webhook(state == State::Belonging, &[])?;
    let reviewer = webhook.reviewer();
    match state {
        State::Throttling => herd.ec2().behave(Api::Ec2, Behaviour::AtMost { per_second: 2 }),
        State::Away => herd.ec2().go_away(Api::Ec2),
        State::Healthy | State::AtOnce | State::Belonging | State::BadIds => {}
    }
    let comes_back = async {
        tokio::time::sleep(AWAY).await;
        herd.ec2().come_back(Api::Ec2);
    };
    let (tally, ()) = tokio::join!(herd.run(&reviewer, state.within(), LIMIT), async {
        if state == State::Away {
            comes_back.await;
        }
    });
    tally
}

/// The Go program on the same herd. Our webhook stands beside it for its certificate alone.
async fn peer(nodes: u32, state: State) -> Result<Tally> {
    let herd = Herd::gather(nodes, 0, LATENCY)?;
    let webhook = herd.webhook(false, &[])?;
    let role = Principal::role_session("111122223333", "control-plane", "i-0123456789abcdef0");
    let instance = Instance::start(role, Timestamp::now() + SignedDuration::from_hours(6), herd::REGION);
    let peer =
        Peer::start_with_ec2(&herd::config(false), &webhook, (herd.sts(), herd.ec2()), &herd::itself(), &instance)?;
    herd.run(peer.reviewer(), state.within(), LIMIT).await
}

fn report(state: &str, program: &str, tally: &Tally) {
    let Tally { nodes, let_in, denied_wrongly, denied_rightly, mistaken, given_up, not_now, .. } = tally;
    let Tally { ec2_calls, ec2_throttled, sts_calls, p50, p99, .. } = tally;
    println!(
        "| {nodes} | {state} | {program} | {let_in} | {denied_wrongly} | {denied_rightly} | {not_now} | {ec2_calls} | {ec2_throttled} | {sts_calls} | \
         {:.2} s | {:.2} s |",
        p50.as_secs_f64(),
        p99.as_secs_f64(),
    );
    if *mistaken + *given_up > 0 {
        println!("  {mistaken} became somebody else, {given_up} had no answer");
    }
}

const LATENCY: Duration = Duration::from_millis(10);
const AWAY: Duration = Duration::from_secs(20);
/// After which nobody asks again.
const LIMIT: Duration = Duration::from_secs(90);
