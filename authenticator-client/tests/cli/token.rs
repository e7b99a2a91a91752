//! The token and the document that it comes in.

use jiff::{SignedDuration, Timestamp};

use crate::run::{decode, token};

#[test]
fn keys_in_the_environment_make_a_credential_and_nothing_on_standard_error() {
    let before = Timestamp::now();
    let outcome = token(&[]).go();
    assert_eq!(outcome.err, "");
    let document = outcome.document();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["apiVersion", "kind", "spec", "status"], "no other key than these");
    assert_eq!(document["kind"], "ExecCredential");
    assert_eq!(document["apiVersion"], "client.authentication.k8s.io/v1beta1");
    let expiration: Timestamp = document["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
    let left = expiration.duration_since(before);
    assert!(left > SignedDuration::from_mins(13) && left < SignedDuration::from_mins(16), "{left}");
    let url = outcome.url();
    assert!(
        url.starts_with("https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&"),
        "{url}"
    );
    assert!(url.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"), "{url}");
}

#[test]
fn token_only_prints_the_bare_token() {
    for flag in ["--token-only", "--token-only=true"] {
        let outcome = token(&[flag]).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
        assert!(decode(outcome.out.strip_suffix('\n').unwrap()).starts_with("https://"));
    }
    assert!(token(&["--token-only=false"]).go().document().is_object());
}

#[test]
fn the_answer_is_in_the_version_that_the_client_asks_for() {
    let asked = |version: &str| {
        format!(r#"{{"apiVersion":"client.authentication.k8s.io/{version}","spec":{{"interactive":false}}}}"#)
    };
    for (info, arguments, version, remarked) in [
        (asked("v1"), &[][..], "v1", false),
        (asked("v1beta1"), &[], "v1beta1", false),
        (asked("v1alpha1"), &[], "v1alpha1", true),
        (asked("v2"), &[], "v1beta1", true),
        (String::new(), &[], "v1beta1", false),
        ("{".to_owned(), &[], "v1beta1", true),
        ("[]".to_owned(), &[], "v1beta1", true),
        (asked("v1beta1"), &["--api-version", "v1"], "v1", false),
    ] {
        let outcome = token(arguments).env(&[("KUBERNETES_EXEC_INFO", &info)]).go();
        let full = format!("client.authentication.k8s.io/{version}");
        assert_eq!(outcome.document()["apiVersion"], full.as_str(), "{info}");
        assert_eq!(outcome.err.lines().count(), usize::from(remarked), "{info}: {}", outcome.err);
    }
}

#[test]
fn the_expiry_is_the_credentials_own_end_when_that_is_sooner() {
    let end = Timestamp::now() + SignedDuration::from_mins(5);
    let outcome = token(&[]).env(&[("AWS_CREDENTIAL_EXPIRATION", &end.to_string())]).go();
    let expected = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert_eq!(outcome.document()["status"]["expirationTimestamp"], expected.as_str());
}

#[test]
fn credentials_that_have_ended_make_no_token() {
    token(&[]).env(&[("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")]).go().assert_refused(
        "the keys of the environment expired at 2020-01-01T00:00:00Z, as AWS_CREDENTIAL_EXPIRATION says: renew them",
    );
    let soon = (Timestamp::now() + SignedDuration::from_secs(45)).to_string();
    token(&[])
        .env(&[("AWS_CREDENTIAL_EXPIRATION", &soon)])
        .go()
        .assert_refused(&format!("the credentials expire at {soon}, in less than a minute: renew them"));
}

#[test]
fn a_token_too_long_for_older_servers_is_remarked_on() {
    let outcome = token(&[]).env(&[("AWS_SESSION_TOKEN", &"x".repeat(4000))]).go();
    assert!(outcome.url().contains("X-Amz-Security-Token=xxxx"));
    assert!(outcome.err.contains("refuse more than 4096") && outcome.err.lines().count() == 1, "{}", outcome.err);
}
