use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::server::Server;
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{plugin, review, secrets};

use crate::people::{self, ACCOUNT, CLUSTER, alice, bob, mallory};

/// Every server of the suite is searched when it ends; this one sees all kinds of callers, and proves that there was something
/// to search.
#[tokio::test]
async fn the_most_verbose_log_of_every_outcome_holds_no_secret() {
    let sts = Sts::start([alice(), bob(), mallory()]);
    let server = Server::start(&people::config("aws"), &sts);
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
    }
    sts.behave(Behaviour::CloseConnection);
    reviewer.review(ReviewVersion::V1, &plugin::token(&bob(), CLUSTER, "eu-west-1")).await;

    let log: Vec<String> = server.log().iter().map(ToString::to_string).collect();
    for said in [&alice().access_key_id[..], "identity.not_mapped", "token.prefix", "sts.unreachable", "\"debug\""] {
        assert!(log.iter().any(|line| line.contains(said)), "{said} is not in {log:#?}");
    }
    for line in log {
        assert_eq!(secrets::leaked_in(&line), None, "{line}");
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
