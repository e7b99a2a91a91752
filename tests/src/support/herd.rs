//! Nodes that join together: each an instance of its own, with a token of its own.
//!
//! Each asks as the API server would ask for its kubelet: whoever is told "not now" asks again as kubelets do, after 200 ms, then twice
//! that, up to 7 s (`registerWithAPIServer` in `k8s.io/kubernetes/pkg/kubelet`); whoever is told "no" does not.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use authenticator_client::cluster_id::ClusterId;
use authenticator_client::endpoint::{HostKind, StsEndpoint};
use authenticator_client::presign::get_caller_identity;
use authenticator_client::region::Region;
use authenticator_client::token::Token;
use aws_credential_types::Credentials;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::control_plane::ReviewVersion;
use super::ec2::{Api, Ec2, Machine};
use super::review::{self, Reviewer};
use super::server::{Server, Setup};
use super::sts::{Behaviour, Principal, Sts};

/// A herd, and the AWS that it stands in.
pub struct Herd {
    sts: Sts,
    ec2: Ec2,
    nodes: Vec<Node>,
}

struct Node {
    token: String,
    /// The user that it must become; none, for an instance that is not there.
    user: Option<String>,
}

/// What became of a herd.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many it was.
    pub nodes: usize,
    /// How many were told who they are.
    pub let_in: usize,
    /// How many were told "no" who are instances.
    pub denied_wrongly: usize,
    /// How many were told "no" who are none.
    pub denied_rightly: usize,
    /// How many became another than they are, or anybody at all without being an instance.
    pub mistaken: usize,
    /// How many had no verdict in the end.
    pub given_up: usize,
    /// How often somebody was told "not now".
    pub not_now: usize,
    /// Calls of EC2.
    pub ec2_calls: usize,
    /// How many of them EC2 throttled.
    pub ec2_throttled: usize,
    /// Calls of STS.
    pub sts_calls: usize,
    /// How long the middle one of those who were let in had to wait, "not now" included.
    pub p50: Duration,
    /// And the one after whom one of a hundred comes.
    pub p99: Duration,
}

impl Herd {
    /// So many nodes, each signed for, of which every `bad`th names an instance that EC2 does not know; none does, where that is 0.
    /// Both STS and EC2 take this time for an answer.
    ///
    /// # Errors
    ///
    /// When a token cannot be signed.
    pub fn gather(nodes: u32, bad: u32, latency: Duration) -> Result<Herd> {
        let endpoint = StsEndpoint::new(&REGION.parse::<Region>()?, HostKind::Standard)?;
        let cluster: ClusterId = CLUSTER.parse()?;
        let sts = Sts::start([itself()]);
        let ec2 = Ec2::beside(&sts, []);
        ec2.know_profile(ACCOUNT, PROFILE, Some(ROLE));
        let now = Timestamp::now();
        let node = |number: u32| {
            let machine = Machine::new(ACCOUNT, REGION, number).with_profile(PROFILE);
            let session = Principal::role_session(ACCOUNT, ROLE, &machine.id);
            let credentials = Credentials::new(
                session.access_key_id.as_str(),
                session.secret_access_key.as_str(),
                session.session.as_ref().map(|session| session.token.clone()),
                None,
                "herd",
            );
            let url = get_caller_identity(&endpoint, &cluster, &credentials, now)?;
            let token = Token::new(&url).expose_token().to_owned();
            sts.know(session);
            let is_bad = bad != 0 && number.is_multiple_of(bad);
            let user = (!is_bad).then(|| format!("system:node:{}", machine.private_dns_name));
            if !is_bad {
                ec2.launch(machine);
            }
            anyhow::Ok(Node { token, user })
        };
        let nodes = (1..=nodes).map(node).collect::<Result<_>>()?;
        sts.behave(Behaviour::After(latency));
        ec2.latency(Api::Ec2, latency);
        ec2.latency(Api::Iam, latency);
        Ok(Herd { sts, ec2, nodes })
    }

    /// EC2 and IAM, to be made worse.
    #[must_use]
    pub fn ec2(&self) -> &Ec2 {
        &self.ec2
    }

    /// STS.
    #[must_use]
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// Our webhook for this herd, with these arguments more.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn webhook(&self, belonging: bool, arguments: &[&str]) -> Result<Server> {
        let setup = Setup::new(&config(belonging)).sts(&self.sts).ec2(&self.ec2, REGION, &itself());
        let setup =
            arguments.iter().fold(setup.argument("--log-verbosity=info"), |setup, argument| setup.argument(*argument));
        setup.start()
    }

    /// Lets all of it ask, evenly over the time `within`, and waits until everybody has an answer or `limit` is over.
    ///
    /// # Errors
    ///
    /// When the webhook cannot be asked at all.
    pub async fn run(&self, reviewer: &Reviewer, within: Duration, limit: Duration) -> Result<Tally> {
        let (ec2_before, sts_before) = (self.ec2.calls(Api::Ec2).len(), self.sts.seen().len());
        let count = u32::try_from(self.nodes.len()).context("a herd has some thousands")?;
        let begun = Instant::now();
        let mut asking = JoinSet::new();
        for (number, node) in (0..count).zip(&self.nodes) {
            let (reviewer, token) = (reviewer.clone(), node.token.clone());
            let start = begun + within / count * number;
            asking.spawn(async move {
                tokio::time::sleep_until(start.into()).await;
                (number, join(&reviewer, &token, start, begun + limit).await)
            });
        }
        let mut tally = Tally {
            nodes: self.nodes.len(),
            let_in: 0,
            denied_wrongly: 0,
            denied_rightly: 0,
            mistaken: 0,
            given_up: 0,
            not_now: 0,
            ec2_calls: 0,
            ec2_throttled: 0,
            sts_calls: 0,
            p50: Duration::ZERO,
            p99: Duration::ZERO,
        };
        let mut waited = Vec::new();
        while let Some(joined) = asking.join_next().await {
            let (number, (verdict, not_now, took)) = joined?;
            let node = usize::try_from(number).ok().and_then(|number| self.nodes.get(number)).context("a node")?;
            tally.not_now += not_now;
            match (verdict, &node.user) {
                (Verdict::User(user), Some(expected)) if user == *expected => {
                    tally.let_in += 1;
                    waited.push(took);
                }
                (Verdict::User(_), _) => tally.mistaken += 1,
                (Verdict::Denied, None) => tally.denied_rightly += 1,
                (Verdict::Denied, Some(_)) => tally.denied_wrongly += 1,
                (Verdict::None, _) => tally.given_up += 1,
            }
        }
        waited.sort_unstable();
        let at =
            |percent: usize| waited.get(waited.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
        (tally.p50, tally.p99) = (at(50), at(99));
        tally.ec2_calls = self.ec2.calls(Api::Ec2).len() - ec2_before;
        tally.ec2_throttled = self.ec2.refusals(Api::Ec2).get("RequestLimitExceeded").copied().unwrap_or_default();
        tally.sts_calls = self.sts.seen().len() - sts_before;
        Ok(tally)
    }
}

/// What a node was told at last.
enum Verdict {
    User(String),
    Denied,
    None,
}

/// Asks until there is a verdict: that, how often there was none, and when it came.
async fn join(reviewer: &Reviewer, token: &str, start: Instant, deadline: Instant) -> (Verdict, usize, Duration) {
    let body = review::body(ReviewVersion::V1Beta1, token).to_string();
    let (mut not_now, mut pause) = (0, PAUSE.start);
    while Instant::now() < deadline {
        let answer = reviewer.send(reviewer.request(body.clone())).await;
        match answer.map(|answer| (answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default())) {
            Ok((StatusCode::OK, document)) => {
                let document: Value = document;
                let verdict = match document["status"]["authenticated"] == json!(true) {
                    true => {
                        Verdict::User(document["status"]["user"]["username"].as_str().unwrap_or_default().to_owned())
                    }
                    false => Verdict::Denied,
                };
                return (verdict, not_now, start.elapsed());
            }
            // The Go program's way to say no.
            Ok((StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _)) => {
                return (Verdict::Denied, not_now, start.elapsed());
            }
            Ok(_) | Err(_) => not_now += 1,
        }
        tokio::time::sleep(pause).await;
        pause = PAUSE.end.min(pause * 2);
    }
    (Verdict::None, not_now, start.elapsed())
}

/// The config file of the herd's webhook; the Go program takes it without `belonging`.
#[must_use]
pub fn config(belonging: bool) -> String {
    let belonging = if belonging { "\n      ec2Instance: {}" } else { "" };
    format!(
        "clusterID: {CLUSTER}
server:
  mapRoles:
    - roleARN: arn:aws:iam::{ACCOUNT}:role/{ROLE}
      username: system:node:{{{{EC2PrivateDNSName}}}}
      groups: [system:bootstrappers, system:nodes]{belonging}
"
    )
}

/// As whom a webhook of a herd asks EC2.
#[must_use]
pub fn itself() -> Principal {
    Principal::role_session(ACCOUNT, "control-plane", "webhook")
}

/// Where the herd stands.
pub const REGION: &str = "us-west-2";
const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "herd";
const ROLE: &str = "Node";
const PROFILE: &str = "nodes";
/// The first pause before they ask again, and the longest.
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(200)..Duration::from_secs(7);
