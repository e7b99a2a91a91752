use authenticator_tests::support::secrets;
use authenticator_tests::support::sts::Behaviour;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Scene, admin, assert_refused};
use crate::people::{ACCOUNT, CLUSTER, alice, bob};

#[test]
fn it_tells_whose_credentials_they_are_and_what_a_token_would_be_for() {
    let scene = Scene::of(&bob());
    let run = scene.run(&["whoami", "-i", CLUSTER, "-o", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    secrets::assert_none_in("whoami", &run.stdout);
    assert_eq!(
        serde_json::from_str::<Value>(&run.stdout).unwrap(),
        json!({
            "account": ACCOUNT,
            "arn": bob().arn,
            "userId": bob().user_id,
            "accessKeyId": bob().access_key_id,
            "source": ["the keys of the environment (AWS_ACCESS_KEY_ID)"],
            "expirationTimestamp": null,
            "region": "us-west-2",
            "stsHost": "sts.us-west-2.amazonaws.com",
            "clusterId": CLUSTER,
            "clockDifference": null,
        })
    );

    let text = scene.run(&["whoami"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    secrets::assert_none_in("whoami", &text.stdout);
    for line in [
        format!("arn             {}\n", bob().arn),
        format!("access key id   {}\n", bob().access_key_id),
        "cluster id      none is given\n".to_owned(),
    ] {
        assert!(text.stdout.contains(&line), "{}", text.stdout);
    }
}

#[test]
fn a_role_is_told_with_the_credentials_that_asked_for_it_and_its_end() {
    let scene = Scene::new();
    scene.sts.know_role(admin());
    let whoami = || {
        let run = scene.run(&["whoami", "--role", &admin().arn, "-s", "me", "-o", "json"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        secrets::assert_none_in("whoami", &run.stdout);
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let made = whoami();
    assert_eq!(made["arn"], admin().session("me").arn);
    assert_eq!(
        made["source"],
        json!(["the keys of the environment (AWS_ACCESS_KEY_ID)", format!("role {} (--role (-r))", admin().arn)])
    );
    let end: Timestamp = made["expirationTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(end > Timestamp::now() + SignedDuration::from_mins(50), "{end}");

    let kept = whoami();
    assert_eq!(kept["source"], json!([format!("role {} (--role (-r)), kept from an earlier run", admin().arn)]));
    assert_eq!((&kept["arn"], &kept["expirationTimestamp"]), (&made["arn"], &made["expirationTimestamp"]));
    assert_eq!(scene.asked(), 1);
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let scene = Scene::new();
    let ahead = |minutes| move || Timestamp::now() + SignedDuration::from_mins(minutes);
    scene.sts.set_clock(ahead(2));
    let run = scene.run(&["whoami"]);
    assert!(run.code == Some(0) && !run.stdout.contains("clock"), "{}{}", run.stdout, run.stderr);

    // STS still takes it.
    scene.sts.set_clock(ahead(10));
    let run = scene.run(&["whoami"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("clock           10m behind STS's, so that tokens may be refused"), "{}", run.stdout);

    // It does not any more.
    scene.sts.set_clock(ahead(20));
    assert_refused(&scene.run(&["whoami"]), "this computer's clock is 20m behind that of STS: set it right");
    assert_refused(
        &scene.token(&["--role", &admin().arn]),
        "this computer's clock is 20m behind that of STS: set it right",
    );
}

#[test]
fn what_sts_says_against_it_is_told_and_what_is_known_without_sts_if_it_is_wanted() {
    let scene = Scene::of(&alice().forger());
    scene.sts.know(alice());
    assert_refused(&scene.run(&["whoami"]), "SignatureDoesNotMatch");

    scene.sts.behave(Behaviour::Status {
        code: StatusCode::SERVICE_UNAVAILABLE,
        content_type: "text/html".to_owned(),
        body: "<h1>no</h1>".into(),
    });
    assert_refused(&scene.run(&["whoami"]), "503");
    let verbose = scene.run(&["whoami", "-v"]);
    assert_eq!((verbose.code, verbose.stdout.as_str()), (Some(1), ""));
    assert!(verbose.stderr.contains(&alice().access_key_id) && verbose.stderr.contains("503"), "{}", verbose.stderr);
}

/// Of one who sits between, for instance, and answers as STS does.
#[test]
fn what_an_answer_says_moves_no_cursor_and_hides_nothing() {
    const ODD: &str = "a&#x1b;[2Jb&#x7;c&#xd;&#xa;d\u{202e}e\u{200b}f\u{2028}g";
    const SHOWN: &str = r"a\u{1b}[2Jb\u{7}c\r\nd\u{202e}e\u{200b}f\u{2028}g";
    let scene = Scene::new();
    let answer = |code, body: String| {
        let content_type = "text/xml".to_owned();
        scene.sts.behave(Behaviour::Status { code, content_type, body: body.into_bytes().into() });
    };
    answer(
        StatusCode::OK,
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{ODD}</Arn><UserId>{ODD}</UserId><Account>{ODD}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    );
    let run = scene.run(&["whoami"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for name in ["account         ", "arn             ", "user id         "] {
        assert!(run.stdout.contains(&format!("{name}{SHOWN}\n")), "{:?}", run.stdout);
    }
    let run = scene.run(&["whoami", "-o", "json"]);
    assert!(run.stdout.contains(r"a\u001b[2Jb\u0007c\r\nd\u202ee\u200bf\u2028g"), "{:?}", run.stdout);

    answer(
        StatusCode::FORBIDDEN,
        format!("<ErrorResponse><Error><Code>{ODD}</Code><Message>{ODD}</Message></Error></ErrorResponse>"),
    );
    for arguments in [&["whoami"][..], &["token", "-i", CLUSTER, "--role", &admin().arn]] {
        let run = scene.run(arguments);
        assert_refused(&run, SHOWN);
        assert!(run.stderr.chars().all(|c| c == '\n' || c.is_ascii_graphic() || c == ' '), "{:?}", run.stderr);
    }
}
