//! Custom resources: one entry each, the oldest first.

use std::time::{Duration, SystemTime};

use mapping::{
    Chain, Decision, Identity, Source, SourceName,
    format::custom_resource::{CustomResource, Object, rules},
};

use crate::support::{caller, granted, lines, session, session_with_id, user};

fn object<'a>(name: &'a str, created: u64, spec: &'a str) -> Object<'a> {
    Object { name, uid: name, created: SystemTime::UNIX_EPOCH + Duration::from_secs(created), spec }
}

fn read(object: &Object<'_>) -> CustomResource {
    let update = CustomResource::update(None, object);
    assert_eq!(lines(&update.diagnostics), [""; 0]);
    update.next
}

fn chain<'a>(objects: impl IntoIterator<Item = &'a CustomResource>) -> Chain {
    Chain::new(vec![Source::new(SourceName::Crd, Some(rules(objects).rules))])
}

fn said(spec: &str) -> Vec<String> {
    let update = CustomResource::update(None, &object("jane", 0, spec));
    assert!(!update.next.is_usable(), "{spec}");
    // That it refuses whom it is about goes without saying.
    lines(&update.diagnostics).into_iter().filter(|line| !line.contains("entry_closed")).collect()
}

const ADMIN: &str = r#"{"arn": "arn:aws:iam::123456789012:role/Admin", "username": "admin", "groups": ["g"]}"#;

#[test]
fn a_spec_of_the_go_program_maps_a_role_or_a_user() {
    let jane = r#"{"arn": "arn:aws:iam::123456789012:user/jane", "username": "jane"}"#;
    let chain = chain(&[read(&object("admin", 0, ADMIN)), read(&object("jane", 0, jane))]);
    let grant = granted(chain.decide(&session("Admin", "s")));
    assert_eq!((grant.username(), grant.groups()), ("admin", &["g".to_owned()][..]));
    assert_eq!(grant.rule(), "IAMIdentityMapping \"admin\" arn:aws:iam::123456789012:role/Admin");
    assert_eq!(granted(chain.decide(&user("jane"))).username(), "jane");
    assert_eq!(chain.decide(&user("joe")), Decision::NotMapped);
}

#[test]
fn a_spec_may_say_all_that_an_entry_of_map_roles_may_say() {
    let like = "\"rolearnLike\": \"arn:aws:iam::123456789012:role/team-*\"";
    let sso = "\"sso\": {\"permissionSetName\": \"Admin\", \"accountID\": \"123456789012\"}";
    let sso_role = "AWSReservedSSO_Admin_0123456789abcdef";
    for (spec, who, nobody) in [
        (format!("{{{like}, \"username\": \"x\"}}"), session("team-a", "s"), session("a-team", "s")),
        (format!("{{{sso}, \"username\": \"x\"}}"), session(sso_role, "s"), session("Admin", "s")),
        (
            format!("{{{sso}, \"sessionNames\": [\"jane*\"], \"username\": \"x\"}}"),
            session(sso_role, "jane@example.com"),
            session(sso_role, "joe@example.com"),
        ),
        (
            "{\"userid\": \"AROAX\", \"username\": \"x\"}".to_owned(),
            session_with_id("a", "s", "AROAX"),
            session("a", "s"),
        ),
    ] {
        let chain = chain([&read(&object("x", 0, &spec))]);
        assert_eq!(granted(chain.decide(&who)).username(), "x", "{spec}");
        assert_eq!(chain.decide(&nobody), Decision::NotMapped, "{spec}");
    }
}

#[test]
fn what_is_wrong_in_a_spec_is_said_with_the_name_of_the_object() {
    for (spec, line) in [
        ("{", "error not_yaml: a key in double quotes is expected"),
        ("[]", "error wrong_type: the entry: expected a mapping, found a list"),
        ("null", "error wrong_type: the entry: expected a mapping, found nothing"),
        (r#"{"username": "x"}"#, "error missing_arn: the entry has no arn"),
        (r#"{"arn": "arn:aws:iam::123456789012:role/x"}"#, "error missing_username: the entry has no username"),
        (
            r#"{"arn": "arn:aws:iam::123456789012:role/*", "username": "x"}"#,
            "error invalid_arn: arn \"arn:aws:iam::123456789012:role/*\": it has a wildcard, and an exact ARN is \
             compared character by character; write rolearnLike for roles whose name fits a pattern",
        ),
        (
            r#"{"arn": "arn:aws:iam::123456789012:role/x", "sso": {}, "username": "x"}"#,
            "error conflicting_keys: arn and sso both say whom the entry is about, so it is not used; make an entry of each",
        ),
    ] {
        assert_eq!(said(spec), [format!("CRD \"jane\" spec: {line}")]);
    }
    assert_eq!(
        said(r#"{"rolearn": "arn:aws:iam::123456789012:role/x", "userid": "AROAX", "username": "x"}"#),
        [
            "CRD \"jane\" spec: error unknown_key: unknown key \"rolearn\"; did you mean \"arn\"?",
            "CRD \"jane\" spec: error missing_arn: the entry has no arn"
        ]
    );
}

#[test]
fn an_object_that_breaks_keeps_what_it_said_until_it_is_made_anew() {
    let good = read(&object("admin", 0, ADMIN));
    let broken = object("admin", 0, r#"{"arn": "x", "username": "admin"}"#);
    let kept = CustomResource::update(Some(&good), &broken);
    assert_eq!(granted(chain([&kept.next]).decide(&session("Admin", "s"))).username(), "admin");
    assert_eq!(
        lines(&kept.diagnostics),
        [
            "CRD \"admin\" spec: error invalid_arn: arn \"x\": it is not an ARN (arn:PARTITION:SERVICE::ACCOUNT:RESOURCE)",
            "CRD \"admin\" spec: error no_usable_entry: the object is not usable; what it said before stays in force: \
             \"arn:aws:iam::123456789012:role/Admin\" is \"admin\" with the groups \"g\""
        ]
    );
    let anew = CustomResource::update(Some(&kept.next), &Object { uid: "another", ..broken });
    assert!(!anew.next.is_usable());
    assert_eq!(chain([&anew.next]).decide(&session("Admin", "s")), Decision::NotMapped);
}

#[test]
fn an_object_that_changes_says_what_it_says_now() {
    let good = read(&object("admin", 0, ADMIN));
    let changed = ADMIN.replace("role/Admin", "role/Other");
    let now = CustomResource::update(Some(&good), &object("admin", 0, &changed)).next;
    assert_eq!(chain([&now]).decide(&session("Admin", "s")), Decision::NotMapped);
    assert_eq!(granted(chain([&now]).decide(&session("Other", "s"))).username(), "admin");
}

/// The one that is used has the user name `used`.
#[test]
fn of_objects_about_the_same_principal_the_oldest_is_used_then_the_first_by_name() {
    let about = [
        ("\"arn\": \"arn:aws:iam::123456789012:role/X\"", "\"arn\": \"arn:aws:iam::123456789012:role/path/x\""),
        (
            "\"sso\": {\"permissionSetName\": \"X\", \"accountID\": \"123456789012\"}",
            "\"sso\": {\"permissionSetName\": \"x\", \"accountID\": \"123456789012\", \"partition\": \"aws\"}",
        ),
        (
            "\"rolearnLike\": \"arn:aws:iam::123456789012:role/X*\"",
            "\"rolearnLike\": \"arn:aws:iam::123456789012:role/x*\"",
        ),
        ("\"userid\": \"AROAEXAMPLE\"", "\"userid\": \"AROAEXAMPLE\""),
    ];
    for (one, same) in about {
        let role = if one.contains("sso") { "AWSReservedSSO_X_0123456789abcdef" } else { "X" };
        for (used, unused) in [(("b", 1), ("a", 2)), (("a", 1), ("b", 1))] {
            let spec = |whom: &str, username: &str| format!("{{{whom}, \"username\": \"{username}\"}}");
            let used = read(&object(used.0, used.1, &spec(one, "used")));
            let unused = read(&object(unused.0, unused.1, &spec(same, "unused")));
            for order in [[&used, &unused], [&unused, &used]] {
                let loaded = rules(order);
                assert_eq!((loaded.rules.rule_count(), loaded.diagnostics.len()), (1, 1));
                let line = loaded.diagnostics[0].to_string();
                assert!(
                    line.starts_with(&format!("CRD \"{}\" spec: warning duplicate_entry: ", unused.name())),
                    "{line}"
                );
                assert!(line.contains(&format!("IAMIdentityMapping \"{}\" is used", used.name())), "{line}");
                assert_eq!(granted(chain(order).decide(&session(role, "s"))).username(), "used");
            }
        }
    }
}

#[test]
fn of_objects_that_differ_in_their_conditions_only_the_oldest_that_fits_is_used() {
    let spec = |condition: &str, username: &str| {
        format!(r#"{{"arn": "arn:aws:iam::123456789012:role/X", {condition}, "username": "{username}"}}"#)
    };
    for condition in [r#""sessionNames": ["NAME*"]"#, r#""userid": "AROAEXAMPLE", "sessionNames": ["NAME*"]"#] {
        let old = read(&object("z", 1, &spec(&condition.replace("NAME", "jan"), "old")));
        let young = read(&object("a", 2, &spec(&condition.replace("NAME", "j"), "young")));
        let username = |who: &Identity| granted(chain([&young, &old]).decide(who)).username().to_owned();
        assert_eq!(username(&session("X", "jane")), "old");
        assert_eq!(username(&session("X", "joe")), "young");
    }
    let like = |pattern: &str, username: &str| {
        format!(r#"{{"rolearnLike": "arn:aws:iam::123456789012:role/{pattern}", "username": "{username}"}}"#)
    };
    let old = read(&object("z", 1, &like("ab*", "old")));
    let young = read(&object("a", 2, &like("a*", "young")));
    assert_eq!(granted(chain([&young, &old]).decide(&session("abc", "s"))).username(), "old");
    assert_eq!(granted(chain([&young, &old]).decide(&session("acc", "s"))).username(), "young");
}

#[test]
fn an_object_that_was_never_usable_keeps_nobody_elses_answer_back() {
    let broken = CustomResource::update(None, &object("broken", 0, "{")).next;
    let good = read(&object("admin", 0, ADMIN));
    assert_eq!(chain([&broken]).decide(&session("Admin", "s")), Decision::NotMapped);
    assert_eq!(granted(chain([&broken, &good]).decide(&session("Admin", "s"))).username(), "admin");
    let root = caller("arn:aws:iam::123456789012:root", "123456789012");
    assert_eq!(chain([&broken, &good]).decide(&root), Decision::NotMapped);
}
