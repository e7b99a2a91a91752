use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::terminal::Terminal;
use jiff::{SignedDuration, Timestamp};

use super::{Scene, left_behind};
use crate::people::CLUSTER;

/// A home whose profile has a process: a shell script, in which `keys NAME` prints temporary keys of this id.
fn scene(script: &str) -> Scene {
    let scene = Scene::new().with(&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]);
    let path = scene.home.path().join("process");
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let keys = format!(
        r#"{{"Version":1,"AccessKeyId":"ASIA'$1'","SecretAccessKey":"s","SessionToken":"t","Expiration":"{end}"}}"#
    );
    fs::write(&path, format!("#!/bin/sh\nkeys() {{ echo '{keys}'; }}\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(scene.home.path().join(".aws")).unwrap();
    let config = format!("[default]\ncredential_process = {}\n", path.display());
    fs::write(scene.home.path().join(".aws/config"), config).unwrap();
    scene
}

/// The name that the keys of a token were given.
fn name(run: &Run) -> String {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let credential = run.credential(authenticator_tests::support::plugin::BETA).unwrap();
    let request = authenticator_tests::support::sts::caller::request_of(&credential.token, CLUSTER).unwrap();
    let id = request.uri().query().unwrap().split("ASIA").nth(1).unwrap();
    id.split('%').next().unwrap().to_owned()
}

#[test]
fn a_process_is_asked_each_time_for_it_may_answer_differently() {
    let scene = scene("keys \"$(cat ~/who)\"");
    for arguments in [&["token", "-i", CLUSTER][..], &["eks", "get-token", "--cluster-name", CLUSTER]] {
        for who in ["ADMIN", "READONLY"] {
            fs::write(scene.home.path().join("who"), who).unwrap();
            assert_eq!(name(&scene.run(arguments)), who, "{arguments:?}");
        }
    }
    assert!(!scene.cache().exists(), "and nothing is kept");
}

#[test]
fn what_a_process_gives_is_kept_for_whoever_asks_for_that() {
    let scene = scene("keys \"$(cat ~/who)\"");
    let as_who = |who: &str, arguments: &[&str]| {
        fs::write(scene.home.path().join("who"), who).unwrap();
        name(&scene.run(arguments))
    };
    let token = ["token", "-i", CLUSTER, "--cache"];
    assert_eq!(as_who("ONE", &token), "ONE");
    assert_eq!(as_who("OTHER", &token), "ONE");
    assert_eq!(as_who("OTHER", &["--cache", "eks", "get-token", "--cluster-name", CLUSTER]), "ONE");
    // Without the flag nothing that was kept is taken either.
    assert_eq!(as_who("OTHER", &["token", "-i", CLUSTER]), "OTHER");
    assert_eq!(as_who("OTHER", &["token", "-i", CLUSTER, "--cache=false"]), "OTHER");
    assert_eq!(as_who("OTHER", &["token", "-i", CLUSTER, "--cache", "--no-cache"]), "OTHER");
    assert_eq!(as_who("OTHER", &token), "ONE");
}

/// It may choose by any variable whose credentials it prints; but not by how deep a shell is nested.
#[test]
fn what_a_process_gives_is_kept_for_those_alone_who_set_the_same_variables() {
    let scene = scene("echo $WHO >>~/asked; keys $WHO");
    let asked = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = scene.environment.iter().cloned().chain(variables).collect();
        let arguments = ["token", "-i", CLUSTER, "--cache"];
        let run = programs::run(programs::client(), scene.home.path(), arguments, &environment);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        fs::read_to_string(scene.home.path().join("asked")).unwrap()
    };
    assert_eq!(asked(&[("WHO", "ONE"), ("SHLVL", "1")]), "ONE\n");
    assert_eq!(asked(&[("WHO", "ONE"), ("SHLVL", "2"), ("PWD", "/")]), "ONE\n");
    assert_eq!(asked(&[("WHO", "OTHER"), ("SHLVL", "1")]), "ONE\nOTHER\n");
    assert_eq!(asked(&[("WHO", "ONE"), ("SHLVL", "1")]), "ONE\nOTHER\n");
}

/// What a process reads at a terminal that a person sits at, where the client says this, if anything.
fn at_a_terminal(client_says: Option<&str>, typed: impl FnOnce(&mut Terminal)) -> String {
    let scene = scene("echo Who >/dev/tty; read who || who=NOBODY; keys $who");
    let scene = scene.with(client_says.map(|text| ("KUBERNETES_EXEC_INFO", text)).as_slice());
    let mut terminal = Terminal::open().unwrap();
    let arguments = [programs::client().to_str().unwrap(), "token", "-i", CLUSTER];
    let asked = terminal.run("exec \"$@\" </dev/tty", arguments, &scene.environment, scene.home.path()).unwrap();
    terminal.wait_for("Who");
    typed(&mut terminal);
    name(&left_behind(asked))
}

#[test]
fn a_process_may_ask_whoever_sits_at_the_terminal() {
    let interactive = format!(r#"{{"apiVersion":"{API}","spec":{{"interactive":true}}}}"#);
    for client_says in [None, Some(interactive.as_str())] {
        let read = at_a_terminal(client_says, |terminal| terminal.type_in("PERSON\n").unwrap());
        assert_eq!(read, "PERSON", "{client_says:?}");
    }
}

#[test]
fn a_process_has_nothing_to_read_where_nobody_may_be_asked() {
    let alone = format!(r#"{{"apiVersion":"{API}","spec":{{"interactive":false}}}}"#);
    assert_eq!(at_a_terminal(Some(&alone), |_| {}), "NOBODY");
    // What is piped to kubectl is kubectl's.
    let scene = scene("read who || who=NOBODY; keys $who");
    let mut piped: Child = clean_command(programs::client(), scene.home.path())
        .args(["token", "-i", CLUSTER])
        .envs(scene.environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open, so that whoever would read it would wait.
    let held = piped.stdin.take().unwrap();
    assert_eq!(name(&left_behind(piped)), "NOBODY");
    drop(held);
}

const API: &str = authenticator_tests::support::plugin::BETA;
