//! The command line of aws-cli.

use jiff::Timestamp;
use serde_json::Value;

use crate::run::{CONFIG, CREDENTIALS, KEYS, REGION, Run, decode, get_token};

#[test]
fn the_command_line_of_an_aws_cli_kubeconfig_makes_the_token_that_it_asks_for() {
    for (arguments, region, key) in [
        // What `aws eks update-kubeconfig` writes.
        (
            &["--region", "eu-west-3", "eks", "get-token", "--cluster-name", "demo", "--output", "json"][..],
            "eu-west-3",
            "AKIADEFAULTEXAMPLE",
        ),
        (&["eks", "get-token", "--cluster-id", "demo"], "eu-west-1", "AKIADEFAULTEXAMPLE"),
        (&["eks", "get-token", "--cluster-name", "demo", "--profile", "a"], "eu-west-2", "AKIAPROFILEEXAMPLE"),
        (&["--profile", "a", "eks", "get-token", "--cluster-name=demo"], "eu-west-2", "AKIAPROFILEEXAMPLE"),
        (
            &["--output", "text", "eks", "--output", "json", "--profile", "a", "get-token", "--cluster-name", "demo"],
            "eu-west-2",
            "AKIAPROFILEEXAMPLE",
        ),
        (
            &["--region=x", "eks", "--region=y", "get-token", "--region=eu-west-3", "--cluster-name", "demo"],
            "eu-west-3",
            "AKIADEFAULTEXAMPLE",
        ),
    ] {
        let outcome = Run::new(arguments)
            .env(&[("KUBERNETES_EXEC_INFO", r#"{"apiVersion":"client.authentication.k8s.io/v1"}"#)])
            // The Go program's variable.
            .env(&[("DEFAULT_ROLE", "arn:aws:iam::123456789012:role/x")])
            .file("config", CONFIG)
            .file("credentials", CREDENTIALS)
            .go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments:?}");
        let document: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(document["apiVersion"], "client.authentication.k8s.io/v1");
        let url = decode(document.pointer("/status/token").unwrap().as_str().unwrap());
        assert!(url.starts_with(&format!("https://sts.{region}.amazonaws.com/")), "{arguments:?}: {url}");
        assert!(url.contains(&format!("X-Amz-Credential={key}%2F")), "{arguments:?}: {url}");
    }
}

#[test]
fn a_part_of_aws_clis_document_may_be_asked_for() {
    let outcome = get_token(&["--cluster-name", "demo", "--query", "status.token", "--output", "text"]).go();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(decode(outcome.out.strip_suffix('\n').unwrap()).starts_with("https://"));
    let outcome = get_token(&["--cluster-name", "demo", "--query", "status.expirationTimestamp"]).go();
    assert!(serde_json::from_str::<String>(&outcome.out).unwrap().parse::<Timestamp>().is_ok(), "{}", outcome.out);
}

#[test]
fn another_query_or_form_is_refused_with_those_that_there_are() {
    for (arguments, names) in [
        (["--query", "status"], ["'status'", "status.token, status.expirationTimestamp"]),
        (["--output", "table"], ["'table'", "json, text"]),
    ] {
        let outcome = get_token(&[&["--cluster-name", "demo"][..], &arguments].concat()).go();
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(names.iter().all(|name| outcome.err.contains(name)), "{}", outcome.err);
    }
    let token = |arguments: &[&str]| Run::new(&[arguments, &["token", "-i", "demo"]].concat()).env(&KEYS).go();
    token(&["--output", "text"]).assert_refused("--output before the command goes with eks get-token alone");
    token(&["--query", "status.token"]).assert_refused("--query before the command goes with eks get-token alone");
    assert_eq!(token(&["--region", "eu-west-1"]).code, Some(0));
}

#[test]
fn a_role_or_a_cluster_that_is_not_clear_is_refused_by_the_names_of_aws_cli() {
    for (flag, text) in [("--role-arn", "r"), ("--role", "r"), ("--role-arn", "")] {
        get_token(&["--cluster-name", "demo", flag, text]).go().assert_refused(&format!(
            "--role-arn (--role) is {text:?}: write the ARN of a role, as in arn:aws:iam::111122223333:role/NAME"
        ));
    }
    get_token(&["--cluster-name", "a", "--cluster-id", "b"])
        .go()
        .assert_refused("--cluster-name and --cluster-id both name the cluster: give one of them");
    get_token(&["--cluster-name", ""]).go().assert_refused("--cluster-name is not a cluster id: it is empty");
    // The Go program's variable.
    get_token(&[]).env(&[("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")]).go().assert_refused(
        "no cluster id: there is none in --cluster-name or --cluster-id, nor as cluster-id in spec.cluster.config of \
             KUBERNETES_EXEC_INFO",
    );
}

#[test]
fn flags_of_aws_cli_that_change_nothing_here_are_taken_wherever_it_takes_them() {
    let idle = [
        &["--no-cli-pager", "--color", "off", "--no-paginate", "--no-cli-auto-prompt"][..],
        &["--cli-connect-timeout", "5", "--cli-read-timeout=5", "--cli-binary-format", "base64"],
        &["--ca-bundle", "/nowhere", "--endpoint-url", "https://localhost", "--no-verify-ssl"],
    ]
    .concat();
    let command = [&["eks", "get-token", "--cluster-name", "demo"][..]].concat();
    for arguments in [[&idle[..], &command].concat(), [&command[..], &idle].concat()] {
        let outcome = Run::new(&arguments).env(&KEYS).env(&[REGION]).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn flags_that_would_make_another_token_are_refused_by_name() {
    get_token(&["--cluster-name", "demo", "--no-sign-request"])
        .go()
        .assert_refused("--no-sign-request is not possible here: a token is a signed request");
    get_token(&["--cluster-name", "demo", "-c", "config.yaml"])
        .go()
        .assert_refused("--config (-c) does not go with eks get-token: aws-cli has no such flag");
}
