//! Whose token it is, and in which region.

use std::fs;

use crate::run::{CONFIG, CREDENTIALS, KEYS, REGION, Run, token};

#[test]
fn the_identity_is_the_one_that_aws_cli_takes() {
    const ENVIRONMENT: &str = "AKIAIOSFODNN7EXAMPLE";
    let profile = [("AWS_PROFILE", "a")];
    for (arguments, variables, key, region) in [
        (&[][..], &[][..], "AKIADEFAULTEXAMPLE", "eu-west-1"),
        (&[], &profile, "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&[], &[("AWS_DEFAULT_PROFILE", "a")], "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&["--profile", "a"], &KEYS, "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&["--profile", ""], &KEYS, ENVIRONMENT, "eu-west-1"),
        (&[], &KEYS, ENVIRONMENT, "eu-west-1"),
        // The profile's keys are not needed, its region is.
        (&[], &[KEYS[0], KEYS[1], profile[0]], ENVIRONMENT, "eu-west-2"),
        (&["--region", "ap-south-1"], &profile, "AKIAPROFILEEXAMPLE", "ap-south-1"),
    ] {
        let outcome = Run::new(&[&["token", "-i", "demo"], arguments].concat())
            .env(variables)
            .file("config", CONFIG)
            .file("credentials", CREDENTIALS)
            .go();
        let url = outcome.url();
        assert!(url.contains(&format!("X-Amz-Credential={key}%2F")), "{arguments:?} {variables:?}: {url}");
        assert!(url.starts_with(&format!("https://sts.{region}.amazonaws.com/")), "{arguments:?} {variables:?}: {url}");
        assert_eq!(url.contains("X-Amz-Security-Token="), key == "AKIAPROFILEEXAMPLE");
        assert_eq!(outcome.err, "");
    }
}

#[test]
fn a_profile_that_cannot_be_used_is_an_error_and_nobody_elses_keys_are_taken() {
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        token(arguments).env(variables).file("config", CONFIG).file("credentials", CREDENTIALS).go()
    };
    run(&["--profile", "nope"], &[]).assert_refused(
        "profile nope, asked for by --profile, is in neither HOME/.aws/config nor HOME/.aws/credentials",
    );
    run(&[], &[("AWS_PROFILE", "nope")]).assert_refused(
        "profile nope, asked for by AWS_PROFILE, is in neither HOME/.aws/config nor HOME/.aws/credentials",
    );
    let not_interactive = r#"{"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#;
    let outcome = run(&["--profile", "role"], &[("KUBERNETES_EXEC_INFO", not_interactive)]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    let message =
        "error: cannot assume role arn:aws:iam::123456789012:role/x, which profile role asks for: the MFA device ";
    assert!(outcome.err.starts_with(message), "{}", outcome.err);
    run(&[], &[("AWS_SECRET_ACCESS_KEY", "")])
        .assert_refused("half a key pair: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
}

#[test]
fn a_shared_file_that_cannot_be_read_is_an_error_that_names_it() {
    let run = |name: &str, text: &[u8]| {
        Run::new(&["token", "-i", "demo"]).file("credentials", CREDENTIALS).file(name, text).go()
    };
    run("config", b"[default]\nregion\n").assert_refused("cannot read HOME/.aws/config, line 2: expected key = value");
    run("credentials", b"aws_access_key_id = AKIA\n")
        .assert_refused("cannot read HOME/.aws/credentials, line 1: expected a section such as [default] before this");
    run("config", b"[default]\n# caf\xe9\n").assert_refused("HOME/.aws/config is not UTF-8 text");
}

#[test]
fn the_shared_files_may_be_elsewhere() {
    let outcome = Run::new(&["token", "-i", "demo"])
        .file("my-config", CONFIG)
        .file("my-credentials", CREDENTIALS)
        .env(&[("AWS_CONFIG_FILE", "~/.aws/my-config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/my-credentials")])
        .go();
    let url = outcome.url();
    assert!(url.starts_with("https://sts.eu-west-1.") && url.contains("AKIADEFAULTEXAMPLE"), "{url}");
}

#[test]
fn a_variable_that_is_set_to_nothing_is_as_good_as_unset() {
    let empty = ["AWS_PROFILE", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SESSION_TOKEN"];
    let outcome = Run::new(&["token", "-i", "demo", "--region", ""])
        .env(&empty.map(|name| (name, "")))
        .file("config", CONFIG)
        .file("credentials", CREDENTIALS)
        .go();
    let url = outcome.url();
    assert!(url.starts_with("https://sts.eu-west-1.") && url.contains("AKIADEFAULTEXAMPLE"), "{url}");
}

#[test]
fn without_a_home_directory_no_other_directory_is_taken_for_it() {
    let mut run = Run::new(&["token", "-i", "demo"]).env(&[REGION]);
    let impostor = run.home.path().join("~/.aws");
    fs::create_dir_all(&impostor).unwrap();
    fs::write(impostor.join("credentials"), CREDENTIALS).unwrap();
    run.command.env_remove("HOME").current_dir(run.home.path());
    let outcome = run.go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.starts_with("error: no AWS credentials: "), "{}", outcome.err);
}

#[test]
fn without_a_region_it_is_us_east_1_and_standard_error_says_so() {
    let outcome = Run::new(&["token", "-i", "demo"]).env(&KEYS).go();
    assert!(outcome.url().starts_with("https://sts.us-east-1.amazonaws.com/"));
    assert_eq!(
        outcome.err,
        "no region in --region, AWS_REGION, AWS_DEFAULT_REGION or profile default: using us-east-1\n"
    );
}

#[test]
fn a_role_that_is_none_is_refused_by_the_name_of_the_place_that_asks_for_it() {
    const HOW: &str = "write the ARN of a role, as in arn:aws:iam::111122223333:role/NAME";
    for flag in ["--role", "--role-arn", "-r"] {
        token(&[flag, "x"]).go().assert_refused(&format!("--role (-r) is \"x\": {HOW}"));
    }
    let default_role = [("DEFAULT_ROLE", "x")];
    token(&[]).env(&default_role).go().assert_refused(&format!("DEFAULT_ROLE is \"x\": {HOW}"));
    // The Go program lets an empty flag beat the variable, and has no use for the other flags without a role.
    for arguments in [&["--role", ""][..], &["--role=", "-e", "x", "-s", "y", "--duration", "15m"]] {
        assert_eq!(token(arguments).env(&default_role).go().code, Some(0), "{arguments:?}");
    }
    token(&["-r", "x", "-s", "y", "--forward-session-name"])
        .go()
        .assert_refused("--session-name (-s) and --forward-session-name both name the session: give one of them");
}
