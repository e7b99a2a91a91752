use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use authenticator_tests::support::proxy;
use authenticator_tests::support::signin::{self, Signin};
use authenticator_tests::support::sts::Principal;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Scene, assert_refused};
use crate::people::{ACCOUNT, alice};

/// Alice has logged in with `aws login`, in another region than that of her tokens, and her keys have ended.
fn scene(person: &Principal, signin: &Signin, changed: (&str, &str)) -> (Scene, PathBuf) {
    let mut scene = Scene::of(person);
    scene.environment.retain(|(name, _)| {
        !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&name.as_str())
    });
    let aws = scene.home.path().join(".aws");
    fs::create_dir_all(aws.join("login/cache")).unwrap();
    fs::write(aws.join("config"), format!("[default]\nlogin_session = {}\n", alice().arn)).unwrap();
    let file = aws.join("login/cache/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json");
    let mut document = json!({
        "accessToken": {
            "accessKeyId": "ASIAENDED", "secretAccessKey": "ended", "sessionToken": "ended",
            "accountId": ACCOUNT, "expiresAt": "2026-01-02T03:04:05Z",
        },
        "tokenType": "aws_sigv4",
        "clientId": signin::CLIENT_ID,
        "refreshToken": signin::REFRESH_TOKEN,
        "idToken": "e30.e30.c2ln",
        "dpopKey": signin::KEY,
        "signInRegion": signin::REGION,
        "ofALaterVersion": {"n": 1},
    });
    document[changed.0] = changed.1.into();
    fs::write(&file, document.to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (proxy, ca) = (proxy::to(signin.address()), signin.ca_file().to_str().unwrap());
    (scene.with(&[("HTTPS_PROXY", &proxy), ("AWS_CA_BUNDLE", ca)]), file)
}

fn carol() -> Principal {
    Principal::role_session(ACCOUNT, "carols", "carol")
}

#[test]
fn a_session_of_aws_login_is_renewed_once_and_keeps_all_that_aws_cli_noted() {
    let signin = Signin::start(carol());
    let (scene, file) = scene(&carol(), &signin, ("tokenType", "aws_sigv4"));
    for _ in 0..2 {
        let run = scene.token(&[]);
        assert_eq!((scene.owner(&run), run.stderr.as_str()), (carol().arn, ""));
        assert_eq!(signin.renewals(), 1);
    }
    let renewed: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(renewed["accessToken"]["accessKeyId"], carol().access_key_id);
    let end: Timestamp = renewed["accessToken"]["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(end > Timestamp::now());
    for (key, value) in [
        ("refreshToken", json!(signin::RENEWED_REFRESH_TOKEN)),
        ("idToken", json!("e30.e30.c2ln")),
        ("dpopKey", json!(signin::KEY)),
        ("clientId", json!(signin::CLIENT_ID)),
        ("signInRegion", json!(signin::REGION)),
        ("ofALaterVersion", json!({"n": 1})),
    ] {
        assert_eq!(renewed[key], value, "{key}");
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A refresh token may be good once.
#[test]
fn eight_at_once_renew_a_session_of_aws_login_once() {
    let signin = Signin::start(carol());
    let (scene, _) = scene(&carol(), &signin, ("tokenType", "aws_sigv4"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let run = scene.token(&[]);
                assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
            });
        }
    });
    assert_eq!(signin.renewals(), 1);
}

#[test]
fn who_is_logged_out_has_nothing_kept() {
    let signin = Signin::start(carol());
    let (scene, file) = scene(&carol(), &signin, ("tokenType", "aws_sigv4"));
    assert_eq!(scene.token(&[]).code, Some(0));
    assert_eq!(scene.token(&[]).code, Some(0));
    fs::remove_file(file).unwrap();
    assert_refused(&scene.token(&[]), "run `aws login --profile default`");
}

#[test]
fn a_session_of_aws_login_that_is_not_renewed_says_which_login_command_and_stays_as_it_is() {
    for (key, value, reason) in [
        ("refreshToken", "nobody-knows-it", "Your session has expired"),
        ("signInRegion", "eu-west-2", ""),
        ("dpopKey", "no key", ""),
    ] {
        let signin = Signin::start(carol());
        let (scene, file) = scene(&carol(), &signin, (key, value));
        let before = fs::read(&file).unwrap();
        let run = scene.token(&[]);
        assert_refused(&run, "run `aws login --profile default`");
        assert!(run.stderr.contains(reason), "{key}: {}", run.stderr);
        assert_eq!((fs::read(&file).unwrap(), signin.renewals()), (before, 0), "{key}");
    }
}

#[test]
fn a_session_of_aws_login_that_lasts_less_than_no_time_is_an_error_that_says_so() {
    for seconds in [-1, i64::MIN] {
        let signin = Signin::with_sessions_of(seconds, carol());
        let (scene, file) = scene(&carol(), &signin, ("tokenType", "aws_sigv4"));
        let before = fs::read(&file).unwrap();
        let run = scene.token(&[]);
        assert_refused(&run, "run `aws login --profile default`");
        assert!(run.stderr.contains("expiresIn") && !run.stderr.contains("panicked"), "{}", run.stderr);
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}
