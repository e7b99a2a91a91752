//! `authenticator-server verify`: who signed a token, told by STS to a person.

use std::io::Write as _;
use std::process::{Command, Stdio};

use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs::Run;
use authenticator_tests::support::server;
use authenticator_tests::support::sts::{Behaviour, Sts};
use authenticator_tests::support::{plugin, programs};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::{ACCOUNT, CLUSTER, alice, bob};

#[test]
fn whom_sts_vouches_for_is_printed_under_the_go_programs_names() {
    let sts = Sts::start([alice(), bob()]);
    let token = plugin::token(&bob(), CLUSTER, "us-west-2");
    let run = verify(&sts, &["-i", CLUSTER, "-t", &token, "-o", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let expected = json!({
        "ARN": bob().arn,
        "CanonicalARN": format!("arn:aws:iam::{ACCOUNT}:role/viewer"),
        "AccountID": ACCOUNT,
        "UserID": bob().user_id.split(':').next(),
        "SessionName": "bob@example.com",
        "AccessKeyID": bob().access_key_id,
        "STSEndpoint": "sts.us-west-2.amazonaws.com",
    });
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), expected);
    let run = verify(&sts, &["-i", CLUSTER, "--token", &token]);
    assert!(run.stdout.starts_with(&format!("ARN: {}\n", bob().arn)), "{}", run.stdout);
}

#[test]
fn a_token_of_another_cluster_or_none_is_an_error_with_its_code_and_nothing_else() {
    let sts = Sts::start([alice()]);
    let token = plugin::token(&alice(), "another", "us-west-2");
    for (arguments, code) in [
        (&["-i", CLUSTER, "-t", token.as_str()][..], "error: sts.signature_does_not_match: "),
        (&["-i", CLUSTER, "-t", "k8s-aws-v1.nonsense"], "error: token."),
        (&["-i", "another", "-t", token.as_str(), "--partition", "aws-cn"], "error: token.host: "),
        (&["-i", CLUSTER], "error: the following required arguments were not provided"),
        (&["-t", token.as_str()], "error: no cluster id"),
    ] {
        let run = verify(&sts, arguments);
        assert_eq!((run.code == Some(0), run.stdout.as_str()), (false, ""), "{code}");
        assert!(run.stderr.contains(code), "{code}: {}", run.stderr);
        assert!(!run.stderr.contains(&token), "the token is shown to nobody");
    }
    assert_eq!(verify(&sts, &["-i", "another", "-t", &token]).code, Some(0), "its own cluster takes it");
}

#[test]
fn an_sts_that_cannot_be_heard_is_no_refusal() {
    let sts = Sts::start([alice()]);
    let token = plugin::token(&alice(), CLUSTER, "us-west-2");
    sts.behave(Behaviour::CloseConnection);
    let run = verify(&sts, &["-i", CLUSTER, "-t", &token]);
    assert!(run.code == Some(1) && run.stderr.contains("error: sts.unreachable: "), "{}", run.stderr);
}

#[test]
fn a_token_is_taken_from_standard_input_where_no_list_of_processes_shows_it() {
    let sts = Sts::start([alice()]);
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(programs::server())
        .args(["verify", "-i", CLUSTER, "-t", "-", "-o=json"])
        .args(reaching(&sts))
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let token = plugin::token(&alice(), CLUSTER, "us-west-2");
    writeln!(child.stdin.take().unwrap(), "{token}").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ARN"], alice().arn);
}

fn verify(sts: &Sts, arguments: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let arguments = ["verify"].into_iter().chain(arguments.iter().copied()).map(str::to_owned);
    server::run(folder.path(), arguments.chain(reaching(sts)))
}

fn reaching(sts: &Sts) -> [String; 2] {
    [format!("--sts-endpoint={}", sts.address()), format!("--sts-ca-file={}", sts.ca_file().display())]
}

/// As a unit of systemd without `User=` has it.
#[test]
fn a_webhooks_program_without_a_home_has_that_of_the_passwd_entry() {
    let home = |variable: Option<&str>| {
        let mut waits = clean_command(programs::server(), "/".as_ref())
            .args(["verify", "-i", CLUSTER, "-t", "-"])
            .env_remove("HOME")
            .envs(variable.map(|value| ("HOME", value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let environment = format!("/proc/{}/environ", waits.id());
        let found = std::cell::RefCell::default();
        eventually("the program has a home", || {
            let variables = std::fs::read(&environment).unwrap();
            let mut variables = variables.split(|byte| *byte == 0).filter_map(|pair| str::from_utf8(pair).ok());
            let home = variables.find_map(|pair| pair.strip_prefix("HOME=")).unwrap_or_default().to_owned();
            found.replace(home);
            !found.borrow().is_empty()
        });
        drop(waits.stdin.take());
        waits.wait().unwrap();
        found.into_inner()
    };
    let passwd = Command::new("sh").args(["-c", "getent passwd \"$(id -u)\" | cut -d: -f6"]).output().unwrap();
    let of_passwd = String::from_utf8(passwd.stdout).unwrap();
    for variable in [None, Some("")] {
        assert_eq!(home(variable), of_passwd.trim_end(), "{variable:?}");
    }
    assert_eq!(home(Some("/srv")), "/srv");
}
