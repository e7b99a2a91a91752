//! Every way to write a principal, in every source: the same text means the same.

use std::{sync::Arc, time::SystemTime};

use mapping::{
    Chain, Decision, Identity, RuleSet, Source, SourceName,
    format::{
        custom_resource::{self, CustomResource, Object},
        dynamic_file::{DynamicFile, UserIds},
    },
};

use crate::support::{aws_auth, caller, config_file, session, session_with_id, user};

/// Whether the entry stands in `mapRoles` or `mapUsers`.
#[derive(Clone, Copy, Debug)]
enum List {
    Roles,
    Users,
}

impl List {
    const fn key(self) -> &'static str {
        match self {
            Self::Roles => "mapRoles",
            Self::Users => "mapUsers",
        }
    }

    const fn arn_key(self) -> &'static str {
        match self {
            Self::Roles => "\"rolearn\": ",
            Self::Users => "\"userarn\": ",
        }
    }
}

/// What one source makes of an entry, written as JSON with `ARN` for the key of its ARN.
fn read(source: SourceName, list: List, entry: &str) -> (Arc<RuleSet>, Vec<&'static str>) {
    let entry = match source {
        SourceName::Crd => entry.replace("ARN: ", "\"arn\": "),
        _ => entry.replace("ARN: ", list.arn_key()),
    };
    let object = format!("{{\"{}\": [{entry}]}}", list.key());
    let (rules, diagnostics) = match source {
        SourceName::Crd => {
            let object = Object { name: "x", uid: "x", created: SystemTime::UNIX_EPOCH, spec: &entry };
            let update = CustomResource::update(None, &object);
            (custom_resource::rules([&update.next]).rules, update.diagnostics)
        }
        SourceName::DynamicFile => {
            let update = DynamicFile::update(None, Some(object.as_bytes()), UserIds::Optional);
            (update.next.rules(), update.diagnostics)
        }
        SourceName::EksConfigMap => {
            let update = aws_auth(&[(list.key(), &format!("[{entry}]"))]);
            (update.next.rules(), update.diagnostics)
        }
        SourceName::MountedFile => match config_file(&object) {
            Ok(loaded) => (loaded.rules, loaded.diagnostics),
            Err(error) => (Arc::default(), error.diagnostics().to_vec()),
        },
    };
    // Where the entry belongs, that a list has no other one, and what comes of it is not about the entry.
    let of_the_list = ["no_usable_entry", "wrong_list", "entry_closed"];
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code().as_str());
    (rules, codes.filter(|code| !of_the_list.contains(code)).collect())
}

fn maps(source: SourceName, rules: &Arc<RuleSet>, who: &Identity) -> bool {
    matches!(Chain::new(vec![Source::new(source, Some(Arc::clone(rules)))]).decide(who), Decision::Granted(_))
}

fn root(partition: &str) -> Identity {
    caller(&format!("arn:{partition}:iam::123456789012:root"), "123456789012")
}

#[test]
fn every_way_to_write_a_principal_means_the_same_in_every_source() {
    const SSO_ROLE: &str = "AWSReservedSSO_Admin_0123456789abcdef";
    const PATH: &str = "aws-reserved/sso.amazonaws.com/eu-west-1";
    let arn = |arn: &str| format!(r#"ARN: "{arn}""#);
    let iam = |resource: &str| arn(&format!("arn:aws:iam::123456789012:{resource}"));
    let sso = r#""sso": {"permissionSetName": "Admin", "accountID": "123456789012"#;
    let federated =
        |name| caller(&format!("arn:aws:sts::123456789012:federated-user/{name}"), &format!("123456789012:{name}"));
    use List::{Roles, Users};
    let rows = [
        ("role", Roles, iam("role/X"), session("X", "s"), session("Y", "s")),
        ("role with a path", Roles, iam("role/p/X"), session("X", "s"), session("p", "s")),
        ("role with a longer path", Roles, iam("role/p/q/X"), session("X", "s"), session("q", "s")),
        (
            "role of a permission set",
            Roles,
            iam(&format!("role/{PATH}/{SSO_ROLE}")),
            session(SSO_ROLE, "s"),
            session("X", "s"),
        ),
        (
            "session of a role",
            Roles,
            arn("arn:aws:sts::123456789012:assumed-role/X/s"),
            session("X", "s"),
            session("X", "t"),
        ),
        ("another case", Roles, arn("ARN:AWS:IAM::123456789012:ROLE/x"), session("X", "s"), session("XX", "s")),
        (
            "another account",
            Roles,
            arn("arn:aws:iam::999999999999:role/X"),
            caller("arn:aws:sts::999999999999:assumed-role/X/s", "AROAX:s"),
            session("X", "s"),
        ),
        (
            "another partition",
            Roles,
            arn("arn:aws-cn:iam::123456789012:role/X"),
            caller("arn:aws-cn:sts::123456789012:assumed-role/X/s", "AROAX:s"),
            session("X", "s"),
        ),
        ("user", Users, iam("user/u"), user("u"), user("v")),
        ("user with a path", Users, iam("user/p/u"), user("p/u"), user("u")),
        ("user in another case", Users, iam("USER/P/U"), user("p/u"), user("p/v")),
        ("root", Users, iam("root"), root("aws"), root("aws-cn")),
        (
            "federated user",
            Users,
            arn("arn:aws:sts::123456789012:federated-user/Bob"),
            federated("bob"),
            federated("Rob"),
        ),
        ("role among users", Users, iam("role/X"), session("X", "s"), session("Y", "s")),
        ("user among roles", Roles, iam("user/u"), user("u"), user("v")),
        (
            "permission set",
            Roles,
            format!("{sso}\"}}"),
            session(SSO_ROLE, "s"),
            session("AWSReservedSSO_Admin_RO_0123456789abcdef", "s"),
        ),
        (
            "permission set with its partition",
            Roles,
            format!("{sso}\", \"partition\": \"aws\"}}"),
            session(SSO_ROLE, "s"),
            session("AWSReservedSSO_Admin_0123", "s"),
        ),
        (
            "pattern",
            Roles,
            r#""rolearnLike": "arn:aws:iam::123456789012:role/t-?*""#.to_owned(),
            session("t-a", "s"),
            session("t-", "s"),
        ),
        ("unique id", Roles, r#""userid": "AROAX""#.to_owned(), session_with_id("X", "s", "AROAX"), session("X", "s")),
        ("unique id of a user", Users, r#""userid": "AIDAEXAMPLE""#.to_owned(), user("u"), root("aws")),
        (
            "ARN and unique id",
            Roles,
            format!(r#"{}, "userid": "AROAX""#, iam("role/X")),
            session_with_id("X", "s", "AROAX"),
            session("X", "s"),
        ),
        (
            "ARN and names of sessions",
            Roles,
            format!(r#"{}, "sessionNames": ["j*"]"#, iam("role/X")),
            session("X", "jane"),
            session("X", "max"),
        ),
    ];
    for (way, list, entry, who, nobody) in rows {
        let entry = format!(r#"{{{entry}, "username": "x", "groups": ["g"]}}"#);
        let first = read(SourceName::MountedFile, list, &entry).1;
        for source in SourceName::ALL {
            let (rules, codes) = read(source, list, &entry);
            assert_eq!(codes, first, "{way} in {source}");
            assert!(maps(source, &rules, &who), "{way} in {source}");
            assert!(!maps(source, &rules, &nobody), "{way} in {source}");
        }
    }
}

/// A custom resource has a schema, which takes lists alone.
#[test]
fn a_text_of_groups_or_accounts_and_a_single_entry_mean_the_same_in_every_text() {
    let entry =
        |groups: &str| format!(r#"{{ARN: "arn:aws:iam::123456789012:role/X", "username": "x", "groups": {groups}}}"#);
    for source in SourceName::ALL {
        for (groups, expected) in
            [(r#""a,b""#, &["a", "b"][..]), (r#""system:masters""#, &["system:masters"]), (r#"["a,b"]"#, &["a,b"])]
        {
            let (rules, codes) = read(source, List::Roles, &entry(groups));
            let chain = Chain::new(vec![Source::new(source, Some(rules))]);
            match chain.decide(&session("X", "s")) {
                Decision::Granted(grant) => assert_eq!(
                    (grant.groups(), codes.len()),
                    (&*expected.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>(), 0),
                    "{source} {groups}"
                ),
                _ => assert_eq!((source, codes), (SourceName::Crd, vec!["wrong_type"]), "{groups}"),
            }
        }
        // A session's name may have a comma in it.
        let sessions = entry("[]").replace("\"groups\": []", "\"sessionNames\": \"jane,joe\"");
        let (rules, codes) = read(source, List::Roles, &sessions);
        assert_eq!((codes, rules.rule_count()), (vec!["wrong_type"], 0), "{source}");
    }
    let texts = [
        ("mapRoles", r#"{"rolearn": "arn:aws:iam::123456789012:role/X", "username": "x"}"#, (1, 0)),
        ("mapUsers", r#"{"userarn": "arn:aws:iam::123456789012:user/u", "username": "u"}"#, (1, 0)),
        ("mapUsers", "{}", (0, 0)),
        ("mapAccounts", r#""123456789012,444455556666""#, (0, 2)),
        ("mapAccounts", "123456789012", (0, 1)),
    ];
    for (key, text, expected) in texts {
        let object = format!("{{\"{key}\": {text}}}");
        let loaded = config_file(&object).unwrap().rules;
        let aws_auth = aws_auth(&[(key, text)]).next.rules();
        let dynamic = DynamicFile::update(None, Some(object.as_bytes()), UserIds::Optional).next.rules();
        for rules in [loaded, aws_auth, dynamic] {
            assert_eq!((rules.rule_count(), rules.account_count()), expected, "{text}");
        }
    }
}

#[test]
fn every_way_to_write_none_is_the_same_mistake_in_every_source() {
    use List::{Roles, Users};
    let rows = [
        ("nothing", Roles, "", "missing_arn"),
        ("an empty ARN", Roles, r#"ARN: "", "#, "invalid_arn"),
        ("a name", Roles, r#"ARN: "Admin", "#, "invalid_arn"),
        ("an account without its zero", Roles, r#"ARN: "arn:aws:iam::12345678901:role/X", "#, "invalid_arn"),
        ("an unknown partition", Roles, r#"ARN: "arn:aws-mars:iam::123456789012:role/X", "#, "invalid_arn"),
        ("a region", Roles, r#"ARN: "arn:aws:iam:eu-west-1:123456789012:role/X", "#, "invalid_arn"),
        ("a wildcard", Roles, r#"ARN: "arn:aws:iam::123456789012:role/*", "#, "invalid_arn"),
        ("another service", Users, r#"ARN: "arn:aws:s3:::bucket", "#, "invalid_arn"),
        ("a list", Users, r#"ARN: ["arn:aws:iam::123456789012:user/u"], "#, "wrong_type"),
        ("an instance profile", Roles, r#"ARN: "arn:aws:iam::123456789012:instance-profile/X", "#, "invalid_arn"),
        ("a permission set without an account", Roles, r#""sso": {"permissionSetName": "A"}, "#, "invalid_sso"),
        ("a pattern of accounts", Roles, r#""rolearnLike": "arn:aws:iam::*:role/X", "#, "invalid_pattern"),
        ("an empty unique id", Roles, r#"ARN: "arn:aws:iam::123456789012:role/X", "userid": "", "#, "empty_userid"),
        ("a session's unique id", Roles, r#""userid": "AROAX:jane", "#, "invalid_userid"),
    ];
    for (way, list, entry, code) in rows {
        let entry = format!(r#"{{{entry}"username": "x"}}"#);
        for source in SourceName::ALL {
            let (rules, codes) = read(source, list, &entry);
            assert_eq!((codes, rules.rule_count()), (vec![code], 0), "{way} in {source}");
        }
    }
}
