use std::collections::BTreeMap;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Server;
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{forger, plugin, signers};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use crate::people::{self, CLUSTER, alice, mallory};

#[tokio::test]
async fn the_go_programs_metrics_have_its_names_labels_and_types_and_ours_stand_beside_them() {
    let sts = Sts::start([alice(), mallory()]);
    let server = Server::start(&people::config("aws"), &sts);
    let reviewer = server.reviewer();
    let asked = review(&reviewer, &alice()).await;
    assert_eq!(asked.user().username, "alice");
    for refused in [mallory(), alice().forger()] {
        assert!(matches!(review(&reviewer, &refused).await, Answer::Refused(_)));
    }
    assert_eq!(reviewer.send(reviewer.request("{}")).await.unwrap().status(), StatusCode::BAD_REQUEST);
    for behaviour in [Behaviour::Throttle, Behaviour::CloseConnection] {
        sts.behave(behaviour);
        assert!(matches!(review(&reviewer, &Principal::user(people::ACCOUNT, "new")).await, Answer::Failed { .. }));
    }

    let families = signers::exposition(&scrape(&reviewer).await);
    let types: BTreeMap<_, _> = families.iter().map(|(name, family)| (name.as_str(), family.kind.as_str())).collect();
    for (name, kind) in [
        ("aws_iam_authenticator_authenticate_latency_seconds", "histogram"),
        ("aws_iam_authenticator_configmap_watch_failures", "counter"),
        ("aws_iam_authenticator_dynamic_file_enabled", "gauge"),
        ("aws_iam_authenticator_dynamic_file_only", "gauge"),
        ("aws_iam_authenticator_dynamicfile_failures", "counter"),
        ("aws_iam_authenticator_sts_connection_failures", "counter"),
        ("aws_iam_authenticator_sts_responses", "counter"),
        ("aws_iam_authenticator_sts_throttling", "counter"),
        ("authenticator_server_build_info", "gauge"),
        ("authenticator_server_source_closed_entries", "gauge"),
        ("authenticator_server_source_emptied", "counter"),
        ("authenticator_server_source_kept_entries", "gauge"),
        ("authenticator_server_certificate_not_after_timestamp_seconds", "gauge"),
        ("authenticator_server_sts_clock_skew_seconds", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
    ] {
        assert_eq!(types.get(name), Some(&kind), "{name}");
    }
    let samples: BTreeMap<_, _> = families.values().flat_map(|family| &family.samples).collect();
    let sample = |name: &str| samples.get(&name.to_owned()).copied().copied().unwrap_or_default();
    for (name, number) in [
        (r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="success"}"#, 1.0),
        (r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="uknown_user"}"#, 1.0),
        (r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="malformed_request"}"#, 1.0),
        (r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="sts_throttling"}"#, 1.0),
        // The forged token, and the one whose connection was cut.
        (r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="sts_error"}"#, 2.0),
        (r#"aws_iam_authenticator_sts_responses_total{ResponseCode="200",StsRegion="us-west-2"}"#, 2.0),
        (r#"aws_iam_authenticator_sts_responses_total{ResponseCode="403",StsRegion="us-west-2"}"#, 1.0),
        (r#"authenticator_server_decisions_total{outcome="allow",reason="mapped"}"#, 1.0),
        (r#"authenticator_server_decisions_total{outcome="deny",reason="identity.not_mapped"}"#, 1.0),
        (r#"authenticator_server_decisions_total{outcome="deny",reason="sts.signature_does_not_match"}"#, 1.0),
        (r#"authenticator_server_decisions_total{outcome="cannot_tell",reason="sts.throttled"}"#, 1.0),
        (r#"authenticator_server_source_rules{source="MountedFile"}"#, 2.0),
        (r#"authenticator_server_shield_lanes{}"#, 1.0),
    ] {
        assert_eq!(sample(name), number, "{name}\n{samples:#?}");
    }
    for more in [
        r#"aws_iam_authenticator_sts_throttling_total{StsRegion="us-west-2"}"#,
        r#"aws_iam_authenticator_sts_connection_failures_total{StsRegion="us-west-2"}"#,
    ] {
        assert!(sample(more) >= 1.0, "{more}");
    }
}

#[tokio::test]
async fn a_scraper_that_prefers_open_metrics_gets_it_with_the_same_numbers() {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    let reviewer = server.reviewer();
    assert!(matches!(review(&reviewer, &alice()).await, Answer::Allowed(_)));
    let url = reviewer.url().replace("/authenticate", "/metrics");
    let request = Request::get(url)
        .header(ACCEPT, "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")
        .body(Full::default())
        .unwrap();
    let response = reviewer.send(request).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open_metrics = signers::exposition(std::str::from_utf8(response.body()).unwrap());
    let text = signers::exposition(&scrape(&reviewer).await);
    assert_eq!(open_metrics.keys().collect::<Vec<_>>(), text.keys().collect::<Vec<_>>());
    for families in [open_metrics, text] {
        let samples: BTreeMap<_, _> = families.into_values().flat_map(|family| family.samples).collect();
        let sample = r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="success"}"#;
        assert_eq!(samples.get(sample), Some(&1.0), "{samples:#?}");
    }
}

#[tokio::test]
async fn forged_tokens_make_numbers_grow_and_never_their_count() {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    let reviewer = server.reviewer();
    let mut counts = Vec::new();
    for round in 0..3 {
        for number in 0..100 {
            let token = forger::token(&format!("AKIA{:0>16}", 1000 * round + number), "us-west-2");
            assert!(matches!(reviewer.review(ReviewVersion::V1, &token).await, Answer::Refused(_)));
        }
        counts.push(scrape(&reviewer).await.lines().count());
    }
    assert_eq!(counts[1], counts[2], "{counts:?}");
}

async fn review(reviewer: &Reviewer, who: &Principal) -> Answer {
    reviewer.review(ReviewVersion::V1, &plugin::token(who, CLUSTER, "us-west-2")).await
}

async fn scrape(reviewer: &Reviewer) -> String {
    let url = reviewer.url().replace("/authenticate", "/metrics");
    let request = Request::builder().method(Method::GET).uri(url).body(Full::default()).unwrap();
    let response = reviewer.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(response.body().to_vec()).unwrap()
}
