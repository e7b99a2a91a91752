use std::sync::LazyLock;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::peer;
use authenticator_tests::support::review::Answer;
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::signers::{self, Endpoint, Order};
use authenticator_tests::support::sts::caller::request_of;
use authenticator_tests::support::sts::{Code, Principal, Sts};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream::{self, StreamExt};
use http::{StatusCode, Version};
use jiff::{SignedDuration, Timestamp};

use crate::people::{self, CLUSTER, alice, bob};

#[tokio::test]
async fn the_emulator_takes_every_token_of_somebody_elses_signer() {
    for signed in SIGNED.iter() {
        let sts = Sts::start([signed.principal.clone()]);
        let response = sts.call(Version::HTTP_2, request_of(&signed.token, CLUSTER).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{}: {response:?}", signed.label);
        assert_eq!(sts.seen()[0].server_name, signed.host, "{}", signed.label);
        assert_eq!(sts.seen()[0].verdict, Ok(signed.principal.arn.clone()), "{}", signed.label);
    }
}

#[tokio::test]
async fn the_webhook_knows_who_made_each_token_of_somebody_elses_signer() {
    for partition in PARTITIONS {
        let (sts, server) = start(partition);
        let reviewer = server.reviewer();
        let mut calls = 0;
        for signed in SIGNED.iter().filter(|signed| signed.partition == partition) {
            let user = reviewer.review(ReviewVersion::V1, &signed.token).await.user();
            let (username, groups) = match signed.principal.session {
                None => ("alice", vec!["system:masters"]),
                Some(_) => ("viewer:bob-example.com", vec!["viewers", "everybody"]),
            };
            assert_eq!(user.username, username, "{}", signed.label);
            assert_eq!(user.groups, groups, "{}", signed.label);
            assert_eq!(user.extra["arn"], [signed.principal.arn.as_str()], "{}", signed.label);
            calls += 1;
            assert_eq!(sts.seen().len(), calls, "{}: one call each", signed.label);
            assert_eq!(sts.seen()[calls - 1].server_name, signed.host, "{}", signed.label);
        }
        assert!(calls > 0, "{partition}");
    }
}

#[tokio::test]
async fn a_token_of_another_partition_is_refused_and_sts_is_not_asked() {
    let (sts, server) = start("aws");
    for signed in SIGNED.iter().filter(|signed| signed.partition != "aws") {
        let reason = server.reviewer().review(ReviewVersion::V1, &signed.token).await.reason();
        assert!(reason.starts_with("token."), "{}: {reason}", signed.label);
    }
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn a_token_with_any_bit_of_its_signature_changed_is_refused_by_sts() {
    for partition in PARTITIONS {
        let (sts, server) = start(partition);
        let reviewer = server.reviewer();
        for signed in SIGNED.iter().filter(|signed| signed.partition == partition) {
            let url = signed.url();
            let start = url.find("X-Amz-Signature=").unwrap() + "X-Amz-Signature=".len();
            for position in [start, start + 1, start + 31, start + 63] {
                let reason = reviewer.review(ReviewVersion::V1, &with_bit_changed(&url, position)).await.reason();
                // Where the changed character is no hexadecimal digit the grammar refuses it; else STS must.
                let by_sts = reason.starts_with("sts.signature_does_not_match");
                assert!(by_sts || reason.starts_with("token."), "{} at {position}: {reason}", signed.label);
            }
        }
        let verdicts: Vec<_> = sts.seen().into_iter().map(|seen| seen.verdict).collect();
        assert!(!verdicts.is_empty());
        assert!(verdicts.iter().all(|verdict| *verdict == Err(Code::SignatureDoesNotMatch)), "{verdicts:?}");
    }
}

#[tokio::test]
async fn a_token_with_any_one_bit_changed_is_refused() {
    let (sts, server) = start("aws");
    let reviewer = server.reviewer();
    let plain =
        |signed: &&Signed| signed.label.contains(" us-west-2 Regional") && !signed.label.starts_with("botocore");
    for signed in SIGNED.iter().filter(plain) {
        let url = signed.url();
        let refused: Vec<usize> = stream::iter(0..url.len())
            .map(|position| {
                let token = with_bit_changed(&url, position);
                let reviewer = &reviewer;
                async move {
                    let answer = reviewer.review(ReviewVersion::V1Beta1, &token).await;
                    assert!(matches!(answer, Answer::Refused(_)), "{} at {position}: {answer:?}", signed.label);
                    position
                }
            })
            .buffered(16)
            .collect()
            .await;
        assert_eq!(refused.len(), url.len());
    }
    assert!(sts.seen().iter().all(|seen| seen.verdict.is_err()));
}

#[tokio::test]
async fn a_token_for_another_cluster_is_refused_by_sts() {
    let sts = Sts::start([alice()]);
    let config = people::config("aws").replace(CLUSTER, "another-cluster");
    let server = Setup::new(&config).sts(&sts).start().unwrap();
    let signed = SIGNED.iter().find(|signed| signed.partition == "aws").unwrap();
    let reason = server.reviewer().review(ReviewVersion::V1, &signed.token).await.reason();
    assert!(reason.starts_with("sts.signature_does_not_match"), "{reason}");
    assert_eq!(sts.seen()[0].verdict, Err(Code::SignatureDoesNotMatch));
}

#[tokio::test]
async fn a_token_is_good_from_five_minutes_before_its_date_to_fifteen_after() {
    let (sts, server) = start("aws");
    let reviewer = server.reviewer();
    let now = Timestamp::now();
    // A minute from each bound, so that a slow machine does not matter.
    let rows = [(-16, Some("token.expired")), (-14, None), (4, None), (6, Some("token.not_yet_valid"))];
    let alice = alice();
    let order = |(minutes, _)| Order {
        principal: &alice,
        cluster: CLUSTER,
        region: "us-west-2",
        endpoint: Endpoint::Regional,
        at: Some(now + SignedDuration::from_mins(minutes)),
    };
    let tokens = signers::botocore(&rows.map(order));
    for ((minutes, refused), token) in rows.iter().zip(&tokens) {
        let answer = reviewer.review(ReviewVersion::V1, token).await;
        match refused {
            Some(code) => assert!(answer.reason().starts_with(code), "{minutes}"),
            None => assert_eq!(answer.user().username, "alice", "{minutes}"),
        }
    }
    assert_eq!(sts.seen().len(), 2, "STS is asked about tokens that may be good alone");
}

#[test]
fn the_servers_table_of_hosts_is_what_botocore_resolves() {
    let resolved = signers::endpoint_table();
    let table = include_str!("../../authenticator-server/src/token/sts_hosts.txt");
    // The first line is the day and the version it was made with.
    let (table, resolved): (Vec<_>, Vec<_>) = (table.lines().skip(1).collect(), resolved.lines().skip(1).collect());
    assert_eq!(table, resolved, "make it anew, with tests/interop/endpoint_table.py");
    assert!(resolved.len() > 100);
}

#[test]
fn the_plugin_knows_the_regions_of_the_servers_table() {
    let table = include_str!("../../authenticator-server/src/token/sts_hosts.txt");
    let hosts = table.lines().filter(|line| !line.starts_with('#'));
    let mut regions: Vec<&str> = hosts.filter_map(|line| line.split(' ').nth(1)).chain(["aws-global"]).collect();
    regions.sort_unstable();
    regions.dedup();
    assert_eq!(authenticator_client::region::KNOWN.as_slice(), regions);
}

/// A webhook for one partition, with an STS that knows alice and bob there.
fn start(partition: &str) -> (Sts, Server) {
    let sts = Sts::start([alice().in_partition(partition), bob().in_partition(partition)]);
    let server = Setup::new(&people::config(partition)).sts(&sts).argument(format!("--partition={partition}")).start();
    (sts, server.expect("the webhook comes up"))
}

/// A token as somebody else's program made it.
struct Signed {
    label: String,
    partition: &'static str,
    host: &'static str,
    principal: Principal,
    token: String,
}

impl Signed {
    fn url(&self) -> String {
        let payload = self.token.strip_prefix("k8s-aws-v1.").unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }
}

/// Every kind of host, with long-lived and with temporary keys, by both signers. Made once: the AWS CLI takes its time.
static SIGNED: LazyLock<Vec<Signed>> = LazyLock::new(|| {
    let kinds: Vec<_> =
        HOSTS.iter().flat_map(|row| [alice(), bob()].map(|principal| (row, principal.in_partition(row.0)))).collect();
    let orders: Vec<Order<'_>> = kinds
        .iter()
        .map(|((_, region, endpoint, _), principal)| Order {
            principal,
            cluster: CLUSTER,
            region,
            endpoint: *endpoint,
            at: None,
        })
        .collect();
    let by_botocore = signers::botocore(&orders);
    let by_aws_cli: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = orders.iter().map(|order| scope.spawn(|| signers::aws_eks_get_token(*order))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let signed = |signer: &str, (kind, token): (&(&Row, Principal), String)| {
        let ((partition, region, endpoint, host), principal) = kind;
        let keys = if principal.session.is_some() { "temporary" } else { "long-lived" };
        let label = format!("{signer} {region} {endpoint:?} with {keys} keys");
        Signed { label, partition, host, principal: principal.clone(), token }
    };
    let botocore = kinds.iter().zip(by_botocore).map(|made| signed("botocore", made));
    let aws_cli = kinds.iter().zip(by_aws_cli).map(|made| signed("aws-cli", made));
    // Its SDK knows no global endpoint.
    let by_go = kinds.iter().filter(|((.., endpoint, _), _)| *endpoint != Endpoint::Global).map(|kind| {
        let ((_, region, endpoint, _), principal) = kind;
        let region = ("AWS_REGION".to_owned(), (*region).to_owned());
        signed(
            "aws-iam-authenticator",
            (kind, peer::token(principal, CLUSTER, &[&[region], &endpoint.env()[..]].concat())),
        )
    });
    botocore.chain(aws_cli).chain(by_go).collect()
});

/// Partition, region, endpoint, and the host that the signer must choose. (There, the FIPS host of GovCloud is the regional one.)
type Row = (&'static str, &'static str, Endpoint, &'static str);

const HOSTS: [Row; 7] = [
    ("aws", "us-west-2", Endpoint::Regional, "sts.us-west-2.amazonaws.com"),
    ("aws", "us-east-1", Endpoint::Regional, "sts.us-east-1.amazonaws.com"),
    ("aws", "us-west-2", Endpoint::Global, "sts.amazonaws.com"),
    ("aws", "us-west-2", Endpoint::Fips, "sts-fips.us-west-2.amazonaws.com"),
    ("aws", "us-west-2", Endpoint::DualStack, "sts.us-west-2.api.aws"),
    ("aws-cn", "cn-north-1", Endpoint::Regional, "sts.cn-north-1.amazonaws.com.cn"),
    ("aws-us-gov", "us-gov-west-1", Endpoint::Regional, "sts.us-gov-west-1.amazonaws.com"),
];

const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// The token of a URL in which the lowest bit of one character is another.
fn with_bit_changed(url: &str, position: usize) -> String {
    let mut bytes = url.as_bytes().to_vec();
    bytes[position] ^= 1;
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(bytes))
}
