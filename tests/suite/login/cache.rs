use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs;
use authenticator_tests::support::sts::Behaviour;
use serde_json::Value;

use super::{Scene, admin, left_behind};
use crate::people::CLUSTER;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.sts.know_role(admin());
    scene
}

#[test]
fn the_next_run_asks_nobody() {
    let scene = scene();
    let arguments = ["--role", &admin().arn];
    let first = scene.token(&arguments);
    let connections = scene.sts.connections();
    scene.sts.behave(Behaviour::CloseConnection);
    let next = scene.token(&arguments);
    assert_eq!(scene.sts.connections(), connections);
    assert_eq!(next.stderr, "");
    scene.sts.behave(Behaviour::Normal);
    assert_eq!(scene.owner(&next), scene.owner(&first));

    let verbose = scene.token(&["--role", &admin().arn, "-v"]);
    assert!(verbose.stderr.contains("kept from an earlier run"), "{}", verbose.stderr);
}

#[test]
fn another_choice_is_asked_for_anew() {
    let scene = scene();
    let arn = admin().arn;
    for (asked, arguments) in [
        (1, &[][..]),
        (1, &[]),
        (2, &["-e", "external"]),
        (3, &["-s", "me"]),
        (4, &["--duration", "15m"]),
        (5, &["--region", "eu-west-1"]),
        (5, &["-s", "me"]),
    ] {
        assert_eq!(scene.token(&[&["--role", &arn], arguments].concat()).code, Some(0), "{arguments:?}");
        assert_eq!(scene.asked(), asked, "{arguments:?}");
    }
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be_kept() {
    let scene = scene();
    let arn = admin().arn;
    for flag in ["--no-cache", "--cache=false"] {
        assert_eq!(scene.token(&["--role", &arn, flag]).code, Some(0));
        assert!(!scene.cache().exists(), "{flag}");
    }
    assert_eq!(scene.asked(), 2);
    // Keys are at hand.
    assert_eq!(scene.token(&[]).code, Some(0));
    assert!(!scene.cache().exists());

    scene.token(&["--role", &arn, "--cache"]);
    scene.token(&["--role", &arn, "--no-cache"]);
    assert_eq!(scene.asked(), 4, "what was kept is not taken either");
}

#[test]
fn a_clean_cache_holds_nothing() {
    let scene = scene();
    let arguments = ["--role", &admin().arn];
    scene.token(&arguments);
    let cleaned = scene.run(&["clean-cache"]);
    assert_eq!((cleaned.code, cleaned.stderr.as_str()), (Some(0), ""));
    assert!(cleaned.stdout.starts_with("removed the credentials of 1 earlier session"), "{}", cleaned.stdout);
    assert_eq!(fs::read_dir(scene.cache()).unwrap().count(), 0);
    scene.token(&arguments);
    assert_eq!(scene.asked(), 2);
}

#[test]
fn a_cache_that_others_can_read_is_refused_with_a_warning_and_the_token_is_made() {
    let scene = scene();
    let arguments = ["--role", &admin().arn];
    scene.token(&arguments);
    fs::set_permissions(scene.cache(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = scene.token(&arguments);
    assert!(scene.owner(&run).contains(":assumed-role/admin/"));
    assert!(run.stderr.starts_with("warning: ") && run.stderr.contains("its mode is 0755"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert_eq!(scene.asked(), 2);
}

#[test]
fn a_cache_of_somebody_else_is_refused_with_a_warning_and_the_token_is_made() {
    let scene = scene();
    let arguments = ["--role", &admin().arn];
    scene.token(&arguments);
    let nobody = 65534;
    chown(scene.cache(), Some(nobody), None).expect("the suite is run by root, who may give files away");
    let run = scene.token(&arguments);
    assert!(scene.owner(&run).contains(":assumed-role/admin/"));
    let whose = format!("it belongs to user {nobody}, and you are user ");
    assert!(run.stderr.starts_with("warning: ") && run.stderr.contains(&whose), "{}", run.stderr);
    assert_eq!((run.stderr.lines().count(), scene.asked()), (1, 2), "{}", run.stderr);
}

#[test]
fn an_interrupt_ends_it_at_once_and_keeps_nobody_waiting() {
    let scene = scene();
    scene.sts.behave(Behaviour::Hang);
    let child = clean_command(programs::client(), scene.home.path())
        .args(["token", "-i", CLUSTER, "--role", &admin().arn])
        .envs(scene.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("it asks STS", || scene.sts.connections() > 0);
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let run = left_behind(child);
    // A signal ended it, which a shell tells as 130.
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (None, "", ""));
    scene.sts.behave(Behaviour::Normal);
    let next = scene.token(&["--role", &admin().arn]);
    assert_eq!((next.code, next.stderr.as_str()), (Some(0), ""));
}

#[test]
fn thirty_two_at_once_cause_one_call() {
    let scene = scene();
    let runs: Vec<_> = (0..32)
        .map(|_| {
            clean_command(programs::client(), scene.home.path())
                .args(["token", "-i", CLUSTER, "--role", &admin().arn])
                .envs(scene.environment.iter().map(|(name, value)| (name, value)))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for run in runs.into_iter().map(left_behind) {
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        assert!(scene.owner(&run).contains(":assumed-role/admin/"));
    }
    assert_eq!(scene.asked(), 1);
}

/// From before it asks until after it has written, at as many points as there are runs.
#[test]
fn whoever_is_killed_leaves_whole_files_and_keeps_nobody_waiting() {
    let scene = scene();
    let whole = |name: &str| name.ends_with(".json");
    let start = |run: u64| {
        clean_command(programs::client(), scene.home.path())
            // Each its own file, and its own lock.
            .args(["token", "-i", CLUSTER, "--role", &admin().arn, "-s", &format!("session-{run}")])
            .envs(scene.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // The first one is killed for certain before it can end by itself.
    scene.sts.behave(Behaviour::Hang);
    let mut first = start(0);
    eventually("it asks STS", || scene.sts.connections() > 0);
    first.kill().unwrap();
    assert_eq!(first.wait().unwrap().code(), None);
    scene.sts.behave(Behaviour::Normal);
    for run in 1..40 {
        let mut child = start(run);
        // Nothing is waited for: each is killed at another point.
        thread::sleep(Duration::from_millis(run));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    for run in 0..40 {
        let session = format!("session-{run}");
        let next = scene.token(&["--role", &admin().arn, "-s", &session]);
        assert_eq!((next.code, next.stderr.as_str()), (Some(0), ""), "{session}");
        assert_eq!(scene.owner(&next), admin().session(&session).arn);
    }
    let names = fs::read_dir(scene.cache()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = names.filter(|name| whole(name)).collect();
    assert_eq!(files.len(), 40);
    for name in files {
        let text = fs::read_to_string(scene.cache().join(&name)).unwrap();
        assert!(serde_json::from_str::<Value>(&text).unwrap()["sessionToken"].is_string(), "{name}");
    }
}
