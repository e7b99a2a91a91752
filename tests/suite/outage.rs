use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::patience::{LIMIT, eventually};
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{forger, plugin};
use futures::StreamExt as _;
use http::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::people::{self, ACCOUNT, CLUSTER, alice, bob};

#[tokio::test]
async fn while_sts_is_away_known_tokens_work_others_get_503_and_all_work_soon_after() {
    for away in [Behaviour::CloseConnection, Behaviour::Hang] {
        let sts = Sts::start([alice(), bob()]);
        // Nothing is fresh, so that each question is one to STS.
        let server = start(&sts, &["--sts-identity-ttl=0s", "--sts-deadline=3s", "--sts-patience=500ms"]);
        let reviewer = server.reviewer();
        let (known, new) = (token(&alice()), token(&bob()));
        assert!(matches!(ask(&reviewer, &known).await, Answer::Allowed(_)));
        sts.behave(away.clone());
        for _ in 0..3 {
            assert_eq!(ask(&reviewer, &known).await.user().username, "alice");
            let answer = tokio::time::timeout(API_SERVER_WAITS, ask(&reviewer, &new)).await;
            let answer = answer.expect("the API server still waits for the answer");
            assert!(is_unavailable(&answer), "{away:?}: {answer:?}");
        }
        sts.behave(Behaviour::Normal);
        let begun = Instant::now();
        while !matches!(ask(&reviewer, &new).await, Answer::Allowed(_)) {
            assert!(begun.elapsed() < LIMIT, "{away:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_sts_is_waited_for() {
    let sts = Sts::start([alice()]);
    let server = start(&sts, &[]);
    sts.behave(Behaviour::After(Duration::from_secs(5)));
    assert_eq!(ask(&server.reviewer(), &token(&alice())).await.user().username, "alice");
}

#[tokio::test]
async fn every_second_call_that_is_cut_is_made_again() {
    let sts = Sts::start([]);
    let server = start(&sts, &[]);
    sts.behave(Behaviour::EverySecond(Box::new(Behaviour::CloseConnection)));
    let reviewer = server.reviewer();
    for number in 0..6 {
        let who = viewer(number);
        sts.know(who.clone());
        let answer = ask(&reviewer, &token(&who)).await;
        assert!(matches!(answer, Answer::Allowed(_)), "{number}: {answer:?}");
    }
}

#[tokio::test]
async fn sts_of_the_servers_own_region_is_connected_to_before_anybody_asks() {
    let sts = Sts::start([alice()]);
    let server = Setup::new(&people::config("aws")).sts(&sts).variable("AWS_REGION", "us-west-2").start().unwrap();
    server.says("connected to STS of this region");
    let connections = sts.connections();
    assert!(connections > 0);
    assert!(matches!(ask(&server.reviewer(), &token(&alice())).await, Answer::Allowed(_)));
    assert_eq!(sts.connections(), connections, "the first question finds it there");
}

/// Of two addresses one takes connections and says nothing: each call that begins there goes on at the other.
#[tokio::test]
async fn one_of_two_addresses_that_is_dead_keeps_nobody_out() {
    let sts = Sts::start_on(ADDRESS, []).expect("port 443 of loopback can be bound: this test needs root");
    let _dead = TcpListener::bind(DEAD).expect("likewise");
    let folder = TempDir::new().unwrap();
    let hosts = folder.path().join("hosts");
    let text = format!("127.0.0.1 localhost\n{} {HOST}\n{} {HOST}\n", ADDRESS.ip(), DEAD.ip());
    std::fs::write(&hosts, text).unwrap();
    let hosts_file = ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""];
    let wrapper = hosts_file.map(Into::into).into_iter().chain([hosts.as_os_str().to_owned()]);
    let setup = Setup::new(&people::config("aws")).variable("SSL_CERT_FILE", sts.ca_file().to_string_lossy());
    let server = setup.wrapped_in(wrapper).start().unwrap();
    let reviewer = server.reviewer();
    for number in 0..4 {
        // No connection is kept from one to the next, so that both addresses begin in turn.
        sts.behave(Behaviour::Normal);
        let who = viewer(number);
        sts.know(who.clone());
        let answer = ask(&reviewer, &token(&who)).await;
        assert!(matches!(answer, Answer::Allowed(_)), "{number}: {answer:?}");
        sts.behave(Behaviour::CloseConnection);
        assert!(matches!(
            ask(&reviewer, &forger::token("AKIAIOSFODNN7EXAMPLE", "us-west-2")).await,
            Answer::Failed { .. }
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reviews_of_one_token_are_one_call_whether_some_at_a_time_or_all_at_once() {
    for at_once in [64, 1000] {
        let sts = Sts::start([alice()]);
        let server = start(&sts, &["--log-verbosity=info"]);
        // So that the first ones come while it is asked.
        sts.behave(Behaviour::After(Duration::from_millis(500)));
        let (reviewer, token) = (server.reviewer(), token(&alice()));
        let reviews = futures::stream::iter((0..1000).map(|_| ask(&reviewer, &token)));
        let answers: Vec<_> = reviews.buffer_unordered(at_once).collect().await;
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Allowed(_))), "{at_once}");
        assert_eq!(sts.seen().len(), 1, "{at_once}");
    }
}

#[tokio::test]
async fn a_crowd_of_forged_tokens_is_turned_away_in_bounded_memory_and_whoever_is_known_gets_in() {
    let sts = Sts::start([alice()]);
    let server = start(&sts, &["--log-verbosity=info", "--sts-deadline=2s"]);
    let reviewer = server.reviewer();
    assert!(matches!(ask(&reviewer, &token(&alice())).await, Answer::Allowed(_)));
    sts.behave(Behaviour::AtMost { per_second: 50 });
    let mut crowd = JoinSet::new();
    for number in 0..4000 {
        let reviewer = reviewer.clone();
        crowd.spawn(async move {
            let forged = forger::token(&format!("AKIA{number:0>16}"), "us-west-2");
            matches!(ask(&reviewer, &forged).await, Answer::Allowed(_))
        });
    }
    assert!(matches!(ask(&reviewer, &token(&alice())).await, Answer::Allowed(_)));
    assert!(crowd.join_all().await.iter().all(|let_in| !let_in));
    assert!(server.peak_memory() < 60 * 1024, "{} KiB", server.peak_memory());
}

/// A token names the host that is asked about it: whoever names dead ones holds up nobody at the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_never_answer_keep_no_first_time_caller_from_one_that_does() {
    for regions in [&DEAD_REGIONS[..1], &DEAD_REGIONS[..]] {
        let (sts, late) = (Sts::start([alice()]), viewer(1000));
        let (server, region) = (start(&sts, &["--sts-identity-ttl=0s"]), regions[0]);
        let reviewer = server.reviewer();
        let there = |who: &Principal| plugin::token(who, CLUSTER, region);
        let known = there(&alice());
        sts.know(late.clone());
        assert!(matches!(ask(&reviewer, &known).await, Answer::Allowed(_)));
        for region in regions {
            sts.behave_at(&format!("sts.{region}.amazonaws.com"), Behaviour::Hang);
        }
        let mut crowd = JoinSet::new();
        for number in 0..400 {
            let (reviewer, region) = (reviewer.clone(), regions[number % regions.len()]);
            let forged = forger::token(&format!("AKIA{number:0>16}"), region);
            crowd.spawn(async move { ask(&reviewer, &forged).await });
        }
        // They are under way.
        eventually("a dead host is asked", || sts.seen().iter().any(|seen| seen.server_name.contains(region)));
        let mut first = 0;
        for number in 0..60 {
            let who = viewer(number);
            sts.know(who.clone());
            first += usize::from(matches!(ask(&reviewer, &token(&who)).await, Answer::Allowed(_)));
        }
        assert_eq!(first, 60, "{regions:?}");
        assert!(matches!(ask(&reviewer, &known).await, Answer::Allowed(_)), "the last answer goes on being used");
        let told = crowd.join_all().await;
        assert!(told.iter().all(is_unavailable), "{:?}", told.iter().find(|answer| !is_unavailable(answer)));
        let shed = Numbers::read(&reviewer).await.sum(r#"shield_shed_total{full="host"}"#);
        assert!(shed > 0.0, "once it is known to be dead, few wait to try it");

        regions.iter().for_each(|region| sts.behave_at(&format!("sts.{region}.amazonaws.com"), Behaviour::Normal));
        let begun = Instant::now();
        while !matches!(ask(&reviewer, &there(&late)).await, Answer::Allowed(_)) {
            assert!(begun.elapsed() < LIMIT, "it is tried again and again");
        }
    }
}

fn start(sts: &Sts, arguments: &[&str]) -> Server {
    let setup = Setup::new(&people::config("aws")).sts(sts);
    arguments.iter().fold(setup, |setup, argument| setup.argument(argument)).start().unwrap()
}

/// Somebody whom the role's mapping names and nobody has seen yet.
fn viewer(number: u32) -> Principal {
    Principal::role_session(ACCOUNT, "viewer", &format!("viewer-{number}"))
}

fn token(who: &Principal) -> String {
    plugin::token(who, CLUSTER, "us-west-2")
}

async fn ask(reviewer: &Reviewer, token: &str) -> Answer {
    reviewer.review(ReviewVersion::V1, token).await
}

fn is_unavailable(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } if text.starts_with("sts."))
}

const DEAD_REGIONS: [&str; 5] = ["eu-west-1", "ap-south-1", "sa-east-1", "ca-central-1", "us-east-1"];
const HOST: &str = "sts.us-west-2.amazonaws.com";
/// All of 127.0.0.0/8 is loopback; these addresses are nobody else's.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 21, 36, 3)), 443);
const DEAD: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 21, 36, 4)), 443);

/// How long the API server waits for an answer (`defaultRequestTimeout` in its `pkg/util/webhook/webhook.go`).
const API_SERVER_WAITS: Duration = Duration::from_secs(30);
