use authenticator_tests::support::sts::{Behaviour, Principal, Role};
use jiff::SignedDuration;
use rustls::NamedGroup;

use super::{Scene, admin, assert_refused};
use crate::people::{ACCOUNT, CLUSTER, bob};

#[test]
fn what_the_flags_say_of_a_role_is_what_sts_is_asked_for() {
    let demanding = Role {
        external_id: Some("external-1".to_owned()),
        session_name: Some("me@example.com".to_owned()),
        duration: Some(SignedDuration::from_mins(15)),
        ..admin()
    };
    let scene = Scene::new();
    scene.sts.know_role(demanding.clone());
    let all = ["--role", &demanding.arn, "-e", "external-1", "-s", "me@example.com", "--duration", "15m"];
    let run = scene.token(&all);
    assert_eq!(run.stderr, "");
    assert_eq!(scene.owner(&run), demanding.session("me@example.com").arn);
    assert_eq!(scene.sts.seen()[0].key_exchange, Some(NamedGroup::X25519MLKEM768));

    // Each of them, for a role that demands it, is left out or another.
    for changed in [
        &["-e", "external-2", "-s", "me@example.com", "--duration", "15m"][..],
        &["-s", "me@example.com", "--duration", "15m"],
        &["-e", "external-1", "-s", "you@example.com", "--duration", "15m"],
        &["-e", "external-1", "-s", "me@example.com", "--duration", "16m"],
        &["-e", "external-1", "-s", "me@example.com"],
    ] {
        let run = scene.token(&[&["--role", &demanding.arn], changed].concat());
        assert_refused(&run, "is not authorized to perform: sts:AssumeRole on resource: ");
    }
}

#[test]
fn the_variable_names_a_role_for_token_and_not_for_aws_clis_command() {
    let role = admin();
    let scene = Scene::new().with(&[("DEFAULT_ROLE", &role.arn)]);
    scene.sts.know_role(role);
    assert!(scene.owner(&scene.token(&[])).contains(":assumed-role/admin/"));
    let own = scene.run(&["eks", "get-token", "--cluster-name", CLUSTER]);
    assert!(scene.owner(&own).ends_with(":user/alice"));
    assert!(scene.owner(&scene.token(&["--role", ""])).ends_with(":user/alice"));
}

#[test]
fn aws_clis_command_names_its_sessions_as_aws_cli_does() {
    let role = admin();
    let scene = Scene::new();
    scene.sts.know_role(role.clone());
    for flag in ["--role-arn", "--role"] {
        let run = scene.run(&["eks", "get-token", "--cluster-name", CLUSTER, flag, &role.arn]);
        assert_eq!(scene.owner(&run), role.session("EKSGetTokenAuth").arn);
    }
}

#[test]
fn a_session_name_is_forwarded_where_there_is_one() {
    let role = Role::trusting(ACCOUNT, "next", [format!("arn:aws:iam::{ACCOUNT}:role/viewer").as_str()]);
    let scene = Scene::of(&bob());
    scene.sts.know_role(role.clone());
    let run = scene.token(&["-r", &role.arn, "--forward-session-name"]);
    assert_eq!(scene.owner(&run), role.session("bob@example.com").arn);

    let other = Principal::role_session(ACCOUNT, "viewer", "other@example.com");
    let scene = Scene::of(&other);
    scene.sts.know_role(role.clone());
    let run = scene.token(&["-r", &role.arn, "--forward-session-name"]);
    assert_eq!(scene.owner(&run), role.session("other@example.com").arn);
}

#[test]
fn an_sts_that_says_nothing_is_given_up_at_the_programs_own_time() {
    let scene = Scene::new();
    scene.sts.behave(Behaviour::Hang);
    let run = scene.token(&["--role", &admin().arn, "--timeout", "1s"]);
    assert_refused(&run, "gave up after 1s");
    let run = scene.run(&["whoami", "--timeout", "1s"]);
    assert_refused(&run, "STS did not say in time whose credentials these are");
}
