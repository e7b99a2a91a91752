use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::server::Setup;
use authenticator_tests::support::sts::caller::request_of;
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{plugin, review, secrets};
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tempfile::TempDir;

use crate::people::{self, ACCOUNT, CLUSTER, alice, bob, mallory};

/// Every server of the suite is searched when it ends; this one sees all kinds of callers, and proves that there was something
/// to search.
#[tokio::test]
async fn the_most_verbose_log_of_every_outcome_holds_no_secret() {
    let sts = Sts::start([alice(), bob(), mallory()]);
    let folder = TempDir::new().unwrap();
    let audit = folder.path().join("audit.log");
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument(format!("--audit-log={}", audit.display()));
    let server = setup.start().expect("the webhook comes up");
    let reviewer = server.reviewer();
    let stranger = Principal::role_session(ACCOUNT, "stranger", "eve");
    let callers = [alice(), bob(), mallory(), stranger, bob().forger()];
    let tokens: Vec<String> = callers.iter().map(|caller| plugin::token(caller, CLUSTER, "us-west-2")).collect();
    for token in &tokens {
        reviewer.review(ReviewVersion::V1, token).await;
        // What no grammar takes, with all of a good token in it.
        for mangled in [format!("{token}!"), format!("Bearer {token}"), token.replace("k8s-aws-v1", "k8s-aws-v2")] {
            assert!(reviewer.review(ReviewVersion::V1, &mangled).await.reason().starts_with("token."));
        }
        let body = review::body(ReviewVersion::V1, token).to_string();
        for malformed in [body.replace("TokenReview", "Pod"), body[..body.len() - 20].to_owned(), format!("{body}}}")] {
            reviewer.send(reviewer.request(malformed)).await.unwrap();
        }
        // Where nobody expects one.
        let request = || reviewer.request(review::body(ReviewVersion::V1, "x").to_string());
        let mut in_a_header = request();
        in_a_header.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let to = |target: String| reviewer.url().replace("/authenticate", &target).parse().unwrap();
        let mut in_the_path = request();
        *in_the_path.uri_mut() = to(format!("/{token}"));
        let mut in_the_query = request();
        *in_the_query.uri_mut() = to(format!("/authenticate?token={token}"));
        let in_the_type = body.replace("TokenReview", token);
        let in_audiences = json!({"kind": "TokenReview", "apiVersion": token, "spec": {"audiences": [token]}});
        for request in [
            in_a_header,
            in_the_path,
            in_the_query,
            reviewer.request(in_the_type),
            reviewer.request(in_audiences.to_string()),
        ] {
            reviewer.send(request).await.unwrap();
        }
    }
    // STS's own words may hold the canonical request, session token and all.
    let told = plugin::token(&bob(), CLUSTER, "us-east-2");
    let url = request_of(&told, CLUSTER).unwrap().uri().to_string();
    let words =
        json!({"Error": {"Code": "SignatureDoesNotMatch", "Message": format!("The Canonical String was {url}")}});
    for code in [StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR] {
        let body = words.to_string().into();
        sts.behave(Behaviour::Status { code, content_type: "application/json".to_owned(), body });
        reviewer.review(ReviewVersion::V1, &told).await;
    }
    sts.behave(Behaviour::CloseConnection);
    reviewer.review(ReviewVersion::V1, &plugin::token(&bob(), CLUSTER, "eu-west-1")).await;

    let log: Vec<String> = server.log().iter().map(ToString::to_string).collect();
    for said in [&alice().access_key_id[..], "identity.not_mapped", "token.prefix", "sts.unreachable", "\"debug\""] {
        assert!(log.iter().any(|line| line.contains(said)), "{said} is not in {log:#?}");
    }
    let audited = std::fs::read_to_string(audit).unwrap();
    assert!(audited.contains(&alice().access_key_id), "{audited}");
    let metrics = Request::get(reviewer.url().replace("/authenticate", "/metrics")).body(Full::default()).unwrap();
    let metrics = String::from_utf8(reviewer.send(metrics).await.unwrap().body().to_vec()).unwrap();
    assert!(metrics.contains("deny"), "{metrics}");
    for line in log.iter().map(String::as_str).chain(audited.lines()).chain(metrics.lines()) {
        assert_eq!(secrets::leaked_in(line), None, "{line}");
    }
}

#[test]
fn a_secret_in_a_log_would_be_found() {
    let alice = alice();
    let token = plugin::token(&alice, CLUSTER, "us-west-2");
    secrets::remember_token(&token);
    for leak in [&alice.secret_access_key[..], &token, &token[token.len() - 60..]] {
        assert!(secrets::leaked_in(&format!("level=trace msg={leak}")).is_some());
    }
    assert_eq!(secrets::leaked_in(&format!("access key {}", alice.access_key_id)), None);
}
