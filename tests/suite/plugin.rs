use authenticator_tests::support::plugin::{self, BETA, V1};
use authenticator_tests::support::programs::Run;
use authenticator_tests::support::sts::Sts;
use authenticator_tests::support::sts::caller::request_of;
use http::{StatusCode, Version};
use jiff::{SignedDuration, Timestamp};

use crate::people::{CLUSTER, alice, bob};

#[test]
fn a_kubeconfig_gets_the_version_that_it_asks_for() {
    let rows = [
        (None, BETA),
        (
            Some(
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#,
            ),
            V1,
        ),
        (
            Some(
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":true}}"#,
            ),
            BETA,
        ),
        (Some(WITH_CLUSTER), V1),
    ];
    for (info, version) in rows {
        let run = run(&["--region", "us-west-2"], info);
        run.credential(version).unwrap_or_else(|error| panic!("{info:?}: {error:#}"));
        let other = if version == V1 { BETA } else { V1 };
        assert!(run.credential(other).is_err(), "a client is as strict as this test believes");
        assert_eq!(run.stderr, "", "{info:?}");
    }
}

#[test]
fn a_token_is_reported_to_end_a_minute_before_sts_ends_it() {
    let before = Timestamp::now();
    let credential = run(&["--region", "us-west-2"], None).credential(BETA).unwrap();
    let after = Timestamp::now();
    let lifetime = SignedDuration::from_mins(14);
    let expires = credential.expires.unwrap();
    // Whole seconds, rounded down.
    assert!(expires >= before + lifetime - SignedDuration::from_secs(1) && expires <= after + lifetime, "{expires}");
}

#[test]
fn a_bare_token_is_printed_alone() {
    let run = run(&["--region", "us-west-2", "--token-only"], None);
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.starts_with("k8s-aws-v1."));
    assert_eq!(run.stdout.trim_end().lines().count(), 1);
    assert!(run.credential(BETA).is_err());
}

#[tokio::test]
async fn the_emulator_takes_its_tokens_with_either_kind_of_key_in_any_partition() {
    let rows = [
        ("us-west-2", "sts.us-west-2.amazonaws.com"),
        ("us-east-1", "sts.us-east-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ];
    for principal in [alice(), bob()] {
        let sts = Sts::start([principal.clone()]);
        for (region, host) in rows {
            let token = plugin::token(&principal, CLUSTER, region);
            let response = sts.call(Version::HTTP_2, request_of(&token, CLUSTER).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{region}: {response:?}");
            assert_eq!(sts.seen().last().unwrap().server_name, host);
            let wrong = sts.call(Version::HTTP_2, request_of(&token, "another").unwrap()).await.unwrap();
            assert_eq!(wrong.status(), StatusCode::FORBIDDEN, "{region}");
        }
    }
}

fn run(arguments: &[&str], exec_info: Option<&str>) -> Run {
    let mut environment = alice().env();
    environment.extend(exec_info.map(|info| ("KUBERNETES_EXEC_INFO".to_owned(), info.to_owned())));
    plugin::run(["token", "-i", CLUSTER].iter().chain(arguments), &environment)
}

/// As kubectl sends it with `provideClusterInfo: true`.
const WITH_CLUSTER: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"http://127.0.0.1:40343","tls-server-name":"sn.example","disable-compression":true,"config":{"cluster-id":"my-cluster"}},"interactive":false}}"#;
