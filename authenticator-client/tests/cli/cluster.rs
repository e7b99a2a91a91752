//! Which cluster the token is for.

use crate::run::{KEYS, REGION, Run};

#[test]
fn the_cluster_may_stand_before_or_after_the_command_or_in_the_environment() {
    for arguments in [
        &["-i", "demo", "token"][..],
        &["token", "-i", "demo"],
        &["--cluster-id=demo", "token"],
        &["token", "-idemo"],
        &["token", "-i", "other", "--cluster-id", "demo"],
    ] {
        assert_eq!(Run::new(arguments).env(&KEYS).env(&[REGION]).go().code, Some(0), "{arguments:?}");
    }
    let variable = [("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")];
    assert_eq!(Run::new(&["token"]).env(&KEYS).env(&[REGION]).env(&variable).go().code, Some(0));
}

#[test]
fn without_a_cluster_or_credentials_one_line_says_what_was_looked_at() {
    Run::new(&["token"]).env(&KEYS).go().assert_refused(
        "no cluster id: there is none in --cluster-id (-i) or KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID, nor as cluster-id in \
         spec.cluster.config of KUBERNETES_EXEC_INFO",
    );
    Run::new(&["token", "-i", ""]).env(&KEYS).go().assert_refused("--cluster-id is not a cluster id: it is empty");
    Run::new(&["token", "-i", "a\nb"])
        .env(&KEYS)
        .go()
        .assert_refused(r"--cluster-id is not a cluster id: '\n' cannot stand in an HTTP header");
    Run::new(&["token", "-i", "demo"]).go().assert_refused(
        "no AWS credentials: looked at AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, profile default in HOME/.aws/credentials and \
         HOME/.aws/config, AWS_CREDENTIAL_FILE, boto's config files, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI \
         (AWS_EC2_METADATA_DISABLED turns the EC2 instance metadata service off); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile that has credentials with \
         --profile or AWS_PROFILE",
    );
}

/// Only a signature tells one cluster from another; an empty id tells whether it is the one that is taken.
#[test]
fn the_cluster_of_the_kubeconfigs_extension_is_taken_where_nobody_says_another() {
    const PLACE: &str = "cluster-id in spec.cluster.config of KUBERNETES_EXEC_INFO";
    let info =
        |config: &str| format!(r#"{{"apiVersion":"client.authentication.k8s.io/v1","spec":{{"cluster":{config}}}}}"#);
    let run = |arguments: &[&str], config: &str| {
        Run::new(arguments).env(&KEYS).env(&[REGION]).env(&[("KUBERNETES_EXEC_INFO", &info(config))])
    };
    for command in [&["token"][..], &["eks", "get-token"]] {
        let outcome = run(command, r#"{"config":{"cluster-id":"demo"}}"#).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{command:?}");
        let bad = r#"{"config":{"cluster-id":""}}"#;
        run(command, bad).go().assert_refused(&format!("{PLACE} is not a cluster id: it is empty"));
        assert_eq!(run(&[command, &["--cluster-id", "demo"]].concat(), bad).go().code, Some(0), "{command:?}");
        run(command, r#"{"config":{"cluster-id":7}}"#).go().assert_refused(&format!("{PLACE} is not a string"));
    }
    let variable = [("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")];
    assert_eq!(run(&["token"], r#"{"config":{"cluster-id":""}}"#).env(&variable).go().code, Some(0));
}

/// As above, an empty id tells whether it is the one that is taken.
#[test]
fn the_cluster_of_the_config_file_is_taken_where_neither_flag_nor_variable_says_another() {
    let run = |arguments: &[&str], text: &str| {
        let run = Run::new(&["token"]).env(&KEYS).env(&[REGION]).file("config.yaml", text);
        let path = run.home.path().join(".aws/config.yaml");
        with(run, &[&["-c", path.to_str().unwrap()][..], arguments].concat())
    };
    assert_eq!(run(&[], "clusterID: demo\n").go().code, Some(0));
    let empty = "clusterID: ''\n";
    run(&[], empty)
        .go()
        .assert_refused("clusterID in the config file HOME/.aws/config.yaml is not a cluster id: it is empty");
    assert_eq!(run(&["-i", "demo"], empty).go().code, Some(0));
    let variable = [("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")];
    assert_eq!(run(&[], empty).env(&variable).go().code, Some(0));
    let extension = [("KUBERNETES_EXEC_INFO", r#"{"spec":{"cluster":{"config":{"cluster-id":"demo"}}}}"#)];
    assert_eq!(run(&[], "clusterID: demo\n").env(&extension).go().code, Some(0));
    assert_eq!(run(&[], "server: {}\n").env(&extension).go().code, Some(0));

    run(&[], "server: {}\n").go().assert_refused(
        "no cluster id: there is none in --cluster-id (-i), KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID or clusterID in \
         HOME/.aws/config.yaml, nor as cluster-id in spec.cluster.config of KUBERNETES_EXEC_INFO",
    );
    let outcome = run(&["-i", "demo"], "clusterID: 'demo\n").go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "a file that was named has to be right");
    let place = "error: HOME/.aws/config.yaml: line 1 column 12: not YAML: ";
    assert!(outcome.err.starts_with(place), "{}", outcome.err);
    let outcome = with(Run::new(&["token"]).env(&KEYS), &["-i", "demo", "--config", "/nowhere/config.yaml"]).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.starts_with("error: cannot read the config file /nowhere/config.yaml: "), "{}", outcome.err);
}

fn with(mut run: Run, arguments: &[&str]) -> Run {
    run.command.args(arguments);
    run
}
