use std::fs;
use std::path::Path;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::{plugin, secrets};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::{self, ACCOUNT, CLUSTER, alice, bob, mallory};

#[tokio::test]
async fn each_decision_is_a_line_that_says_who_as_whom_why_and_how() {
    let (folder, sts) = (TempDir::new().unwrap(), Sts::start([alice(), bob(), mallory()]));
    let path = folder.path().join("audit.log");
    let server = start(&people::config("aws"), &sts, &path);
    let reviewer = server.reviewer();
    let token = plugin::token(&bob(), CLUSTER, "us-west-2");
    for _ in 0..2 {
        assert!(matches!(reviewer.review(ReviewVersion::V1, &token).await, Answer::Allowed(_)));
    }
    for refused in [mallory(), alice().forger()] {
        assert!(matches!(review(&reviewer, &refused).await, Answer::Refused(_)));
    }
    sts.behave(Behaviour::CloseConnection);
    assert!(matches!(review(&reviewer, &alice()).await, Answer::Failed { .. }));

    let [asked, fresh, unmapped, forged, unknown] = &lines(&path, 5)[..] else { panic!("five decisions") };
    let of_bob = json!({
        "outcome": "allow", "reason": "mapped", "accesskeyid": bob().access_key_id, "arn": bob().arn, "accountid": ACCOUNT,
        "userid": bob().user_id.split(':').next(), "session": "bob@example.com", "username": "viewer:bob-example.com",
        "groups": ["viewers", "everybody"], "source": "MountedFile", "stsendpoint": "sts.us-west-2.amazonaws.com",
        "cache": "asked",
    });
    for (name, value) in of_bob.as_object().unwrap() {
        assert_eq!(&asked[name], value, "{name}: {asked}");
    }
    assert!(asked["rule"].as_str().is_some_and(|rule| rule.contains("role/viewer")), "{asked}");
    assert!(asked["latency"].as_f64().is_some_and(|seconds| seconds > 0.0), "{asked}");
    assert_eq!((&fresh["cache"], &fresh["token"]), (&json!("fresh"), &asked["token"]));
    for (line, outcome, reason, arn) in [
        (unmapped, "deny", "identity.not_mapped", json!(mallory().arn)),
        (forged, "deny", "sts.signature_does_not_match", Value::Null),
        (unknown, "cannot_tell", "sts.unreachable", Value::Null),
    ] {
        assert_eq!(
            (&line["outcome"], &line["reason"], &line["arn"]),
            (&json!(outcome), &json!(reason), &arn),
            "{line}"
        );
        assert!(line["accesskeyid"].is_string() && line["username"].is_null(), "{line}");
    }
    secrets::assert_none_in("the audit log", &fs::read_to_string(&path).unwrap());
}

#[tokio::test]
async fn of_a_scrubbed_account_only_what_its_callers_are_mapped_to_is_said() {
    let (folder, sts) = (TempDir::new().unwrap(), Sts::start([alice(), mallory()]));
    let path = folder.path().join("audit.log");
    let config = people::config("aws").replace("server:\n", &format!("server:\n  scrubbedAccounts: ['{ACCOUNT}']\n"));
    let server = start(&config, &sts, &path);
    let reviewer = server.reviewer();
    for who in [alice(), mallory(), alice().forger()] {
        review(&reviewer, &who).await;
    }
    let [allowed, ..] = &lines(&path, 3)[..] else { panic!("three decisions") };
    assert_eq!(allowed["username"], "alice");
    let text = fs::read_to_string(&path).unwrap();
    for hidden in [ACCOUNT, &alice().access_key_id, &alice().user_id, &mallory().access_key_id, "mallory"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_moved_away_is_made_anew_on_hangup() {
    let (folder, sts) = (TempDir::new().unwrap(), Sts::start([alice()]));
    let (path, moved) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
    let server = start(&people::config("aws"), &sts, &path);
    let reviewer = server.reviewer();
    review(&reviewer, &alice()).await;
    lines(&path, 1);
    fs::rename(&path, &moved).unwrap();
    server.hang_up();
    server.says("reading files again (SIGHUP)");
    eventually("the file is there again", || {
        let reviewer = reviewer.clone();
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(review(&reviewer, &alice())));
        path.exists()
    });
    assert!(!fs::read_to_string(&moved).unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_out_and_is_told_once() {
    let sts = Sts::start([alice()]);
    let server = start(&people::config("aws"), &sts, Path::new("/dev/full"));
    let reviewer = server.reviewer();
    for _ in 0..5 {
        assert!(matches!(review(&reviewer, &alice()).await, Answer::Allowed(_)));
    }
    let told =
        || server.log().iter().filter(|line| line["msg"].as_str().is_some_and(|msg| msg.contains("audit"))).count();
    eventually("it is told", || told() > 0);
    assert_eq!(told(), 1);
    assert_eq!(Numbers::read(&reviewer).await.sum(r#"audit_lost_total{why="write_failed"}"#), 5.0);
}

fn start(config: &str, sts: &Sts, path: &Path) -> Server {
    Setup::new(config).sts(sts).argument(format!("--audit-log={}", path.display())).start().unwrap()
}

/// The lines, once there are so many.
fn lines(path: &Path, number: usize) -> Vec<Value> {
    let read = || -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap_or_default();
        // The last one may still be on its way.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    };
    eventually("the lines are written", || read().len() >= number);
    read()
}

async fn review(reviewer: &Reviewer, who: &Principal) -> Answer {
    reviewer.review(ReviewVersion::V1, &plugin::token(who, CLUSTER, "us-west-2")).await
}
