//! Edits that are not understood: what of them closes an entry, and what leaves it as it was.
//!
//! Whatever else is in the list, in every source.

use std::{sync::Arc, time::SystemTime};

use mapping::{
    Chain, Decision, Diagnostic, Identity, RefusalReason, RuleSet, Source, SourceName,
    format::{
        aws_auth::AwsAuth,
        config_file::ConfigFile,
        custom_resource::{self, CustomResource, Object},
        dynamic_file::{DynamicFile, UserIds},
    },
};

use crate::support::{aws_auth, caller, chain, data, granted, lines, reason, section, session, session_with_id, user};

/// What may stand beside the entry, in the same list.
const OTHERS: [&[&str]; 3] = [
    &[],
    &[r#"{ARN: "arn:aws:iam::123456789012:role/Other", "username": "other"}"#],
    &[r#"{ARN: "nonsense", "username": "other"}"#, r#"{ARN: "arn:aws:iam::123456789012:role/Other", "username": "o"}"#],
];

/// A source that was read, and can be read again.
#[derive(Clone)]
enum Read {
    AwsAuth(AwsAuth),
    ConfigFile(ConfigFile),
    CustomResources(Vec<CustomResource>),
    DynamicFile(DynamicFile),
}

/// Entries as JSON, with `ARN` for the key of their ARN.
fn read(source: SourceName, before: Option<&Read>, entries: &[&str]) -> (Read, Vec<Diagnostic>) {
    let key = if source == SourceName::Crd { "\"arn\"" } else { "\"rolearn\"" };
    let entries: Vec<_> = entries.iter().map(|entry| entry.replace("{ARN", &format!("{{{key}"))).collect();
    let list = format!("[{}]", entries.join(","));
    let object = format!("{{\"mapRoles\": {list}}}");
    match source {
        SourceName::EksConfigMap => {
            let before = before.map(|before| if let Read::AwsAuth(before) = before { before } else { panic!() });
            let update = AwsAuth::update(before, &data(&[("mapRoles", &list)]));
            (Read::AwsAuth(update.next), update.diagnostics)
        }
        SourceName::MountedFile => {
            let before = before.map(|before| if let Read::ConfigFile(before) = before { before } else { panic!() });
            let update = ConfigFile::update(before, section(&object));
            (Read::ConfigFile(update.next), update.diagnostics)
        }
        SourceName::DynamicFile => {
            let before = before.map(|before| if let Read::DynamicFile(before) = before { before } else { panic!() });
            let update = DynamicFile::update(before, Some(object), UserIds::Optional);
            (Read::DynamicFile(update.next), update.diagnostics)
        }
        SourceName::Crd => {
            let before = match before {
                Some(Read::CustomResources(before)) => before.as_slice(),
                _ => &[],
            };
            let names = ["a", "b", "c"];
            let object = |(name, spec): (&&str, &String)| {
                let object = Object { name, uid: name, created: SystemTime::UNIX_EPOCH, spec };
                let before = before.iter().find(|before| **before.name() == **name);
                CustomResource::update(before, &object)
            };
            let updates: Vec<_> = names.iter().zip(&entries).map(object).collect();
            let diagnostics = updates.iter().flat_map(|update| update.diagnostics.clone()).collect();
            (Read::CustomResources(updates.into_iter().map(|update| update.next).collect()), diagnostics)
        }
    }
}

fn rules(read: &Read) -> Arc<RuleSet> {
    match read {
        Read::AwsAuth(read) => read.rules(),
        Read::ConfigFile(read) => read.rules(),
        Read::CustomResources(read) => custom_resource::rules(read).rules,
        Read::DynamicFile(read) => read.rules(),
    }
}

/// Behind the source stands another one that maps everybody, and the account as well.
fn decide(source: SourceName, read: &Read, who: &Identity) -> Decision {
    let all = [
        ("mapRoles", "- {rolearnLike: 'arn:aws:iam::123456789012:role/*', username: later}"),
        ("mapAccounts", "['123456789012']"),
    ];
    let later = Source::new(SourceName::DynamicFile, crate::support::rules(&all));
    Chain::new(vec![Source::new(source, Some(rules(read))), later]).decide(who)
}

/// What is said of an entry that is closed or kept.
fn verdict(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code().as_str());
    codes.filter(|code| ["entry_closed", "entry_kept", "no_usable_entry"].contains(code)).collect()
}

/// The first reading has the entry `before`, the second one `after` in its place, each with the same others.
fn edited(source: SourceName, others: &[&str], before: &str, after: &str) -> (Read, Vec<Diagnostic>) {
    let with = |entry| [&[entry], others].concat();
    let first = read(source, None, &with(before)).0;
    read(source, Some(&first), &with(after))
}

const ADMIN: &str = r#"{ARN: "arn:aws:iam::123456789012:role/Admin", "username": "admin:{{SessionName}}", "groups": ["system:masters"]}"#;

fn admin_with(members: &str) -> String {
    ADMIN.replace("\"]}", &format!("\"], {members}}}"))
}

#[test]
fn an_entry_with_a_restriction_that_is_not_understood_lets_nobody_in_whatever_else_is_in_the_list() {
    let members = [
        r#""sessionName": ["jane@*"]"#,
        r#""session_names": ["jane@*"]"#,
        r#""sessions": ["jane@*"]"#,
        r#""sessionNames": "jane@*""#,
        r#""sessionNames": null"#,
        r#""sessionNames": []"#,
        r#""sessionNames": ["jane*", "[a-z]*"]"#,
        r#""sessionNames": [["jane"]]"#,
        r#""sessionNames": ["jane"], "sessionNames": ["joe"]"#,
        r#""sessionNames": ["jane"], "SessionNames": ["joe"]"#,
        r#""userid": """#,
        r#""userid": null"#,
        r#""userid": "AROAX:jane""#,
        r#""userid": ["AROAX"]"#,
        r#""user_id": "AROAX""#,
        r#""uniqueid": "AROAX""#,
        r#""ec2Instance": true"#,
        r#""ec2Instance": {"vpcId": "vpc-1"}"#,
        r#""ec2Instance": {"vpc": "vpc-0123456789abcdef0"}"#,
        r#""ec2instances": {}"#,
        r#""externalID": "x""#,
        r#""comment": "for jane alone""#,
        r#""sso": {"permissionSetName": "Admin", "accountID": "123456789012"}"#,
        r#""rolearnLike": "arn:aws:iam::123456789012:role/A*""#,
        r#""rolearnlik": "arn:aws:iam::123456789012:role/A*""#,
        r#""userarn": "arn:aws:iam::123456789012:user/jane""#,
        r#""allowPrivilegedWildcard": "no""#,
    ];
    for source in SourceName::ALL {
        for members in members {
            let after = admin_with(members);
            for others in OTHERS {
                let jane = session("Admin", "jane@example.com");
                let (now, diagnostics) = edited(source, others, ADMIN, &after);
                let said = lines(&diagnostics);
                assert_eq!(
                    reason(decide(source, &now, &jane)),
                    RefusalReason::ClosedEntry,
                    "{source} {members}: {said:?}"
                );
                assert_eq!(verdict(&diagnostics), ["entry_closed"], "{source} {members}: {said:?}");
                assert!(
                    said.iter().any(
                        |line| line.contains("lets nobody in: it refuses \"arn:aws:iam::123456789012:role/Admin\"")
                    )
                );
                assert_eq!((rules(&now).closed_count() > 0, rules(&now).kept_count()), (true, 0));

                // It is the same to a program that starts with it.
                let (anew, _) = read(source, None, &[&[after.as_str()], others].concat());
                assert_eq!(reason(decide(source, &anew, &jane)), RefusalReason::ClosedEntry, "{source} {members}");
                // Whom it is not about it keeps from nothing.
                assert_eq!(granted(decide(source, &now, &session("Dev", "jane"))).username(), "later");
                // Once it is understood, whoever it names is in.
                let (right, diagnostics) = read(source, Some(&now), &[&[ADMIN], others].concat());
                assert_eq!(granted(decide(source, &right, &jane)).username(), "admin:jane-example.com");
                assert_eq!(verdict(&diagnostics), [""; 0]);
            }
        }
    }
}

#[test]
fn what_is_not_understood_elsewhere_leaves_an_entry_what_it_gave_whatever_else_is_in_the_list() {
    let others_say = [
        (r#""admin:{{SessionName}}""#, r#""admin:{{SesionName}}""#),
        (r#""admin:{{SessionName}}""#, r#""""#),
        (r#""admin:{{SessionName}}""#, "null"),
        (r#""admin:{{SessionName}}""#, "[]"),
        (r#""username": "admin:{{SessionName}}", "#, ""),
        (r#""username": "#, r#""username": "x", "username": "#),
        (r#"["system:masters"]"#, r#"["viewers", ""]"#),
        (r#"["system:masters"]"#, r#"["{{Group}}"]"#),
        (r#"["system:masters"]"#, r#"{"system:masters": true}"#),
        (r#"["system:masters"]"#, r#"["viewers"], "groups": ["dev"]"#),
    ];
    for source in SourceName::ALL {
        for (good, bad) in others_say {
            let after = ADMIN.replace(good, bad);
            for others in OTHERS {
                let jane = session("Admin", "jane");
                let (mut now, mut diagnostics) = edited(source, others, ADMIN, &after);
                // However often it is read.
                for _ in 0..3 {
                    let said = lines(&diagnostics);
                    let grant = granted(decide(source, &now, &jane));
                    assert_eq!((grant.username(), grant.groups()), ("admin:jane", &["system:masters".to_owned()][..]));
                    assert_eq!(verdict(&diagnostics), ["entry_kept"], "{source} {bad}: {said:?}");
                    let kept = "\"arn:aws:iam::123456789012:role/Admin\" is \"admin:{{SessionName}}\" \
                                with the groups \"system:masters\"";
                    assert!(said.iter().any(|line| line.contains(kept)), "{said:?}");
                    assert_eq!((rules(&now).closed_count(), rules(&now).kept_count()), (0, 1));
                    (now, diagnostics) = read(source, Some(&now), &[&[after.as_str()], others].concat());
                }
                // At first there is nothing to leave it.
                let (anew, diagnostics) = read(source, None, &[&[after.as_str()], others].concat());
                assert_eq!(reason(decide(source, &anew, &jane)), RefusalReason::ClosedEntry, "{source} {bad}");
                assert_eq!(verdict(&diagnostics), ["entry_closed"]);
            }
        }
    }
}

/// Both at once: a restriction that is understood counts, and what it gave before goes to nobody new.
#[test]
fn what_an_entry_gave_before_goes_to_nobody_to_whom_it_did_not_give_it() {
    let some = admin_with(r#""sessionNames": ["jane"]"#);
    let nameless = |entry: &str| entry.replace("{{SessionName}}", "{{Session}}");
    for source in SourceName::ALL {
        for others in OTHERS {
            let (now, _) = edited(source, others, ADMIN, &nameless(&some));
            assert_eq!(granted(decide(source, &now, &session("Admin", "jane"))).username(), "admin:jane");
            assert_eq!(
                granted(decide(source, &now, &session("Admin", "joe"))).username(),
                "later",
                "it is not about him"
            );

            let (now, _) = edited(source, others, &some, &nameless(ADMIN));
            for name in ["jane", "joe"] {
                assert_eq!(reason(decide(source, &now, &session("Admin", name))), RefusalReason::ClosedEntry, "{name}");
            }
        }
        // An entry that is closed has nothing to give later.
        let (closed, _) = edited(source, &[], ADMIN, &admin_with(r#""sessionName": ["jane"]"#));
        let (now, _) = read(source, Some(&closed), &[&nameless(ADMIN)]);
        assert_eq!(reason(decide(source, &now, &session("Admin", "jane"))), RefusalReason::ClosedEntry);
    }
}

#[test]
fn a_new_entry_beside_one_that_stays_has_no_past() {
    let before = format!("- {ADMIN_YAML}");
    let interns =
        "- {rolearn: 'arn:aws:iam::123456789012:role/Admin', sessionNames: ['intern-*'], username: '{{Intern}}'}";
    let first = aws_auth(&[("mapRoles", &before)]).next;
    let now = AwsAuth::update(Some(&first), &data(&[("mapRoles", &format!("{before}\n{interns}"))])).next;
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(now.rules()))]);
    assert_eq!(reason(chain.decide(&session("Admin", "intern-1"))), RefusalReason::ClosedEntry);
    assert_eq!(granted(chain.decide(&session("Admin", "jane"))).username(), "admin");
}

#[test]
fn a_pattern_may_not_go_on_giving_masters_once_the_entry_does_not_allow_it() {
    let entry = |allow: &str, groups: &str| {
        format!("- {{rolearnLike: 'arn:aws:iam::123456789012:role/A*', username: x, groups: [{groups}]{allow}}}")
    };
    let allowed = entry(", allowPrivilegedWildcard: true", "'system:masters'");
    let admin = session("Admin", "jane");
    let after = |before: &str, after: &str| {
        let first = aws_auth(&[("mapRoles", before)]).next;
        let now = AwsAuth::update(Some(&first), &data(&[("mapRoles", after)])).next;
        Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(now.rules()))]).decide(&admin)
    };
    for allow in
        ["", ", allowPrivilegedWildcard: false", ", allowPrivilegedWildcard: x", ", allowPrivilegdWildcard: true"]
    {
        let now = after(&allowed, &entry(allow, "'system:masters'"));
        assert_eq!(reason(now), RefusalReason::ClosedEntry, "{allow}");
    }
    let now = after(&entry("", "viewers"), &entry("", "'system:masters'"));
    assert_eq!(granted(now).groups(), ["viewers"]);
    let now = after(&allowed, &entry(", allowPrivilegedWildcard: true", "''"));
    assert_eq!(granted(now).groups(), ["system:masters"]);
}

const ADMIN_YAML: &str = "{rolearn: 'arn:aws:iam::123456789012:role/Admin', username: admin}";

/// Entries of one kind, one of them closed: whom it might be about is refused, and nobody falls through to what is wider.
#[test]
fn a_closed_entry_goes_before_what_else_is_about_whom_it_is_about() {
    const ROLE: &str = "AWSReservedSSO_Admin_0123456789abcdef";
    let typo = "sessionName: [jane]";
    let exact = format!("rolearn: 'arn:aws:iam::123456789012:role/{ROLE}'");
    let sso = "sso: {permissionSetName: Admin, accountID: '123456789012'}";
    let like = "rolearnLike: 'arn:aws:iam::123456789012:role/AWS*'";
    let jane = session_with_id(ROLE, "jane", "AROAX");
    for whom in [exact.as_str(), sso, like, "userid: AROAX"] {
        for good in ["", ", sessionNames: ['j*']", ", userid: AROAX"] {
            // A pattern decides where the text has it: only what comes after it is kept from whom it fits.
            let good = format!("- {{{whom}{}, username: good}}", if whom.starts_with("userid") { "" } else { good });
            let closed = format!("- {{{whom}, username: closed, {typo}}}");
            for (text, is_closed) in
                [(format!("{closed}\n{good}"), true), (format!("{good}\n{closed}"), !whom.starts_with("rolearnLike"))]
            {
                match (chain(&[("mapRoles", &text)]).decide(&jane), is_closed) {
                    (decision, true) => assert_eq!(reason(decision), RefusalReason::ClosedEntry, "{text}"),
                    (decision, false) => assert_eq!(granted(decision).username(), "good", "{text}"),
                }
            }
        }
    }
    // An entry that goes before it by its kind goes before it closed, too.
    for (first, second) in [(exact.as_str(), sso), (sso, like), (exact.as_str(), like)] {
        let text = format!("- {{{second}, username: closed, {typo}}}\n- {{{first}, username: good}}");
        assert_eq!(granted(chain(&[("mapRoles", &text)]).decide(&jane)).username(), "good", "{text}");
        let text = format!("- {{{first}, username: closed, {typo}}}\n- {{{second}, username: good}}");
        assert_eq!(reason(chain(&[("mapRoles", &text)]).decide(&jane)), RefusalReason::ClosedEntry, "{text}");
    }
    // What of its conditions is understood it holds to.
    let text =
        format!("- {{{exact}, userid: AROAX, username: closed, {typo}}}\n- {{{exact}, userid: AROAY, username: good}}");
    let chain = chain(&[("mapRoles", &text)]);
    assert_eq!(reason(chain.decide(&jane)), RefusalReason::ClosedEntry);
    assert_eq!(granted(chain.decide(&session_with_id(ROLE, "jane", "AROAY"))).username(), "good");
}

#[test]
fn a_restriction_that_names_the_principals_takes_away_whom_it_named_before() {
    let like = |pattern: &str| format!("rolearnLike: 'arn:aws:iam::123456789012:role/{pattern}'");
    let sso = "sso: {permissionSetName: Admin, accountID: '123456789012'}".to_owned();
    let sso_role = "AWSReservedSSO_Admin_0123456789abcdef";
    for (before, after, role) in [
        (like("*"), like("[a-z]*"), "Admin"),
        (like("*"), "rolearnLike: [x]".to_owned(), "Admin"),
        (like("*"), format!("{}, rolearn: 'arn:aws:iam::123456789012:role/Dev'", like("*")), "Admin"),
        (like("*"), format!("{}, role_arn: 'arn:aws:iam::123456789012:role/Dev'", like("*")), "Admin"),
        (sso.clone(), sso.replace("accountID", "accountId, account"), sso_role),
        (sso.clone(), sso.replace("123456789012", "12345"), sso_role),
        (sso.clone(), sso.replace('}', ", permissionSet: x}"), sso_role),
        ("userid: AROAEXAMPLE".to_owned(), "userid: AROAEXAMPLE, role_arn: x".to_owned(), "Admin"),
        ("userid: AROAEXAMPLE".to_owned(), "userid: 'AROAEXAMPLE:jane'".to_owned(), "Admin"),
    ] {
        for other in ["", "- {rolearn: 'arn:aws:iam::123456789012:role/Other', username: other}"] {
            let text = |whom: &str| format!("- {{{whom}, username: x}}\n{other}");
            let first = aws_auth(&[("mapRoles", &text(&before))]).next;
            let chain = |read: &AwsAuth| Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(read.rules()))]);
            granted(chain(&first).decide(&session(role, "jane")));
            let now = AwsAuth::update(Some(&first), &data(&[("mapRoles", &text(&after))]));
            let decision = chain(&now.next).decide(&session(role, "jane"));
            assert!(matches!(decision, Decision::Refused(_) | Decision::NotMapped), "{after}: {decision:?}");
            assert!(verdict(&now.diagnostics).contains(&"entry_closed"), "{after}: {:?}", lines(&now.diagnostics));
        }
    }
}

/// Else a slip in a narrow entry would hand those whom it names to the wide one after it.
#[test]
fn whom_an_entry_named_before_gets_no_wider_one_while_nobody_can_tell_whom_it_names() {
    let like = |pattern: &str| format!("rolearnLike: 'arn:aws:iam::123456789012:role/{pattern}'");
    let sso = "sso: {permissionSetName: Admin, accountID: '123456789012'}".to_owned();
    let sso_role = "AWSReservedSSO_Admin_0123456789abcdef";
    for (before, after, role) in [
        (like("dev-*"), like("[dev-*"), "dev-a"),
        (sso.clone(), sso.replace("123456789012", "12345"), sso_role),
        ("userid: AROAEXAMPLE".to_owned(), "userid: 'AROAEXAMPLE:jane'".to_owned(), "Admin"),
    ] {
        let text = |narrow: &str| format!("{narrow}- {{{}, username: wide}}", like("*"));
        let chain = |read: &AwsAuth| Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(read.rules()))]);
        let mut read = aws_auth(&[("mapRoles", &text(&format!("- {{{before}, username: narrow}}\n")))]).next;
        let who = session(role, "jane");
        assert_eq!(granted(chain(&read).decide(&who)).username(), "narrow", "{before}");
        // However often it is read.
        for _ in 0..2 {
            let now = AwsAuth::update(
                Some(&read),
                &data(&[("mapRoles", &text(&format!("- {{{after}, username: narrow}}\n")))]),
            );
            read = now.next;
            assert_eq!(reason(chain(&read).decide(&who)), RefusalReason::ClosedEntry, "{after}");
            let other = session_with_id("other", "jane", "AROAOTHER");
            assert_eq!(granted(chain(&read).decide(&other)).username(), "wide", "{after}");
        }
        // An entry that is taken out is understood.
        let now = AwsAuth::update(Some(&read), &data(&[("mapRoles", &text(""))]));
        assert_eq!(granted(chain(&now.next).decide(&who)).username(), "wide", "{after}");
    }
}

#[test]
fn what_a_pattern_gave_before_is_what_the_first_entry_with_it_gave() {
    let text = |first: &str| {
        let like = "rolearnLike: 'arn:aws:iam::123456789012:role/dev-*'";
        format!("- {{{like}, username: {first}}}\n- {{{like}, username: boss}}")
    };
    let first = aws_auth(&[("mapRoles", &text("dev"))]).next;
    let now = AwsAuth::update(Some(&first), &data(&[("mapRoles", &text("'{{Nonsense}}'"))]));
    for read in [&first, &now.next] {
        let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(read.rules()))]);
        assert_eq!(granted(chain.decide(&session("dev-a", "jane"))).username(), "dev");
    }
}

#[test]
fn an_arn_of_a_session_that_cannot_be_read_closes_its_role() {
    for session_name in ["jane@*", "*", "jane doe", "", "j?ne"] {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/Admin/{session_name}");
        for source in SourceName::ALL {
            for others in OTHERS {
                let after = ADMIN.replace("arn:aws:iam::123456789012:role/Admin", &arn);
                let (now, diagnostics) = edited(source, others, ADMIN, &after);
                let decision = decide(source, &now, &session("Admin", "jane"));
                assert_eq!(reason(decision), RefusalReason::ClosedEntry, "{source} {arn}: {:?}", lines(&diagnostics));
                assert_eq!(granted(decide(source, &now, &session("Dev", "jane"))).username(), "later");
            }
        }
    }
}

#[test]
fn a_restriction_of_roles_closes_the_entry_of_a_user() {
    let entry = |more: &str| format!("- {{userarn: 'arn:aws:iam::123456789012:user/jane', username: jane{more}}}");
    for more in [", sessionNames: [x]", ", ec2Instance: {}", ", sso: {}", ", user_id: AIDAX", ", comment: x"] {
        let first = aws_auth(&[("mapUsers", &entry(""))]).next;
        let now = AwsAuth::update(Some(&first), &data(&[("mapUsers", &entry(more))])).next;
        let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(now.rules()))]);
        assert_eq!(reason(chain.decide(&user("jane"))), RefusalReason::ClosedEntry, "{more}");
    }
}

#[test]
fn keys_of_a_custom_resource_have_a_case() {
    let spec = |key: &str, right: &str| {
        let text = r#"{"arn": "arn:aws:iam::123456789012:role/Admin", "username": "admin", "groups": ["system:masters"],
            "userid": "AROAEXAMPLE", "sessionNames": ["jane"], "ec2Instance": {"vpcID": "vpc-0123456789abcdef0"}}"#;
        text.replace(&format!("\"{right}\""), &format!("\"{key}\""))
    };
    let object = |spec: &str| {
        let object = Object { name: "x", uid: "x", created: SystemTime::UNIX_EPOCH, spec };
        CustomResource::update(None, &object)
    };
    let good = object(&spec("arn", "arn"));
    assert!(good.diagnostics.is_empty() && good.next.is_usable());
    for right in ["arn", "username", "groups", "userid", "sessionNames", "ec2Instance", "vpcID"] {
        let (first, rest) = right.split_at(1);
        for key in [right.to_uppercase(), format!("{}{rest}", first.to_uppercase())] {
            let update = object(&spec(&key, right));
            let said = lines(&update.diagnostics);
            assert!(!update.next.is_usable(), "{key}");
            let names_both = |line: &String| line.contains(&format!("\"{key}\"")) && line.contains(right);
            assert!(said.iter().any(names_both), "{key}: {said:?}");
            let rules = custom_resource::rules([&update.next]).rules;
            let chain = Chain::new(vec![Source::new(SourceName::Crd, Some(rules))]);
            assert_eq!(reason(chain.decide(&session("Admin", "jane"))), RefusalReason::ClosedEntry, "{key}");
        }
    }
    let sso = r#"{"sso": {"permissionSetName": "Admin", "accountID": "123456789012"}, "username": "x"}"#;
    assert!(object(sso).next.is_usable());
    for (right, wrong) in [("sso", "SSO"), ("accountID", "accountId"), ("permissionSetName", "PermissionSetName")] {
        let update = object(&sso.replace(right, wrong));
        assert!(!update.next.is_usable(), "{wrong}");
        let rules = custom_resource::rules([&update.next]).rules;
        let chain = Chain::new(vec![Source::new(SourceName::Crd, Some(rules))]);
        let jane = session("AWSReservedSSO_Admin_0123456789abcdef", "jane");
        assert_eq!(reason(chain.decide(&jane)), RefusalReason::ClosedEntry, "{wrong}");
    }
}

#[test]
fn a_strict_dynamic_file_closes_an_entry_that_asks_for_no_unique_id() {
    let file = r#"{"mapRoles": [{"rolearn": "arn:aws:iam::123456789012:role/Admin", "username": "admin"}]}"#;
    let update = DynamicFile::update(None, Some(file), UserIds::Required);
    let chain = Chain::new(vec![Source::new(SourceName::DynamicFile, Some(update.next.rules()))]);
    assert_eq!(reason(chain.decide(&session("Admin", "jane"))), RefusalReason::ClosedEntry);
}

#[test]
fn a_list_that_is_emptied_says_so_and_one_that_was_empty_does_not() {
    let root = caller("arn:aws:iam::123456789012:root", "123456789012");
    let before = aws_auth(&[("mapRoles", &format!("- {ADMIN_YAML}")), ("mapAccounts", "['123456789012']")]).next;
    granted(Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(before.rules()))]).decide(&root));
    let gone = AwsAuth::update(Some(&before), &data(&[]));
    assert_eq!(
        lines(&gone.diagnostics),
        [
            "EKSConfigMap mapRoles: warning emptied: the key is gone: it held 1 entry, and none is left",
            "EKSConfigMap mapAccounts: warning emptied: the key is gone: it held 1 entry, and none is left",
        ]
    );
    let again = AwsAuth::update(Some(&gone.next), &data(&[]));
    assert_eq!(lines(&again.diagnostics), [""; 0]);
    let misspelt = AwsAuth::update(Some(&before), &data(&[("mapRole", ADMIN_YAML), ("mapAccounts", "[]")]));
    let codes: Vec<_> = misspelt.diagnostics.iter().map(|diagnostic| diagnostic.code().as_str()).collect();
    assert_eq!(codes, ["unknown_key", "emptied", "emptied"]);
    assert!(lines(&misspelt.diagnostics)[2].contains("the list is empty"));
}
