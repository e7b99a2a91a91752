use std::fs;

use authenticator_tests::support::programs;
use authenticator_tests::support::terminal::Terminal;

use super::{CODE, DEVICE, Scene, assert_refused, left_behind};
use crate::people::CLUSTER;

/// Runs the plugin, and notes how it leaves the terminal.
const ONE: &str = r#""$@"; code=$?; stty -a </dev/tty >terminal; exit $code"#;
const QUESTION: &str = "Assume Role MFA token code: ";

fn plugin<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let client = programs::client().to_str().unwrap();
    [&[client, "token", "-i", CLUSTER, "--profile", "mfa"], arguments].concat()
}

#[track_caller]
fn assert_terminal_is_as_it_was(scene: &Scene) {
    let modes = fs::read_to_string(scene.home.path().join("terminal")).unwrap();
    for mode in ["echo", "icanon", "isig"] {
        assert!(modes.split_whitespace().any(|word| word == mode), "{mode}: {modes}");
    }
}

#[test]
fn a_code_is_asked_for_on_the_terminal_once_and_not_shown() {
    let scene = Scene::new().with_mfa();
    let mut terminal = Terminal::open().unwrap();
    let asked = terminal.run(ONE, plugin(&[]), &scene.environment, scene.home.path()).unwrap();
    assert_eq!(terminal.wait_for(QUESTION), QUESTION, "and nothing else is shown");
    terminal.type_in(&format!("{CODE}\n")).unwrap();
    let run = left_behind(asked);
    assert_eq!(run.stderr, "");
    assert!(scene.owner(&run).contains(":assumed-role/admin/"));
    assert!(!terminal.shown().contains(CODE));
    assert_eq!(
        (scene.last_asked("SerialNumber").as_deref(), scene.last_asked("TokenCode").as_deref()),
        (Some(DEVICE), Some(CODE))
    );
    assert_terminal_is_as_it_was(&scene);

    // Nobody sits there any more.
    let next = scene.token(&["--profile", "mfa"]);
    assert_eq!(scene.owner(&next), scene.owner(&run));
    assert_eq!(scene.asked(), 1);
}

#[test]
fn aws_clis_command_asks_in_aws_clis_words() {
    let scene = Scene::new().with_mfa();
    let mut terminal = Terminal::open().unwrap();
    let client = programs::client().to_str().unwrap();
    let arguments = [client, "eks", "get-token", "--cluster-name", CLUSTER, "--profile", "mfa"];
    let asked = terminal.run(ONE, arguments, &scene.environment, scene.home.path()).unwrap();
    terminal.wait_for(&format!("Enter MFA code for {DEVICE}: "));
    terminal.type_in(&format!("{CODE}\n")).unwrap();
    assert!(scene.owner(&left_behind(asked)).contains(":assumed-role/admin/"));
}

#[test]
fn a_wrong_code_gets_what_sts_says_of_it_and_the_next_run_may_try_again() {
    let scene = Scene::new().with_mfa();
    for (code, message) in [
        ("654321", "MultiFactorAuthentication failed with invalid MFA one time pass code"),
        ("12345", "that is no code of the MFA device"),
        ("", "that is no code of the MFA device"),
    ] {
        let mut terminal = Terminal::open().unwrap();
        let asked = terminal.run(ONE, plugin(&[]), &scene.environment, scene.home.path()).unwrap();
        terminal.wait_for(QUESTION);
        terminal.type_in(&format!("{code}\n")).unwrap();
        assert_refused(&left_behind(asked), message);
        assert_terminal_is_as_it_was(&scene);
    }
    assert_eq!(scene.asked(), 1, "what is no code is not sent");
}

#[test]
fn nobody_is_asked_where_kubectl_says_that_nobody_can_be() {
    for (interactive, asks) in [(true, true), (false, false)] {
        let info = format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{{"interactive":{interactive}}}}}"#
        );
        let scene = Scene::new().with_mfa().with(&[("KUBERNETES_EXEC_INFO", &info)]);
        let mut terminal = Terminal::open().unwrap();
        let started = terminal.run(ONE, plugin(&[]), &scene.environment, scene.home.path()).unwrap();
        if asks {
            terminal.wait_for(QUESTION);
            terminal.type_in(&format!("{CODE}\n")).unwrap();
            assert_eq!(left_behind(started).code, Some(0));
        } else {
            let run = left_behind(started);
            assert_refused(&run, "kubectl says that nobody can be asked");
            assert!(run.stderr.contains(DEVICE), "{}", run.stderr);
            assert_eq!((terminal.shown(), scene.sts.connections()), ("", 0));
        }
    }
}

#[test]
fn without_a_terminal_nobody_is_asked_and_the_device_is_named() {
    let scene = Scene::new().with_mfa();
    let client = programs::client().to_str().unwrap();
    // A session without a terminal, as a service has it.
    let run = programs::run(
        "setsid".as_ref(),
        scene.home.path(),
        ["--wait", client, "token", "-i", CLUSTER, "--profile", "mfa"],
        &scene.environment,
    );
    assert_refused(&run, "there is no terminal to ask for it on");
    assert!(run.stderr.contains(DEVICE), "{}", run.stderr);
    assert_eq!(scene.sts.connections(), 0);
}

#[test]
fn however_the_question_ends_the_terminal_is_as_it_was() {
    let with = |limit: &'static str| plugin(&["--timeout", limit]);
    // Ctrl-C, and nothing at all until the program's own time is over.
    for (typed, limit, code, message) in
        [("\u{3}", "60s", 130, ""), ("12", "2s", 1, "gave up after 2s of waiting for the code of MFA device")]
    {
        let scene = Scene::new().with_mfa();
        let mut terminal = Terminal::open().unwrap();
        let asked = terminal.run(ONE, with(limit), &scene.environment, scene.home.path()).unwrap();
        terminal.wait_for(QUESTION);
        terminal.type_in(typed).unwrap();
        let run = left_behind(asked);
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{}", run.stderr);
        assert!(run.stderr.contains(message) && run.stderr.is_empty() == message.is_empty(), "{}", run.stderr);
        assert_terminal_is_as_it_was(&scene);
        assert_eq!(scene.sts.connections(), 0);
    }

    // A signal that is sent from elsewhere: the test's own keeper sends it.
    let scene = Scene::new().with_mfa();
    let mut terminal = Terminal::open().unwrap();
    let script = r#"{ cat go; kill -TERM $(cat pid); } & sh -c 'echo $$ >pid; exec "$@"' sh "$@"; code=$?; stty -a </dev/tty >terminal; exit $code"#;
    let pipe = scene.home.path().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let asked = terminal.run(script, with("60s"), &scene.environment, scene.home.path()).unwrap();
    terminal.wait_for(QUESTION);
    fs::write(&pipe, "").unwrap();
    let run = left_behind(asked);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(143), "", ""));
    assert_terminal_is_as_it_was(&scene);
}

#[test]
fn thirty_two_at_once_ask_once() {
    let scene = Scene::new().with_mfa();
    let mut terminal = Terminal::open().unwrap();
    let script = r#"for run in $(seq 32); do "$@" >$run.json & done; wait"#;
    let asked = terminal.run(script, plugin(&[]), &scene.environment, scene.home.path()).unwrap();
    terminal.wait_for(QUESTION);
    terminal.type_in(&format!("{CODE}\n")).unwrap();
    assert_eq!(left_behind(asked).stderr, "");
    assert_eq!(terminal.shown().matches(QUESTION).count(), 1);
    assert_eq!(scene.asked(), 1);
    for run in 1..=32 {
        let text = fs::read_to_string(scene.home.path().join(format!("{run}.json"))).unwrap();
        assert!(text.contains("k8s-aws-v1."), "{run}: {text}");
    }
}
