//! The commands, their flags, and those that make no token.

use crate::run::{KEYS, REGION, Run, token};

#[test]
fn flags_of_the_go_program_that_change_nothing_here_are_taken() {
    for arguments in
        [&["--cache"][..], &["--cache=false"], &["-l", "json", "-v", "info", "--feature-gates", "SSORoleMatch=true"]]
    {
        let outcome = token(arguments).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn an_unknown_flag_is_named_with_the_nearest_right_one() {
    let outcome = token(&["--regoin", "x"]).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.contains("'--regoin'") && outcome.err.contains("'--region'"), "{}", outcome.err);
}

#[test]
fn a_wrong_or_missing_command_is_an_error_and_help_is_not() {
    for arguments in [&[][..], &["tokne"]] {
        let outcome = Run::new(arguments).go();
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(outcome.err.contains("Usage: authenticator-client"), "{}", outcome.err);
    }
    let outcome = Run::new(&["token", "--help"]).go();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(outcome.out.contains("--token-only"));
}

#[test]
fn version_is_the_go_programs_document_or_the_bare_number() {
    let version = env!("CARGO_PKG_VERSION");
    let outcome = Run::new(&["version"]).go();
    assert_eq!(outcome.document()["Version"], version);
    assert_eq!(Run::new(&["version", "-o", "yaml"]).go().out, format!("version: {version}\n"));
    assert_eq!(Run::new(&["version", "--short"]).go().out, format!("{version}\n"));
}

#[test]
fn every_shell_is_told_how_to_complete_the_name_that_was_called() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = Run::new(&["completion", shell]).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{shell}");
        assert!(outcome.out.contains("authenticator-client") && outcome.out.contains("cluster-name"), "{shell}");
    }
    let outcome = Run::new(&["completion", "cmd"]).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.contains("'cmd'") && outcome.err.contains("bash"), "{}", outcome.err);
}

#[cfg(unix)]
#[test]
fn behind_a_link_with_the_go_programs_name_it_goes_by_that_name() {
    let run = |arguments: &[&str]| {
        let mut run = Run::new(&[]);
        let link = run.home.path().join("aws-iam-authenticator");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_authenticator-client"), &link).unwrap();
        run.command = std::process::Command::new(link);
        run.command.args(arguments).env_clear().env("HOME", run.home.path());
        run.env(&KEYS).env(&[REGION]).go()
    };
    assert!(run(&["token", "-i", "demo"]).document().is_object());
    assert!(run(&["token", "--help"]).out.contains("Usage: aws-iam-authenticator token"));
    assert!(run(&["completion", "bash"]).out.contains(" aws-iam-authenticator\n"));
}

#[test]
fn an_empty_cache_is_as_clean_as_can_be() {
    let outcome = Run::new(&["clean-cache"]).go();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert_eq!(
        outcome.out,
        "removed the credentials of 0 earlier sessions from HOME/.kube/cache/authenticator-client\n"
    );
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_read_is_not_touched() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let run = Run::new(&["clean-cache"]);
    let directory = run.home.path().join(".kube/cache/authenticator-client");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    run.go().assert_refused(
        "HOME/.kube/cache/authenticator-client is not used as a cache: its mode is 0755, and others must have no access: \
         chmod go= it, or remove it",
    );
}

#[test]
fn a_verbose_token_comes_with_what_is_known_of_it_on_standard_error() {
    const KNOWN: &str = "access key id   AKIAIOSFODNN7EXAMPLE\n\
                         source          the keys of the environment (AWS_ACCESS_KEY_ID)\n\
                         expires         never, as far as is known\n\
                         region          us-west-2\n\
                         sts host        sts.us-west-2.amazonaws.com\n\
                         cluster id      demo\n";
    for arguments in [&["-v"][..], &["-v=debug"], &["-v", "trace"], &["--log-verbosity", "debug"]] {
        let outcome = token(arguments).go();
        assert!(outcome.document().is_object());
        assert_eq!(outcome.err, KNOWN, "{arguments:?}");
    }
    let variable = |text| [("AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY", text)];
    assert_eq!(token(&[]).env(&variable("debug")).go().err, KNOWN);
    assert_eq!(token(&["-v", "info"]).env(&variable("debug")).go().err, "");
    token(&[]).env(&variable("loud")).go().assert_refused(
        "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY is \"loud\": write panic, fatal, error, warning, info, debug or trace",
    );
    for debug in [&["--debug", "eks", "get-token"][..], &["eks", "get-token", "--debug"]] {
        let arguments = [debug, &["--cluster-name", "demo"]].concat();
        assert_eq!(Run::new(&arguments).env(&KEYS).env(&[REGION]).go().err, KNOWN, "{arguments:?}");
    }
}

#[test]
fn a_time_that_is_none_is_refused_with_those_that_can_be() {
    for (arguments, names) in [
        (["--timeout", "soon"], ["'soon'", "--timeout"]),
        (["--timeout", "0"], ["'0'", "between 1s and 1h"]),
        (["--duration", "14m"], ["'14m'", "sessions of 15m to 12h"]),
    ] {
        let outcome = token(&arguments).go();
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(names.iter().all(|name| outcome.err.contains(name)), "{}", outcome.err);
    }
}
